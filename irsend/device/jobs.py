"""A job: one line of the communication report (docs/fidelity)."""

from __future__ import annotations

from typing import Literal, TypedDict

import attrs
from attrs import frozen

from irsend.device.codes import CODES

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
    """Why it is not OK, in words; of one that is OK, what it should be known for."""
    size: int | None = None
    """Octets of the message that is sent."""
    recipients: tuple[Recipient, ...] = ()
    sessions: tuple[int, ...] = ()
    started: float
    """Seconds since the epoch, as `ended`."""
    ended: float | None = None
    mail_file: str | None = None
    """The name of its mail's file, while that waits in memory or is kept."""
    printed_as: int | None = None
    """The serial of the job whose number its document has: its own, or that of the first part."""
    dsn_sent: bool = False
    """A DSN of its delivery was sent, or is about to be: there is one only."""


@frozen(kw_only=True)
class JobQuery:
    """Which jobs are meant. Texts match anywhere, in capitals or small letters; None matches all."""

    number: str | None = None
    direction: Direction | None = None
    result: JobResult | None = None
    code: str | None = None
    party: str | None = None
    """In the address of the other side, or that of a recipient."""
    subject: str | None = None
    since: float | None = None
    """It began then or later; seconds since the epoch."""
    ended: bool | None = None


ANY_JOB = JobQuery()


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
    printed_as: int | None
    dsn_sent: bool


_UNKNOWN = "handed to the server; delivery is not confirmed"


def with_reason(job: Job) -> Job:
    """Return a job that says why it is not OK: all jobs come through here.

    Where nothing has said it in other words, it is the reason of its first recipient that
    failed, else what its code means. A job that waits or runs may do so without a reason.
    """
    recipients = job.recipients
    if any(one.result == "NG" and not one.reason for one in recipients):
        recipients = tuple(
            attrs.evolve(one, reason=job.reason or _meaning(one.code))
            if one.result == "NG" and not one.reason
            else one
            for one in recipients
        )
        job = attrs.evolve(job, recipients=recipients)
    if job.reason or job.result not in ("NG", "--"):
        return job
    if job.result == "--":
        return attrs.evolve(job, reason=_UNKNOWN)
    of_recipients = [one.reason for one in recipients if one.result == "NG"]
    return attrs.evolve(job, reason=next(iter(of_recipients), "") or _meaning(job.code))


def _meaning(code: str | None) -> str:
    return CODES.get(code or "", "no reason was given")


def number_after(last: str | None, direction: Direction) -> str:
    """Return the number that follows `last`: 0001 to 4999 for sent, 5001 to 9999 for received, wrapping."""
    first, highest = _RANGE[direction]
    following = int(last) + 1 if last else first
    return f"{following if first <= following <= highest else first:04d}"
