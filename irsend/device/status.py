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
class StatusCause:
    """What a text says of the machine, for people."""

    meaning: str
    """What happened."""
    drawn_by: str
    """What draws the text, and what does not."""
    setting: str
    """The whole key of the item that drew the text."""
    remedy: str
    """What to do at the peer, or with the setting."""


CAUSES: dict[str, StatusCause] = {
    StatusText.SSL_ERROR_POP.value: StatusCause(
        meaning="The POP server has no STLS, refused it, or TLS with it failed. Nothing was "
        "fetched, and neither user name nor password was sent.",
        drawn_by="A POP session while Allow SSL (POP) is on: CAPA without STLS, an -ERR to STLS, no "
        "version or cipher in common, or a certificate that does not stand the check. A login "
        "that is refused does not draw it.",
        setting="authent_encryption.allow_ssl_pop",
        remedy="At the POP server, offer STLS on the POP3 port, with a TLS version and a cipher "
        "that this model speaks. Off fetches in plain text.",
    ),
    StatusText.SMTP_RX_REJECT.value: StatusCause(
        meaning="A client brought a mail in plain text. It was refused with a 530.",
        drawn_by="MAIL without TLS while Allow SSL (SMTP Receive) is SSL: a relay that does not use "
        "STARTTLS, or not with this machine.",
        setting="authent_encryption.allow_ssl_smtp_receive",
        remedy="At the server that sends, turn STARTTLS on for this machine (in Postfix: "
        "smtp_tls_security_level = encrypt). On takes plain text too.",
    ),
    StatusText.SSL_ERROR_SMTP_RECEIVE.value: StatusCause(
        meaning="A client began TLS, and the handshake failed or broke off.",
        drawn_by="A client that said STARTTLS and has no version or cipher in common, does not "
        "accept the machine's certificate, or goes away in the handshake.",
        setting="authent_encryption.allow_ssl_smtp_receive",
        remedy="At the server that sends, allow a TLS version and a cipher that this model speaks, "
        "and the machine's certificate. Off offers no TLS.",
    ),
}


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

    def has(self, text: str) -> bool:
        """Say whether this text is on the line, in any case of letters; an empty one: whether it is clear."""
        return text.casefold() in self.text.casefold() if text else not self.text

    def after_success(self, kind: str, began: float) -> StatusLine:
        """Return the line after a session of this kind has succeeded; only a later one clears it [ours]."""
        shown = self.shown
        if shown and shown.text.raised_by == kind and began >= shown.at:
            return StatusLine()
        return self
