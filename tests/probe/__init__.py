"""Tests of irsend.probe."""
