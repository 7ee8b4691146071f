"""A page of a printed PDF as a PNG."""

from __future__ import annotations

from pathlib import Path

import pypdfium2

from irsend.errors import ScanRefused
from irsend.imaging.originals import MOST_PIXELS


def rasterize_page(file: Path, page: int, into: Path, dots: int) -> tuple[int, int]:
    """Draw a page, counted from 1, at `dots` an inch; return its width and height in pixels.

    ScanRefused where there is no such page, or the image would be too large.
    """
    try:
        pdf = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError:
        raise ScanRefused(f"{file.name} cannot be read as PDF") from None
    try:
        if not 1 <= page <= len(pdf):
            raise ScanRefused(f"{file.name} has {len(pdf)} pages, and no page {page}")
        width, height = (points * dots / 72 for points in pdf[page - 1].get_size())
        if width * height > MOST_PIXELS:
            raise ScanRefused(f"at {dots} dots an inch the page has too many pixels")
        image = pdf[page - 1].render(scale=dots / 72).to_pil()
    finally:
        pdf.close()
    if image.convert("L").convert("RGB").tobytes() == image.convert("RGB").tobytes():
        image = image.convert("L")
    image.save(into, "PNG")
    return image.width, image.height
