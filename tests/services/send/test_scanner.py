"""The scanner: what its workers make, and that no file hurts the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater

import irsend
from irsend.errors import MemoryFull, ScanRefused
from irsend.services.send.scanner import Scanner
from tests.imaging.originals import pdf, photograph
from tests.services.scanning import ScanningCase


class ScannerTests(ScanningCase):
    """Real workers."""

    async def test_scan(self) -> None:
        """Pages of several files become one PDF, and each page is reported."""
        photo = self.place / "a.jpg"
        photograph().save(photo)
        scan = await self.scan(pdf(self.place / "b.pdf", 2), photo)
        self.assertEqual((scan.type, scan.pages), ("application/pdf", 3))
        self.assertEqual(scan.files, (self.into / "scan.pdf",))
        self.assertTrue(scan.files[0].read_bytes().startswith(b"%PDF-"))
        self.assertEqual(self.pages, [(1, 3), (2, 3), (3, 3)])

    async def test_refused(self) -> None:
        """The worker's sentence comes through."""
        path = self.place / "x.doc"
        path.write_bytes(b"hello")
        refused = await self.assertFailure(self.scan(path), ScanRefused)
        self.assertEqual(str(refused), "x.doc is not a PDF, TIFF, PNG or JPEG file")

    async def test_killed(self) -> None:
        """A worker that dies is a refusal that names the files; the next scan works."""
        scanning = self.scan(pdf(self.place / "b.pdf", 50), resolution="600x600")
        await deferLater(reactor, 0.05, lambda: None)
        (worker,) = self.scanner._workers
        worker.transport.signalProcess("KILL")
        refused = await self.assertFailure(scanning, ScanRefused)
        self.assertIn("b.pdf", str(refused))
        self.assertEqual(len(self.flushLoggedErrors()), 0)
        await self.scan(pdf(self.place / "c.pdf"))

    async def test_too_long(self) -> None:
        """A worker that takes too long is killed."""
        scanner = Scanner(reactor, timeout=lambda: 0.05)
        scanning = self.scan(pdf(self.place / "b.pdf", 50), scanner=scanner)
        refused = await self.assertFailure(scanning, ScanRefused)
        self.assertIn("takes longer than", str(refused))
        await scanner.stop()

    async def test_cancelled(self) -> None:
        """A scan that is cancelled ends, and its worker with it."""
        scanning = self.scan(pdf(self.place / "b.pdf", 50), resolution="600x600")
        await deferLater(reactor, 0.05, lambda: None)
        (worker,) = self.scanner._workers
        scanning.cancel()
        # The directory may be removed now: nothing is written there any more.
        await self.assertFailure(scanning, CancelledError)
        self.assertTrue(worker.exited.called)
        self.assertEqual(self.scanner._workers, set())

    async def test_does_not_fit(self) -> None:
        """A scan larger than its room is refused as such, and takes no more of the disk."""
        await self.assert_does_not_fit(20_000, format="jpeg")
        await self.assert_does_not_fit(20_000, format="tiff", profile="C")
        # The images fit, and what is around them in a PDF does not.
        scan = await self.scan(pdf(self.place / "b.pdf"))
        size = scan.files[0].stat().st_size
        await self.assertFailure(
            self.scan(pdf(self.place / "b.pdf"), most_octets=size - 1), MemoryFull
        )
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    async def test_stopped(self) -> None:
        """Switching off ends what runs, and refuses what comes then."""
        scanning = self.scan(pdf(self.place / "b.pdf", 50), resolution="600x600")
        outcome = self.assertFailure(scanning, ScanRefused)
        await self.scanner.stop()
        self.assertIn("switched off", str(await outcome))
        await self.assertFailure(self.scan(pdf(self.place / "c.pdf")), ScanRefused)

    def test_nothing_decodes_here(self) -> None:
        """The machine's own process loads no decoder."""
        program = (
            "import sys, irsend.assembly, irsend.services.machine.machine; "
            "print([one for one in ('PIL', 'pypdfium2', 'img2pdf', 'pikepdf') if one in sys.modules])"
        )
        env = {**os.environ, "PYTHONPATH": str(Path(irsend.__file__).parent.parent)}
        ended = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env
        )
        self.assertEqual(ended.stdout.strip(), "[]")
