"""Tests of drafts from recorded sessions."""
