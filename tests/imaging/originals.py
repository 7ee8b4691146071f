"""Originals for tests: made here, so that what is on them is known."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pikepdf
from PIL import Image, ImageDraw


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


def png(image: Image.Image) -> bytes:
    """Return an image as a PNG file."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


PNG = png(text_page(400, 560))
"""A small page, as a file."""
