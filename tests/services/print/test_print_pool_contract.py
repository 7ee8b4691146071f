"""What a print pool must do, held by the pool of worker processes and by its double."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial import unittest
from zope.interface.verify import verifyObject

from irsend.services.print.print_pool import CannotPrint, CannotPrintNow, IPrintPool, PrintPool
from irsend.testing.shared_workers import SharedWorkers
from tests.imaging.originals import text_page
from tests.imaging.received import mail, tiff
from tests.print_pools import InProcessPrintPool

FAX = tiff(*[text_page(864, 600)] * 2)
DIVIDED = (
    b"Subject: One\r\nContent-Type: message/partial; id=a; number=1; total=2\r\n\r\n"
    b"Subject: Two\r\n\r\nFirst half, \r\n",
    b"Content-Type: message/partial; id=a; number=2; total=2\r\n\r\nsecond half.\r\n",
)


class _Contract:
    """The contract; how its pool is made, and made to fail, is each pool's own."""

    timeout = 60
    pool: Any
    make: Callable[..., Any]
    assertEqual: Callable[..., Any]
    assertIn: Callable[..., Any]
    assertTrue: Callable[..., Any]
    assertFailure: Callable[..., Deferred[Any]]
    addCleanup: Callable[..., Any]
    mktemp: Callable[[], str]

    def setUp(self) -> None:
        """Make a pool and a directory."""
        self.place = Path(self.mktemp()).resolve()
        self.place.mkdir()
        self.seconds = 30.0
        self.pool = self.make(reactor, 1, lambda: self.seconds)
        self.addCleanup(lambda: self.pool.stop())

    async def hold_back(self) -> None:
        """Have the next order make no progress."""
        raise NotImplementedError

    def go_on(self) -> None:
        """Have it make progress again."""
        raise NotImplementedError

    def break_down(self) -> None:
        """Let what carries out the order die."""
        raise NotImplementedError

    def running(self) -> int:
        """Return how many orders are carried out at the moment."""
        raise NotImplementedError

    def order(self, *files: bytes, name: str = "1", **more: Any) -> dict[str, Any]:
        """Return an order to print a mail, or the parts of a divided one."""
        paths = [self.place / f"{name}-{number}" for number, _ in enumerate(files)]
        for path, octets in zip(paths, files, strict=True):
            path.write_bytes(octets)
        into = self.place / f"out-{name}"
        into.mkdir()
        return {"print": {"files": list(map(str, paths)), "into": str(into), **more}}

    def text(self, name: str = "1") -> str:
        """Return the text of what was printed."""
        with pypdfium2.PdfDocument(self.place / f"out-{name}" / "printed.pdf") as pdf:
            return "".join(page.get_textpage().get_text_bounded() for page in pdf)

    def test_interface(self) -> None:
        """It provides IPrintPool, and has as many orders at once as it was made for."""
        self.assertTrue(verifyObject(IPrintPool, self.pool))
        self.assertEqual(self.pool.at_once, 1)

    async def test_prints(self) -> None:
        """A mail becomes a PDF; each page of its image is reported, and the answer says what it is."""
        pages: list[int] = []
        attached = [(FAX, "image/tiff", "a.tif"), (b"x", "application/x", "b.x")]
        order = self.order(mail("Text.", *attached, subject="One"))
        self.assertEqual(
            await self.pool.ask(order, pages.append),
            {
                "file": "printed.pdf",
                "pages": 3,
                "codes": ["#827"],
                "notices": ["b.x\nNo programs can process the file attachment."],
                "from": '"The Office on the Third Floor" <office@bench.test>',
                "subject": "One",
                "message_id": "<1@bench.test>",
                "images": 2,
            },
        )
        self.assertEqual(pages, [1, 2])
        self.assertIn("Text.", self.text())
        mode = (self.place / "out-1" / "printed.pdf").stat().st_mode & 0o777
        self.assertEqual(mode, 0o600)

    async def test_orders(self) -> None:
        """Parts are printed as one mail, `instead` in its place; pages are drawn and read, texts set."""
        printed = await self.pool.ask(self.order(*DIVIDED))
        self.assertEqual((printed["pages"], printed["subject"]), (1, "Two"))
        self.assertIn("First half, \r\nsecond half.", self.text())
        instead = {"code": "#822", "words": "It is broken."}
        printed = await self.pool.ask(self.order(mail("Text."), name="2", instead=instead))
        self.assertEqual((printed["codes"], printed["pages"]), (["#822"], 1))
        self.assertIn("It is broken.", self.text("2"))
        page = {"file": str(self.place / "out-1" / "printed.pdf"), "page": 1}
        png, report = self.place / "page.png", self.place / "report.pdf"
        order = {**page, "into": str(png), "dots": 50}
        cropped = await self.pool.ask({"draw": {**order, "crop_to_ink": True}})
        self.assertEqual((cropped["width"], cropped["height"]), (175, 109))
        drawn = await self.pool.ask({"draw": order})
        self.assertEqual(drawn, {"file": str(png), "width": 414, "height": 585})
        self.assertEqual(png.read_bytes()[:4], b"\x89PNG")
        read = await self.pool.ask({"read": page})
        self.assertIn("Subject: Two", [line["text"] for line in read["lines"]])
        text = {"text": "REPORT\n", "title": "Report", "paper": "A4", "into": str(report)}
        self.assertEqual(await self.pool.ask({"set": text}), {"file": str(report), "pages": 1})

    async def test_faults(self) -> None:
        """A document at fault fails with its code, a disk at fault without one, and the next is printed."""
        await self.pool.ask(self.order(mail("Text.")))
        page = {"file": str(self.place / "out-1" / "printed.pdf"), "page": 2, "dots": 50}
        asked = self.pool.ask({"draw": {**page, "into": str(self.place / "2.png")}})
        error = await self.assertFailure(asked, CannotPrint)
        self.assertEqual(
            (error.code, str(error)), ("#822", "printed.pdf has 1 pages, and no page 2.")
        )
        order = self.order(mail("Text."), name="2")
        (self.place / "out-2").rmdir()
        error = await self.assertFailure(self.pool.ask(order), CannotPrintNow)
        self.assertIn("No such file or directory", str(error))
        printed = await self.pool.ask(self.order(mail("Text."), name="3"))
        self.assertEqual(printed["pages"], 1)

    async def test_at_once(self) -> None:
        """So many orders are carried out at once; the others have their turn when one of these ends."""
        await self.pool.stop()
        self.pool = self.make(reactor, 2, lambda: self.seconds)
        orders = [self.pool.ask(self.order(mail("Text."), name=str(one))) for one in range(4)]
        self.assertEqual(self.running(), 2)
        printed = await gatherResults(orders)
        self.assertEqual([one["pages"] for one in printed], [1, 1, 1, 1])

    async def test_held_back(self) -> None:
        """What makes no progress has no answer, and has one when it makes progress again."""
        await self.hold_back()
        asked = self.pool.ask(self.order(mail("Text.")))
        await deferLater(reactor, 0.02)
        self.assertEqual((asked.called, self.running()), (False, 1))
        self.go_on()
        self.assertEqual((await asked)["pages"], 1)

    async def test_breaks_down(self) -> None:
        """What carries it out dies: that document is #822, and the next is printed."""
        await self.hold_back()
        asked = self.pool.ask(self.order(mail("Text.")))
        self.break_down()
        error = await self.assertFailure(asked, CannotPrint)
        words = "It takes too much time or memory, or breaks its decoder."
        self.assertEqual((error.code, str(error)), ("#822", words))
        self.go_on()
        printed = await self.pool.ask(self.order(mail("Text."), name="2"))
        self.assertEqual(printed["pages"], 1)

    async def test_takes_too_long(self) -> None:
        """An order that takes more than its seconds is #822."""
        await self.hold_back()
        self.seconds = 0.1
        error = await self.assertFailure(self.pool.ask(self.order(mail("Text."))), CannotPrint)
        self.assertEqual((error.code, str(error)), ("#822", "It takes longer than 0 seconds."))

    async def test_cancelled(self) -> None:
        """An order that is cancelled writes nothing, in its turn or before; the next is printed."""
        await self.hold_back()
        asked = self.pool.ask(self.order(mail("Text.")))
        waiting = self.pool.ask(self.order(mail("Text."), name="2"))
        waiting.cancel()
        await self.assertFailure(waiting, CancelledError)
        asked.cancel()
        await self.assertFailure(asked, CancelledError)
        self.go_on()
        printed = await self.pool.ask(self.order(mail("Text."), name="3"))
        self.assertEqual(printed["pages"], 1)
        for name in "12":
            self.assertEqual(list((self.place / f"out-{name}").iterdir()), [])

    async def test_stopped(self) -> None:
        """When it is stopped all orders fail without a code, and so does each that comes."""
        asked = self.pool.ask(self.order(mail("Text.")))
        waiting = self.pool.ask(self.order(mail("Text."), name="2"))
        failures = [self.assertFailure(one, CannotPrintNow) for one in (asked, waiting)]
        await self.pool.stop()
        self.assertEqual(self.running(), 0)
        for error in await gatherResults(failures):
            self.assertEqual(str(error), "the machine was switched off")
        await self.assertFailure(
            self.pool.ask(self.order(mail("Text."), name="3")), CannotPrintNow
        )


class WorkersTests(_Contract, unittest.TestCase):
    """The pool of worker processes."""

    make = PrintPool

    def running(self) -> int:
        """Return how many of its workers have an order."""
        return len(self.pool._workers) - len(self.pool._idle)

    async def hold_back(self) -> None:
        """Stop its one worker."""
        await self.pool.ask(self.order(mail("Text."), name="first"))
        (self.worker,) = self.pool._workers
        os.kill(self.worker.transport.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the worker run, where it is still there."""
        if self.worker.transport.pid is not None:
            os.kill(self.worker.transport.pid, signal.SIGCONT)

    def break_down(self) -> None:
        """Kill the worker."""
        os.kill(self.worker.transport.pid, signal.SIGKILL)


class SharedWorkersTests(WorkersTests):
    """The pool of a machine whose workers others have, too."""

    def make(self, *given: Any) -> IPrintPool:
        """Make the pool of one machine."""
        workers = SharedWorkers()
        self.addCleanup(workers.stop)
        pool = workers.make_print_pool(*given)
        (self.shared,) = workers._pools.values()
        return pool

    def running(self) -> int:
        """Return how many workers have an order."""
        return len(self.shared._workers) - len(self.shared._idle)

    async def hold_back(self) -> None:
        """Stop its one worker."""
        await self.pool.ask(self.order(mail("Text."), name="first"))
        (self.worker,) = self.shared._workers
        os.kill(self.worker.transport.pid, signal.SIGSTOP)

    async def test_takes_too_long(self) -> None:
        """The seconds of an order are those that the machine had when it was made."""
        self.seconds = 0.1
        await self.pool.stop()
        self.pool = self.make(reactor, 1, lambda: self.seconds)
        error = await self.assertFailure(self.pool.ask(self.order(mail("Text."))), CannotPrint)
        self.assertEqual((error.code, str(error)), ("#822", "It takes longer than 0 seconds."))

    async def test_other_machine(self) -> None:
        """When one machine is stopped, the workers print for another, and none is started anew."""
        workers = SharedWorkers()
        self.addCleanup(workers.stop)
        one, other = (
            workers.make_print_pool(reactor, 1, lambda: self.seconds) for _ in range(2)
        )
        await one.ask(self.order(mail("Text.")))
        ((pid,),) = (
            [worker.transport.pid for worker in pool._workers]
            for pool in workers._pools.values()
        )
        breaking_off = one.ask(self.order(mail("Text."), name="2"))
        stopped = one.stop()
        await self.assertFailure(breaking_off, CannotPrintNow)
        await stopped
        self.assertEqual((await other.ask(self.order(mail("Text."), name="3")))["pages"], 1)
        ((worker,),) = (pool._workers for pool in workers._pools.values())
        self.assertEqual(worker.transport.pid, pid)

    def test_no_workers(self) -> None:
        """A machine without workers has a pool that prints nothing."""
        pool = SharedWorkers().make_print_pool(reactor, 0, lambda: self.seconds)
        self.assertEqual(pool.at_once, 0)


class InProcessTests(_Contract, unittest.TestCase):
    """The double."""

    make = InProcessPrintPool

    def running(self) -> int:
        """Return how many have their turn."""
        running: int = self.pool.running
        return running

    async def hold_back(self) -> None:
        """Hold back what comes."""
        self.pool.hold_back()

    def go_on(self) -> None:
        """Hold nothing back."""
        self.pool.go_on()

    def break_down(self) -> None:
        """Fail the order."""
        self.pool.break_down()

    async def test_fail_next(self) -> None:
        """An order fails as the test says, and the one behind it is printed; both are among its orders."""
        self.pool.fail_next(CannotPrintNow("the disk is full"))
        orders = [self.order(mail("Text."), name=name) for name in "12"]
        error = await self.assertFailure(self.pool.ask(orders[0]), CannotPrintNow)
        self.assertEqual(str(error), "the disk is full")
        self.assertEqual((await self.pool.ask(orders[1]))["pages"], 1)
        self.assertEqual(self.pool.orders, orders)
