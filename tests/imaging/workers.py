"""The worker that prints, as a process: one that stays warm for all tests, or one of a test's own."""

from __future__ import annotations

import atexit
import json
import select
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pypdfium2

from tests.imaging.received import mail

_SECONDS = 10
_SILENT = 60
GOOD = mail("Text.\n")


class Worker:
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
        shutil.rmtree(self._into, ignore_errors=True)
        self._into.mkdir()
        (self._place / "mail").write_bytes(octets)
        order = {
            "files": [str(self._place / "mail")],
            "into": str(self._into),
            "seconds": seconds,
        }
        *_, last = self.answers({"print": order})
        return last

    def answers(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what it says to one order; an empty answer at the end where it ended over it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        answers: list[dict[str, Any]] = []
        while True:
            ready, _, _ = select.select([self._process.stdout], [], [], _SILENT)
            if not ready:
                raise AssertionError(f"the worker has said nothing for {_SILENT} s")
            line = self._process.stdout.readline()
            if not line:
                self._process.wait()
                return [*answers, {}]
            answers.append(json.loads(line))
            if "page" not in answers[-1]:
                return answers

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
        """Have the peak of its memory begin anew."""
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
def warm_worker() -> tuple[Worker, int]:
    """Return the one worker of all tests, and its memory at rest; it ends with the tests."""
    place = Path(tempfile.mkdtemp(prefix="irsend-worker-"))
    worker = Worker(place)
    atexit.register(shutil.rmtree, place)
    atexit.register(worker.close)
    worker.print(GOOD)
    return worker, worker.memory("VmRSS")
