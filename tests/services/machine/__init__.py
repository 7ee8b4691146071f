"""Tests of irsend.services.machine.machine."""
