"""The worker that prints, at its limits of CPU and at full sizes."""

from __future__ import annotations

from resource import RUSAGE_CHILDREN, getrusage

from PIL import Image

from tests.imaging.originals import text_page
from tests.imaging.received import mail, tiff
from tests.imaging.worker_case import WorkerCase


class WorkerTests(WorkerCase):
    """Each test has a process of its own."""

    def test_time(self) -> None:
        """A document that takes more time than it may ends the process; the one before it is printed."""
        white = Image.new("L", (8000, 8000), 255)
        slow = (tiff(white, compression="tiff_lzw"), "image/tiff", "a.tif")
        found = self.answers_to_the_end(
            self.order(mail("Text."), "1", seconds=5),
            self.order(mail("", *[slow] * 50), "2", seconds=1),
        )
        self.assertIn("printed", found[0])
        self.assertNotIn("printed", found[-1] if len(found) > 1 else {})
        self.assertLess(self.process.returncode, 0)

    def test_time_is_each_documents_own(self) -> None:
        """Many documents together may take longer than one may."""
        octets = mail("Text.", (tiff(*[text_page(1728, 2292)] * 40), "image/tiff", "a.tif"))
        orders = [self.order(octets, str(number), seconds=1) for number in range(40)]
        before = getrusage(RUSAGE_CHILDREN)
        found = self.answers_to_the_end(*orders)
        after = getrusage(RUSAGE_CHILDREN)
        self.assertEqual(sum("printed" in one for one in found), 40)
        taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.assertGreater(taken, 2, "less than one alone may take")

    def test_hostile(self) -> None:
        """MIME 10,000 levels deep and a header of 50 MB are #819, quickly, in one worker."""
        deep = b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
            for level in range(10_000)
        )
        found = self.answers_to_the_end(
            self.order(deep, "1", seconds=5),
            self.order(b"Subject: " + b"x" * 50_000_000, "2", seconds=5),
        )
        self.assertEqual([one["printed"]["codes"] for one in found], [["#819"], ["#819"]])
