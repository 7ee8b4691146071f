"""A fax decoded by libtiff, strip by strip, with what libtiff reports counted against its rows.

libtiff decodes a damaged row to whatever fits, and says so only in words. Each
strip is asked for one row more than it has: a whole strip has nothing there.

A page most of whose rows are damaged is tried as what its tags do not say: some writers
label MH without ends of line as Compression 3, leave out that lines are two-dimensional, or
have the order of bits wrong. Where nothing at all is wrong with it then, it is that.

Standards: ITU-T T.4, T.6; TIFF 6.0 (Compression, FillOrder, T4Options).
"""

from __future__ import annotations

import ctypes
import re
from itertools import product
from typing import IO

from attrs import field, frozen

from irsend.imaging.image_metadata import Tags
from irsend.imaging.libtiff import Buffer, TiffFile, page_of
from irsend.imaging.tiff_fx import REVERSED

_WIDTH, _HEIGHT, _COMPRESSION, _FILL_ORDER = 256, 257, 259, 266
_OFFSETS, _ROWS, _LENGTHS, _T4_OPTIONS = 273, 278, 279, 292
_NONE, _MODIFIED_HUFFMAN, _T4, _T6 = 1, 2, 3, 4
_TWO_DIMENSIONAL = 1
# PDFium and other viewers take up to this.
MOST_ACROSS = 65_535
# A few rows may be right by chance in another code than their own.
_LEAST_TO_RECOVER = 16
_LINE = re.compile(r" at line (\d+) of strip \d+ \((?:x|got) (\d+)")
_END_OF_DATA, _BAD_CODE, _UNMARKED = "Premature EOF", "Bad code word", "without EOL"
_END_OF_LINE = "000000000001"
_UNMARKED_WORDS = "MH without ends of line"
_CODES = {
    (_MODIFIED_HUFFMAN, 0): "MH in whole octets (Compression 2)",
    (_T4, 0): "MH with ends of line (Compression 3)",
    (_T4, _TWO_DIMENSIONAL): "MR (Compression 3, two-dimensional)",
    (_T6, 0): "MMR (Compression 4)",
}


@frozen(kw_only=True)
class FaxCode:
    """How the data of a fax is to be read."""

    compression: int
    two_dimensional: int
    fill_order: int

    @property
    def words(self) -> str:
        """Name it in a sentence."""
        order = ", lowest bits first" if self.fill_order == 2 else ""
        return _CODES[self.compression, self.two_dimensional] + order


@frozen(kw_only=True)
class DecodedFax:
    """The pixels of a fax, and what was wrong with it."""

    width: int
    height: int
    pixels: Buffer = field(repr=False)
    """Rows of whole octets; a set bit is what the code calls black. Rows that are not there are white."""
    damaged_rows: int
    """Rows that libtiff reports as wrong, or does not find."""
    more: bool
    """There is data behind the last row of a strip that is no end mark."""
    recovered: str = ""
    """In which way other than by its tags or by T.4 it had to be read."""

    @property
    def clean(self) -> bool:
        """Nothing is wrong with it."""
        return not self.damaged_rows and not self.more

    @property
    def legible(self) -> bool:
        """At least half of the rows are right."""
        return 2 * self.damaged_rows <= self.height


@frozen
class _Strips:
    """How the rows of a page stand in strips."""

    width: int
    height: int
    rows: int
    """Of each but the last."""
    lengths: tuple[int, ...]
    """Of their data, in octets."""

    @property
    def across(self) -> int:
        """Octets in a row."""
        return -(-self.width // 8)


@frozen
class _StripRead:
    damaged_rows: int
    more: bool = False
    unmarked: bool = False
    """It has no ends of line where its code has them."""


def decode_fax(tags: Tags, file: IO[bytes], directory: int) -> DecodedFax | None:
    """Decode a fax in strips; None for one that libtiff cannot be asked about.

    The file is flushed; its position stays. OSError where the host allows no files in memory.
    """
    strips, told = _strips_of(tags), _told(tags)
    if strips is None:
        return None
    found = _decoded(file, directory, strips, told, told)
    if found is None or found.legible or strips.height < _LEAST_TO_RECOVER:
        return found
    for (compression, two_dimensional), fill_order in product(_CODES, (1, 2)):
        code = FaxCode(
            compression=compression, two_dimensional=two_dimensional, fill_order=fill_order
        )
        other = _decoded(file, directory, strips, code, told) if code != told else None
        if other is not None:
            return other
    return found


def _strips_of(tags: Tags) -> _Strips | None:
    """Return how a page stands in strips; None where its tags contradict each other."""
    width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    rows = min(int(tags.get(_ROWS, height)), height)
    if not (0 < width <= MOST_ACROSS and 0 < rows <= height <= MOST_ACROSS):
        return None
    lengths = tuple(tags.get(_LENGTHS, ()))
    if len(tags.get(_OFFSETS, ())) != -(-height // rows) or len(lengths) != -(-height // rows):
        return None
    return _Strips(width, height, rows, lengths)


def _told(tags: Tags) -> FaxCode:
    compression = int(tags[_COMPRESSION])
    options = int(tags.get(_T4_OPTIONS, 0)) if compression == _T4 else 0
    return FaxCode(
        compression=compression,
        two_dimensional=options & _TWO_DIMENSIONAL,
        fill_order=int(tags.get(_FILL_ORDER, 1)),
    )


def _decoded(
    file: IO[bytes], directory: int, strips: _Strips, code: FaxCode, told: FaxCode
) -> DecodedFax | None:
    """Decode a page; None where libtiff cannot read it, or it is not clean in a code that is tried."""
    with page_of(file, directory) as tiff:
        if tiff is None:
            return None
        reader = _StripReader(tiff, strips, code)
        pixels = ctypes.create_string_buffer(strips.across * (strips.height + 1))
        damaged, more, unmarked = 0, False, False
        for strip, top in enumerate(range(0, strips.height, strips.rows)):
            rows = min(strips.rows, strips.height - top)
            read = reader.read(strip, pixels, strips.across * top, rows)
            if read.more and rows < strips.rows:
                # Some writers fill the last strip up to the height of the others.
                filled = ctypes.create_string_buffer(strips.across * (strips.rows + 1))
                read = reader.read(strip, filled, 0, strips.rows)
            if code != told and (read.damaged_rows or read.more):
                return None
            damaged += read.damaged_rows
            more, unmarked = more or read.more, unmarked or read.unmarked
    return DecodedFax(
        width=strips.width,
        height=strips.height,
        pixels=pixels,
        damaged_rows=damaged,
        more=more,
        recovered=code.words if code != told else _UNMARKED_WORDS if unmarked else "",
    )


class _StripReader:
    """Reads the strips of a page in a code."""

    def __init__(self, tiff: TiffFile, strips: _Strips, code: FaxCode) -> None:
        self._tiff = tiff
        self._strips = strips
        self._code = code
        tiff.set_field(_FILL_ORDER, code.fill_order)
        # One row more in each strip: libtiff looks at what is behind the last one.
        tiff.set_field(_ROWS, strips.rows + 1)
        tiff.set_field(_HEIGHT, len(strips.lengths) * (strips.rows + 1))

    def read(self, strip: int, into: Buffer, at: int, rows: int) -> _StripRead:
        """Decode a strip, and the row behind it, which is white then; count what libtiff reports."""
        self._reset_decoder()
        across = self._strips.across
        self._tiff.read_strip(strip, into, at, across * (rows + 1))
        ctypes.memset(ctypes.byref(into, at + across * rows), 0, across)
        damaged: set[int] = set()
        ended = broken = unmarked = False
        for words in self._tiff.reports:
            found = _LINE.search(words)
            if found is None:
                # The strip is not in the file, or more than its rows is wrong.
                return _StripRead(rows)
            line, column = map(int, found.groups())
            if not line and _UNMARKED in words and not self._has_ends_of_line(strip):
                unmarked = True
            elif line < rows:
                damaged.add(line)
                if _END_OF_DATA in words:
                    damaged.update(range(line, rows))
            elif line == rows:
                # The end mark of T.4 is six empty rows, which are no codes.
                broken = broken or (_BAD_CODE in words and self._code.compression != _T4)
                ended = ended or not column
        if damaged and self._code.compression == _T6:
            # Each row is told by its difference from the one above, and libtiff goes no further.
            damaged.update(range(min(damaged), rows))
        more = not damaged and (broken or not ended)
        return _StripRead(len(damaged), more=more, unmarked=unmarked and not damaged)

    def _reset_decoder(self) -> None:
        # One that once missed an end of line does without them from there on.
        self._tiff.set_field(_COMPRESSION, _NONE)
        self._tiff.set_field(_COMPRESSION, self._code.compression)
        if self._code.compression == _T4:
            self._tiff.set_field(_T4_OPTIONS, self._code.two_dimensional)
        self._tiff.reports.clear()

    def _has_ends_of_line(self, strip: int) -> bool:
        octets = self._tiff.raw_strip(strip, self._strips.lengths[strip])
        if self._code.fill_order == 2:
            octets = octets.translate(REVERSED)
        return _END_OF_LINE in f"{int.from_bytes(octets, 'big'):b}"
