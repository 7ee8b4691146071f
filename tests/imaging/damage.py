"""TIFFs with damaged data, made here from right ones: each compression, each place, each kind of damage.

The directory stays right, unless the damage is a number of rows that is wrong. What is drawn
for a page depends on its number alone.
"""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable, Iterator
from functools import cache

from attrs import field, frozen
from PIL import Image

from tests.imaging.originals import photograph, text_page
from tests.imaging.received import tiff

_HEIGHT, _OFFSETS, _ROWS, _LENGTHS, _T4_OPTIONS = 257, 273, 278, 279, 292
_TEXT = text_page(1728, 400).crop((0, 90, 1728, 330))
_PHOTO = photograph(160, 120)

COMPRESSIONS: dict[str, tuple[str, Image.Image]] = {
    "none": ("raw", _TEXT),
    "MH": ("tiff_ccitt", _TEXT),
    "G3": ("group3", _TEXT),
    "G3 two-dimensional": ("group3", _TEXT),
    "G4": ("group4", _TEXT),
    "LZW": ("tiff_lzw", _PHOTO),
    "JPEG": ("jpeg", _PHOTO),
    "deflate": ("tiff_deflate", _PHOTO),
    "PackBits": ("packbits", _TEXT),
}
"""Each compression by the name that a test has for it: Pillow's name, and what is on the page."""


@frozen
class Damaged:
    """A TIFF of one page."""

    name: str
    octets: bytes = field(repr=False)
    whole: bytes = field(repr=False)
    """The TIFF before it was damaged."""


@frozen
class _Strip:
    at: int
    """In the file."""
    length: int


def damaged_pages(compression: str, number: int) -> Iterator[Damaged]:
    """Give so many damaged pages of a compression."""
    for one in range(number):
        chance = random.Random(f"{compression} {one}")
        whole = _whole(compression, chance.choice((1 << 30, 2000)))
        damage = _DAMAGES[one % len(_DAMAGES)]
        octets = bytearray(whole)
        damage(octets, chance)
        yield Damaged(f"{compression} {one}: {damage.__name__}", bytes(octets), whole)


@cache
def _whole(compression: str, strip_size: int) -> bytes:
    form, image = COMPRESSIONS[compression]
    more = {"tiffinfo": {_T4_OPTIONS: 1}} if compression.endswith("two-dimensional") else {}
    return tiff(image, compression=form, strip_size=strip_size, **more)


# -- damages ------------------------------------------------------------------------------


def _bit(octets: bytearray, chance: random.Random) -> None:
    strip = _strip(octets, chance)
    octets[_within(strip, chance)] ^= 1 << chance.randrange(8)


def _bits(octets: bytearray, chance: random.Random) -> None:
    strip = _strip(octets, chance)
    for _ in range(20):
        octets[_within(strip, chance)] ^= 1 << chance.randrange(8)


def _noise(octets: bytearray, chance: random.Random) -> None:
    strip = _strip(octets, chance)
    at = _within(strip, chance)
    length = min(chance.choice((2, 16, 200)), strip.at + strip.length - at)
    octets[at : at + length] = chance.randbytes(length)


def _zeros(octets: bytearray, chance: random.Random) -> None:
    strip = _strip(octets, chance)
    at = _within(strip, chance)
    length = min(chance.choice((2, 16, 200)), strip.at + strip.length - at)
    octets[at : at + length] = bytes(length)


def _lost(octets: bytearray, chance: random.Random) -> None:
    """Octets of the strip are lost, and those behind them move up."""
    strip = _strip(octets, chance)
    at = _within(strip, chance)
    length = min(chance.choice((1, 2, 40)), strip.at + strip.length - at)
    end = strip.at + strip.length
    octets[at:end] = octets[at + length : end] + bytes(length)


def _doubled(octets: bytearray, chance: random.Random) -> None:
    """Octets of the strip come twice; its last ones are lost."""
    strip = _strip(octets, chance)
    at = _within(strip, chance)
    end = strip.at + strip.length
    length = min(chance.choice((1, 2, 40)), end - at)
    octets[at:end] = (octets[at : at + length] + octets[at:end])[: end - at]


def _short(octets: bytearray, chance: random.Random) -> None:
    """A strip ends before its data does."""
    lengths = places(octets, _LENGTHS)
    form, at, length = chance.choice((lengths[0], lengths[-1], chance.choice(lengths)))
    kept = chance.randrange(max(1, length // 20), max(2, length))
    struct.pack_into(form, octets, at, min(kept, length - 1))


def _fewer_rows(octets: bytearray, chance: random.Random) -> None:
    """The page, and its strip where it is one, are said to have more rows than there are."""
    _say_rows(octets, chance.choice((1, 2, 50)))


def _more_rows(octets: bytearray, chance: random.Random) -> None:
    """The page, and its strip where it is one, are said to have fewer rows than there are."""
    _say_rows(octets, -chance.choice((1, 2, 50)))


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    *(_bit, _bits, _noise, _zeros, _lost, _doubled, _short, _fewer_rows, _more_rows),
)


def _say_rows(octets: bytearray, more: int) -> None:
    ((form, at, height),) = places(octets, _HEIGHT)
    ((rows_form, rows_at, rows),) = places(octets, _ROWS)
    if rows >= height:
        struct.pack_into(rows_form, octets, rows_at, height + more)
        struct.pack_into(form, octets, at, height + more)
    elif more > 0:
        # The last strip has room for so many.
        filled = -(-height // rows) * rows
        struct.pack_into(form, octets, at, filled if filled > height else height + 1)
    else:
        struct.pack_into(rows_form, octets, rows_at, rows - 1)
        strips = len(places(octets, _OFFSETS))
        struct.pack_into(form, octets, at, strips * (rows - 1))


def _strip(octets: bytearray, chance: random.Random) -> _Strip:
    """Return the first strip, the last, or one of them."""
    strips = [
        _Strip(at, length)
        for (_, _, at), (_, _, length) in zip(
            places(octets, _OFFSETS), places(octets, _LENGTHS), strict=True
        )
    ]
    return chance.choice((strips[0], strips[-1], chance.choice(strips)))


def _within(strip: _Strip, chance: random.Random) -> int:
    """Return a place near the beginning of a strip, near its end, or anywhere in it."""
    near = min(20, strip.length)
    within = chance.choice(
        (
            chance.randrange(near),
            strip.length - 1 - chance.randrange(near),
            chance.randrange(strip.length),
        )
    )
    return strip.at + within


def places(octets: bytes | bytearray, tag: int) -> list[tuple[str, int, int]]:
    """Return each value of a tag: its form, where it stands, and what it is."""
    (at,) = struct.unpack_from("<I", octets, 4)
    (count,) = struct.unpack_from("<H", octets, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        found, of_type, values = struct.unpack_from("<HHI", octets, entry)
        if found == tag:
            form, size = {3: ("<H", 2), 4: ("<I", 4)}[of_type]
            first = entry + 8
            if values * size > 4:
                (first,) = struct.unpack_from("<I", octets, first)
            places = range(first, first + values * size, size)
            return [(form, one, struct.unpack_from(form, octets, one)[0]) for one in places]
    raise LookupError(tag)


def pixels(octets: bytes) -> Image.Image:
    """Return the page as Pillow decodes it."""
    with Image.open(io.BytesIO(octets)) as image:
        image.load()
        return image.copy()
