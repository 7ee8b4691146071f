"""Faxes decoded and encoded anew by libtiff: is the data exact, and several strips as one.

Exact is data that is octet for octet what libtiff makes of the pixels in it. It
follows T.4 and T.6 to the bit, and whoever decodes it sees these pixels: nothing
has to be compared. That libtiff decodes without a complaint would not do. It
takes runs of no length and steps backward, which a damaged fax has, and of which
each reader makes something else.

libtiff is the one that Pillow has loaded. Pillow itself unpacks each pixel to
an octet and packs it again, which takes longer than all the rest.

Standards: ITU-T T.4 (one-dimensional), T.6; libtiff's C interface.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_char_p, c_int, c_ssize_t, c_uint32, c_uint64, c_void_p
from typing import IO, Any

from PIL import _imaging

from irsend.imaging.image_xobject import ImageXObject, is_fax
from irsend.imaging.tiff_fx import MH, MMR, FaxPage, write_tiff

_WIDTH, _HEIGHT, _PHOTOMETRIC, _OFFSETS, _ROWS = 256, 257, 262, 273, 278
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "TIFFFdOpen": (c_void_p, [c_int, c_char_p, c_char_p]),
    "TIFFClose": (None, [c_void_p]),
    "TIFFSetSubDirectory": (c_int, [c_void_p, c_uint64]),
    "TIFFReadEncodedStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFWriteEncodedStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFReadRawStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFSetErrorHandler": (c_void_p, [c_void_p]),
    "TIFFSetWarningHandler": (c_void_p, [c_void_p]),
}
# What PDFium takes, and others as well: whatever is larger is looked at.
_MOST_ACROSS = 65_535
_ANY_DOTS = (200, 200)


def is_exact(xobject: ImageXObject) -> bool:
    """Say whether a fax's data is what libtiff writes; False also where that cannot be found out.

    Zeros may be missing or too many at its end.
    """
    k = xobject.parameters.get("/K")
    if k not in (-1, 0) or xobject.parameters.get("/EncodedByteAlign"):
        return False
    if not (0 < xobject.width <= _MOST_ACROSS and 0 < xobject.height <= _MOST_ACROSS):
        return False
    try:
        written = _reencoded(xobject, MMR if k == -1 else MH)
    except OSError:
        # Where a host allows no files in memory: a page is no worse for that.
        return False
    return written is not None and written.rstrip(b"\0") == xobject.octets.rstrip(b"\0")


def as_one_strip(tags: Any, file: IO[bytes], directory: int) -> ImageXObject | None:
    """Return a fax in one strip by MMR, of the pixels that libtiff decodes; None for another page.

    None also where it cannot be decoded. Rows that a damaged strip does not have are empty; Pillow
    leaves there what was in its memory before. The file is one of the system, with nothing of it
    unwritten; its position stays.
    """
    libtiff, strips = _libtiff(), len(tags.get(_OFFSETS, ()))
    if libtiff is None or not is_fax(tags):
        return None
    width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    rows = min(int(tags.get(_ROWS, height)), height)
    if not (0 < width <= _MOST_ACROSS and 0 < rows <= height <= _MOST_ACROSS):
        return None
    if strips != -(-height // rows):
        return None
    across = -(-width // 8)
    pixels = ctypes.create_string_buffer(across * height + 1)
    try:
        # Of its own, for libtiff moves its position.
        opened = os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY)
        with _libtiff_of(libtiff, opened, b"r") as tiff:
            if not tiff or not libtiff.TIFFSetSubDirectory(tiff, directory):
                return None
            for strip, top in enumerate(range(0, height, rows)):
                size = across * min(rows, height - top)
                into = ctypes.byref(pixels, across * top)
                if libtiff.TIFFReadEncodedStrip(tiff, strip, into, size) != size:
                    return None
        # libtiff has an empty strip filled, and writes over it.
        with _in_memory(libtiff, _page(width, height, MMR, b"\0")) as tiff:
            octets = _encoded(libtiff, tiff, pixels, across * height)
    except OSError:
        return None
    if octets is None:
        return None
    parameters = {
        "/K": -1,
        "/Columns": width,
        "/Rows": height,
        "/EndOfBlock": False,
        "/BlackIs1": tags[_PHOTOMETRIC] == 1,
    }
    return ImageXObject(
        width=width,
        height=height,
        filter="CCITTFaxDecode",
        octets=octets,
        parameters=parameters,
    )


def _reencoded(xobject: ImageXObject, compression: int) -> bytes | None:
    """Return a xobject's data decoded and encoded anew; None where it cannot be."""
    libtiff = _libtiff()
    if libtiff is None:
        return None
    size = -(-xobject.width // 8) * xobject.height
    # Room for the code too, which of noise is larger than the pixels.
    pixels = ctypes.create_string_buffer(max(size, len(xobject.octets)) + 1)
    page = _page(xobject.width, xobject.height, compression, xobject.octets)
    with _in_memory(libtiff, page) as tiff:
        if not tiff or libtiff.TIFFReadEncodedStrip(tiff, 0, pixels, size) != size:
            return None
        return _encoded(libtiff, tiff, pixels, size)


def _page(width: int, height: int, compression: int, strip: bytes) -> FaxPage:
    return FaxPage(
        width=width,
        height=height,
        compression=compression,
        photometric=0,
        strip=strip,
        dots=_ANY_DOTS,
    )


def _encoded(libtiff: Any, tiff: Any, pixels: Any, size: int) -> bytes | None:
    """Encode pixels as a TIFF's one strip and return that, which takes their place in the buffer."""
    if not tiff or libtiff.TIFFWriteEncodedStrip(tiff, 0, pixels, size) != size:
        return None
    room = len(pixels)
    length = libtiff.TIFFReadRawStrip(tiff, 0, pixels, room)
    # What fills the buffer may be only the beginning.
    return pixels.raw[:length] if 0 <= length < room else None


@contextmanager
def _in_memory(libtiff: Any, page: FaxPage) -> Iterator[Any]:
    """Give libtiff's own handle of a page, to read and to write; None where it has none."""
    memory = os.memfd_create("page")
    with os.fdopen(os.dup(memory), "wb") as file:
        write_tiff(file, [page], 1)
        file.seek(0)
    with _libtiff_of(libtiff, memory, b"r+") as tiff:
        yield tiff


@contextmanager
def _libtiff_of(libtiff: Any, opened: int, mode: bytes) -> Iterator[Any]:
    """Give libtiff's own handle of an open file, which is closed in the end; None where it has none."""
    # What is wrong with a page is found out without words on the standard error.
    errors, warnings = libtiff.TIFFSetErrorHandler(None), libtiff.TIFFSetWarningHandler(None)
    try:
        tiff = libtiff.TIFFFdOpen(opened, b"page", mode)
        if not tiff:
            os.close(opened)
            yield None
            return
        try:
            yield tiff
        finally:
            libtiff.TIFFClose(tiff)
    finally:
        libtiff.TIFFSetErrorHandler(errors)
        libtiff.TIFFSetWarningHandler(warnings)


@functools.cache
def _libtiff() -> Any:
    """Return the libtiff that Pillow decodes with; None where it is linked out of sight."""
    try:
        library = ctypes.CDLL(_imaging.__file__)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):
        return None
    return library if hasattr(os, "memfd_create") else None
