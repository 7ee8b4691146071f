"""Errors of the library for tests."""

from __future__ import annotations

from irsend.errors import IrsendError


class NotInTime(AssertionError):
    """What a test waited for did not happen in time; the text says what there was instead."""


class MachineGone(IrsendError):
    """The machine is switched off, or the process that runs it has ended."""
