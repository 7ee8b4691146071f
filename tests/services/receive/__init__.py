"""Tests of irsend.services.receive."""
