"""The pool of print workers, with real ones: what each costs, and that none outlives its pool."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.trial import unittest

from irsend.services.print.print_pool import CannotPrint, NoRoom, PrintPool
from tests.imaging.originals import text_page
from tests.imaging.received import mail, tiff


class PrintPoolTests(unittest.TestCase):
    """One worker, or two."""

    timeout = 60

    def setUp(self) -> None:
        """Make a pool and a directory."""
        self.place = Path(self.mktemp()).resolve()
        self.place.mkdir()
        self.seconds = 30.0
        self.pool = PrintPool(reactor, 1, lambda: self.seconds)
        self.addCleanup(lambda: self.pool.stop())

    def order(self, octets: bytes, name: str = "1", **more: Any) -> dict[str, Any]:
        """Return an order to print a mail."""
        (self.place / name).write_bytes(octets)
        into = self.place / f"out-{name}"
        into.mkdir()
        return {"print": {"files": [str(self.place / name)], "into": str(into), **more}}

    def workers(self) -> set[int]:
        """Return the process ids of the workers there are."""
        return {one.transport.pid for one in self.pool._workers}

    def until(self, true: Callable[[], object]) -> Deferred[None]:
        """Wait for something that no event tells."""

        def look() -> Any:
            return None if true() else deferLater(reactor, 0.01, look)

        return deferLater(reactor, 0, look)

    def test_none_before_there_is_work(self) -> None:
        """A pool that prints nothing has no process."""
        self.assertEqual(self.workers(), set())

    @inlineCallbacks
    def test_warm(self) -> Any:
        """One worker prints one mail after the other, tells of each page, and draws too."""
        told: list[int] = []
        fax = mail("", (tiff(text_page(1728, 2292)), "image/tiff", "a.tif"))
        first = yield self.pool.ask(self.order(fax, "1"), told.append)
        worker = self.workers()
        second = yield self.pool.ask(self.order(mail("Text."), "2"))
        self.assertEqual((first["pages"], second["pages"], told), (1, 1, [1]))
        self.assertEqual(self.workers(), worker)
        png = self.place / "page.png"
        draw = {"file": str(self.place / "out-1" / "printed.pdf"), "into": str(png)}
        drawn = yield self.pool.ask({"draw": {**draw, "page": 1, "dots": 50}})
        self.assertEqual((drawn["width"], png.read_bytes()[:4]), (414, b"\x89PNG"))

    @inlineCallbacks
    def test_each_its_own_document(self) -> Any:
        """Two workers have an order each at once, and what is more waits for the first that is free."""
        yield self.pool.stop()
        self.pool = PrintPool(reactor, 2, lambda: self.seconds)
        orders = [self.pool.ask(self.order(mail("Text."), str(one))) for one in range(4)]
        self.assertEqual(len(self.workers()), 2)
        printed = yield gatherResults(orders)
        self.assertEqual([one["pages"] for one in printed], [1, 1, 1, 1])
        self.assertEqual(len(self.workers()), 2)

    @inlineCallbacks
    def test_dies(self) -> Any:
        """A worker that dies costs its own document, #822, and the next is printed by another."""
        yield self.pool.ask(self.order(mail("Text."), "1"))
        (worker,) = self.workers()
        os.kill(worker, signal.SIGSTOP)
        asked = self.pool.ask(self.order(mail("Text."), "2"))
        os.kill(worker, signal.SIGKILL)
        error = yield self.assertFailure(asked, CannotPrint)
        self.assertEqual(error.code, "#822")
        self.assertEqual(str(error), "It takes too much time or memory, or breaks its decoder.")
        printed = yield self.pool.ask(self.order(mail("Text."), "3"))
        self.assertEqual(printed["pages"], 1)
        self.assertNotIn(worker, self.workers())

    @inlineCallbacks
    def test_hangs(self) -> Any:
        """A worker that hangs is killed in time; its document is #822."""
        yield self.pool.ask(self.order(mail("Text."), "1"))
        (worker,) = self.workers()
        os.kill(worker, signal.SIGSTOP)
        self.seconds = 0.2
        error = yield self.assertFailure(
            self.pool.ask(self.order(mail("Text."), "2")), CannotPrint
        )
        self.assertEqual((error.code, str(error)), ("#822", "It takes longer than 0 seconds."))
        yield self.until(lambda: not self.workers())

    @inlineCallbacks
    def test_nonsense_in_front_of_an_answer(self) -> Any:
        """A worker that talks nonsense costs the order it has, whatever it says then, and no other."""
        yield self.pool.ask(self.order(mail("Text."), "1"))
        (worker,) = self.pool._workers
        asked = self.pool.ask(self.order(mail("Text."), "2"))
        worker.outReceived(b'nonsense\n{"printed": {"pages": 9}}\n')
        error = yield self.assertFailure(asked, CannotPrint)
        self.assertEqual(str(error), "Its worker talks nonsense.")
        printed = yield self.pool.ask(self.order(mail("Text."), "3"))
        self.assertEqual(printed["pages"], 1)

    @inlineCallbacks
    def test_cpu(self) -> Any:
        """A document may take only so much CPU: the kernel ends the worker."""
        order = self.order(mail("x" * 4_000_000), "1", seconds=0, most_lines=100_000)
        order["print"]["most_pages"] = 10_000
        error = yield self.assertFailure(self.pool.ask(order), CannotPrint)
        self.assertEqual(error.code, "#822")

    @inlineCallbacks
    def test_cancelled(self) -> Any:
        """What is cancelled fires when its worker is gone, and writes nothing any more."""
        yield self.pool.ask(self.order(mail("Text."), "1"))
        (worker,) = self.workers()
        os.kill(worker, signal.SIGSTOP)
        asked = self.pool.ask(self.order(mail("Text."), "2"))
        asked.cancel()
        yield self.assertFailure(asked, CancelledError)
        self.assertRaises(ProcessLookupError, os.kill, worker, 0)
        printed = yield self.pool.ask(self.order(mail("Text."), "3"))
        self.assertEqual(printed["pages"], 1)

    @inlineCallbacks
    def test_cancelled_in_the_queue(self) -> Any:
        """What is cancelled before its turn costs nobody anything."""
        first = self.pool.ask(self.order(mail("Text."), "1"))
        second = self.pool.ask(self.order(mail("Text."), "2"))
        second.cancel()
        yield self.assertFailure(second, CancelledError)
        printed = yield first
        self.assertEqual(printed["pages"], 1)

    @inlineCallbacks
    def test_full_disk(self) -> Any:
        """What fails by the disk is not the document's fault: it may be tried again."""
        order = self.order(mail("Text."))
        (self.place / "out-1").rmdir()
        error = yield self.assertFailure(self.pool.ask(order), NoRoom)
        self.assertIn("No such file or directory", str(error))

    @inlineCallbacks
    def test_switched_off(self) -> Any:
        """When it stops all workers are gone, and what was asked fails without a code."""
        asked = self.pool.ask(self.order(mail("Text."), "1"))
        waiting = self.pool.ask(self.order(mail("Text."), "2"))
        workers = self.workers()
        failures = [self.assertFailure(one, NoRoom) for one in (asked, waiting)]
        yield self.pool.stop()
        yield gatherResults(failures)
        for worker in workers:
            self.assertRaises(ProcessLookupError, os.kill, worker, 0)
        yield self.assertFailure(self.pool.ask(self.order(mail("Text."), "3")), NoRoom)
