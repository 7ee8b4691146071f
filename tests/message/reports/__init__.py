"""Tests of irsend.message.reports."""
