"""Full mode: the DSN and MDN that come back for an I-Fax that was sent change its job (RFC 2532).

A notification is matched to its job by Message-ID or envelope id. `dispatch`
finds the notifications among the received mails.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence

import attrs
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from irsend.device import codes
from irsend.device.device import Device
from irsend.device.events import Event, JobChanged
from irsend.device.jobs import Recipient
from irsend.message.reports.reader import Notification, Report
from irsend.services.retries import Retries
from irsend.services.timer import Timer
from irsend.store.journal import Journal
from irsend.store.outbox import Outbox, Outgoing
from irsend.store.receiver_features import ReceiverFeatures

# Notifications that are kept though they match no job yet.
_MOST_EARLY = 100
_PART = re.compile(r"\.part[0-9]+(?=@)")
_NEGATIVE = {"dsn": codes.DSN_ERROR, "mdn": codes.MDN_ERROR}


class FullMode(Service):
    """Waits for the notifications of the jobs that were sent in full mode."""

    log = Logger()

    def __init__(
        self,
        *,
        clock: IReactorTime,
        device: Device,
        journal: Journal,
        outbox: Outbox,
        receiver_features: ReceiverFeatures,
    ) -> None:
        self._device = device
        self._journal = journal
        self._outbox = outbox
        self._receiver_features = receiver_features
        self._awaited: dict[int, Outgoing] = {}
        self._open: set[int] = set()
        """Serials of the I-Fax jobs that are being sent: a notification may come before they end."""
        self._early: deque[tuple[Notification, Deferred[bool]]] = deque()
        """Notifications that match no job yet; each Deferred fires with whether one did."""
        self._retries = Retries(clock)
        self._timer = Timer(clock)
        self._stop_observing: Callable[[], None] = lambda: None
        self._reading: list[Deferred[None]] = []

    def startService(self) -> None:
        """Start the timer, and observe which jobs are being sent."""
        Service.startService(self)
        self._stop_observing = self._device.observe(self._observe)
        self._schedule()

    def stopService(self) -> Deferred[None]:
        """Stop; what is awaited is awaited again after the next start."""
        Service.stopService(self)
        self._stop_observing()
        self._timer.cancel()
        self._retries.stop()
        # An early notification is read again after the next start.
        self._early.clear()
        return DeferredList(list(self._reading)).addCallback(lambda _: None)

    def recover(self, entries: Sequence[Outgoing]) -> None:
        """Go on with the jobs that were in the outbox at the start."""
        for outgoing in entries:
            if outgoing.awaited_until is not None:
                self._device.job_changed(outgoing.job)
                self._awaited[outgoing.serial] = outgoing
            elif outgoing.full:
                self._open.add(outgoing.serial)

    def await_notifications(self, outgoing: Outgoing) -> Deferred[None]:
        """Wait for the notifications of a job until its `awaited_until`; fires when that is recorded."""
        self._awaited[outgoing.serial] = outgoing
        self._schedule()
        kept = Deferred.fromCoroutine(self._keep(outgoing.serial))
        self._match_early()
        return kept

    async def _keep(self, serial: int) -> None:
        """Record that notifications are awaited; tried again where the disk fails. Never fails."""
        outgoing = self._awaited.get(serial)
        if outgoing is None:
            return
        try:
            await self._outbox.update(outgoing)
            await self._outbox.drop_message(outgoing)
        except Exception:
            self.log.failure("While a job sent in full mode was written down")
            if self.running:
                self._retries.schedule(lambda: Deferred.fromCoroutine(self._keep(serial)))

    # -- Full Mode TX Timeout -----------------------------------------------------

    def _schedule(self) -> None:
        self._timer.cancel()
        if self.running and self._awaited:
            first = min(one.awaited_until or 0 for one in self._awaited.values())
            delay = max(0.0, first - self._device.now())
            self._timer.start(delay, self._give_up)

    def _give_up(self) -> None:
        """Stop waiting for the jobs whose time is over: they keep their result `--`."""
        now = self._device.now()
        for outgoing in list(self._awaited.values()):
            if (outgoing.awaited_until or 0) <= now:
                self._forget(outgoing)
        self._schedule()

    def _forget(self, outgoing: Outgoing) -> None:
        del self._awaited[outgoing.serial]
        self._journal.flush().addCallback(lambda _: self._outbox.remove(outgoing)).addErrback(
            lambda failure: self.log.failure(
                "While forgetting a job sent in full mode", failure
            )
        )

    # -- notifications ----------------------------------------------------------

    def _observe(self, event: Event) -> None:
        if not isinstance(event, JobChanged) or event.job.kind != "ifax":
            return
        job = event.job
        if job.direction == "tx" and job.ended is None:
            self._open.add(job.serial)
        elif job.serial in self._open:
            self._open.discard(job.serial)
            # Its notifications are awaited in the reactor's next turn, if at all.
            self._retries.schedule(self._match_early, pause=0)

    def notification_received(self, notification: Notification) -> Deferred[bool]:
        """Apply a notification to its job; fires with whether there is one.

        A server may send it before the machine has sent QUIT: while jobs are being
        sent it may be about one of them, and the Deferred waits for their end.
        Fails where the change cannot be written; the call may then be repeated.
        """
        answer: Deferred[bool] = Deferred()
        self._early.append((notification, answer))
        if len(self._early) > _MOST_EARLY:
            self._early.popleft()[1].callback(False)
        self._match_early()
        return answer

    def _match_early(self) -> None:
        early, self._early = self._early, deque()
        for notification, answer in early:
            outgoing = self._job_of(notification)
            if outgoing is not None:
                self._track(Deferred.fromCoroutine(self._apply(outgoing, notification, answer)))
            elif self._open:
                self._early.append((notification, answer))
            else:
                answer.callback(False)

    async def _apply(
        self, outgoing: Outgoing, notification: Notification, answer: Deferred[bool]
    ) -> None:
        try:
            applies = await self._change_job(outgoing, notification)
        except Exception:
            if self.running:
                answer.errback()
            return
        if self.running:
            answer.callback(applies)

    def _track(self, reading: Deferred[None]) -> None:
        self._reading.append(reading)
        reading.addErrback(
            lambda failure: self.log.failure("While reading a notification", failure)
        )
        reading.addCallback(lambda _: self._reading.remove(reading))

    def _job_of(self, notification: Notification) -> Outgoing | None:
        # The parts of a divided mail have Message-IDs of their own.
        message_id = _PART.sub("", notification.original_message_id.strip("<>"))
        for outgoing in self._awaited.values():
            if outgoing.envelope_id in (notification.envelope_id, message_id):
                return outgoing
        return None

    async def _change_job(self, outgoing: Outgoing, notification: Notification) -> bool:
        """Apply a notification to a job; return False where it is about none of its recipients."""
        recipients = outgoing.job.recipients
        applies = False
        confirmed = set(outgoing.confirmed)
        for report in notification.reports:
            address = _address_of(recipients, report)
            if address is None:
                continue
            applies = True
            recipients = tuple(
                _changed(one, report, notification.kind) if one.address == address else one
                for one in recipients
            )
            if report.positive is False or (report.positive and notification.kind == "mdn"):
                confirmed.add(address)
            if report.positive and notification.features:
                self._learn(address, notification.features)
        if not applies:
            return False
        worst = next((one for one in recipients if one.result == "NG"), None)
        known = all(one.result == "OK" for one in recipients)
        job = self._device.job_changed(
            outgoing.job,
            recipients=recipients,
            result="NG" if worst else "OK" if known else "--",
            code=worst.code if worst else None,
            reason=worst.reason if worst else "",
            ended=self._device.now(),
        )
        outgoing = attrs.evolve(outgoing, job=job, confirmed=tuple(sorted(confirmed)))
        self._awaited[outgoing.serial] = outgoing
        if confirmed.issuperset(one.address for one in recipients if one.code is None):
            self._forget(outgoing)
        else:
            await self._outbox.update(outgoing)
        return True

    def _learn(self, address: str, features: str) -> None:
        try:
            self._receiver_features.learn(address, features)
        except OSError as error:
            self.log.error(
                "What {address} takes was not kept: {error}", address=address, error=error
            )


def _address_of(recipients: tuple[Recipient, ...], report: Report) -> str | None:
    """Return the recipient that a report is about; where there is only one, whatever its name there."""
    addresses = [one.address for one in recipients]
    for meant in report.addresses:
        if meant in addresses:
            return meant
        for address in addresses:
            if address.lower() == meant.lower():
                return address
    return recipients[0].address if len(recipients) == 1 else None


def _changed(one: Recipient, report: Report, kind: str) -> Recipient:
    if report.positive is None:
        return one
    if report.positive:
        # An error stays one: a later success may be of another copy.
        return one if one.result == "NG" else attrs.evolve(one, result="OK")
    return attrs.evolve(one, result="NG", code=_NEGATIVE[kind], reason=report.text)
