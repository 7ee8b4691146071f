"""From the scanner to the outbox: what does not fit into the memory is not kept, and leaves nothing."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from irsend.device.send_order import Original, read_order
from irsend.errors import MemoryFull
from irsend.services.send.scanner import Scan, ScanOrder
from tests.services.relay import SendingCase


class HeldScanner:
    """Holds scans until `come`."""

    def __init__(self) -> None:
        self.orders: list[ScanOrder] = []
        self.scans: list[Deferred[Scan]] = []

    def scan(self, order: ScanOrder, _: Any) -> Deferred[Scan]:
        """Wait."""
        self.orders.append(order)
        self.scans.append(Deferred())
        return self.scans[-1]

    def come(self, number: int, octets: int) -> None:
        """Let a scan of so many octets be done."""
        path = self.orders[number].into / "scan.tif"
        path.write_bytes(bytes(octets))
        self.scans[number].callback(Scan(files=(path,), type="image/tiff", pages=1))


class JobSubmissionTests(SendingCase):
    """A machine with room for 100,000 octets, and a scanner that the test holds."""

    def setUp(self) -> None:
        """Put the scanner into it."""
        super().setUp()
        self.parts.capacity = 100_000
        self.scanner = HeldScanner()
        self.slow = self.make_send_queue(self.scanner)

    def order(self, text: str = "") -> Deferred[Any]:
        """Order a sending."""
        page = Original(path=self.directory / "page.tif", name="page.tif")
        given: dict[str, object] = {"to": ["b@bench.test"], "format": "tiff", "text": text}
        return self.slow.send(read_order(self.parts.device, [page], given))

    def kept(self) -> int:
        """Return how many jobs are in the outbox, which holds nothing else."""
        self.assertEqual(list(self.directory.glob("outbox/tmp/*")), [])
        return len(list(self.directory.glob("outbox/[0-9]*")))

    def test_scan_that_does_not_fit(self) -> None:
        """A scan whose mail would be larger than what is left is refused, and leaves nothing."""
        order = self.order()
        self.scanner.come(-1, 73_000)
        failed = self.failureResultOf(order, MemoryFull)
        self.assertIn("larger than what is left", failed.getErrorMessage())
        self.assertEqual((self.kept(), self.outbox.used), (0, 0))
        order = self.order()
        self.scanner.come(-1, 65_000)
        self.successResultOf(order)
        self.assertEqual(self.kept(), 1)
        self.assertLessEqual(self.outbox.used, self.parts.memory.capacity)

    def test_meanwhile(self) -> None:
        """What came into the memory while a page was scanned counts."""
        order = self.order()
        self.parts.memory.used = 50_000
        self.scanner.come(0, 40_000)
        self.failureResultOf(order, MemoryFull)
        self.assertEqual((self.kept(), self.outbox.used), (0, 0))

    def test_two_at_once(self) -> None:
        """Of two scans that fit, but not both, one is kept."""
        turn: Deferred[None] = Deferred()
        self.outbox._turns.run(lambda: turn)
        orders = [self.order(), self.order()]
        self.scanner.come(0, 40_000)
        self.assertNoResult(orders[0])
        self.scanner.come(1, 40_000)
        self.failureResultOf(orders[1], MemoryFull)
        turn.callback(None)
        self.successResultOf(orders[0])
        self.assertEqual(self.kept(), 1)
        self.assertLessEqual(self.outbox.used, self.parts.memory.capacity)

    def test_larger_than_thought(self) -> None:
        """A mail that comes out too large for what is left is not kept either."""
        order = self.order("€" * 30_000)
        self.scanner.come(0, 10_000)
        self.failureResultOf(order, MemoryFull)
        self.assertEqual((self.kept(), self.outbox.used), (0, 0))
        # What was promised to it is given back.
        self.test_scan_that_does_not_fit()

    def test_bound_of_the_scanner(self) -> None:
        """The scanner may make no more than would fit as a mail."""
        self.parts.memory.used = 31_500
        self.order()
        self.assertEqual(self.scanner.orders[0].most_octets, 50_001)

    def test_cancelled(self) -> None:
        """A job that is cancelled while it is scanned leaves nothing."""
        order = self.order()
        order.cancel()
        self.failureResultOf(order, CancelledError)
        self.assertEqual(self.kept(), 0)
