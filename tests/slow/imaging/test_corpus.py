"""All broken mails and TIFFs, at their full size, and what takes more time than it may."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.imaging import corpus
from tests.imaging.corpus_case import CorpusCase
from tests.imaging.received import mail
from tests.imaging.workers import GOOD, Worker


class CorpusTests(CorpusCase, SynchronousTestCase):
    """All of the corpus."""

    def test_killed(self) -> None:
        """A mail that takes more time than it may ends its worker, and the next worker prints."""
        swelling = next(iter(corpus.swelling_tiffs(self.side))).octets.partition(b"\r\n\r\n")[2]
        place = Path(self.mktemp()).resolve()
        place.mkdir()
        worker = Worker(place)
        self.addCleanup(worker.close)
        octets = mail("", *[(swelling, "image/tiff", "a.tif")] * 20)
        self.assertEqual(worker.print(octets, seconds=1), {})
        self.assertLess(worker.ended or 0, 0)
        following = Worker(place)
        self.addCleanup(following.close)
        self.assertIn("printed", following.print(GOOD))
