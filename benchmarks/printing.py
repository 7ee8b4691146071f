"""Row 11: a fax of 100 pages becomes a PDF. Peers: tiff2pdf of libtiff, and img2pdf."""

from __future__ import annotations

import abc
import importlib.util
import json
import shutil
import sys
import time
from email.message import EmailMessage
from email.policy import SMTP
from functools import lru_cache

import pikepdf

from benchmarks import pages
from benchmarks.bench import Bench, Failed
from benchmarks.contest import Bar, Contest, Side
from benchmarks.mail import RECIPIENT, SENDER
from benchmarks.processes import IMPORTS_FROM_HERE, Worker, run

_PAGES = 100


class _Printer(Side):
    """Makes a PDF of the same fax each round."""

    def __init__(self, bench: Bench, count: int) -> None:
        self.count = count
        self.directory = bench.place(self.name)
        self.fax = self.directory / "fax.tif"
        self.pdf = self.directory / "printed.pdf"

    def start(self) -> None:
        self.fax.write_bytes(_fax(self.count))

    def prepare(self) -> None:
        self.pdf.unlink(missing_ok=True)

    def measure(self, seconds: float) -> float:
        began = time.perf_counter()
        self.print(seconds)
        took = time.perf_counter() - began
        with pikepdf.open(self.pdf) as pdf:
            if len(pdf.pages) != self.count:
                raise Failed(f"{len(pdf.pages)} pages instead of {self.count}")
        return self.count / took

    @abc.abstractmethod
    def print(self, seconds: float) -> None:
        """Make the PDF; raise Failed."""


class Us(_Printer):
    """The worker that prints, which the machine keeps running; the fax comes in a mail."""

    name, keeps = "irsend", "takes it out of its mail, verifies each page"

    def start(self) -> None:
        mail = EmailMessage(SMTP)
        mail["From"], mail["To"], mail["Subject"] = SENDER, RECIPIENT, "Fax"
        mail.add_attachment(_fax(self.count), "image", "tiff", filename="fax.tif")
        self.mail = self.directory / "mail"
        self.mail.write_bytes(mail.as_bytes())
        self._worker = Worker(
            [sys.executable, "-m", "irsend.imaging.print_worker"],
            self.directory,
            IMPORTS_FROM_HERE,
            greets=False,
        )

    def print(self, seconds: float) -> None:
        order = {"files": [str(self.mail)], "into": str(self.directory)}
        answer = json.loads(self._worker.ask(json.dumps({"print": order}), seconds))
        while "page" in answer:
            answer = json.loads(self._worker.answer(seconds))
        if answer.get("printed", {}).get("codes") != []:
            raise Failed(f"the mail ended with {answer}")

    def stop(self) -> None:
        if hasattr(self, "_worker"):
            self._worker.end()


class Tiff2pdf(_Printer):
    """libtiff's own tool, in C: started for each file, as it is by whoever uses it."""

    name, keeps = "tiff2pdf", "copies the data unseen"

    def missing(self) -> str:
        there = shutil.which("tiff2pdf")
        return "" if there else "tiff2pdf is missing (Debian: libtiff-tools)"

    def print(self, seconds: float) -> None:
        run(["tiff2pdf", "-o", str(self.pdf), str(self.fax)], seconds, self.directory)

    def stop(self) -> None:
        """It has ended by itself."""


class Img2pdf(_Printer):
    """The usual library of Python, in a process that runs already."""

    name, keeps = "img2pdf", "copies the data unseen"

    def missing(self) -> str:
        there = importlib.util.find_spec("img2pdf")
        return "" if there else "img2pdf is missing (pip install img2pdf)"

    def start(self) -> None:
        super().start()
        self._worker = Worker(
            [sys.executable, "-m", "benchmarks.printers.with_img2pdf"],
            self.directory,
            IMPORTS_FROM_HERE,
        )

    def print(self, seconds: float) -> None:
        self._worker.ask(f"{self.fax} {self.pdf}", seconds)

    def stop(self) -> None:
        if hasattr(self, "_worker"):
            self._worker.end()


@lru_cache(maxsize=1)
def _fax(count: int) -> bytes:
    return pages.fax(count)


def long_fax(bench: Bench) -> list[Contest]:
    """Row 11: 100 pages of text by MMR."""
    count = bench.count(_PAGES)
    return [
        Contest(
            title=f"A fax of {count} pages (MMR) printed to PDF",
            unit="pages/s",
            sides=[kind(bench, count) for kind in (Us, Tiff2pdf, Img2pdf)],
            bars=[Bar("tiff2pdf", at_least=1.0), Bar("img2pdf")],
            seconds=180,
            notes=(
                "irsend takes a mail apart, decodes each page, encodes it again and compares the",
                "octets: a damaged page is found, and shown alike by all readers of PDF. The peers",
                "copy what is in the TIFF and look at none of it. irsend and img2pdf are processes",
                "that run already; tiff2pdf is started for each file.",
            ),
        )
    ]
