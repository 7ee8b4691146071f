"""Everything irsend raises on purpose: each class's docstring is the sentence its user reads.

Not here: failures of a protocol session. They become a reply, a result code and
a text on the status line, because the machine goes on.
"""

from __future__ import annotations


class IrsendError(Exception):
    """Something irsend was asked to do cannot be done."""

    def __str__(self) -> str:
        """Return the sentence for this case, else the class's own."""
        return super().__str__() or (type(self).__doc__ or "").strip()


class ValueRefused(IrsendError):
    """A value that its item does not allow; the sentence names key, value and what is allowed."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


class SettingsRefused(IrsendError):
    """Some values were not allowed, so none was changed."""

    def __init__(self, refused: list[ValueRefused]) -> None:
        super().__init__("\n".join(str(one) for one in refused))
        self.refused = refused


class ConfigurationError(IrsendError):
    """The configuration cannot be used; the sentence names file, key, what was given and is allowed."""


class ModelError(IrsendError):
    """The model file cannot be used."""


class StateError(IrsendError):
    """The state directory cannot be used."""


class KeyMaterialError(IrsendError):
    """A key or certificate cannot be used."""


class MemoryFull(IrsendError):
    """The machine's memory is full; print or delete what waits in it."""


class NotKept(IrsendError):
    """The change could not be saved, so nothing was changed."""

    @classmethod
    def because_of(cls, error: OSError) -> NotKept:
        """Return the sentence with path and cause."""
        where = f"{error.filename}: " if error.filename else ""
        return cls(
            f"The change could not be saved, so nothing was changed: {where}{error.strerror or error}"
        )


class MessageTooLarge(IrsendError):
    """The message is larger than the machine takes."""


class NotInstalled(IrsendError):
    """This needs a library that is not installed."""


class NoSuchRecord(IrsendError):
    """There is no such job or session."""


class CannotReceive(IrsendError):
    """Mail cannot be fetched as the settings stand."""


class ScanRefused(IrsendError):
    """What was put on the glass cannot be scanned."""


class SendRefused(IrsendError):
    """Something about the sending was not allowed, so nothing is sent."""

    def __init__(self, refused: list[ValueRefused]) -> None:
        super().__init__("\n".join(str(one) for one in refused))
        self.refused = refused


class CannotCancel(IrsendError):
    """The job has ended and cannot be cancelled."""


class CannotReadMail(IrsendError):
    """A received mail cannot be read."""


class CannotDraw(IrsendError):
    """A page cannot be drawn, or a text not be set."""
