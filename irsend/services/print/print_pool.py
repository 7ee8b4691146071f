"""The print pool: worker processes that print, draw and read, each one order after the other.

A worker that dies, hangs or writes what is no answer fails the order that it has,
and no other. None is started before there is an order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, fail, succeed
from twisted.internet.error import ProcessDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface, implementer

from irsend.device import codes
from irsend.extras import PRINTING
from irsend.services.error_text import SWITCHED_OFF
from irsend.services.reactor import IReactor
from irsend.services.timer import Timer
from irsend.services.worker_process import Worker, end_all, when_exited

# A worker without an order for so many seconds is ended, which frees its memory.
_IDLE = 60
# After so many orders a worker is replaced: its libraries may leak memory.
_MOST_ORDERS = 500
# Workers run at the lowest priority: by the clock an order may take so many times its CPU time.
_WALL_PER_CPU = 4


Order = Mapping[str, object]
Answer = dict[str, Any]
"""What a worker is sent and what it sends, as JSON: see :mod:`irsend.imaging.print_worker`."""


class CannotPrint(Exception):
    """A document cannot be printed or drawn, because of its content: code and reason."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class CannotPrintNow(Exception):
    """It cannot be printed now, whatever its content: the disk is full, for example."""


def _ignore_page(page: int) -> None:
    """Ignore a page that is done."""


class IPrintPool(Interface):
    """Prints mails, draws and reads their pages, and sets reports.

    Orders are those of :mod:`irsend.imaging.print_worker`; an answer is what the
    worker's message has under its only key.
    """

    at_once: int = Attribute("So many orders are carried out at once; the others wait.")

    def ask(order: Order, on_page: Callable[[int], None] = _ignore_page) -> Deferred[Answer]:
        """Carry out an order; fires with the answer.

        `on_page` is called with the number of each page of an image that is done.
        Fails with CannotPrint where the document is at fault, CannotPrintNow where it is
        not. A cancelled order fails with CancelledError, once nothing is written
        for it any more.
        """

    def stop() -> Deferred[None]:
        """Break off all orders, which fail with CannotPrintNow, as later ones do; fires when nothing runs."""


PoolMaker = Callable[[IReactor, int, Callable[[], float]], IPrintPool]
"""Makes a pool of so many workers; the callable gives the seconds that an order may take, by the clock."""


def make_print_pool(
    reactor: IReactor, at_once: int, timeout: Callable[[], float]
) -> IPrintPool:
    """Return a pool of so many workers; `timeout` gives the seconds that an order may take."""
    return PrintPool(reactor, at_once, timeout) if at_once else NoPrintPool()


class WorkerPools:
    """Makes the pools of one machine, with real workers or what `make` makes."""

    def __init__(self, reactor: IReactor, make: PoolMaker) -> None:
        self._reactor = reactor
        self._make = make

    def printing(self, at_once: int, cpu_seconds: Callable[[], float]) -> IPrintPool:
        """Return a pool of so many workers that print and draw, none where their libraries are missing."""
        lacking = printing_lacks()
        return NoPrintPool(lacking) if lacking else self._pool(at_once, cpu_seconds)

    def reading(self, cpu_seconds: Callable[[], float]) -> IPrintPool:
        """Return a pool of one worker that reads mails."""
        return self._pool(1, cpu_seconds)

    def _pool(self, at_once: int, cpu_seconds: Callable[[], float]) -> IPrintPool:
        return self._make(self._reactor, at_once, lambda: _WALL_PER_CPU * cpu_seconds())


def printing_lacks() -> str:
    """Return why nothing can be printed or drawn here; empty where it can."""
    return PRINTING.lacks("Printing")


@implementer(IPrintPool)
class NoPrintPool:
    """No workers: mails stay in memory, and no page can be looked at."""

    at_once = 0

    def __init__(
        self, why: str = "the machine has no print workers (printing.workers is 0)"
    ) -> None:
        self._why = why

    def ask(
        self, order: Order, on_page: Callable[[int], None] = _ignore_page
    ) -> Deferred[Answer]:
        """Fail with CannotPrintNow."""
        return fail(CannotPrintNow(self._why))

    def stop(self) -> Deferred[None]:
        """Fire at once."""
        return succeed(None)


@implementer(IPrintPool)
class PrintPool:
    """Runs up to `at_once` workers. `timeout` is in seconds, for each order."""

    log = Logger()

    def __init__(self, reactor: IReactor, at_once: int, timeout: Callable[[], float]) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self.at_once = at_once
        self._turns = DeferredSemaphore(at_once)
        self._idle: list[_PrintWorker] = []
        self._workers: set[_PrintWorker] = set()
        self._stopped = False

    def ask(
        self, order: Order, on_page: Callable[[int], None] = _ignore_page
    ) -> Deferred[Answer]:
        """Have a worker carry out an order."""
        return Deferred.fromCoroutine(self._carry_out(order, on_page))

    async def _carry_out(self, order: Order, on_page: Callable[[int], None]) -> Answer:
        await self._turns.acquire()
        try:
            if self._stopped:
                raise CannotPrintNow(SWITCHED_OFF)
            worker = self._idle.pop() if self._idle else self._start()
            try:
                return await worker.ask(order, on_page, self._timeout())
            except CancelledError:
                await when_exited(worker)
                raise
            finally:
                if worker in self._workers:
                    self._make_idle(worker)
        finally:
            self._turns.release()

    def _start(self) -> _PrintWorker:
        worker = _PrintWorker(self._reactor)
        try:
            worker.start(self._reactor, "irsend.imaging.print_worker")
        except OSError as error:
            raise CannotPrintNow(f"no worker can be started: {error.strerror}") from None
        self._workers.add(worker)
        worker.exited.addCallback(lambda _: self._forget(worker))
        return worker

    def _forget(self, worker: _PrintWorker) -> None:
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)

    def _make_idle(self, worker: _PrintWorker) -> None:
        if worker.orders >= _MOST_ORDERS or self._stopped:
            worker.retire()
            return
        self._idle.append(worker)
        worker.when_idle(_IDLE, lambda: self._retire(worker))

    def _retire(self, worker: _PrintWorker) -> None:
        if worker in self._idle:
            self._idle.remove(worker)
        worker.retire()

    def stop(self) -> Deferred[None]:
        """Kill all workers; fires when they have exited."""
        self._stopped = True
        return end_all(self._workers, lambda worker: worker.abort(CannotPrintNow(SWITCHED_OFF)))


class _PrintWorker(Worker):
    """One worker, for all its orders."""

    log = Logger()

    def __init__(self, reactor: IReactor) -> None:
        super().__init__()
        self._answer: Deferred[Answer] | None = None
        self._on_page: Callable[[int], None] = _ignore_page
        self._timer = Timer(reactor)
        self._why: Exception | None = None
        self.orders = 0
        """How many it has had."""

    def ask(
        self, order: Order, on_page: Callable[[int], None], timeout: float
    ) -> Deferred[Answer]:
        """Send it an order; fires with the answer."""
        self.orders += 1
        self._on_page = on_page
        answer: Deferred[Answer] = Deferred(lambda _: self.kill())
        self._answer = answer

        def take_too_long() -> None:
            words = f"It takes longer than {timeout:.0f} seconds."
            self.abort(CannotPrint(codes.IMAGE_UNDECODABLE, words))

        self._timer.start(timeout, take_too_long)
        self.send(order)
        return answer

    def when_idle(self, seconds: float, then: Callable[[], None]) -> None:
        """Call `then` after so many seconds without an order."""
        self._timer.start(seconds, then)

    def retire(self) -> None:
        """End it by closing its input: it has no order."""
        # One that does not notice the end of its input is killed.
        self._timer.start(_IDLE, self.kill)
        self.transport.closeStdin()

    def abort(self, why: Exception) -> None:
        """Kill it; its order fails with `why`."""
        self._why = self._why or why
        self.kill()

    def message_unreadable(self) -> None:
        """Kill it: after a line that is no answer the next may belong to any order."""
        self.abort(CannotPrint(codes.IMAGE_UNDECODABLE, "Its worker talks nonsense."))

    def message_received(self, message: Answer) -> None:
        """Pass on a page that is done, or end the order."""
        if self._why is not None:
            # It is being killed: ending its order would let it get another one.
            return
        if "page" in message:
            self._on_page(int(message["page"]))
        elif "failed" in message:
            failed = message["failed"]
            code, why = failed["code"], str(failed["words"])
            self._end(Failure(CannotPrint(str(code), why) if code else CannotPrintNow(why)))
        else:
            (outcome,) = message.values()
            self._end(dict(outcome))

    def _end(self, outcome: Answer | Failure) -> None:
        self._timer.cancel()
        answer, self._answer = self._answer, None
        if answer is not None and not answer.called:
            answer.callback(outcome)  # a Failure fails it

    def worker_exited(self, reason: Failure) -> None:
        """Fail the order that it had."""
        self._timer.cancel()
        if self._answer is None:
            if not reason.check(ProcessDone) and self._why is None and self.error_output:
                self.log.error(
                    "A print worker failed: {error_output}", error_output=self.error_output
                )
            return
        if self._why is None and not self._answer.called:
            self.log.error(
                "A print worker died: {error_output}", error_output=self.error_output
            )
        died = CannotPrint(
            codes.IMAGE_UNDECODABLE, "It takes too much time or memory, or breaks its decoder."
        )
        self._end(Failure(self._why or died))
