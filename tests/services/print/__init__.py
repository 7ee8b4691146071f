"""Tests of irsend.services.print."""
