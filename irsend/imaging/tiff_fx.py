"""A writer of TIFF-FX: one strip a page, each directory before its strip, fields in order.

libtiff makes the strips; the container is written here, because a profile
prescribes the place of everything in it, which no library lets one choose.

Standards: TIFF 6.0; RFC 3949 (TIFF-FX): 3 (profile S), 4 (F), 6 (C).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from typing import IO

from attrs import frozen
from PIL import Image, ImageChops

MH, MMR, JPEG = 3, 4, 7
"""Values of Compression."""
WHITE_IS_ZERO, ITULAB = 0, 10
"""Values of PhotometricInterpretation."""
_SHORT, _LONG, _RATIONAL = 3, 4, 5
_LAYOUT = {_SHORT: "H", _LONG: "I", _RATIONAL: "II"}
REVERSED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))
"""Each octet with its bits in the other order."""
# Return to control: six ends of line, which TIFF leaves out (RFC 3949 3.4).
_RTC = int("000000000001" * 6, 2)
_RTC_BITS = 72


@frozen(kw_only=True)
class FaxPage:
    """A compressed page."""

    width: int
    height: int
    compression: int
    photometric: int
    strip: bytes
    dots: tuple[int, int]
    """An inch, across and down."""
    fill_order: int = 1
    """2: the lowest bit of each octet comes first."""
    samples: int = 1
    bits: int = 1


def fax_page(
    image: Image.Image, compression: int, dots: tuple[int, int], *, fill_order: int = 1
) -> FaxPage:
    """Compress a bilevel image by MH (T.4) or MMR (T.6)."""
    # White is zero. Converted to grey first, since white may be 1 or 255 in an image of one bit.
    ink = ImageChops.invert(image.convert("L")).convert("1", dither=Image.Dither.NONE)
    strip = _strip(ink, "group3" if compression == MH else "group4")
    if compression == MH:
        strip = _without_rtc(strip)
    if fill_order == 2:
        strip = strip.translate(REVERSED)
    return FaxPage(
        width=image.width,
        height=image.height,
        compression=compression,
        photometric=WHITE_IS_ZERO,
        strip=strip,
        dots=dots,
        fill_order=fill_order,
    )


def _strip(image: Image.Image, compression: str) -> bytes:
    written = io.BytesIO()
    image.save(written, "TIFF", compression=compression, strip_size=1 << 30)
    with Image.open(written) as tiff:
        (offset,), (length,) = tiff.tag_v2[273], tiff.tag_v2[279]  # type: ignore[attr-defined]
    return written.getvalue()[offset : offset + length]


def _without_rtc(strip: bytes) -> bytes:
    """Return an MH strip without the return to control at its end."""
    tail = strip[-16:]
    bits = int.from_bytes(tail, "big")
    padding = (bits & -bits).bit_length() - 1 if bits else 0
    if (bits >> padding) & ((1 << _RTC_BITS) - 1) != _RTC:
        return strip
    kept = len(tail) * 8 - padding - _RTC_BITS
    octets = -(-kept // 8)
    shorter = (bits >> (padding + _RTC_BITS)) << (octets * 8 - kept)
    return strip[:-16] + shorter.to_bytes(octets, "big")


def write_tiff(into: IO[bytes], pages: Iterable[FaxPage], total: int) -> None:
    """Write a TIFF of `total` pages, one after the other; ValueError where there are fewer or more."""
    into.write(struct.pack("<2sHI", b"II", 42, 8))
    at = 8
    number = 0
    for number, page in enumerate(pages, 1):
        at = _write_page(into, page, number, total, at)
    if number != total:
        raise ValueError(f"{number} pages instead of {total}")


def _write_page(into: IO[bytes], page: FaxPage, number: int, total: int, at: int) -> int:
    """Write directory, values and strip; return where the next page begins."""
    fields: list[tuple[int, int, tuple[int, ...]]] = [
        (254, _LONG, (2,)),  # NewSubfileType: a page of several
        (256, _LONG, (page.width,)),
        (257, _LONG, (page.height,)),
        (258, _SHORT, (page.bits,) * page.samples),
        (259, _SHORT, (page.compression,)),
        (262, _SHORT, (page.photometric,)),
        (266, _SHORT, (page.fill_order,)),
        (273, _LONG, (0,)),  # StripOffsets, below
        (277, _SHORT, (page.samples,)),
        (278, _LONG, (page.height,)),
        (279, _LONG, (len(page.strip),)),
        (282, _RATIONAL, (page.dots[0], 1)),
        (283, _RATIONAL, (page.dots[1], 1)),
        *([(292, _LONG, (0,))] if page.compression == MH else []),  # T4Options
        *([(293, _LONG, (0,))] if page.compression == MMR else []),  # T6Options
        (296, _SHORT, (2,)),  # ResolutionUnit: inch
        (297, _SHORT, (number - 1, total)),
        *([(530, _SHORT, (1, 1)), (531, _SHORT, (1,))] if page.samples > 1 else []),
    ]
    behind = at + 2 + 12 * len(fields) + 4
    values = b""
    placed: dict[int, bytes] = {}
    for tag, of_type, content in fields:
        packed = struct.pack("<" + _LAYOUT[of_type][:1] * len(content), *content)
        if len(packed) > 4:
            placed[tag] = struct.pack("<I", behind + len(values))
            values += packed + b"\0" * (len(packed) % 2)
        else:
            placed[tag] = packed.ljust(4, b"\0")
    strip_at = behind + len(values)
    placed[273] = struct.pack("<I", strip_at)
    end = strip_at + len(page.strip)
    following = end + end % 2
    into.write(struct.pack("<H", len(fields)))
    for tag, of_type, content in fields:
        count = len(content) // 2 if of_type == _RATIONAL else len(content)
        into.write(struct.pack("<HHI", tag, of_type, count) + placed[tag])
    into.write(struct.pack("<I", following if number < total else 0))
    into.write(values + page.strip + b"\0" * (following - end))
    return following
