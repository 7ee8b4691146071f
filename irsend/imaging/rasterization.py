"""A page of a printed PDF as a PNG: whole, or cropped to the upper part of its ink."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from irsend.errors import ScanRefused
from irsend.imaging.originals import MOST_PIXELS
from irsend.imaging.pdf_page import open_page

ASPECT = 1.6
"""Width by height of a crop."""
_NARROWEST = 3.5
"""Inches that a crop has at least: a few words on a page are not magnified beyond reading size."""
_WIDEST = 5.0
"""Inches that it has at most: text on it can be read in a picture two inches wide."""
_MARGIN = 0.12
"""Inches of paper around the ink."""
_INK = 48
"""By how many of 255 steps a dot is darker than white paper to count as ink."""


def rasterize_page(
    file: Path, page: int, into: Path, dots: int, *, crop_to_ink: bool = False
) -> tuple[int, int]:
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
    if crop_to_ink:
        image = _cropped(image, dots)
    image.save(into, "PNG")
    return image.width, image.height


def _cropped(page: Image.Image, dots: int) -> Image.Image:
    """Return the upper part of the ink, in a fixed aspect; of a blank page its upper part."""
    margin = round(_MARGIN * dots)
    most_width = min(page.width, round(_WIDEST * dots))
    # What stands below the highest crop, such as the number of the page, does not count.
    most_height = max(1, round(most_width / ASPECT))
    ink = page.convert("L").point([255] * (255 - _INK) + [0] * (_INK + 1))
    whole = (0, 0, page.width, page.height)
    _, top, _, _ = ink.getbbox() or whole
    left, _, right, _ = ink.crop((0, top, page.width, top + most_height)).getbbox() or whole
    width = max(right - left + 2 * margin, round(_NARROWEST * dots))
    width = min(width, most_width)
    height = max(1, round(width / ASPECT))
    left = max(0, min(left - margin, page.width - width))
    top = max(0, top - margin)
    crop = Image.new(page.mode, (width, height), "white")
    # Short paper is continued in white.
    crop.paste(page.crop((left, top, left + width, min(top + height, page.height))), (0, 0))
    return crop
