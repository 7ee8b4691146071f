"""The status line: its texts, what raises one and what clears it (docs/fidelity)."""

from __future__ import annotations

import enum

from attrs import frozen

from irsend.device.sessions import SessionKind


class StatusText(str, enum.Enum):
    """The texts, to the letter, each with the kind of session that raises it."""

    _value_: str
    raised_by: SessionKind
    """A later success of this kind clears the text."""

    SSL_ERROR_POP = "SSL Error (POP)", "pop-receive"
    SMTP_RX_REJECT = "SSL Error (SMTP RX Reject)", "smtp-receive"
    SSL_ERROR_SMTP_RECEIVE = "SSL Error (SMTP Receive)", "smtp-receive"

    def __new__(cls, text: str, raised_by: SessionKind) -> StatusText:
        """Make the text the member's value, so that `StatusText(text)` finds it."""
        member = str.__new__(cls, text)
        member._value_ = text
        member.raised_by = raised_by
        return member


@frozen(kw_only=True)
class StatusEntry:
    """One line of the history: a text, when it was raised, and by which session."""

    at: float
    """Seconds since the epoch."""
    text: StatusText
    session: int | None


@frozen(kw_only=True)
class StatusLine:
    """What the line shows now: an entry of the history, or nothing."""

    shown: StatusEntry | None = None

    @property
    def text(self) -> str:
        """The text, empty when nothing is wrong."""
        return self.shown.text.value if self.shown else ""

    def after_success(self, kind: str, began: float) -> StatusLine:
        """Return the line after a session of this kind has succeeded; only a later one clears it [ours]."""
        shown = self.shown
        if shown and shown.text.raised_by == kind and began >= shown.at:
            return StatusLine()
        return self
