"""A print pool without processes: mails are printed by the worker's own code, in the test's process.

It limits neither CPU nor memory, and a document that breaks its decoder breaks
the test. Beyond what a pool must do it can hold orders back, fail them, and say
which it was given.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from irsend.device import codes
from irsend.imaging.print_worker import carry_out
from irsend.services.print.print_pool import CannotPrint, CannotPrintNow, IPrintPool


@define(eq=False)
class _Turn:
    """An order that has its turn."""

    order: str
    on_page: Callable[[int], None]
    answer: Deferred[dict[str, Any]]
    calls: list[IDelayedCall] = field(factory=list)

    def end(self) -> None:
        """Have nothing done for it any more."""
        for call in self.calls:
            if call.active():
                call.cancel()

    def fail(self, why: Exception) -> None:
        """Fail it, where it has not ended."""
        self.end()
        if not self.answer.called:
            self.answer.errback(why)


@implementer(IPrintPool)
class InProcessPrintPool:
    """Made like PrintPool, and prints in the next turn of the reactor or clock that it is given."""

    def __init__(
        self, reactor: IReactorTime, at_once: int, timeout: Callable[[], float] = lambda: 60
    ) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self.at_once = at_once
        self.orders: list[dict[str, Any]] = []
        """All orders that have had their turn."""
        self._turns = DeferredSemaphore(at_once)
        self._running: list[_Turn] = []
        self._failures: deque[Exception] = deque()
        self._held = False
        self._stopped = False

    @property
    def running(self) -> int:
        """How many orders have their turn and no answer."""
        return len(self._running)

    # -- what a test has it do ------------------------------------------------------------

    def hold_back(self) -> None:
        """Make no progress, as if each worker hung, until `go_on`."""
        self._held = True
        for turn in self._running:
            turn.end()
            self._bound(turn)

    def go_on(self) -> None:
        """Carry out what was held back."""
        self._held = False
        for turn in self._running:
            self._schedule(turn)

    def fail_next(self, why: Exception) -> None:
        """Fail the next order that has its turn; called twice, the two next."""
        self._failures.append(why)

    def break_down(self) -> None:
        """Fail the orders that have their turn, as if their workers had died."""
        words = "It takes too much time or memory, or breaks its decoder."
        for turn in list(self._running):
            turn.fail(CannotPrint(codes.IMAGE_UNDECODABLE, words))

    # -- a pool ---------------------------------------------------------------------------

    def ask(
        self, order: dict[str, Any], on_page: Callable[[int], None] = lambda _: None
    ) -> Deferred[dict[str, Any]]:
        """Carry out an order here."""
        return Deferred.fromCoroutine(self._carry_out(order, on_page))

    async def _carry_out(
        self, order: dict[str, Any], on_page: Callable[[int], None]
    ) -> dict[str, Any]:
        await self._turns.acquire()
        try:
            if self._stopped:
                raise CannotPrintNow("the machine was switched off")
            self.orders.append(order)
            if self._failures:
                raise self._failures.popleft()
            # As it would go to a worker: what is no JSON fails here too.
            turn = _Turn(json.dumps(order), on_page, Deferred())
            self._running.append(turn)
            try:
                self._bound(turn)
                if not self._held:
                    self._schedule(turn)
                return await turn.answer
            finally:
                turn.end()
                self._running.remove(turn)
        finally:
            self._turns.release()

    def _bound(self, turn: _Turn) -> None:
        seconds = self._timeout()
        words = f"It takes longer than {seconds:.0f} seconds."
        late = CannotPrint(codes.IMAGE_UNDECODABLE, words)
        turn.calls.append(self._reactor.callLater(seconds, turn.fail, late))

    def _schedule(self, turn: _Turn) -> None:
        turn.calls.append(self._reactor.callLater(0, self._print, turn))

    def _print(self, turn: _Turn) -> None:
        before = os.umask(0o077)
        try:
            carry_out(json.loads(turn.order), partial(self._hear, turn), lambda _, __: None)
        finally:
            os.umask(before)

    def _hear(self, turn: _Turn, words: dict[str, Any]) -> None:
        if "page" in words:
            turn.on_page(words["page"])
        elif "failed" in words:
            code, why = words["failed"]["code"], words["failed"]["words"]
            turn.fail(CannotPrint(code, why) if code else CannotPrintNow(why))
        elif not turn.answer.called:
            (answer,) = words.values()
            turn.answer.callback(json.loads(json.dumps(answer)))

    def stop(self) -> Deferred[None]:
        """Fail all orders, and each that comes."""
        self._stopped = True
        for turn in list(self._running):
            turn.fail(CannotPrintNow("the machine was switched off"))
        return succeed(None)
