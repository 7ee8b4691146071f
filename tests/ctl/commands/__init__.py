"""Tests of irsend.ctl.commands."""
