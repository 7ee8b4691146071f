"""The fonts of printed text, and which of them has a character.

DejaVu Sans Mono for Latin, Greek and Cyrillic, IPAexGothic for Japanese. The files stand in
`typefaces`, unchanged, with their licences; both allow embedding.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from attrs import frozen
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

_TYPEFACES = Path(__file__).parent / "typefaces"
_FILES = {
    "DejaVuSansMono": "DejaVuSansMono.ttf",
    "IPAexGothic": "ipaexg00401.zip/ipaexg.ttf",
}
SIZE = 10.0
"""Points of the Latin font."""
_UNKNOWN = "\u25a1"


@frozen
class Glyph:
    """A character as it is set, in columns as on a line printer."""

    character: str
    font: str
    size: float
    cells: int
    """Columns: 2 for a wide Japanese character, 0 for an accent over the character before."""
    monospaced: bool
    """Its advance width is exactly that of its columns."""
    missing: str = ""
    """The character that no font has, for which this is a box."""


@cache
def _fonts() -> dict[str, TTFont]:
    fonts = {}
    for name, file in _FILES.items():
        fonts[name] = TTFont(name, _open(file))
        pdfmetrics.registerFont(fonts[name])
    return fonts


def _open(file: str) -> BytesIO:
    """Return a font of `typefaces`; a large one is in an archive, as its maker publishes it."""
    archive, _, member = file.rpartition("/")
    if not archive:
        return BytesIO((_TYPEFACES / file).read_bytes())
    with ZipFile(_TYPEFACES / archive) as opened:
        return BytesIO(opened.read(member))


@cache
def cell_width() -> float:
    """Return the width of a column, in points."""
    return float(_fonts()["DejaVuSansMono"].face.getCharWidth(ord("0"))) * SIZE / 1000


# Bounded: a worker lives long, and there are a million characters.
@lru_cache(20_000)
def glyph_of(character: str) -> Glyph:
    """Return the glyph of a character; an empty box where no font has it."""
    fonts = _fonts()
    wide = unicodedata.east_asian_width(character) in "WF"
    cells = 2 if wide else 0 if unicodedata.combining(character) else 1
    order = reversed(fonts) if wide else iter(fonts)
    for name in order:
        face = fonts[name].face
        if ord(character) in face.charToGlyph:
            break
    else:
        # An accent too: over the letter before it a box would hide that.
        box = glyph_of(_UNKNOWN)
        return Glyph(
            _UNKNOWN, box.font, SIZE, max(1, cells), monospaced=False, missing=character
        )
    # A wide character of the Japanese font is square, two columns wide.
    size = SIZE if name == "DejaVuSansMono" else 2 * cell_width()
    width = face.getCharWidth(ord(character)) * size / 1000
    if cells == 1 and width > 1.5 * cell_width():
        # Of ambiguous width, such as a number in a circle: the font decides.
        cells = 2
    return Glyph(
        character, name, size, cells, monospaced=abs(width - cells * cell_width()) < 0.05
    )
