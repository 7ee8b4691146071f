"""Broken mails and TIFFs, one after the other through one worker: each ends with a code or a page."""

from __future__ import annotations

import atexit
import json
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pypdfium2
from twisted.trial.unittest import SynchronousTestCase

from irsend.device.codes import CODES
from tests.imaging import corpus
from tests.imaging.corpus import Broken
from tests.imaging.received import mail

MB = 1_000_000
# The worker's own limit is three times as much; what comes near it is no longer flat.
_PEAK = 1000 * MB
# What stays behind of all documents together: fonts, and what decoders keep.
_KEPT = 150 * MB
_SECONDS = 10
_SILENT = 60
GOOD = mail("Text.\n")


class _Worker:
    """The worker that prints, as a process, and what it says to one mail."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._into = place / "out"
        self._errors = (place / "errors").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "irsend.imaging.print_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
        )

    def print(self, octets: bytes, seconds: int = _SECONDS) -> dict[str, Any]:
        """Return the answer to a mail; an empty one where the process ended over it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        shutil.rmtree(self._into, ignore_errors=True)
        self._into.mkdir()
        (self._place / "mail").write_bytes(octets)
        order = {
            "files": [str(self._place / "mail")],
            "into": str(self._into),
            "seconds": seconds,
        }
        self._process.stdin.write(json.dumps({"print": order}).encode() + b"\n")
        self._process.stdin.flush()
        while True:
            ready, _, _ = select.select([self._process.stdout], [], [], _SILENT)
            if not ready:
                raise AssertionError(f"the worker has said nothing for {_SILENT} s")
            line = self._process.stdout.readline()
            if not line:
                self._process.wait()
                return {}
            answer: dict[str, Any] = json.loads(line)
            if "page" not in answer:
                return answer

    def pages(self) -> int:
        """Return how many pages the PDF has that was printed last."""
        pdf = pypdfium2.PdfDocument(self._into / "printed.pdf")
        try:
            return len(pdf)
        finally:
            pdf.close()

    @property
    def ended(self) -> int | None:
        """How it ended; None while it lives."""
        return self._process.poll()

    def forget_peak(self) -> None:
        """Reset the peak of its memory."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def memory(self, what: str) -> int:
        """Return octets that it holds (VmRSS), or held at its peak (VmHWM)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition(f"{what}:")[2].split()[0]) * 1024

    def close(self) -> None:
        """End it."""
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            assert pipe is not None
            pipe.close()
        self._process.kill()
        self._process.wait()


@cache
def _warm() -> tuple[_Worker, int]:
    """Return the one worker of all tests, and its memory at rest; it ends with the tests."""
    place = Path(tempfile.mkdtemp(prefix="irsend-corpus-"))
    worker = _Worker(place)
    atexit.register(shutil.rmtree, place)
    atexit.register(worker.close)
    worker.print(GOOD)
    return worker, worker.memory("VmRSS")


class CorpusTests(SynchronousTestCase):
    """One warm worker for all."""

    def setUp(self) -> None:
        """Take the worker."""
        self.worker, self.resting = _warm()

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

    def test_damaged_mails(self) -> None:
        """A mail that was cut in a part is #819; one with bits turned is printed, with its codes."""
        self.hold(corpus.damaged_mails())

    def test_deep_mails(self) -> None:
        """MIME 10,000 levels deep is #819, with levels of every kind."""
        self.hold(corpus.deep_mails())

    def test_endless_heads(self) -> None:
        """A head of 50 MB is #819, in one field or in many."""
        self.hold(corpus.endless_heads())

    def test_wrong_structures(self) -> None:
        """Too many parts and wrong MIME are #819, a wrong encoding #820, too much text #835."""
        self.hold(corpus.wrong_structures())

    def test_found_mails(self) -> None:
        """What once held a process for minutes, or took gigabytes, takes seconds and little."""
        self.hold(corpus.found_mails())

    def test_damaged_tiffs(self) -> None:
        """A TIFF that was cut, or has bits turned, is printed as far as it goes."""
        self.hold(corpus.damaged_tiffs())

    def test_lying_tiffs(self) -> None:
        """A directory that lies about sizes, places, types and counts breaks nothing."""
        self.hold(corpus.lying_tiffs())

    def test_endless_tiffs(self) -> None:
        """Directories in a circle and outside of the file are #821."""
        self.hold(corpus.endless_tiffs())

    def test_huge_tiffs(self) -> None:
        """65,500 by 65,500 pixels are #822 in every compression, and take no memory."""
        self.hold(corpus.huge_tiffs())

    def test_swelling_tiffs(self) -> None:
        """The largest pages that are printed take less than 1 GB, out of files of little size."""
        self.hold(corpus.swelling_tiffs())

    def test_killed(self) -> None:
        """A mail that takes more time than it may ends its worker, and the next worker prints."""
        swelling = next(iter(corpus.swelling_tiffs())).octets.partition(b"\r\n\r\n")[2]
        place = Path(self.mktemp()).resolve()
        place.mkdir()
        worker = _Worker(place)
        self.addCleanup(worker.close)
        octets = mail("", *[(swelling, "image/tiff", "a.tif")] * 20)
        self.assertEqual(worker.print(octets, seconds=1), {})
        self.assertLess(worker.ended or 0, 0)
        following = _Worker(place)
        self.addCleanup(following.close)
        self.assertIn("printed", following.print(GOOD))
