"""The text of a page of a printed PDF, with where each line stands, to lay over its picture."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
from attrs import frozen

from irsend.errors import ScanRefused

MOST_LINES = 1000
MOST_CHARACTERS = 50_000
"""Of a page together."""
_BROKEN_WORD = "\ufffe"
"""What pdfium gives for the hyphen at the end of a line."""
_FINE = 100
"""Parts of a point that places are told in."""


@frozen
class Line:
    """What stands together on a line. The unit is the point, from the page's upper left corner."""

    text: str
    x: float
    y: float
    width: float
    height: float


@frozen
class Page:
    """What stands on a page."""

    width: float
    height: float
    lines: tuple[Line, ...]


def read_page(file: Path, page: int) -> Page:
    """Read a page, counted from 1: its first MOST_LINES lines; ScanRefused where there is no such page."""
    try:
        pdf = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError:
        raise ScanRefused(f"{file.name} cannot be read as PDF") from None
    try:
        if not 1 <= page <= len(pdf):
            raise ScanRefused(f"{file.name} has {len(pdf)} pages, and no page {page}")
        sheet = pdf[page - 1]
        width, height = sheet.get_size()
        return Page(round(width, 2), round(height, 2), tuple(_lines(sheet)))
    finally:
        pdf.close()


def _lines(sheet: Any) -> Iterator[Line]:
    width, height = sheet.get_size()
    lines = 0
    for text, box in _runs(sheet.get_textpage()):
        left, top = _place(sheet, box[0], box[3])
        right, bottom = _place(sheet, box[2], box[1])
        # On a page that is turned the corners are others.
        left, right, top, bottom = *sorted((left, right)), *sorted((top, bottom))
        if right <= 0 or bottom <= 0 or left >= width or top >= height:
            # Nobody sees it.
            continue
        if min(right - left, bottom - top) > min(width, height):
            # Nobody can read it.
            continue
        lines += 1
        if lines > MOST_LINES:
            return
        yield Line(text, left, top, round(right - left, 2), round(bottom - top, 2))


_Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in the page's own coordinates."""


def _runs(read: Any) -> Iterator[tuple[str, _Box]]:
    """Give what stands together on a line, in the order of the text, with its box."""
    text, box, spaces = "", (0.0, 0.0, 0.0, 0.0), ""
    for number in range(min(read.count_chars(), MOST_CHARACTERS)):
        character = chr(pdfium.FPDFText_GetUnicode(read, number))
        if character == _BROKEN_WORD:
            character = "-"
        if character.isspace() or not (character.isprintable() or _is_half(character)):
            # What pdfium puts between has no place of its own.
            spaces = " "
            continue
        here: _Box = read.get_charbox(number, loose=True)
        if text and _side_by_side(box, here):
            text += spaces + character
            box = (box[0], min(box[1], here[1]), max(box[2], here[2]), max(box[3], here[3]))
        else:
            if text:
                yield _whole(text), box
            text, box = character, here
        spaces = ""
    if text:
        yield _whole(text), box


def _side_by_side(run: _Box, here: _Box) -> bool:
    """Say whether a character goes on with a run: on its line, with no more than a space between."""
    height = min(run[3] - run[1], here[3] - here[1])
    common = min(run[3], here[3]) - max(run[1], here[1])
    return common > height / 2 and -height < here[0] - run[2] < height


def _is_half(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _whole(text: str) -> str:
    """Return the text with its pairs of surrogates as the characters that they are."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _place(sheet: Any, x: float, y: float) -> tuple[float, float]:
    """Return where a point stands on the page as it is drawn: turned, and cut as it is."""
    width, height = sheet.get_size()
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(
        *(sheet, 0, 0, int(width * _FINE), int(height * _FINE), 0),
        *(x, y, across, down),
    )
    return across.value / _FINE, down.value / _FINE
