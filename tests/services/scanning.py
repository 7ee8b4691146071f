"""A scanner with real workers, and orders for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial import unittest

from irsend.errors import MemoryFull
from irsend.services.send.scanner import Scan, ScanFile, Scanner, ScanOrder


class ScanningCase(unittest.TestCase):
    """Scans files of the test's own."""

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

    async def assert_does_not_fit(self, most: int, *, side: int = 800, **form: str) -> None:
        """Scan two pages of noise with room for so many octets, of which the scan takes no more."""
        photo = self.place / "noise.png"
        if not photo.exists():
            Image.effect_noise((side, side), 90).save(photo)
        full = await self.assertFailure(
            self.scan(photo, photo, most_octets=most, **form), MemoryFull
        )
        self.assertIn("what is left of the machine's memory", str(full))
        sizes = [one.stat().st_size for one in self.into.iterdir()]
        self.assertLessEqual(sum(sizes), most, form)
        for one in self.into.iterdir():
            one.unlink()
