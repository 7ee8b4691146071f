"""Sorting: what a received mail is, and whether it is printed, joined with others, or matched to a job.

A notification that comes back changes its job, and is printed only where Print
MDN/DSN upon Receipt is on. Parts of a divided mail wait for each other. All
else is printed. Paper has nothing to do with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.device.jobs import Job
from irsend.message.fragments import Fragment, fragment_of
from irsend.message.reports.reader import Notification, read_notification
from irsend.message.reports.requests import ASKING, NO_REQUESTS, ReportRequests, requests_in
from irsend.services.bench import Bench

# Mails that are looked at in one go of a thread.
_AT_ONCE = 100
# Without one of these a mail is just to be printed.
_WORDS = (b"partial", b"report", *ASKING)
# How long it waits when the disk has failed, in seconds.
_DISK_PAUSE = 60


@frozen(kw_only=True)
class Mail:
    """A received mail in memory, with its job."""

    job: Job
    name: str
    requests: ReportRequests
    fragment: Fragment | None = None


@frozen
class _Looked:
    mail: Mail
    beginning: bytes
    notification: Notification | None


class Dispatch(Service):
    """Looks at each mail once, in the order of their coming."""

    log = Logger()

    def __init__(
        self,
        bench: Bench,
        *,
        to_print: Callable[[Mail], None],
        to_reassemble: Callable[[Mail], None],
        to_match: Callable[[Notification], Deferred[bool]],
        notify_of_delivery: Callable[[Mail, bytes], Deferred[Mail]],
        caught_up: Callable[[], None],
    ) -> None:
        self._bench = bench
        self._caught_up = caught_up
        self._print = to_print
        self._join = to_reassemble
        self._match = to_match
        self._answer_delivery = notify_of_delivery
        self._waiting: deque[Job] = deque()
        self._here: dict[int, bool] = {}
        """Serials of what was taken and given to nobody yet; whether it was here before a restart."""
        self._looking: Deferred[None] | None = None
        self._later: set[IDelayedCall] = set()

    def startService(self) -> None:
        """Begin with what waits."""
        Service.startService(self)
        self._look()

    def stopService(self) -> Deferred[None]:
        """Stop; what was not given on is taken again at the next start."""
        Service.stopService(self)
        self._waiting.clear()
        self._here.clear()
        for call in self._later:
            call.cancel()
        self._later.clear()
        if self._looking is None:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._looking.addCallback(lambda _: stopped.callback(None))
        return stopped

    def take(self, job: Job, beginning: bytes = b"", *, again: bool = False) -> None:
        """Take a mail that is safe in memory, with its first octets where they are at hand.

        `again` what was there before a restart.
        """
        if self.running and beginning and not _is_remarkable(beginning):
            # Most are: they need no second look, and cost reception nothing.
            self._print(Mail(job=job, name=job.held_as or "", requests=NO_REQUESTS))
            return
        self._here[job.serial] = again
        self._waiting.append(job)
        self._look()

    def let_go(self, job: Job) -> bool:
        """Forget a mail; return whether it was here still."""
        return self._here.pop(job.serial, None) is not None

    def _look(self) -> None:
        if not self.running or self._looking is not None:
            return
        if not self._waiting or not self._here.get(self._waiting[0].serial):
            # They wait in the order of their coming: none from before a restart is left.
            self._caught_up()
        if self._waiting:
            self._looking = self._look_at_some()
            self._looking.addErrback(
                lambda failure: self.log.failure("While sorting what was received", failure)
            ).addCallback(self._looked)

    def _looked(self, _: None) -> None:
        self._looking = None
        self._look()

    @inlineCallbacks
    def _look_at_some(self) -> Generator[Deferred[Any], Any, None]:
        jobs = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
        found: list[_Looked] = yield self._bench.on_disk(
            lambda: [_look_into(self._bench, job) for job in jobs]
        )
        for one in found:
            if not self.running:
                return
            mail = one.mail
            if mail.requests.delivered and mail.job.serial in self._here:
                mail = yield self._answer_delivery(mail, one.beginning)
            if one.notification is not None:
                self._match(one.notification).addCallback(
                    self._matched, mail, one.notification
                ).addErrback(self._not_matched, mail.job)
            elif self.let_go(mail.job):
                (self._join if mail.fragment else self._print)(mail)

    @inlineCallbacks
    def _matched(
        self, applies: bool, mail: Mail, notification: Notification
    ) -> Generator[Deferred[Any], Any, None]:
        # What says nothing of any job is a mail like any other.
        if not applies or self._bench.device.settings.email_ifax.print_mdn_dsn:
            if self.let_go(mail.job):
                self._print(mail)
            return
        yield self._bench.journal.flush()
        # It may have been cancelled meanwhile.
        if mail.job.serial in self._here:
            yield self._bench.delete_mails([mail.name])
        if self.let_go(mail.job):
            kind = notification.kind.upper()
            why = f"{kind} for a job; Print MDN/DSN upon Receipt is off"
            device = self._bench.device
            device.job_changed(
                mail.job, result="OK", reason=why, held_as=None, ended=device.now()
            )

    def _not_matched(self, failure: Failure, job: Job) -> None:
        """Look at it again in a while: the disk did not take what it says."""
        self.log.failure("While reading a notification", failure)

        def again() -> None:
            self._later.discard(call)
            if job.serial in self._here:
                self.take(job)

        if self.running:
            call = self._bench.clock.callLater(_DISK_PAUSE, again)
            self._later.add(call)


def _is_remarkable(beginning: bytes) -> bool:
    """Say whether a mail may be a part or a notification, or ask for one."""
    lower = beginning.lower()
    return any(word in lower for word in _WORDS)


def _look_into(bench: Bench, job: Job) -> _Looked:
    """Read what a mail is (in a thread). One that cannot be read is printed: there it is told."""
    name = job.held_as or ""
    notification: Notification | None = None
    try:
        beginning = bench.memory.beginning(name)
        path = bench.memory.path(name)
        if path is not None and b"report" in beginning.lower():
            with path.open("rb") as content:
                notification = read_notification(content)
    except OSError:
        beginning = b""
    # An answer is not answered: no loops.
    requests = NO_REQUESTS if notification else requests_in(beginning)
    mail = Mail(job=job, name=name, requests=requests, fragment=fragment_of(beginning))
    return _Looked(mail, beginning, notification)
