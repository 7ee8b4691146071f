"""A probe: what the server offers, then every run of every model, one connection at a time."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from irsend.probe.advice import advised
from irsend.probe.offers import VERSIONS, Looking, NoServer, Offers
from irsend.probe.order import Order
from irsend.probe.outcome import Outcome, Report, settings_text
from irsend.probe.outcomes import impossible
from irsend.probe.plan import Run, runs_of
from irsend.probe.run import host_name, make_run, start_machine
from irsend.services.machine.machine import Machine
from irsend.services.reactor import IReactor


@frozen
class Step:
    """How far a probe has come."""

    done: int
    of: int
    text: str
    """What is done now."""


_IN_CONTENT = (
    "bare_lf_content",
    "final_dot",
    "date",
    "message_id_trailing_dot",
    "multipart_quoted_printable",
)
"""Quirks that show in a mail behind DATA only."""


def _content_kind(run: Run) -> tuple[object, ...]:
    quirks = run.model.initial_settings().replace(run.settings).quirks
    return tuple(getattr(quirks, name) for name in _IN_CONTENT)


class Probe:
    """One probe. `show` is called before each step, `now` gives the time of day."""

    def __init__(
        self,
        order: Order,
        reactor: IReactor,
        now: Callable[[], float],
        show: Callable[[Step], None] = lambda _: None,
    ) -> None:
        self._order = order
        self._reactor = reactor
        self._now = now
        self._show = show
        self.report: Report | None = None
        """What it has found so far; None before it knows what the server offers."""
        self._connected = False
        self._interrupted = False
        self._looking = Looking(order.target, reactor, host_name(), order.patience)
        self._waiting: Deferred[None] | None = None
        self._made: Deferred[Outcome] | None = None
        self._machine: Machine | None = None
        """The one of the run under way."""
        self._mailed: set[tuple[object, ...]] = set()
        """The results of which a mail was handed over."""

    async def run(self) -> Report:
        """Ask the server, then make all runs; NoServer where none is there, SettingsRefused."""
        order = self._order
        plan = [runs_of(model, order) for model in order.models]
        steps = len(VERSIONS) + 1 + sum(map(len, plan))
        began, done = self._now(), 0
        self._show(Step(done, steps, f"Asking {order.target}"))
        await self._pause()
        try:
            offers = await self._looking.look()
        except NoServer:
            if self._interrupted:
                raise CancelledError from None
            raise
        versions = []
        for version in VERSIONS if offers.has_tls else ():
            done += 1
            self._show(Step(done, steps, f"Asking {order.target} for {version}"))
            await self._pause()
            if await self._looking.accepts(version):
                versions.append(version)
        offers = attrs.evolve(offers, tls_versions=tuple(versions))
        done = len(VERSIONS) + 1
        self.report = Report(
            server=str(order.target),
            at=began,
            dry_run=order.dry_run or order.target.is_pop,
            offers=offers,
            outcomes=(),
            mails=0,
        )
        for runs in plan:
            of_model: list[Outcome] = []
            for run in runs:
                self._show(Step(done, steps, f"{run.model.name}, {settings_text(run.varied)}"))
                of_model.append(await self._outcome(run, of_model, offers))
                done += 1
                self.report = attrs.evolve(
                    self.report,
                    outcomes=(*self.report.outcomes, of_model[-1]),
                    mails=len(self._mailed),
                )
        return self.report

    async def _outcome(self, run: Run, before: list[Outcome], offers: Offers) -> Outcome:
        if run.impossible:
            return advised(impossible(run), offers, str(self._order.target))
        for earlier in before:
            if not earlier.same_as and earlier.holds_for(run.varied):
                return earlier.of_run(run.varied, counts=run.counts)
        outcome = await self._make(run, rehearse=True)
        if outcome.result == "OK" and not self._order.dry_run and not self._order.target.is_pop:
            kind = (outcome.tls, outcome.mechanism, *_content_kind(run))
            if kind not in self._mailed:
                self._mailed.add(kind)
                outcome = await self._make(run, rehearse=False)
        return advised(outcome, offers, str(self._order.target))

    async def _make(self, run: Run, *, rehearse: bool) -> Outcome:
        await self._pause()
        self._machine = start_machine(run, self._order, self._reactor, self._now)
        try:
            made = make_run(self._machine, run, self._order, rehearse=rehearse)
            self._made = Deferred.fromCoroutine(made)
            return await self._made
        finally:
            await self._stop_machine()

    async def _pause(self) -> None:
        """Wait before each connection but the first; CancelledError where it is interrupted."""
        if self._interrupted:
            raise CancelledError
        if self._connected:
            self._waiting = deferLater(self._reactor, self._order.pause)
            await self._waiting
        self._connected = True

    def interrupt(self) -> Deferred[None]:
        """End the connection under way and begin no other; fires when no machine runs any more."""
        self._interrupted = True
        self._looking.abort()
        if self._waiting is not None:
            self._waiting.cancel()
        return Deferred.fromCoroutine(self._interrupt_run())

    async def _interrupt_run(self) -> None:
        await self._stop_machine()
        if self._made is not None:
            # A mail that was aborted waits for another attempt, which no machine makes.
            self._made.cancel()

    async def _stop_machine(self) -> None:
        machine, self._machine = self._machine, None
        if machine is not None:
            await machine.stopService()
