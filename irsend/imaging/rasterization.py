"""A page of a printed PDF as a PNG."""

from __future__ import annotations

from pathlib import Path

from irsend.errors import ScanRefused
from irsend.imaging.originals import MOST_PIXELS
from irsend.imaging.pdf_page import open_page


def rasterize_page(file: Path, page: int, into: Path, dots: int) -> tuple[int, int]:
    """Draw a page, counted from 1, at `dots` an inch; return its width and height in pixels.

    ScanRefused where there is no such page, or the image would be too large.
    """
    with open_page(file, page) as pdf_page:
        width, height = (points * dots / 72 for points in pdf_page.get_size())
        if width * height > MOST_PIXELS:
            raise ScanRefused(f"at {dots} dots an inch the page has too many pixels")
        image = pdf_page.render(scale=dots / 72).to_pil()
    if image.convert("L").convert("RGB").tobytes() == image.convert("RGB").tobytes():
        image = image.convert("L")
    image.save(into, "PNG")
    return image.width, image.height
