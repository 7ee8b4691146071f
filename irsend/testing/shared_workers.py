"""Print workers that the machines of one process share: a test must not wait for the start of its own.

A worker takes a second to start; a machine of a test lives for less than that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredList, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.services.error_text import SWITCHED_OFF
from irsend.services.print.print_pool import (
    Answer,
    CannotPrint,
    CannotPrintNow,
    IPrintPool,
    NoPrintPool,
    Order,
    PrintPool,
)
from irsend.services.reactor import IReactor

_WORKERS = 2
_GRACE = 2
"""Seconds in which a cancelled order may end before its worker is killed: a short mail ends in time."""


class SharedWorkers:
    """Makes the print pools of machines, whose orders go to the same workers."""

    def __init__(self) -> None:
        self._pools: dict[float, PrintPool] = {}

    def make_print_pool(
        self, reactor: IReactor, at_once: int, timeout: Callable[[], float]
    ) -> IPrintPool:
        """Return the pool of one machine (a `PoolMaker`)."""
        if not at_once:
            return NoPrintPool()
        seconds = timeout()
        if seconds not in self._pools:
            self._pools[seconds] = PrintPool(reactor, _WORKERS, lambda: seconds)
        return SharedPrintPool(self._pools[seconds], reactor, at_once)

    def stop(self) -> Deferred[None]:
        """End all workers; fires when they have exited."""
        pools, self._pools = self._pools, {}
        stopped = DeferredList([pool.stop() for pool in pools.values()])
        return stopped.addCallback(lambda _: None)


@define(eq=False)
class _Work:
    """An order under way."""

    killing: IDelayedCall | None = None
    """Kills its worker, where it was cancelled."""
    ended: list[Deferred[Answer]] = field(factory=list)
    """Fire when it has ended."""

    def when_ended(self) -> Deferred[Answer]:
        """Return what fires with the answer, and may be cancelled without any effect."""
        ended: Deferred[Answer] = Deferred()
        self.ended.append(ended)
        return ended


@implementer(IPrintPool)
class SharedPrintPool:
    """What one machine sees of the workers."""

    def __init__(self, workers: PrintPool, reactor: IReactor, at_once: int) -> None:
        self._workers = workers
        self._reactor = reactor
        self.at_once = at_once
        self._under_way: dict[_Work, Deferred[Answer]] = {}
        self._stopped = False
        self._turns = DeferredSemaphore(at_once)

    def ask(
        self, order: Order, on_page: Callable[[int], None] = lambda _: None
    ) -> Deferred[Answer]:
        """Have a worker carry out an order."""
        return Deferred.fromCoroutine(self._carry_out(order, on_page))

    async def _carry_out(self, order: Order, on_page: Callable[[int], None]) -> Answer:
        await self._turns.acquire()
        try:
            if self._stopped:
                raise CannotPrintNow(SWITCHED_OFF)
            return await self._answer(order, on_page)
        finally:
            self._turns.release()

    async def _answer(self, order: Order, on_page: Callable[[int], None]) -> Answer:
        one = _Work()

        def page_done(page: int) -> None:
            if one.killing is None:
                on_page(page)

        ended = one.when_ended()
        self._under_way[one] = work = self._workers.ask(order, page_done)
        work.addBoth(self._end, one)
        try:
            return await ended
        except CancelledError:
            if one in self._under_way:
                self._break_off(one)
                with contextlib.suppress(CancelledError, CannotPrint, CannotPrintNow):
                    await one.when_ended()
            raise

    def _break_off(self, one: _Work) -> None:
        if one.killing is None:
            work = self._under_way[one]
            one.killing = self._reactor.callLater(_GRACE, work.cancel)

    def _end(self, outcome: Answer | Failure, one: _Work) -> None:
        del self._under_way[one]
        if one.killing is not None and one.killing.active():
            one.killing.cancel()
        for ended in one.ended:
            if self._stopped:
                ended.errback(CannotPrintNow(SWITCHED_OFF))
            elif isinstance(outcome, Failure):
                ended.errback(outcome)
            else:
                ended.callback(outcome)

    def stop(self) -> Deferred[None]:
        """Fail all orders, and take no others; fires when nothing is written for them any more."""
        self._stopped = True
        quiet = [one.when_ended() for one in self._under_way]
        for one in self._under_way:
            self._break_off(one)
        ended = DeferredList(quiet, consumeErrors=True)
        return ended.addCallback(lambda _: None)
