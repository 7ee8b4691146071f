"""Received mails for tests of printing: made by Python's email package, their TIFFs by Pillow and libtiff."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path
from unittest import SkipTest

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image
from twisted.trial.unittest import SynchronousTestCase

from irsend.imaging.mail_to_pdf import PrintOptions, PrintResult, print_mail


def mail(
    text: str = "",
    *attached: tuple[bytes, str, str],
    subject: str = "Minutes of the meeting on the third floor",
) -> bytes:
    """Return a mail with a text and attachments: octets, type, name."""
    message = EmailMessage()
    message["Date"] = "Wed, 25 Nov 2026 10:00:00 +0900"
    message["From"] = '"The Office on the Third Floor" <office@bench.test>'
    message["Message-ID"] = "<1@bench.test>"
    message["To"] = "ir2270@bench.test"
    message["Subject"] = subject
    if text:
        message.set_content(text)
    for content, of_type, name in attached:
        main, _, sub = of_type.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


def tiff(*images: Image.Image, compression: str = "group4", **how: object) -> bytes:
    """Return a TIFF that Pillow writes."""
    written = io.BytesIO()
    first, *others = images
    first.save(
        written,
        "TIFF",
        compression=compression,
        save_all=True,
        append_images=others,
        **{"dpi": (204, 196), **how},
    )
    return written.getvalue()


def libtiff(*words: str, within: Path) -> None:
    """Run one of libtiff's tools; skip where there are none."""
    if shutil.which(words[0]) is None:
        raise SkipTest(f"{words[0]} of libtiff is not installed")
    subprocess.run(words, check=True, cwd=within, capture_output=True)


class PrintingCase(SynchronousTestCase):
    """Prints mails."""

    def printed(self, octets: bytes, **order: object) -> PrintResult:
        """Print a mail into a directory of its own."""
        into = Path(self.mktemp())
        into.mkdir()
        self.told: list[int] = []
        return print_mail(
            io.BytesIO(octets),
            into,
            PrintOptions(**order),  # type: ignore[arg-type]
            self.told.append,
        )

    def assert_near(self, found: float, wanted: float, within: float) -> None:
        """Fail where two numbers are further apart: trial's own takes no delta."""
        self.assertLessEqual(abs(found - wanted), within, (found, wanted))

    def texts(self, printed: PrintResult) -> list[str]:
        """Return the text of each page, as a reader of PDF finds it."""
        pdf = pypdfium2.PdfDocument(printed.file)
        try:
            return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in pdf]
        finally:
            pdf.close()

    def images(
        self, printed: PrintResult
    ) -> list[tuple[Image.Image, list[str], tuple[float, ...]]]:
        """Return the image of each page that has one: pixels as PDFium decodes them, filters, box."""
        pdf = pypdfium2.PdfDocument(printed.file)
        found = []
        try:
            for page in pdf:
                for one in _images(page.get_objects()):
                    picture = one.get_bitmap().to_pil()
                    found.append((picture, one.get_filters(), one.get_bounds()))
        finally:
            pdf.close()
        return found


def _images(objects: Iterable[pypdfium2.PdfObject]) -> list[pypdfium2.PdfObject]:
    return [one for one in objects if one.type == pdfium.FPDF_PAGEOBJ_IMAGE]
