"""The pool of print workers, and what takes more CPU than it may."""

from __future__ import annotations

from pathlib import Path

from twisted.internet import reactor
from twisted.trial import unittest

from irsend.services.print.print_pool import CannotPrint, PrintPool
from tests.imaging.received import mail


class PrintPoolTests(unittest.TestCase):
    """One worker."""

    timeout = 60

    async def test_cpu(self) -> None:
        """A document may take only so much CPU: the kernel ends the worker."""
        place = Path(self.mktemp()).resolve()
        place.mkdir()
        (place / "mail").write_bytes(mail("x" * 4_000_000))
        pool = PrintPool(reactor, 1, lambda: 30)
        self.addCleanup(pool.stop)
        order = {"files": [str(place / "mail")], "into": str(place), "seconds": 0}
        bounds = {"most_lines": 100_000, "most_pages": 10_000}
        asked = pool.ask({"print": {**order, **bounds}})
        error = await self.assertFailure(asked, CannotPrint)
        self.assertEqual(error.code, "#822")
