"""The fonts of printed text, and which of them has a character.

DejaVu Sans Mono for Latin, Greek and Cyrillic, IPAexGothic for Japanese. They are
files of the packages matplotlib and matplotlib-fontja, which are installed but not
imported. Both licences allow embedding.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

from attrs import frozen
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

_FILES = {
    "DejaVuSansMono": ("matplotlib", "mpl-data/fonts/ttf/DejaVuSansMono.ttf"),
    "IPAexGothic": ("matplotlib_fontja", "fonts/ipaexg.ttf"),
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
    for name, (package, file) in _FILES.items():
        found = importlib.util.find_spec(package)
        if found is None or found.origin is None:
            raise FileNotFoundError(f"{package}, which has the font {name}, is not installed")
        fonts[name] = TTFont(name, str(Path(found.origin).parent / file))
        pdfmetrics.registerFont(fonts[name])
    return fonts


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
