"""Errors of irsendctl, and its exit statuses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from irsend.ctl.json_values import JsonObject
from irsend.errors import IrsendError

DONE, REFUSED, WRONG_USE, NO_MACHINE = 0, 1, 2, 3
INTERRUPTED, READER_GONE = 130, 141
"""The exit statuses; those of SIGINT and SIGPIPE are as the shell counts them."""
_NO_SUCH, _NOT_MADE = 404, 409
"""HTTP statuses: there is no such thing, or it cannot be made."""


class MachineRefused(IrsendError):
    """The machine refuses."""

    def __init__(self, sentence: str, problem: JsonObject | None = None) -> None:
        super().__init__(sentence)
        self.problem = problem
        """The problem document (RFC 9457), printed with --json."""

    @property
    def concerns_one(self) -> bool:
        """Whether it is about the one thing that was asked for: the next may be had all the same."""
        return (self.problem or {}).get("status") in (_NO_SUCH, _NOT_MADE)


class PasswordNeeded(MachineRefused):
    """The panel asks for a password, and none was given."""


@contextlib.contextmanager
def listed_by(command: str) -> Iterator[None]:
    """Name the command that lists what there is, where the machine refuses as there is no such thing."""
    try:
        yield
    except MachineRefused as error:
        if (error.problem or {}).get("status") == _NO_SUCH:
            error.args = (f"{error}\nSee: irsendctl {command}",)
        raise


class WrongURL(IrsendError):
    """This is no URL of a machine."""


class NoMachine(IrsendError):
    """There is no machine there."""

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__(sentence)
        self.remedy = remedy
        """What to do, printed where the call ends with this."""


class FileChanged(IrsendError):
    """A file cannot be read to its end any more."""


class CannotSave(IrsendError):
    """The file cannot be saved."""


class OutputClosed(IrsendError):
    """The reader of the output has closed it, as `head` does."""
