"""Reading originals: the pages of PDF, TIFF, PNG and JPEG files, one at a time.

What a file is, is told by its content. Whatever cannot be read is refused with a
sentence that names the file.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pypdfium2
from attrs import frozen
from PIL import Image, ImageOps, UnidentifiedImageError

from irsend.errors import ScanRefused
from irsend.imaging.sizes import LARGEST, PAPERS, Size, upright

# 600 dots an inch on the largest page.
MOST_PIXELS = 72_000_000
_FORMATS = ("TIFF", "PNG", "JPEG")
_SOUGHT = 1024
# Resolutions that are said of images and mean nothing.
_LEAST_DPI, _MOST_DPI = 20, 4800


@frozen(kw_only=True)
class Original:
    """A file, and what people call it."""

    path: Path
    name: str


@frozen
class Page:
    """One page."""

    image: Image.Image
    """In mode 1, L or RGB."""
    size: Size
    """In inches."""


def read_pages(
    originals: Sequence[Original], resolution: tuple[int, int], most: int
) -> tuple[int, Iterator[Page]]:
    """Return how many pages there are in all, and give them; ScanRefused."""
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    counted = [(one, _is_pdf(one), _count(one)) for one in originals]
    pages = sum(count for _, _, count in counted)
    if pages > most:
        whose = counted[0][0].name if len(counted) == 1 else "together they"
        verb = "has" if len(counted) == 1 else "have"
        raise ScanRefused(f"{whose} {verb} {pages} pages; up to {most} are allowed")

    def give() -> Iterator[Page]:
        for one, pdf, count in counted:
            yield from (_pdf_pages if pdf else _image_pages)(one, count, resolution)

    return pages, give()


def _is_pdf(one: Original) -> bool:
    try:
        with one.path.open("rb") as file:
            return b"%PDF-" in file.read(_SOUGHT)
    except OSError as error:
        raise ScanRefused(f"{one.name} cannot be read: {error.strerror}") from None


def _count(one: Original) -> int:
    if _is_pdf(one):
        with _open_pdf(one) as pdf:
            pages = len(pdf)
    else:
        with _open_image(one) as image, _damage(one):
            pages = getattr(image, "n_frames", 1)
    if not pages:
        raise ScanRefused(f"{one.name} has no pages")
    return pages


# -- PDF ------------------------------------------------------------------------------


@contextlib.contextmanager
def _open_pdf(one: Original) -> Iterator[Any]:
    try:
        pdf = pypdfium2.PdfDocument(one.path)
    except pypdfium2.PdfiumError:
        raise ScanRefused(f"{one.name} {_wrong_with(one)}") from None
    try:
        yield pdf
    finally:
        pdf.close()


def _wrong_with(one: Original) -> str:
    """Say what is wrong with a PDF: who draws it tells a missing page and a password badly apart."""
    import pikepdf

    try:
        with pikepdf.open(one.path) as pdf:
            if not len(pdf.pages):
                return "has no pages"
    except pikepdf.PasswordError:
        return "is encrypted; only an open PDF can be sent"
    except (pikepdf.PdfError, OSError, ValueError):
        pass
    return "is damaged: it cannot be read as PDF"


def _pdf_pages(one: Original, count: int, resolution: tuple[int, int]) -> Iterator[Page]:
    with _open_pdf(one) as pdf:
        for number in range(count):
            try:
                page = pdf[number]
                width, height = (max(points, 1) / 72 for points in page.get_size())
                glass = upright(LARGEST, (width, height))
                shrunk = min(1.0, glass[0] / width, glass[1] / height)
                dots = max(resolution) * shrunk
                image = page.render(scale=dots / 72).to_pil().convert("RGB")
                page.close()
            except (pypdfium2.PdfiumError, ValueError) as error:
                raise ScanRefused(
                    f"{one.name} is damaged: page {number + 1} cannot be drawn ({error})"
                ) from None
            yield Page(image, (width, height))


# -- images ---------------------------------------------------------------------------


@contextlib.contextmanager
def _damage(one: Original) -> Iterator[None]:
    """Say which file an image library's error is about."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ScanRefused(
            f"{one.name} is too large: up to {MOST_PIXELS} pixels a page are allowed"
        ) from None
    except (OSError, SyntaxError, ValueError, TypeError, EOFError, KeyError) as error:
        raise ScanRefused(f"{one.name} is damaged: {error}") from None


@contextlib.contextmanager
def _open_image(one: Original) -> Iterator[Image.Image]:
    with _damage(one):
        try:
            image = Image.open(one.path, formats=_FORMATS)
        except UnidentifiedImageError:
            raise ScanRefused(f"{one.name} is not a PDF, TIFF, PNG or JPEG file") from None
    with image:
        yield image


def _image_pages(one: Original, count: int, _: tuple[int, int]) -> Iterator[Page]:
    with _open_image(one) as image:
        for number in range(count):
            with _damage(one):
                image.seek(number)
                dots = image.info.get("dpi")
                image.load()
                frame = _plain(image)
            yield Page(frame, _size(frame, dots))


def _plain(image: Image.Image) -> Image.Image:
    """Return an image in mode 1, L or RGB, on white, the right way up."""
    turned = ImageOps.exif_transpose(image) or image
    if turned.mode == "1":
        return turned.copy()
    if turned.mode.startswith("I") or turned.mode == "F":
        # 16 bits and more: what a scanner would see of them is the upper eight.
        highest = 65_535 if turned.mode.startswith("I") else turned.getextrema()[1]
        scale = 255 / max(float(highest), 1.0)  # type: ignore[arg-type]
        return turned.convert("F").point(lambda value: value * scale).convert("L")
    if "A" in turned.mode or "transparency" in turned.info:
        colours = turned.convert("RGBA")
        white = Image.new("RGBA", colours.size, "white")
        return Image.alpha_composite(white, colours).convert("RGB")
    return turned.copy() if turned.mode in ("L", "RGB") else turned.convert("RGB")


def _size(image: Image.Image, dots: Any) -> Size:
    """Return an image's size in inches: as it says, or such that it fills A4 [ours]."""
    try:
        across, down = (float(one) for one in dots)
    except (TypeError, ValueError):
        across = down = 0.0
    if _LEAST_DPI <= across <= _MOST_DPI and _LEAST_DPI <= down <= _MOST_DPI:
        return image.width / across, image.height / down
    paper = upright(PAPERS["A4"], (image.width, image.height))
    dots_an_inch = max(image.width / paper[0], image.height / paper[1])
    return image.width / dots_an_inch, image.height / dots_an_inch
