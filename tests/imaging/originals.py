"""Originals for tests: made here, so that what is on them is known."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pikepdf
from PIL import Image, ImageDraw, TiffImagePlugin
from twisted.trial.unittest import SynchronousTestCase

from irsend.errors import ScanRefused
from irsend.imaging.originals import Original, Page, read_pages


def text_page(width: int = 1654, height: int = 2339) -> Image.Image:
    """Return a page of black lines on white, in one bit."""
    image = Image.new("1", (width, height), 1)
    draw = ImageDraw.Draw(image)
    noise = random.Random(1)
    for top in range(100, height - 100, 40):
        draw.rectangle((100, top, 100 + noise.randrange(width - 300), top + 12), fill=0)
    return image


def photograph(width: int = 600, height: int = 400) -> Image.Image:
    """Return a page in colour with all shades."""
    red = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (red, red.rotate(180), Image.new("L", (width, height), 90)))


def pdf(path: Path, pages: int = 1) -> Path:
    """Write a PDF whose pages hold text."""
    text_page().save(path, "PDF", resolution=200)
    with pikepdf.open(path, allow_overwriting_input=True) as document:
        for _ in range(pages - 1):
            document.pages.append(document.pages[0])
        document.save(path)
    return path


def pdf_without_pages() -> bytes:
    """Return a PDF that has no page."""
    objects = [
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n",
        b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n",
    ]
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, 2)
    offsets = []
    for one in objects:
        offsets.append(out.tell())
        out.write(one)
    at = out.tell()
    out.write(b"xref\n0 3\n0000000000 65535 f \n")
    for offset in offsets:
        out.write(b"%010d 00000 n \n" % offset)
    out.write(b"trailer<</Size 3/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % at)
    return out.getvalue()


def form_pdf(path: Path) -> None:
    """Write a PDF of a page that is white but for a form field, which is filled black."""
    with pikepdf.new() as document:
        page = document.add_blank_page(page_size=(200, 200))
        filled = document.make_stream(
            b"0 g 0 0 100 50 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form
        )
        filled["/BBox"] = pikepdf.Array([0, 0, 100, 50])
        field = document.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T=pikepdf.String("Name"),
                V=pikepdf.String("somebody"),
                F=4,
                Rect=pikepdf.Array([50, 50, 150, 100]),
                AP=pikepdf.Dictionary(N=filled),
            )
        )
        page.obj["/Annots"] = pikepdf.Array([field])
        document.Root["/AcroForm"] = pikepdf.Dictionary(Header=pikepdf.Array([field]))
        document.save(path)


def tiff_of(path: Path, *images: tuple[int, int]) -> None:
    """Write a TIFF of images, each given by its NewSubfileType and its width in pixels."""
    with TiffImagePlugin.AppendingTiffWriter(str(path), new=True) as file:
        for kind, width in images:
            image = Image.new("L", (width, 10), 128)
            image.save(file, "TIFF", tiffinfo={254: kind})
            file.newFrame()


def png(image: Image.Image) -> bytes:
    """Return an image as a PNG file."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


PNG = png(text_page(400, 560))
"""A small page, as a file."""


class OriginalsCase(SynchronousTestCase):
    """Files on the glass."""

    def setUp(self) -> None:
        """Make a place for them."""
        self.place = Path(self.mktemp())
        self.place.mkdir()
        limit = Image.MAX_IMAGE_PIXELS
        self.addCleanup(setattr, Image, "MAX_IMAGE_PIXELS", limit)

    def read(self, *paths: Path, most: int = 1000) -> list[Page]:
        """Read all pages of some files."""
        originals = [Original(path=one, name=one.name) for one in paths]
        total, pages = read_pages(originals, (200, 200), most)
        read = list(pages)
        self.assertEqual(len(read), total)
        return read

    def refused(self, content: bytes, name: str = "x.pdf", most: int = 1000) -> str:
        """Return the sentence that a file is refused with."""
        path = self.place / name
        path.write_bytes(content)
        with self.assertRaises(ScanRefused) as caught:
            self.read(path, most=most)
        return str(caught.exception)

    def image(self, image: Image.Image, form: str, **how: object) -> Path:
        """Write an image under a name that says nothing."""
        path = self.place / f"{len(list(self.place.iterdir()))}.bin"
        image.save(path, form, **how)  # type: ignore[arg-type]
        return path
