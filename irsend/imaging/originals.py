"""Reading originals: the pages of PDF, TIFF, PNG and JPEG files, one at a time.

The content shows the format of a file. A file that cannot be read is refused
with a sentence that names it.
"""

from __future__ import annotations

import contextlib
import math
import struct
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import pypdfium2
from attrs import frozen
from PIL import Image, UnidentifiedImageError

from irsend.errors import ScanRefused
from irsend.imaging.image_metadata import density_of, normalized, page_frames, size_of
from irsend.imaging.paper_sizes import LARGEST, Size, upright

# 600 dots an inch on the largest page.
MOST_PIXELS = 72_000_000
_FORMATS = ("TIFF", "PNG", "JPEG")
_IMAGE_SIGNATURES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
)
"""The first octets of the image formats."""
# Octets within which the header of a PDF may begin.
_PDF_HEADER_WITHIN = 1024


@frozen(kw_only=True)
class Original:
    """A file, and its name for people."""

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
    """Return how many pages there are in all, and an iterator of them; ScanRefused."""
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    counted = [(one, *_pages_of(one)) for one in originals]
    pages = sum(len(numbers) for _, _, numbers in counted)
    if pages > most:
        whose = counted[0][0].name if len(counted) == 1 else "together they"
        verb = "has" if len(counted) == 1 else "have"
        raise ScanRefused(f"{whose} {verb} {pages} pages; up to {most} are allowed")

    def give() -> Iterator[Page]:
        for one, pdf, numbers in counted:
            yield from (_pdf_pages if pdf else _image_pages)(one, numbers, resolution)

    return pages, give()


def _is_pdf(one: Original) -> bool:
    try:
        with one.path.open("rb") as file:
            beginning = file.read(_PDF_HEADER_WITHIN)
    except OSError as error:
        raise ScanRefused(f"{one.name} cannot be read: {error.strerror}") from None
    # An image may hold these words too, or a PDF.
    return not beginning.startswith(_IMAGE_SIGNATURES) and b"%PDF-" in beginning


def _pages_of(one: Original) -> tuple[bool, Sequence[int]]:
    """Return whether it is a PDF, and the numbers of its pages."""
    numbers: Sequence[int]
    pdf = _is_pdf(one)
    if pdf:
        with _open_pdf(one) as document:
            numbers = range(len(document))
    else:
        with _open_image(one) as image, _naming_the_file(one):
            numbers = page_frames(image)
    if not numbers:
        raise ScanRefused(f"{one.name} has no pages")
    return pdf, numbers


# -- PDF ------------------------------------------------------------------------------


@contextlib.contextmanager
def _open_pdf(one: Original) -> Iterator[pypdfium2.PdfDocument]:
    try:
        pdf = pypdfium2.PdfDocument(one.path)
        # Filled form fields are drawn only where this is called before any page is loaded.
        pdf.init_forms()
    except pypdfium2.PdfiumError:
        raise ScanRefused(f"{one.name} {_pdf_problem(one)}") from None
    try:
        yield pdf
    finally:
        pdf.close()


def _pdf_problem(one: Original) -> str:
    """Say what is wrong with a PDF: PDFium hardly tells a missing page from a password."""
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


def _user_units(one: Original) -> list[float]:
    """Return the UserUnit of each page, which PDFium does not give."""
    import pikepdf

    try:
        with pikepdf.open(one.path) as pdf:
            units = [float(page.obj.get("/UserUnit", 1)) for page in pdf.pages]
    except (pikepdf.PdfError, OSError, ValueError, TypeError, RuntimeError):
        return []
    return [unit if 0 < unit < math.inf else 1.0 for unit in units]


def _pdf_pages(
    one: Original, numbers: Sequence[int], resolution: tuple[int, int]
) -> Iterator[Page]:
    units = dict(enumerate(_user_units(one)))
    with _open_pdf(one) as pdf:
        for number in numbers:
            try:
                page = pdf[number]
                inches = units.get(number, 1.0) / 72
                width, height = (max(points, 1) * inches for points in page.get_size())
                glass = upright(LARGEST, (width, height))
                shrunk = min(1.0, glass[0] / width, glass[1] / height)
                dots = max(resolution) * shrunk
                image = page.render(scale=dots * inches).to_pil().convert("RGB")
                page.close()
            except (pypdfium2.PdfiumError, ValueError) as error:
                raise ScanRefused(
                    f"{one.name} is damaged: page {number + 1} cannot be drawn ({error})"
                ) from None
            yield Page(image, (width, height))


# -- images ---------------------------------------------------------------------------


# What Pillow raises at a damaged file.
DECODING_ERRORS = (
    *(OSError, SyntaxError, EOFError, struct.error, ArithmeticError),
    *(ValueError, TypeError, LookupError, AttributeError),
)


@contextlib.contextmanager
def _naming_the_file(one: Original) -> Iterator[None]:
    """Turn an image library's error into ScanRefused, which names the file."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ScanRefused(
            f"{one.name} is too large: up to {MOST_PIXELS} pixels a page are allowed"
        ) from None
    except DECODING_ERRORS as error:
        raise ScanRefused(f"{one.name} is damaged: {error}") from None


@contextlib.contextmanager
def _open_image(one: Original) -> Iterator[Image.Image]:
    with _naming_the_file(one):
        try:
            image = Image.open(one.path, formats=_FORMATS)
        except UnidentifiedImageError:
            raise ScanRefused(f"{one.name} is not a PDF, TIFF, PNG or JPEG file") from None
    with image:
        yield image


def _image_pages(one: Original, frames: Sequence[int], _: tuple[int, int]) -> Iterator[Page]:
    with _open_image(one) as image:
        for frame in frames:
            with _naming_the_file(one):
                if frame:
                    image.seek(frame)
                density = density_of(image)
                image.load()
                page = normalized(image)
            yield Page(page, size_of(page.size, density))
