"""The status line: its texts, what raises one and what clears it (docs/fidelity)."""

from __future__ import annotations

import enum

from attrs import frozen


class StatusText(str, enum.Enum):
    """The texts, exactly."""

    SSL_ERROR_POP = "SSL Error (POP)"
    SMTP_RX_REJECT = "SSL Error (SMTP RX Reject)"
    SSL_ERROR_SMTP_RECEIVE = "SSL Error (SMTP Receive)"


RAISED_BY = {
    StatusText.SSL_ERROR_POP: "pop-receive",
    StatusText.SMTP_RX_REJECT: "smtp-receive",
    StatusText.SSL_ERROR_SMTP_RECEIVE: "smtp-receive",
}
"""The kind of session that raises a text, and whose later success takes it off the line."""


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
        if shown and RAISED_BY[shown.text] == kind and began >= shown.at:
            return StatusLine()
        return self
