"""Text wrapped in lines of a number of columns: at spaces, and between Japanese characters.

Standards: JIS X 4051, in one point: punctuation that ends a phrase hangs out and begins no line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from irsend.imaging.fonts import Glyph, glyph_of

COLUMNS = 80
_TAB = 8
_HANGING = "\u3001\u3002\uff0c\uff0e\u300d\u300f\uff09\u3011\uff01\uff1f"
# Controls, format characters, surrogates, and selectors of a character's variant, which are not seen.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ud800-\udfff\U000e0000-\U000e01ef]+"
)
_PARAGRAPH_END = re.compile("[\n\v\f\x85\u2028\u2029]")

Line = tuple[Glyph, ...]


def wrapped(text: str, columns: int = COLUMNS) -> Iterator[Line]:
    """Give the lines of a text, each up to `columns` wide; lazily, since a text may be very long."""
    text = _UNSEEN.sub("", text)
    at = 0
    while at < len(text):
        match = _PARAGRAPH_END.search(text, at)
        end = match.start() if match else len(text)
        yield from _paragraph(text[at:end], columns)
        at = match.end() if match else end


def _paragraph(text: str, columns: int) -> Iterator[Line]:
    glyphs: list[Glyph] = []
    width = 0
    # After this many glyphs a line may be broken; 0 for not yet.
    breaks = 0
    for one in _glyphs(text):
        if width + one.cells > columns and not (one.character in _HANGING and width <= columns):
            if one.character == " ":
                yield tuple(glyphs)
                glyphs, width, breaks = [], 0, 0
                continue
            kept = breaks or len(glyphs)
            yield tuple(glyphs[:kept])
            glyphs = glyphs[kept:]
            width = sum(other.cells for other in glyphs)
            breaks = 0
        if one.cells == 2 and one.character not in _HANGING and glyphs:
            breaks = len(glyphs)
        glyphs.append(one)
        width += one.cells
        if one.character in " -/" or (one.cells == 2):
            breaks = len(glyphs)
        # A line of accents has no width: it is bounded here.
        del glyphs[columns * 8 :]
    yield tuple(glyphs)


def _glyphs(text: str) -> Iterator[Glyph]:
    column = 0
    # A letter with its accent becomes one character, where there is one.
    for character in unicodedata.normalize("NFC", text) if len(text) < 100_000 else text:
        if character == "\t":
            spaces = _TAB - column % _TAB
            column += spaces
            yield from (glyph_of(" "),) * spaces
            continue
        for one in _set(" " if character.isspace() and character != "\u3000" else character):
            column += one.cells
            yield one


def _set(character: str) -> tuple[Glyph, ...]:
    """Return a character's glyph; where no font has it, those of letter and accents if all are there."""
    one = glyph_of(character)
    if one.missing:
        parts = tuple(map(glyph_of, unicodedata.normalize("NFD", character)))
        if not any(part.missing for part in parts):
            return parts
    return (one,)
