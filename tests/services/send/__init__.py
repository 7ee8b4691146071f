"""Tests of irsend.services.send."""
