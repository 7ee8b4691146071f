"""Tests of irsend.services.machine."""
