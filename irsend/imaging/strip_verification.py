"""Whether the strips or tiles of a page hold what its tags say, by libtiff's own reading of each.

Pillow takes what a decoder repairs for right, and stops where it has its pixels: bad codes of a
JPEG, a checksum that is wrong, rows behind the last one. Faxes in strips have `fax_decoding`.

Standards: TIFF 6.0 (StripByteCounts, RowsPerStrip, TileByteCounts); RFC 1950 (Adler-32).
"""

from __future__ import annotations

import ctypes
import re
from typing import IO

from irsend.imaging.image_metadata import Tags
from irsend.imaging.libtiff import Buffer, TiffFile, loaded_libtiff, page_of

_HEIGHT, _COMPRESSION, _ROWS, _LENGTHS, _TILE_LENGTHS = 257, 259, 278, 279, 325
_NONE, _PACKBITS = 1, 32773
# A strip of these goes on until its code ends, which may be behind its last row.
_DEFLATE = (8, 32946)
_WITH_AN_END = (5, *_DEFLATE, _PACKBITS)
# What some writers fill an odd strip up with decodes to nothing, or to an octet.
_LEAST_OF_PACKBITS = 2
_MISSING = re.compile(r"\(short (\d+) bytes\)")


def is_damaged(tags: Tags, file: IO[bytes], directory: int) -> bool:
    """Say whether libtiff reports anything at the data of a page; False where it cannot be called.

    The file is flushed; its position stays. MemoryError.
    """
    if loaded_libtiff() is None:
        return False
    try:
        with page_of(file, directory) as tiff:
            if tiff is None:
                return True
            if tiff.library.TIFFIsTiled(tiff.handle):
                return _tiles_are_damaged(tiff, tags)
            return _strips_are_damaged(tiff, tags)
    except OSError:
        # The host allows no files in memory.
        return False


def _tiles_are_damaged(tiff: TiffFile, tags: Tags) -> bool:
    size = tiff.library.TIFFTileSize64(tiff.handle)
    tiles = tiff.library.TIFFNumberOfTiles(tiff.handle)
    if not size or _has_other_size(tags, _TILE_LENGTHS, [size] * tiles, size):
        return True
    into = ctypes.create_string_buffer(size)
    for tile in range(tiles):
        given = tiff.library.TIFFReadEncodedTile(tiff.handle, tile, into, size)
        if given != size or tiff.reports:
            return True
    return False


def _strips_are_damaged(tiff: TiffFile, tags: Tags) -> bool:
    height = int(tags[_HEIGHT])
    rows = min(int(tags.get(_ROWS, height)), height)
    strips = tiff.library.TIFFNumberOfStrips(tiff.handle)
    if rows < 1 or not strips:
        return True
    in_a_plane = -(-height // rows)
    heights = [min(rows, height - strip % in_a_plane * rows) for strip in range(strips)]
    sizes = [tiff.library.TIFFVStripSize64(tiff.handle, one) for one in heights]
    row = tiff.library.TIFFVStripSize64(tiff.handle, 1)
    if not all(sizes) or strips % in_a_plane or _has_other_size(tags, _LENGTHS, sizes, row):
        return True
    compression = tags.get(_COMPRESSION, _NONE)
    row = _LEAST_OF_PACKBITS if compression == _PACKBITS else row
    into = ctypes.create_string_buffer(max(sizes) + row)
    if compression == _PACKBITS and not _rows_end_with_runs(tiff, into, height):
        return True
    for strip, size in enumerate(sizes):
        if not tiff.read_strip(strip, into, 0, size) or tiff.reports:
            return True
    if compression not in _WITH_AN_END:
        return False
    tiff.set_field(_ROWS, rows + 1)
    tiff.set_field(_HEIGHT, in_a_plane * (rows + 1))
    for strip, size in enumerate(sizes):
        # Some writers fill the last strip up to the height of the others.
        if _goes_on(tiff, strip, into, size, row, compression) and (
            size == sizes[0] or _goes_on(tiff, strip, into, sizes[0], row, compression)
        ):
            return True
    return False


def _rows_end_with_runs(tiff: TiffFile, into: Buffer, height: int) -> bool:
    """Say whether each row of PackBits is packed by itself, as it has to be; of one plane."""
    for row in range(height):
        if tiff.library.TIFFReadScanline(tiff.handle, into, row, 0) != 1 or tiff.reports:
            return False
    return True


def _goes_on(
    tiff: TiffFile, strip: int, into: Buffer, size: int, more: int, compression: int
) -> bool:
    """Say whether a strip has more than `size` octets, or a wrong end, by asking for more of it."""
    ctypes.memset(ctypes.byref(into, size), 0, more)
    tiff.reports.clear()
    if tiff.read_strip(strip, into, 0, size + more):
        return True
    missing = [int(found[1]) for words in tiff.reports if (found := _MISSING.search(words))]
    if compression in _DEFLATE:
        # Any other report is about the end of its stream, or its checksum.
        return missing != [more]
    # LZW may lack its end mark, and says nothing of what is missing then, as PackBits.
    return (bool(missing) and missing != [more]) or any(into[size : size + more])


def _has_other_size(tags: Tags, lengths: int, sizes: list[int], more: int) -> bool:
    """Say whether strips that are not compressed have less than their sizes, or more by a row."""
    if tags.get(_COMPRESSION, _NONE) != _NONE:
        return False
    told = tags.get(lengths, ())
    # Where a length is zero, or not there, libtiff takes it from the size.
    return any(
        0 < length < size or length >= max(size, sizes[0]) + more
        for length, size in zip(told, sizes, strict=False)
    )
