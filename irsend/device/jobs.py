"""A job: one line of the communication report (docs/fidelity)."""

from __future__ import annotations

from typing import Literal, TypedDict

from attrs import frozen

Direction = Literal["tx", "rx"]
JobKind = Literal["email", "ifax"]
JobResult = Literal["OK", "NG", "--", "waiting", "running"]

_RANGE: dict[str, tuple[int, int]] = {"tx": (1, 4999), "rx": (5001, 9999)}


@frozen(kw_only=True)
class Recipient:
    """One of the addresses a job is for, with its own result."""

    address: str
    result: JobResult = "waiting"
    code: str | None = None
    reason: str = ""
    """Why it is NG, in words."""

    @property
    def over(self) -> bool:
        """True when nothing more will be tried for it."""
        return self.result not in ("waiting", "running")


@frozen(kw_only=True)
class Job:
    """One mail sent or received, from its acceptance to its end."""

    serial: int
    """Counts all jobs without end; the number that people see begins again."""
    number: str
    direction: Direction
    kind: JobKind = "email"
    party: str
    subject: str = ""
    pages: int | None = None
    result: JobResult = "waiting"
    code: str | None = None
    reason: str = ""
    """Why it is NG, in words."""
    size: int | None = None
    """Octets of the message that is sent."""
    recipients: tuple[Recipient, ...] = ()
    sessions: tuple[int, ...] = ()
    started: float
    """Seconds since the epoch, as `ended`."""
    ended: float | None = None
    mail_file: str | None = None
    """The name of its mail's file in memory, while that is there."""
    dsn_sent: bool = False
    """A DSN of its delivery was sent, or is about to be: there is one only."""


class JobChanges(TypedDict, total=False):
    """The fields of a job that are given when it is made, or change later."""

    kind: JobKind
    subject: str
    pages: int | None
    result: JobResult
    code: str | None
    reason: str
    size: int | None
    recipients: tuple[Recipient, ...]
    sessions: tuple[int, ...]
    started: float
    ended: float | None
    mail_file: str | None
    dsn_sent: bool


def number_after(last: str | None, direction: Direction) -> str:
    """Return the number that follows `last`: 0001 to 4999 for sent, 5001 to 9999 for received, wrapping."""
    first, highest = _RANGE[direction]
    following = int(last) + 1 if last else first
    return f"{following if first <= following <= highest else first:04d}"
