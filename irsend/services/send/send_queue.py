"""Sending: the queue of jobs, one after the other, each tried as often as the model does (device.md 4, 5).

How an order becomes a job is told by `job_submission`, how one attempt goes by
`attempt`, what comes back in full mode by `full_mode`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import attrs
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.device import codes
from irsend.device.jobs import Job, Recipient
from irsend.device.send_order import SendOrder
from irsend.device.sessions import Session
from irsend.errors import CannotCancel
from irsend.services.bench import Bench
from irsend.services.send.attempt import Attempt
from irsend.services.send.delivery import Login
from irsend.services.send.delivery_results import DeliveryResult
from irsend.services.send.job_submission import JobSubmission, Scanned
from irsend.store.outbox import Outbox, Outgoing

# How long a job waits when the disk has failed, in seconds.
_DISK_PAUSE = 60
_CANCELLED = DeliveryResult(codes.CANCELLED, "the job was cancelled")


class SendQueue(Service):
    """Sends what is in the outbox."""

    log = Logger()

    def __init__(
        self,
        bench: Bench,
        outbox: Outbox,
        composing: JobSubmission,
        log_in_to_pop: Callable[[], Deferred[Session]],
        handed_over: Callable[[Outgoing], Deferred[None]],
    ) -> None:
        self._bench = bench
        self._outbox = outbox
        self._composing = composing
        self._log_in_to_pop = log_in_to_pop
        self._handed_over = handed_over
        self._accepting: set[Deferred[Any]] = set()
        """What is being written to the outbox: it is done, whoever has ordered it."""
        self._waiting: dict[int, Outgoing] = {}
        self._logins: dict[int, Login] = {}
        """What was typed at the panel for a job; it is in RAM only."""
        self._under_way: Attempt | None = None
        self._cancelled: list[Deferred[Job]] = []
        """Who asked to have what is under way cancelled."""
        self._timer: IDelayedCall | None = None
        self._later: set[IDelayedCall] = set()
        """Ends that are to be written down when the disk works again."""
        self._ended: Deferred[None] | None = None

    # -- its life ---------------------------------------------------------------

    def recover(self, entries: Sequence[Outgoing]) -> None:
        """Take what was in the outbox when the machine was switched on."""
        for outgoing in entries:
            job = self._bench.device.job_changed(outgoing.job, result="waiting", ended=None)
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
        for call in self._later:
            call.cancel()
        self._later.clear()
        waiting = list(self._accepting)
        if self._under_way is not None:
            self._ended = Deferred()
            waiting.append(self._ended)
            self._under_way.give_up(cancelled=False)
        return DeferredList(waiting).addCallback(lambda _: None) if waiting else None

    def send(self, order: SendOrder) -> Deferred[Job]:
        """Scan and queue an order; fires with its job.

        Fails with ScanRefused, MemoryFull or OSError: nothing is queued then. To
        cancel it gives up the scan; what is scanned already becomes a job.
        """
        scanning: Deferred[Any] = self._composing.scan(order)
        answer: Deferred[Job] = Deferred(lambda _: scanning.cancel())

        def tell(outcome: Job | Failure) -> None:
            if not answer.called:
                answer.callback(outcome)  # a Failure fails it

        def accept(scanned: Scanned) -> None:
            # Not chained: to cancel the scan must not reach what comes behind it.
            accepting = self._composing.accept(scanned).addCallback(self._queue, order)
            done = accepting.addBoth(tell)
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

    @inlineCallbacks
    def cancel(self, job: Job) -> Generator[Deferred[Any], Any, Job]:
        """Cancel a job that waits or is being sent (#995); CannotCancel where it is over."""
        attempt = self._under_way
        if attempt is not None and attempt.outgoing.serial == job.serial:
            over: Deferred[Job] = Deferred()
            self._cancelled.append(over)
            attempt.give_up(cancelled=True)
            ended: Job = yield over
            if not any(one.code == codes.CANCELLED for one in ended.recipients):
                raise _has_ended(ended)
            return ended
        outgoing = self._waiting.pop(job.serial, None)
        if outgoing is None:
            raise _has_ended(job)
        self._schedule()
        finished: Job = yield self._finish(_cancelled(outgoing))
        return finished

    # -- when -------------------------------------------------------------------

    def _schedule(self) -> None:
        if not self.running or self._under_way is not None:
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._waiting:
            first = min(one.due for one in self._waiting.values())
            delay = max(0.0, first - self._bench.device.now())
            self._timer = self._bench.clock.callLater(delay, self._begin)

    def _begin(self) -> None:
        self._timer = None
        outgoing = min(self._waiting.values(), key=lambda one: (one.due, one.serial))
        del self._waiting[outgoing.serial]
        self._under_way = attempt = Attempt(
            self._bench,
            self._outbox,
            self._changed(outgoing, result="running"),
            self._logins.get(outgoing.serial),
            self._log_in_to_pop,
        )

        def ended(job: Job) -> None:
            self._under_way = None
            waiting, self._cancelled = self._cancelled, []
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
            if outgoing.left and self._cancelled:
                return self._finish(_cancelled(outgoing))
            if outgoing.left:
                due = max(outgoing.due, self._bench.device.now() + _DISK_PAUSE)
                outgoing = self._changed(attrs.evolve(outgoing, due=due), result="waiting")
                self._waiting[outgoing.serial] = outgoing
            return succeed(outgoing.job)

        attempt.make().addCallback(self._attempted, attempt).addErrback(broken).addCallback(
            ended
        )

    # -- what became of it --------------------------------------------------------

    def _changed(self, outgoing: Outgoing, **changes: Any) -> Outgoing:
        job = self._bench.device.job_changed(outgoing.job, **changes)
        return attrs.evolve(outgoing, job=job)

    @inlineCallbacks
    def _attempted(
        self, outcomes: dict[str, DeliveryResult], attempt: Attempt
    ) -> Generator[Deferred[Any], Any, Job]:
        outgoing, rule = attempt.outgoing, self._bench.device.model.sending
        if self._cancelled:
            # But for whom it was over by then.
            left = [one for one in outgoing.left if outcomes.get(one, _CANCELLED).open]
            outcomes.update(dict.fromkeys(left, _CANCELLED))
        switched_off = not self.running and not self._cancelled
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
            finished: Job = yield self._finish(outgoing)
            return finished
        reason = outgoing.job.reason
        if not switched_off:
            due, made = self._bench.device.now() + rule.pause, outgoing.attempts + 1
            outgoing = attrs.evolve(outgoing, attempts=made, due=due)
            failures = [outcomes[one].reason for one in outgoing.left if one in outcomes]
            reason = f"attempt {made} of {rule.attempts}: {'; '.join(dict.fromkeys(failures))}"
        # Counted also where it cannot be written down.
        attempt.outgoing = outgoing = self._changed(outgoing, result="waiting", reason=reason)
        yield self._outbox.update(outgoing)
        if self._cancelled:
            # In the meantime.
            finished = yield self._finish(_cancelled(outgoing))
            return finished
        self._waiting[outgoing.serial] = outgoing
        return outgoing.job

    @inlineCallbacks
    def _finish(self, outgoing: Outgoing) -> Generator[Deferred[Any], Any, Job]:
        self._logins.pop(outgoing.serial, None)
        recipients = outgoing.job.recipients
        worst = next((one for one in recipients if one.result == "NG"), None)
        handed = [one for one in recipients if one.result != "NG"]
        result = "NG" if worst else "--" if any(one.result == "--" for one in handed) else "OK"
        if outgoing.full and handed:
            hours = self._bench.device.settings.email_ifax.full_mode_timeout
            until = self._bench.device.now() + hours * 3600
            outgoing = attrs.evolve(outgoing, awaited_until=until)
        outgoing = self._changed(
            outgoing,
            result=result,
            code=worst.code if worst else None,
            reason=worst.reason if worst else "",
            ended=self._bench.device.now(),
        )
        if outgoing.awaited_until is not None:
            # From here on it is full mode's.
            yield self._handed_over(outgoing)
        else:
            yield self._put_away(outgoing)
        return outgoing.job

    @inlineCallbacks
    def _put_away(self, outgoing: Outgoing) -> Generator[Deferred[Any], Any, None]:
        """Write its end down. Where the disk will not have it now, it is tried again; never fails."""
        try:
            # Its end is in the journal before it leaves the outbox: it ends once.
            yield self._bench.journal.flush()
            yield self._outbox.remove(outgoing)
        except Exception:
            self.log.failure("While the end of a job was written down")
            if self.running:

                def again() -> None:
                    self._later.discard(call)
                    self._put_away(outgoing)

                call = self._bench.clock.callLater(_DISK_PAUSE, again)
                self._later.add(call)


def _has_ended(job: Job) -> CannotCancel:
    return CannotCancel(
        f"Job {job.number} has ended ({job.result}); only one that waits or runs can be cancelled."
    )


def _of_answer(kind: str, outcome: DeliveryResult) -> DeliveryResult:
    """Return what becomes of a DSN (#832) or an MDN (#833) that could not be sent (device.md section 5)."""
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
