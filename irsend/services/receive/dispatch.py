"""Dispatch: gives each received mail its job, and decides where it goes.

A mail is printed, but for two kinds: a DSN or MDN for a job that was sent
changes that job, and is printed only where Print MDN/DSN upon Receipt is on; a
part of a divided mail goes to `reassembly`. Paper plays no part in this.
"""

from __future__ import annotations

from collections import deque

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.device.device import Device
from irsend.device.jobs import Job, Recipient
from irsend.message.fragments import fragment_of
from irsend.message.reports.reader import Notification, read_notification
from irsend.message.reports.requests import ASKING, NO_REQUESTS, requests_in
from irsend.message.summary import sender_of, subject_of
from irsend.services.print.print_queue import PrintQueue
from irsend.services.print.retention import Retention
from irsend.services.receive.reassembly import Reassembly
from irsend.services.received_mail import ReceivedMail
from irsend.services.retries import Retries
from irsend.services.send.full_mode import FullMode
from irsend.services.send.notifier import Notifier
from irsend.services.unexpected import log_unexpected
from irsend.store.group_commit import InThread
from irsend.store.journal import Journal
from irsend.store.memory import Memory

# Mails that are read in one call of a thread.
_BATCH = 100
# A mail whose head has none of these words is printed without a second look.
_WORDS = (b"partial", b"report", *ASKING)


@frozen
class _Classified:
    mail: ReceivedMail
    head_octets: bytes
    notification: Notification | None


class Dispatch(Service):
    """Reads each mail once, in the order of arrival, and passes it on."""

    log = Logger()

    def __init__(
        self,
        *,
        clock: IReactorTime,
        device: Device,
        memory: Memory,
        journal: Journal,
        on_disk: InThread,
        print_queue: PrintQueue,
        reassembly: Reassembly,
        full_mode: FullMode,
        notifier: Notifier,
        retention: Retention,
    ) -> None:
        self._device = device
        self._memory = memory
        self._journal = journal
        self._on_disk = on_disk
        self._print_queue = print_queue
        self._reassembly = reassembly
        self._full_mode = full_mode
        self._notifier = notifier
        self._retention = retention
        self._waiting: deque[Job] = deque()
        self._undecided: dict[int, bool] = {}
        """Serials of the mails that are not passed on yet; True for those from before a restart."""
        self._reading: Deferred[None] | None = None
        self._retries = Retries(clock)

    def startService(self) -> None:
        """Start with the mails that wait."""
        Service.startService(self)
        self._read_more()

    def stopService(self) -> Deferred[None]:
        """Stop; a mail that was not passed on is read again after the next start."""
        Service.stopService(self)
        self._waiting.clear()
        self._undecided.clear()
        self._retries.stop()
        if self._reading is None:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._reading.addCallback(lambda _: stopped.callback(None))
        return stopped

    def mail_stored(
        self,
        name: str,
        head_octets: bytes,
        sender: str,
        session: int | None,
        recipients: tuple[str, ...] = (),
    ) -> Job:
        """Give a mail that is safe in memory its job, and pass it on.

        `name` is that of its file, `head_octets` its first octets, `sender` and
        `recipients` those of its envelope, empty where it has none.
        """
        job = self._device.job_accepted(
            "rx",
            sender or sender_of(head_octets),
            subject=subject_of(head_octets),
            recipients=tuple(Recipient(address=one) for one in recipients),
            mail_file=name,
            sessions=(session,) if session is not None else (),
        )
        if self.running and head_octets and not _needs_reading(head_octets):
            # Most mails: they are printed without another look at their file.
            self._print_queue.enqueue(ReceivedMail(job=job, name=name, requests=NO_REQUESTS))
        else:
            self._enqueue(job, restored=False)
        return job

    def mail_recovered(self, job: Job) -> None:
        """Pass on a mail that had its job before a restart."""
        self._enqueue(job, restored=True)

    def release(self, job: Job) -> bool:
        """Forget a mail; return whether it was still to be passed on."""
        return self._undecided.pop(job.serial, None) is not None

    def _enqueue(self, job: Job, *, restored: bool) -> None:
        self._undecided[job.serial] = restored
        self._waiting.append(job)
        self._read_more()

    def _read_more(self) -> None:
        if not self.running or self._reading is not None:
            return
        if not self._waiting or not self._undecided.get(self._waiting[0].serial):
            # They wait in the order of arrival: none from before a restart waits any more.
            self._reassembly.start_timeouts()
        if self._waiting:
            self._reading = Deferred.fromCoroutine(self._read_batch())
            self._reading.addErrback(
                lambda failure: self.log.failure("While dispatching received mail", failure)
            ).addCallback(self._batch_read)

    def _batch_read(self, _: None) -> None:
        self._reading = None
        self._read_more()

    async def _read_batch(self) -> None:
        jobs = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        memory = self._memory
        for one in await self._on_disk(lambda: [_classify(memory, job) for job in jobs]):
            if not self.running:
                return
            mail = one.mail
            if mail.requests.delivered and mail.job.serial in self._undecided:
                mail = await self._notifier.mail_delivered(mail, one.head_octets)
            if one.notification is not None:
                self._full_mode.notification_received(one.notification).addCallback(
                    self._matched, mail, one.notification
                ).addErrback(self._not_matched, mail.job)
            elif self.release(mail.job):
                if mail.fragment is not None:
                    self._reassembly.add(mail, mail.fragment)
                else:
                    self._print_queue.enqueue(mail)

    def _matched(
        self, applies: bool, mail: ReceivedMail, notification: Notification
    ) -> Deferred[None]:
        return Deferred.fromCoroutine(self._end_notification(applies, mail, notification))

    async def _end_notification(
        self, applies: bool, mail: ReceivedMail, notification: Notification
    ) -> None:
        # A notification that is about no job of this machine is printed as any mail is.
        if not applies or self._device.settings.email_ifax.print_mdn_dsn:
            if self.release(mail.job):
                self._print_queue.enqueue(mail)
            return
        await self._journal.flush()
        # It may have been cancelled meanwhile.
        kept: set[str] = set()
        if mail.job.serial in self._undecided:
            kept = await self._retention.keep([mail.name])
        if self.release(mail.job):
            kind = notification.kind.upper()
            why = f"{kind} for a job; Print MDN/DSN upon Receipt is off"
            self._device.job_changed(
                mail.job,
                result="OK",
                reason=why,
                mail_file=mail.name if mail.name in kept else None,
                ended=self._device.now(),
            )
            await self._retention.apply()

    def _not_matched(self, failure: Failure, job: Job) -> None:
        """Read a notification again after a pause: its change of a job could not be written."""
        log_unexpected(self.log, "While reading a notification", failure)

        def again() -> None:
            if job.serial in self._undecided:
                self._enqueue(job, restored=False)

        if self.running:
            self._retries.schedule(again)


def _needs_reading(head_octets: bytes) -> bool:
    """Return whether a mail may be a part or a notification, or may ask for a report."""
    lower = head_octets.lower()
    return any(word in lower for word in _WORDS)


def _classify(memory: Memory, job: Job) -> _Classified:
    """Read which kind a mail is (in a thread). One that cannot be read is printed with the error."""
    name = job.mail_file or ""
    notification: Notification | None = None
    try:
        head_octets = memory.read_head(name)
        path = memory.path(name)
        if path is not None and b"report" in head_octets.lower():
            with path.open("rb") as content:
                notification = read_notification(content)
    except OSError:
        head_octets = b""
    # No report is sent on a notification: reports would answer each other.
    requests = NO_REQUESTS if notification else requests_in(head_octets)
    fragment = fragment_of(head_octets)
    mail = ReceivedMail(job=job, name=name, requests=requests, fragment=fragment)
    return _Classified(mail, head_octets, notification)
