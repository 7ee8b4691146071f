"""What is the worker processes' own in their pool: they stay warm, and none outlives an order or the pool."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater
from twisted.trial import unittest

from irsend.services.print.print_pool import CannotPrint, CannotPrintNow, PrintPool
from tests.imaging.received import mail


class PrintPoolTests(unittest.TestCase):
    """One worker; what holds of any pool is in `test_print_pool_contract`."""

    timeout = 60

    def setUp(self) -> None:
        """Make a pool and a directory."""
        self.place = Path(self.mktemp()).resolve()
        self.place.mkdir()
        self.seconds = 30.0
        self.pool = PrintPool(reactor, 1, lambda: self.seconds)
        self.addCleanup(lambda: self.pool.stop())

    def order(self, octets: bytes, name: str = "1") -> dict[str, Any]:
        """Return an order to print a mail."""
        (self.place / name).write_bytes(octets)
        into = self.place / f"out-{name}"
        into.mkdir()
        return {"print": {"files": [str(self.place / name)], "into": str(into)}}

    def workers(self) -> set[int]:
        """Return the process ids of the workers there are."""
        return {one.transport.pid for one in self.pool._workers}

    async def test_warm(self) -> None:
        """There is no worker before the first order, and the same one for the next."""
        self.assertEqual(self.workers(), set())
        await self.pool.ask(self.order(mail("Text."), "1"))
        worker = self.workers()
        await self.pool.ask(self.order(mail("Text."), "2"))
        self.assertEqual((len(worker), self.workers()), (1, worker))

    async def test_hangs(self) -> None:
        """A worker that hangs is killed in time, and forgotten."""
        await self.pool.ask(self.order(mail("Text."), "1"))
        (worker,) = self.workers()
        os.kill(worker, signal.SIGSTOP)
        self.seconds = 0.2
        asked = self.pool.ask(self.order(mail("Text."), "2"))
        await self.assertFailure(asked, CannotPrint)
        while self.workers():
            await deferLater(reactor, 0.01)
        self.assertRaises(ProcessLookupError, os.kill, worker, 0)

    async def test_no_answer_in_front_of_an_answer(self) -> None:
        """A worker that writes what is no answer costs the order that it has, and no other."""
        await self.pool.ask(self.order(mail("Text."), "1"))
        (worker,) = self.pool._workers
        asked = self.pool.ask(self.order(mail("Text."), "2"))
        worker.outReceived(b'nonsense\n{"printed": {"pages": 9}}\n')
        error = await self.assertFailure(asked, CannotPrint)
        self.assertEqual(str(error), "Its worker talks nonsense.")
        printed = await self.pool.ask(self.order(mail("Text."), "3"))
        self.assertEqual(printed["pages"], 1)

    async def test_cancelled(self) -> None:
        """What is cancelled fires when its worker is gone."""
        await self.pool.ask(self.order(mail("Text."), "1"))
        (worker,) = self.workers()
        os.kill(worker, signal.SIGSTOP)
        asked = self.pool.ask(self.order(mail("Text."), "2"))
        asked.cancel()
        await self.assertFailure(asked, CancelledError)
        self.assertRaises(ProcessLookupError, os.kill, worker, 0)

    async def test_switched_off(self) -> None:
        """When it is stopped all workers are gone."""
        asked = self.pool.ask(self.order(mail("Text."), "1"))
        (worker,) = self.workers()
        failing = self.assertFailure(asked, CannotPrintNow)
        await self.pool.stop()
        await failing
        self.assertRaises(ProcessLookupError, os.kill, worker, 0)
