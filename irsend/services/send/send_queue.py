"""The send queue: jobs one after the other, each tried as often as the model does (docs/sending).

`job_submission` makes a job of an order, `attempt` is one try at it, `full_mode`
waits for the notifications of a job that was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import attrs
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.device import codes
from irsend.device.jobs import Job, JobChanges, JobResult, Recipient
from irsend.device.send_order import SendOrder
from irsend.errors import CannotCancel
from irsend.services.retries import RETRY_PAUSE, Retries
from irsend.services.send.attempt import Attempt, AttemptParts
from irsend.services.send.delivery import Login
from irsend.services.send.delivery_results import DeliveryResult
from irsend.services.send.full_mode import FullMode
from irsend.services.send.job_submission import JobSubmission, Scanned
from irsend.services.timer import Timer
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
        self._device = attempts.device
        self._outbox = attempts.outbox
        self._journal = journal
        self._submission = submission
        self._full_mode = full_mode
        self._attempts = attempts
        self._accepting: set[Deferred[None]] = set()
        """Jobs that are being put into the outbox; a client that goes away does not stop them."""
        self._waiting: dict[int, Outgoing] = {}
        self._logins: dict[int, Login] = {}
        """User and password that were typed at the panel for a job; never on the disk."""
        self._under_way: Attempt | None = None
        self._cancellations: list[Deferred[Job]] = []
        """Of the job under way."""
        self._timer = Timer(attempts.clock)
        self._retries = Retries(attempts.clock)
        """Ends of jobs that are written when the disk works again."""
        self._ended: Deferred[None] | None = None

    # -- its life ---------------------------------------------------------------

    def recover(self, entries: Sequence[Outgoing]) -> None:
        """Go on with the jobs that were in the outbox at the start."""
        for outgoing in entries:
            job = self._device.job_changed(outgoing.job, result="waiting", ended=None)
            self._waiting[outgoing.serial] = attrs.evolve(outgoing, job=job)

    def startService(self) -> None:
        """Start with what waits."""
        Service.startService(self)
        self._schedule()

    def stopService(self) -> Deferred[None] | None:
        """Abort the attempt under way; what was not sent is sent after the next start."""
        Service.stopService(self)
        self._timer.cancel()
        self._retries.stop()
        waiting = list(self._accepting)
        if self._under_way is not None:
            self._ended = Deferred()
            waiting.append(self._ended)
            self._under_way.abort(cancelled=False)
        return DeferredList(waiting).addCallback(lambda _: None) if waiting else None

    def send(self, order: SendOrder) -> Deferred[Job]:
        """Scan and queue an order; fires with its job.

        Fails with ScanRefused, MemoryFull or OSError: nothing is queued then. A
        cancellation ends the scan; what is scanned already becomes a job.
        """
        scanning = Deferred.fromCoroutine(self._submission.scan(order))
        answer: Deferred[Job] = Deferred(lambda _: scanning.cancel())

        def fire(outcome: Job | Failure) -> None:
            if not answer.called:
                answer.callback(outcome)  # a Failure fails it

        def accept(scanned: Scanned) -> None:
            # Not chained: cancelling the scan must not cancel what follows it.
            accepting = Deferred.fromCoroutine(self._submission.accept(scanned))
            done: Deferred[None] = accepting.addCallback(self._queue, order).addBoth(fire)
            self._accepting.add(done)
            done.addCallback(lambda _: self._accepting.discard(done))

        scanning.addCallbacks(accept, fire)
        return answer

    def _queue(self, accepted: Outgoing | Job, order: SendOrder) -> Job:
        if isinstance(accepted, Job):
            return accepted
        if order.user or order.password:
            self._logins[accepted.serial] = Login(user=order.user, password=order.password)
        self.enqueue(accepted)
        return accepted.job

    def enqueue(self, outgoing: Outgoing) -> None:
        """Send a job that is in the outbox."""
        self._waiting[outgoing.serial] = outgoing
        self._schedule()

    def cancel(self, job: Job) -> Deferred[Job]:
        """Cancel a job that waits or is being sent (#995); CannotCancel where it has ended."""
        return Deferred.fromCoroutine(self._cancel(job))

    async def _cancel(self, job: Job) -> Job:
        attempt = self._under_way
        if attempt is not None and attempt.outgoing.serial == job.serial:
            over: Deferred[Job] = Deferred()
            self._cancellations.append(over)
            attempt.abort(cancelled=True)
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
        self._timer.cancel()
        if self._waiting:
            first = min(one.due for one in self._waiting.values())
            delay = max(0.0, first - self._device.now())
            self._timer.start(delay, self._begin)

    def _begin(self) -> None:
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
            # Perhaps the disk failed: the job is still in the outbox.
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

    def _changed(self, outgoing: Outgoing, **changes: Unpack[JobChanges]) -> Outgoing:
        job = self._device.job_changed(outgoing.job, **changes)
        return attrs.evolve(outgoing, job=job)

    async def _make(self, attempt: Attempt) -> Job:
        results = await attempt.make()
        outgoing, rule = attempt.outgoing, self._device.model.sending
        if self._cancellations:
            # All but those whose result was final by then.
            left = [one for one in outgoing.left if results.get(one, _CANCELLED).open]
            results.update(dict.fromkeys(left, _CANCELLED))
        switched_off = not self.running and not self._cancellations
        last = outgoing.attempts + 1 >= rule.attempts and not switched_off
        settled = {
            address: result
            for address, result in results.items()
            if not result.code or last or not result.retryable
        }
        if outgoing.report:
            settled = {one: _of_report(outgoing.report, settled[one]) for one in settled}
        attempt.outgoing = outgoing = _with_results(outgoing, settled, direct=attempt.direct)
        if not outgoing.left:
            return await self._finish(outgoing)
        reason = outgoing.job.reason
        if not switched_off:
            due, made = self._device.now() + rule.pause, outgoing.attempts + 1
            outgoing = attrs.evolve(outgoing, attempts=made, due=due)
            failures = [results[one].reason for one in outgoing.left if one in results]
            reason = f"attempt {made} of {rule.attempts}: {'; '.join(dict.fromkeys(failures))}"
        # The attempt counts, even where that cannot be written.
        attempt.outgoing = outgoing = self._changed(outgoing, result="waiting", reason=reason)
        await self._outbox.update(outgoing)
        if self._cancellations:
            # It was cancelled while the record was written.
            return await self._finish(_cancelled(outgoing))
        self._waiting[outgoing.serial] = outgoing
        return outgoing.job

    async def _finish(self, outgoing: Outgoing) -> Job:
        self._logins.pop(outgoing.serial, None)
        recipients = outgoing.job.recipients
        worst = next((one for one in recipients if one.result == "NG"), None)
        handed = [one for one in recipients if one.result != "NG"]
        result: JobResult = (
            "NG" if worst else "--" if any(one.result == "--" for one in handed) else "OK"
        )
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
            # From here on `full_mode` has it.
            await self._full_mode.await_notifications(outgoing)
        else:
            await self._remove(outgoing)
        return outgoing.job

    async def _remove(self, outgoing: Outgoing) -> None:
        """Record its end, and remove it; tried again where the disk fails. Never fails."""
        try:
            # Its end is in the journal before it leaves the outbox: it ends once.
            await self._journal.flush()
            await self._outbox.remove(outgoing)
        except Exception:
            self.log.failure("While the end of a job was written down")
            if self.running:
                self._retries.schedule(lambda: Deferred.fromCoroutine(self._remove(outgoing)))


def _has_ended(job: Job) -> CannotCancel:
    return CannotCancel(
        f"Job {job.number} has ended ({job.result}); only one that waits or runs can be cancelled."
    )


def _of_report(kind: str, result: DeliveryResult) -> DeliveryResult:
    """Return the result of a DSN (#832) or MDN (#833) that could not be sent (docs/fidelity)."""
    if result.code in (None, codes.CANCELLED):
        return result
    code = codes.DSN_NOT_SENT if kind == "dsn" else codes.MDN_NOT_SENT
    return attrs.evolve(result, code=code, reason=f"{result.code}: {result.reason}")


def _cancelled(outgoing: Outgoing) -> Outgoing:
    """Return it with all recipients that have no result cancelled."""
    return _with_results(outgoing, dict.fromkeys(outgoing.left, _CANCELLED), direct=False)


def _with_results(
    outgoing: Outgoing, results: dict[str, DeliveryResult], *, direct: bool
) -> Outgoing:
    """Return it with these recipients' results: OK where their own server took it, -- where another did."""

    def changed(one: Recipient) -> Recipient:
        result = results.get(one.address)
        if result is None or one.over:
            return one
        if result.code is None:
            return attrs.evolve(one, result="OK" if direct else "--")
        return attrs.evolve(one, result="NG", code=result.code, reason=result.reason)

    recipients = tuple(changed(one) for one in outgoing.job.recipients)
    return attrs.evolve(outgoing, job=attrs.evolve(outgoing.job, recipients=recipients))
