"""The worker that scans: what it makes, and that nothing it meets hurts the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.trial import unittest

import irsend
from irsend.errors import MemoryFull, ScanRefused
from irsend.services.send.scanner import Scan, ScanFile, Scanner, ScanOrder
from tests.imaging.originals import pdf, photograph


class ScannerTests(unittest.TestCase):
    """Real workers."""

    timeout = 60

    def setUp(self) -> None:
        """Make a scanner and a place."""
        self.place = Path(self.mktemp())
        self.into = self.place / "into"
        self.into.mkdir(parents=True)
        self.pages: list[tuple[int, int]] = []
        self.scanner = Scanner(reactor, timeout=lambda: 50)
        self.addCleanup(self.scanner.stop)

    def scan(self, *files: Path, scanner: Scanner | None = None, **more: Any) -> Deferred[Scan]:
        """Scan some files."""
        order = ScanOrder(
            files=tuple(ScanFile(path=one, name=one.name) for one in files),
            into=self.into,
            **{
                "format": "pdf",
                "resolution": "100x100",
                "paper": "auto",
                "most_pages": 100,
                "most_octets": 100_000_000,
                **more,
            },
        )
        return (scanner or self.scanner).scan(order, lambda *page: self.pages.append(page))

    @inlineCallbacks
    def test_scan(self) -> Any:
        """Pages of several files become one PDF, and each page is told."""
        photo = self.place / "a.jpg"
        photograph().save(photo)
        scan = yield self.scan(pdf(self.place / "b.pdf", 2), photo)
        self.assertEqual((scan.type, scan.pages), ("application/pdf", 3))
        self.assertEqual(scan.files, (self.into / "scan.pdf",))
        self.assertTrue(scan.files[0].read_bytes().startswith(b"%PDF-"))
        self.assertEqual(self.pages, [(1, 3), (2, 3), (3, 3)])

    @inlineCallbacks
    def test_refused(self) -> Any:
        """The worker's sentence comes through."""
        path = self.place / "x.doc"
        path.write_bytes(b"hello")
        refused = yield self.assertFailure(self.scan(path), ScanRefused)
        self.assertEqual(str(refused), "x.doc is not a PDF, TIFF, PNG or JPEG file")

    @inlineCallbacks
    def test_killed(self) -> Any:
        """A worker that dies is a refusal that names the files; the next scan works."""
        scanning = self.scan(pdf(self.place / "b.pdf", 50), resolution="600x600")
        yield deferLater(reactor, 0.05, lambda: None)
        (worker,) = self.scanner._workers
        worker.transport.signalProcess("KILL")
        refused = yield self.assertFailure(scanning, ScanRefused)
        self.assertIn("b.pdf", str(refused))
        self.assertEqual(len(self.flushLoggedErrors()), 0)
        yield self.scan(pdf(self.place / "c.pdf"))

    @inlineCallbacks
    def test_too_long(self) -> Any:
        """A worker that takes too long is killed."""
        scanner = Scanner(reactor, timeout=lambda: 0.05)
        scanning = self.scan(pdf(self.place / "b.pdf", 50), scanner=scanner)
        refused = yield self.assertFailure(scanning, ScanRefused)
        self.assertIn("takes longer than", str(refused))
        yield scanner.stop()

    @inlineCallbacks
    def test_cancelled(self) -> Any:
        """A scan that is cancelled ends, and its worker with it."""
        scanning = self.scan(pdf(self.place / "b.pdf", 50), resolution="600x600")
        yield deferLater(reactor, 0.05, lambda: None)
        (worker,) = self.scanner._workers
        scanning.cancel()
        # Whoever hears of it may remove the directory: nothing is written there any more.
        yield self.assertFailure(scanning, CancelledError)
        self.assertTrue(worker.exited.called)
        self.assertEqual(self.scanner._workers, set())

    @inlineCallbacks
    def test_does_not_fit(self) -> Any:
        """A scan larger than its room is told as such in each format, and takes no more of the disk."""
        noise = Image.effect_noise((2000, 2000), 90)
        photo = self.place / "noise.png"
        noise.save(photo)
        for words in (
            {"format": "jpeg"},
            {"format": "pdf"},
            {"format": "tiff"},
            {"format": "tiff", "profile": "S"},
            {"format": "tiff", "profile": "C"},
        ):
            for most in (1, 20_000):
                full = yield self.assertFailure(
                    self.scan(photo, photo, most_octets=most, **words), MemoryFull
                )
                self.assertIn("what is left of the machine's memory", str(full))
                sizes = [one.stat().st_size for one in self.into.iterdir()]
                self.assertLessEqual(sum(sizes), most, words)
                for one in self.into.iterdir():
                    one.unlink()
        # The images fit, and what is around them in a PDF does not.
        scan = yield self.scan(pdf(self.place / "b.pdf"))
        size = scan.files[0].stat().st_size
        yield self.assertFailure(
            self.scan(pdf(self.place / "b.pdf"), most_octets=size - 1), MemoryFull
        )
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    @inlineCallbacks
    def test_stopped(self) -> Any:
        """Switching off ends what runs, and refuses what comes then."""
        scanning = self.scan(pdf(self.place / "b.pdf", 50), resolution="600x600")
        outcome = self.assertFailure(scanning, ScanRefused)
        yield self.scanner.stop()
        self.assertIn("switched off", str((yield outcome)))
        yield self.assertFailure(self.scan(pdf(self.place / "c.pdf")), ScanRefused)

    def test_nothing_decodes_here(self) -> None:
        """The machine's own process loads no decoder."""
        program = (
            "import sys, irsend.assembly, irsend.services.machine.machine; "
            "print([one for one in ('PIL', 'pypdfium2', 'img2pdf', 'pikepdf') if one in sys.modules])"
        )
        env = {**os.environ, "PYTHONPATH": str(Path(irsend.__file__).parent.parent)}
        told = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env
        )
        self.assertEqual(told.stdout.strip(), "[]")
