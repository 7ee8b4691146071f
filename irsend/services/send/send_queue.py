"""The send queue: jobs one after the other, each tried as often as the model does (docs/sending).

`job_submission` makes a job of an order, `attempt` is one try at it, `full_mode`
waits for the notifications of a job that was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.device import codes
from irsend.device.jobs import Job, Recipient
from irsend.device.send_order import SendOrder
from irsend.errors import CannotCancel
from irsend.services.retries import RETRY_PAUSE, Retries
from irsend.services.send.attempt import Attempt, AttemptParts
from irsend.services.send.delivery import Login
from irsend.services.send.delivery_results import DeliveryResult
from irsend.services.send.full_mode import FullMode
from irsend.services.send.job_submission import JobSubmission, Scanned
from irsend.store.journal import Journal
from irsend.store.outbox import Outgoing

_CANCELLED = DeliveryResult(codes.CANCELLED, "the job was cancelled")


class SendQueue(Service):
    """Sends what is in the outbox."""

    log = Logger()

    def __init__(
        self,
        *,
        journal: Journal,
        submission: JobSubmission,
        full_mode: FullMode,
        attempts: AttemptParts,
    ) -> None:
        self._clock = attempts.clock
        self._device = attempts.device
        self._outbox = attempts.outbox
        self._journal = journal
        self._submission = submission
        self._full_mode = full_mode
        self._attempts = attempts
        self._accepting: set[Deferred[None]] = set()
        """Jobs on their way into the outbox: they get there, also when the client that ordered is gone."""
        self._waiting: dict[int, Outgoing] = {}
        self._logins: dict[int, Login] = {}
        """User and password that were typed at the panel for a job; in RAM only."""
        self._under_way: Attempt | None = None
        self._cancellations: list[Deferred[Job]] = []
        """Of the job under way."""
        self._timer: IDelayedCall | None = None
        self._retries = Retries(self._clock)
        """Ends of jobs that are to be written down when the disk works again."""
        self._ended: Deferred[None] | None = None

    # -- its life ---------------------------------------------------------------

    def recover(self, entries: Sequence[Outgoing]) -> None:
        """Take what was in the outbox when the machine was switched on."""
        for outgoing in entries:
            job = self._device.job_changed(outgoing.job, result="waiting", ended=None)
            self._waiting[outgoing.serial] = attrs.evolve(outgoing, job=job)

    def startService(self) -> None:
        """Begin with what waits."""
        Service.startService(self)
        self._schedule()

    def stopService(self) -> Deferred[None] | None:
        """Stop where it stands; what was not sent is sent after the next start."""
        Service.stopService(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._retries.stop()
        waiting = list(self._accepting)
        if self._under_way is not None:
            self._ended = Deferred()
            waiting.append(self._ended)
            self._under_way.give_up(cancelled=False)
        return DeferredList(waiting).addCallback(lambda _: None) if waiting else None

    def send(self, order: SendOrder) -> Deferred[Job]:
        """Scan and queue an order; fires with its job.

        Fails with ScanRefused, MemoryFull or OSError: nothing is queued then. A
        cancellation ends the scan; what is scanned already becomes a job.
        """
        scanning = Deferred.fromCoroutine(self._submission.scan(order))
        answer: Deferred[Job] = Deferred(lambda _: scanning.cancel())

        def tell(outcome: Job | Failure) -> None:
            if not answer.called:
                answer.callback(outcome)  # a Failure fails it

        def accept(scanned: Scanned) -> None:
            # Not chained: to cancel the scan must not reach what comes behind it.
            accepting = Deferred.fromCoroutine(self._submission.accept(scanned))
            done: Deferred[None] = accepting.addCallback(self._queue, order).addBoth(tell)
            self._accepting.add(done)
            done.addCallback(lambda _: self._accepting.discard(done))

        scanning.addCallbacks(accept, tell)
        return answer

    def _queue(self, accepted: Outgoing | Job, order: SendOrder) -> Job:
        if isinstance(accepted, Job):
            return accepted
        if order.user or order.password:
            self._logins[accepted.serial] = Login(user=order.user, password=order.password)
        self.take(accepted)
        return accepted.job

    def take(self, outgoing: Outgoing) -> None:
        """Send what is in the outbox by now."""
        self._waiting[outgoing.serial] = outgoing
        self._schedule()

    def cancel(self, job: Job) -> Deferred[Job]:
        """Cancel a job that waits or is being sent (#995); CannotCancel where it is over."""
        return Deferred.fromCoroutine(self._cancel(job))

    async def _cancel(self, job: Job) -> Job:
        attempt = self._under_way
        if attempt is not None and attempt.outgoing.serial == job.serial:
            over: Deferred[Job] = Deferred()
            self._cancellations.append(over)
            attempt.give_up(cancelled=True)
            ended = await over
            if not any(one.code == codes.CANCELLED for one in ended.recipients):
                raise _has_ended(ended)
            return ended
        outgoing = self._waiting.pop(job.serial, None)
        if outgoing is None:
            raise _has_ended(job)
        self._schedule()
        return await self._finish(_cancelled(outgoing))

    # -- when -------------------------------------------------------------------

    def _schedule(self) -> None:
        if not self.running or self._under_way is not None:
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._waiting:
            first = min(one.due for one in self._waiting.values())
            delay = max(0.0, first - self._device.now())
            self._timer = self._clock.callLater(delay, self._begin)

    def _begin(self) -> None:
        self._timer = None
        outgoing = min(self._waiting.values(), key=lambda one: (one.due, one.serial))
        del self._waiting[outgoing.serial]
        self._under_way = attempt = Attempt(
            self._changed(outgoing, result="running"),
            self._logins.get(outgoing.serial),
            parts=self._attempts,
        )

        def ended(job: Job) -> None:
            self._under_way = None
            waiting, self._cancellations = self._cancellations, []
            for one in waiting:
                one.callback(job)
            stopped, self._ended = self._ended, None
            if stopped is not None:
                stopped.callback(None)
            self._schedule()

        def broken(failure: Failure) -> Deferred[Job]:
            # The disk, perhaps: it is in the outbox still.
            self.log.failure("While a job was sent", failure)
            outgoing = attempt.outgoing
            if outgoing.left and self._cancellations:
                return Deferred.fromCoroutine(self._finish(_cancelled(outgoing)))
            if outgoing.left:
                due = max(outgoing.due, self._device.now() + RETRY_PAUSE)
                outgoing = self._changed(attrs.evolve(outgoing, due=due), result="waiting")
                self._waiting[outgoing.serial] = outgoing
            return succeed(outgoing.job)

        made = Deferred.fromCoroutine(self._make(attempt))
        made.addErrback(broken).addCallback(ended)

    # -- its results -------------------------------------------------------------

    def _changed(self, outgoing: Outgoing, **changes: Any) -> Outgoing:
        job = self._device.job_changed(outgoing.job, **changes)
        return attrs.evolve(outgoing, job=job)

    async def _make(self, attempt: Attempt) -> Job:
        outcomes = await attempt.make()
        outgoing, rule = attempt.outgoing, self._device.model.sending
        if self._cancellations:
            # But for whom it was over by then.
            left = [one for one in outgoing.left if outcomes.get(one, _CANCELLED).open]
            outcomes.update(dict.fromkeys(left, _CANCELLED))
        switched_off = not self.running and not self._cancellations
        last = outgoing.attempts + 1 >= rule.attempts and not switched_off
        settled = {
            address: outcome
            for address, outcome in outcomes.items()
            if not outcome.code or last or not outcome.again
        }
        if outgoing.answer:
            settled = {one: _of_answer(outgoing.answer, settled[one]) for one in settled}
        attempt.outgoing = outgoing = _with_outcomes(outgoing, settled, direct=attempt.direct)
        if not outgoing.left:
            return await self._finish(outgoing)
        reason = outgoing.job.reason
        if not switched_off:
            due, made = self._device.now() + rule.pause, outgoing.attempts + 1
            outgoing = attrs.evolve(outgoing, attempts=made, due=due)
            failures = [outcomes[one].reason for one in outgoing.left if one in outcomes]
            reason = f"attempt {made} of {rule.attempts}: {'; '.join(dict.fromkeys(failures))}"
        # Counted also where it cannot be written down.
        attempt.outgoing = outgoing = self._changed(outgoing, result="waiting", reason=reason)
        await self._outbox.update(outgoing)
        if self._cancellations:
            # In the meantime.
            return await self._finish(_cancelled(outgoing))
        self._waiting[outgoing.serial] = outgoing
        return outgoing.job

    async def _finish(self, outgoing: Outgoing) -> Job:
        self._logins.pop(outgoing.serial, None)
        recipients = outgoing.job.recipients
        worst = next((one for one in recipients if one.result == "NG"), None)
        handed = [one for one in recipients if one.result != "NG"]
        result = "NG" if worst else "--" if any(one.result == "--" for one in handed) else "OK"
        if outgoing.full and handed:
            hours = self._device.settings.email_ifax.full_mode_timeout
            until = self._device.now() + hours * 3600
            outgoing = attrs.evolve(outgoing, awaited_until=until)
        outgoing = self._changed(
            outgoing,
            result=result,
            code=worst.code if worst else None,
            reason=worst.reason if worst else "",
            ended=self._device.now(),
        )
        if outgoing.awaited_until is not None:
            # From here on it is full mode's.
            await self._full_mode.await_notifications(outgoing)
        else:
            await self._put_away(outgoing)
        return outgoing.job

    async def _put_away(self, outgoing: Outgoing) -> None:
        """Write its end down. Where the disk will not have it now, it is tried again; never fails."""
        try:
            # Its end is in the journal before it leaves the outbox: it ends once.
            await self._journal.flush()
            await self._outbox.remove(outgoing)
        except Exception:
            self.log.failure("While the end of a job was written down")
            if self.running:
                self._retries.later(lambda: Deferred.fromCoroutine(self._put_away(outgoing)))


def _has_ended(job: Job) -> CannotCancel:
    return CannotCancel(
        f"Job {job.number} has ended ({job.result}); only one that waits or runs can be cancelled."
    )


def _of_answer(kind: str, outcome: DeliveryResult) -> DeliveryResult:
    """Return what becomes of a DSN (#832) or an MDN (#833) that could not be sent (docs/fidelity)."""
    if outcome.code in (None, codes.CANCELLED):
        return outcome
    code = codes.DSN_NOT_SENT if kind == "dsn" else codes.MDN_NOT_SENT
    return attrs.evolve(outcome, code=code, reason=f"{outcome.code}: {outcome.reason}")


def _cancelled(outgoing: Outgoing) -> Outgoing:
    """Return it with all that is left of it cancelled."""
    return _with_outcomes(outgoing, dict.fromkeys(outgoing.left, _CANCELLED), direct=False)


def _with_outcomes(
    outgoing: Outgoing, outcomes: dict[str, DeliveryResult], *, direct: bool
) -> Outgoing:
    """Return it with these recipients' results: OK where their own server took it, -- where another did."""

    def changed(one: Recipient) -> Recipient:
        outcome = outcomes.get(one.address)
        if outcome is None or one.over:
            return one
        if outcome.code is None:
            return attrs.evolve(one, result="OK" if direct else "--")
        return attrs.evolve(one, result="NG", code=outcome.code, reason=outcome.reason)

    recipients = tuple(changed(one) for one in outgoing.job.recipients)
    return attrs.evolve(outgoing, job=attrs.evolve(outgoing.job, recipients=recipients))
