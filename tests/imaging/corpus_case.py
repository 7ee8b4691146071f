"""What holds of each broken mail and TIFF, printed one after the other by one worker."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from irsend.device.codes import CODES
from tests.imaging import corpus
from tests.imaging.corpus import Broken
from tests.imaging.workers import GOOD, warm_worker

MB = 1_000_000
# The worker's own limit is three times as much; what comes near it is no longer flat.
_PEAK = 1000 * MB
# What stays behind of all documents together: fonts, and what decoders keep.
_KEPT = 150 * MB


class CorpusCase:
    """Prints broken mails; mixed into a test case."""

    share = 1
    """Where there are many of a kind, one in so many is printed."""
    head = 50 * MB
    """Octets of an endless head."""
    side = 8400
    """Pixels on each side of a page that swells."""
    assertEqual: Any
    assertIn: Any
    assertIsNone: Any
    assertLess: Any
    assertLessEqual: Any
    assertGreaterEqual: Any

    def setUp(self) -> None:
        """Take the worker."""
        self.worker, self.resting = warm_worker()

    def hold(self, of_them: Iterable[Broken]) -> None:
        """Print each, and a good mail behind it; fail where one does not end as it must."""
        for one in of_them:
            self.worker.forget_peak()
            answer = self.worker.print(one.octets)
            self.assertIsNone(self.worker.ended, f"{one.name}: the worker died")
            self.assertIn("printed", answer, f"{one.name}: {answer}")
            printed = answer["printed"]
            self.assertLessEqual(set(printed["codes"]), set(CODES), one.name)
            if one.code:
                self.assertIn(one.code, printed["codes"], one.name)
            self.assertGreaterEqual(printed["pages"], 1, one.name)
            self.assertEqual(self.worker.pages(), printed["pages"], one.name)
            peak = self.worker.memory("VmHWM")
            self.assertLess(peak, _PEAK, f"{one.name}: {peak // MB} MB")
            good = self.worker.print(GOOD)["printed"]
            self.assertEqual((good["pages"], good["codes"]), (1, []), f"behind {one.name}")
            kept = self.worker.memory("VmRSS") - self.resting
            self.assertLess(kept, _KEPT, f"behind {one.name}: {kept // MB} MB")

    def some(self, of_many: Iterable[Broken]) -> Iterable[Broken]:
        """Give one in so many as the share says."""
        return islice(of_many, 0, None, self.share)

    def test_damaged_mails(self) -> None:
        """A mail that was cut in a part is #819; one with bits turned is printed, with its codes."""
        self.hold(self.some(corpus.damaged_mails()))

    def test_deep_mails(self) -> None:
        """MIME 10,000 levels deep is #819, of whatever levels."""
        self.hold(corpus.deep_mails())

    def test_endless_heads(self) -> None:
        """A head of far more than is read is #819, in one field or in many."""
        self.hold(corpus.endless_heads(self.head))

    def test_wrong_structures(self) -> None:
        """Too many parts and wrong MIME are #819, a wrong encoding #820, too much text #835."""
        self.hold(corpus.wrong_structures())

    def test_found_mails(self) -> None:
        """What once held a process for minutes, or took gigabytes, takes seconds and little."""
        self.hold(corpus.found_mails())

    def test_damaged_tiffs(self) -> None:
        """A TIFF that was cut, or has bits turned, is printed as far as it goes."""
        self.hold(self.some(corpus.damaged_tiffs()))

    def test_lying_tiffs(self) -> None:
        """A directory that lies about sizes, places, types and counts breaks nothing."""
        self.hold(self.some(corpus.lying_tiffs()))

    def test_endless_tiffs(self) -> None:
        """Directories in a circle and outside of the file are #821."""
        self.hold(corpus.endless_tiffs())

    def test_huge_tiffs(self) -> None:
        """65,500 by 65,500 pixels are #822 in every compression, and take no memory."""
        self.hold(corpus.huge_tiffs())

    def test_swelling_tiffs(self) -> None:
        """The largest pages that are printed take less than 1 GB, out of files of little size."""
        self.hold(corpus.swelling_tiffs(self.side))
