"""Pages of text, and the line above an image, as PDF.

In columns of one width, so that a table in a mail stays a table, with the page's
number below. `mail_to_pdf` says what is printed.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby

from reportlab.pdfgen.canvas import Canvas

from irsend.imaging.fonts import SIZE, Glyph, cell_width, glyph_of
from irsend.imaging.paper_sizes import PAPERS
from irsend.imaging.text_wrap import COLUMNS, Line

_LEADING = 12.0
_MARGIN = 48.0
_POINTS = 72
LINE_HEIGHT = 16.0
"""Points that the line above an image takes."""


def paper_size(paper: str) -> tuple[float, float]:
    """Return width and height of a paper in points."""
    width, height = PAPERS[paper]
    return width * _POINTS, height * _POINTS


def lines_on_a_page(paper: str) -> int:
    """Return how many lines of text a page has room for."""
    return int((paper_size(paper)[1] - 2 * _MARGIN) / _LEADING)


def text_pdf(lines: Sequence[Line], paper: str, title: str = "") -> tuple[bytes, int]:
    """Return a PDF of the lines, and how many pages it has: one at least."""
    a_page = lines_on_a_page(paper)
    total = max(1, -(-len(lines) // a_page))
    width, height = paper_size(paper)
    left = (width - COLUMNS * cell_width()) / 2
    written = io.BytesIO()
    canvas = Canvas(written, pagesize=(width, height), invariant=1, pageCompression=1)
    if title:
        canvas.setTitle(title)
    for page in range(total):
        top = height - _MARGIN - SIZE
        for row, line in enumerate(lines[page * a_page : (page + 1) * a_page]):
            _draw(canvas, line, left, top - row * _LEADING)
        number = tuple(glyph_of(one) for one in f"{page + 1}/{total}")
        _draw(canvas, number, (width - len(number) * cell_width()) / 2, _MARGIN / 2)
        canvas.showPage()
    canvas.save()
    return written.getvalue(), total


def line_pdf(line: Line, paper: str) -> bytes:
    """Return a PDF of one page, as wide as the paper and as high as the line above an image."""
    width, _ = paper_size(paper)
    written = io.BytesIO()
    canvas = Canvas(written, pagesize=(width, LINE_HEIGHT), invariant=1, pageCompression=1)
    _draw(canvas, line, _MARGIN / 2, LINE_HEIGHT - SIZE - 2)
    canvas.showPage()
    canvas.save()
    return written.getvalue()


def _draw(canvas: Canvas, line: Line, left: float, base: float) -> None:
    """Set a line: runs of monospaced glyphs at once, others one by one."""
    column = 0
    for (font, size, monospaced), group in groupby(
        line, lambda one: (one.font, one.size, one.monospaced)
    ):
        glyphs = list(group)
        canvas.setFont(font, size)
        if monospaced:
            canvas.drawString(
                left + column * cell_width(), base, "".join(s.character for s in glyphs)
            )
            column += sum(one.cells for one in glyphs)
            continue
        for one in glyphs:
            at = column - _back(one)
            canvas.drawString(left + at * cell_width(), base, one.character)
            column += one.cells


def _back(one: Glyph) -> int:
    # An accent is set over the letter before it.
    return 1 if one.cells == 0 else 0
