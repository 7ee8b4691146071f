"""A protocol session as the journal keeps it."""

from __future__ import annotations

from typing import Literal, TypedDict, get_args

from attrs import frozen

SessionKind = Literal["smtp-receive", "pop-receive", "smtp-send"]
SessionResult = Literal["OK", "NG"]
SESSION_KINDS: tuple[SessionKind, ...] = get_args(SessionKind)
SESSION_RESULTS: tuple[SessionResult, ...] = get_args(SessionResult)


@frozen(kw_only=True)
class TLSUse:
    """What was negotiated: "TLS 1.2" and OpenSSL's name of the cipher."""

    version: str
    cipher: str


@frozen(kw_only=True)
class Session:
    """One connection of the machine with a mail server or client, under way or ended."""

    id: int
    kind: SessionKind
    peer: str
    started: float
    """Seconds since the epoch, as `ended`."""
    mac: str | None = None
    tls: TLSUse | None = None
    auth: str | None = None
    """The mechanism that a login succeeded with."""
    choice: str = ""
    """Which mechanisms were offered, which was chosen and why, in words."""
    result: SessionResult | None = None
    """None while it is under way."""
    code: str | None = None
    reason: str = ""
    """Why it ended as NG, in words."""
    status_line: str = ""
    """The text that the session raised on the status line."""
    ended: float | None = None
    bytes: int = 0
    """Octets of mail received or sent."""
    messages: int = 0
    faults: str = ""
    """The faults on purpose that happened in it, as they were ordered."""


class SessionChanges(TypedDict, total=False):
    """The fields of a session that change while it is under way, or when it ends."""

    mac: str | None
    tls: TLSUse | None
    auth: str | None
    choice: str
    code: str | None
    reason: str
    status_line: str
    bytes: int
    messages: int
    faults: str
