"""The text layer of a page of a printed PDF: each line with its place, to lay over the page's image."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium
from attrs import frozen

from irsend.imaging.pdf_page import open_page

MOST_LINES = 1000
MOST_CHARACTERS = 50_000
"""Of a page together."""
_BROKEN_WORD = "\ufffe"
"""PDFium's character for the hyphen at the end of a line."""
_UNITS_PER_POINT = 100
"""PDFium gives places in whole device units: so many make them exact to 0.01 points."""


@frozen
class TextLine:
    """A run of text on a line. The unit is the point, from the page's upper left corner."""

    text: str
    x: float
    y: float
    width: float
    height: float


@frozen
class PageText:
    """The size of a page, and its text."""

    width: float
    height: float
    lines: tuple[TextLine, ...]


def read_page(file: Path, page: int) -> PageText:
    """Read a page, counted from 1: its first MOST_LINES lines; ScanRefused where there is no such page."""
    with open_page(file, page) as pdf_page:
        width, height = pdf_page.get_size()
        return PageText(round(width, 2), round(height, 2), tuple(_lines(pdf_page)))


def _lines(page: pypdfium2.PdfPage) -> Iterator[TextLine]:
    width, height = page.get_size()
    lines = 0
    for text, box in _runs(page.get_textpage()):
        left, top = _device_point(page, box[0], box[3])
        right, bottom = _device_point(page, box[2], box[1])
        # A rotated page has the corners in another order.
        left, right, top, bottom = *sorted((left, right)), *sorted((top, bottom))
        if right <= 0 or bottom <= 0 or left >= width or top >= height:
            # Outside of the page.
            continue
        if min(right - left, bottom - top) > min(width, height):
            # Larger than the page.
            continue
        lines += 1
        if lines > MOST_LINES:
            return
        yield TextLine(text, left, top, round(right - left, 2), round(bottom - top, 2))


_Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in the page's own coordinates."""


def _runs(page: pypdfium2.PdfTextPage) -> Iterator[tuple[str, _Box]]:
    """Give the runs of characters on a line, in the order of the text, each with its box."""
    text, box, spaces = "", (0.0, 0.0, 0.0, 0.0), ""
    for number in range(min(page.count_chars(), MOST_CHARACTERS)):
        character = chr(pdfium.FPDFText_GetUnicode(page, number))
        if character == _BROKEN_WORD:
            character = "-"
        if character.isspace() or not (character.isprintable() or _is_surrogate(character)):
            # Characters that PDFium inserts have no place of their own.
            spaces = " "
            continue
        here: _Box = page.get_charbox(number, loose=True)
        if text and _side_by_side(box, here):
            text += spaces + character
            box = (box[0], min(box[1], here[1]), max(box[2], here[2]), max(box[3], here[3]))
        else:
            if text:
                yield _surrogates_joined(text), box
            text, box = character, here
        spaces = ""
    if text:
        yield _surrogates_joined(text), box


def _side_by_side(run: _Box, here: _Box) -> bool:
    """Say whether a character continues a run: on its line, with at most a space between."""
    height = min(run[3] - run[1], here[3] - here[1])
    common = min(run[3], here[3]) - max(run[1], here[1])
    return common > height / 2 and -height < here[0] - run[2] < height


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _surrogates_joined(text: str) -> str:
    """Return the text with each pair of surrogates as one character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _device_point(page: pypdfium2.PdfPage, x: float, y: float) -> tuple[float, float]:
    """Return where a point of the page is when drawn, with rotation and crop box applied."""
    width, height = page.get_size()
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(
        *(page, 0, 0, int(width * _UNITS_PER_POINT), int(height * _UNITS_PER_POINT), 0),
        *(x, y, across, down),
    )
    return across.value / _UNITS_PER_POINT, down.value / _UNITS_PER_POINT
