"""What keeps irsendctl from doing what it was asked, each with its exit status."""

from __future__ import annotations

from irsend.ctl.json_values import JsonObject
from irsend.errors import IrsendError

DONE, REFUSED, WRONG_USE, NO_MACHINE = 0, 1, 2, 3
INTERRUPTED, READER_GONE = 130, 141
"""The exit statuses; those of Ctrl-C and of a reader that went away are as the shell counts them."""


class MachineRefused(IrsendError):
    """The machine refuses."""

    def __init__(self, sentence: str, problem: JsonObject | None = None) -> None:
        super().__init__(sentence)
        self.problem = problem
        """The machine's own words (RFC 9457), for --json."""


class WrongURL(IrsendError):
    """This is no URL of a machine."""


class NoMachine(IrsendError):
    """There is no machine there."""


class FileChanged(IrsendError):
    """A file cannot be read to its end any more."""


class CannotSave(IrsendError):
    """The file cannot be saved."""


class OutputClosed(IrsendError):
    """Whoever read the output has gone away, as `head` does."""
