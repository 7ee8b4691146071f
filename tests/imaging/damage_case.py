"""What holds of each damaged page, against tiffcp: a program of its own that says what it repairs."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageChops

from irsend.imaging.image_xobject import ImageXObject
from irsend.imaging.page_layout import ImagePages
from irsend.imaging.tiff_pages import SizedImage, tiff_pages
from irsend.message.parsed_message import UNDECODABLE, Problem
from tests.imaging.damage import COMPRESSIONS, damaged_pages

# What compressing a colour page once more as JPEG may change.
_IN_COLOUR = 14


class DamageCase:
    """Prints damaged pages; mixed into a test case."""

    pages = 18
    """How many of each compression."""
    assertEqual: Any
    assertTrue: Any
    fail: Any
    mktemp: Any

    def hold(self, compression: str) -> None:
        """Print damaged pages; fail where one is OK that tiffcp repairs, or shows in another way."""
        if shutil.which("tiffcp") is None:
            raise SkipTest("tiffcp of libtiff is not installed")
        within = Path(self.mktemp())
        within.mkdir()
        damaged = 0
        for one in damaged_pages(compression, self.pages):
            self.assertEqual(problems(one.whole), [], f"{one.name}, whole")
            found = problems(one.octets)
            damaged += bool(found)
            if not found:
                (xobject,) = printed(one.octets)
                self.assertTrue(
                    is_alike(shown(xobject), cleanly_decoded(one.octets, within), compression),
                    one.name,
                )
                continue
            for problem in found:
                self.assertEqual(problem.code, UNDECODABLE, f"{one.name}: {problem.words}")
                self.assertTrue(problem.words.startswith("a.tif: page 1 "), problem.words)
        self.assertTrue(damaged, compression)

    def test_none(self) -> None:
        """Pixels that are not compressed are OK only as tiffcp shows them, without a report."""
        self.hold("none")

    def test_mh(self) -> None:
        """MH in whole octets is OK only as tiffcp shows it, without a report."""
        self.hold("MH")

    def test_group_3(self) -> None:
        """MH with ends of line is OK only as tiffcp shows it, without a report."""
        self.hold("G3")

    def test_group_3_two_dimensional(self) -> None:
        """MR is OK only as tiffcp shows it, without a report."""
        self.hold("G3 two-dimensional")

    def test_group_4(self) -> None:
        """MMR is OK only as tiffcp shows it, without a report."""
        self.hold("G4")

    def test_lzw(self) -> None:
        """LZW is OK only as tiffcp shows it, without a report."""
        self.hold("LZW")

    def test_jpeg(self) -> None:
        """JPEG is OK only as tiffcp shows it, without a report."""
        self.hold("JPEG")

    def test_deflate(self) -> None:
        """Deflate is OK only as tiffcp shows it, without a report."""
        self.hold("deflate")

    def test_packbits(self) -> None:
        """PackBits is OK only as tiffcp shows it, without a report."""
        self.hold("PackBits")


def problems(octets: bytes) -> list[Problem]:
    """Return what is wrong with a TIFF."""
    found = tiff_pages(io.BytesIO(octets), "a.tif", 9)
    return [one for one in found if isinstance(one, Problem)]


def printed(octets: bytes) -> list[ImageXObject]:
    """Return the pages of a TIFF as they stand in the PDF."""
    found = tiff_pages(io.BytesIO(octets), "a.tif", 9)
    return [one.xobject for one in found if isinstance(one, SizedImage)]


def shown(xobject: ImageXObject) -> Image.Image:
    """Return the pixels that PDFium shows of an image."""
    written = io.BytesIO()
    with pikepdf.new() as pdf:
        ImagePages(pdf, "A4").add(xobject, (8.0, 11.0))
        pdf.save(written)
    document = pypdfium2.PdfDocument(written.getvalue())
    try:
        (image,) = document[0].get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE])
        return image.get_bitmap().to_pil().copy()
    finally:
        document.close()


def cleanly_decoded(octets: bytes, within: Path) -> Image.Image | None:
    """Return the pixels that tiffcp decodes; None where it reports anything."""
    (within / "in.tif").write_bytes(octets)
    (within / "out.tif").unlink(missing_ok=True)
    how = ("tiffcp", "-c", "none", "-r", "100000", "in.tif", "out.tif")
    ended = subprocess.run(how, check=False, cwd=within, capture_output=True)
    if ended.returncode or ended.stderr:
        return None
    with Image.open(within / "out.tif") as image:
        return image.convert("RGB")


def is_alike(found: Image.Image, wanted: Image.Image | None, compression: str) -> bool:
    """Say whether two pages are the same: a bilevel one to the pixel, one in colour nearly."""
    if wanted is None or found.size != wanted.size:
        return False
    bilevel = COMPRESSIONS[compression][1].mode == "1"
    channels = ImageChops.difference(found.convert("RGB"), wanted).split()
    most = max(int(channel.getextrema()[1]) for channel in channels)  # type: ignore[arg-type]
    return most <= (0 if bilevel else _IN_COLOUR)
