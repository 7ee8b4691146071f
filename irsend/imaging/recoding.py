"""Whether a fax's data is, octet for octet, what libtiff makes of the pixels that it finds in it.

Such data follows T.4 and T.6 to the bit, and whoever decodes it sees these
pixels: nothing has to be compared. That libtiff decodes without a complaint
would not do. It takes runs of no length and steps backward, which a damaged
fax has, and of which each reader makes something else.

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
from ctypes import c_char_p, c_int, c_ssize_t, c_uint32, c_void_p
from typing import Any

from PIL import _imaging

from irsend.imaging.carried import Picture
from irsend.imaging.tiff_fx import MH, MMR, FaxPage, write_tiff

_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "TIFFFdOpen": (c_void_p, [c_int, c_char_p, c_char_p]),
    "TIFFClose": (None, [c_void_p]),
    "TIFFReadEncodedStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFWriteEncodedStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFReadRawStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFSetErrorHandler": (c_void_p, [c_void_p]),
    "TIFFSetWarningHandler": (c_void_p, [c_void_p]),
}
# What PDFium takes, and others as well: whatever is larger is looked at.
_MOST_ACROSS = 65_535
_ANY_DOTS = (200, 200)


def is_exact(picture: Picture) -> bool:
    """Say whether a fax's data is what libtiff writes; False also where that cannot be found out.

    Zeros may be missing or too many at its end.
    """
    k = picture.parameters.get("/K")
    if k not in (-1, 0) or picture.parameters.get("/EncodedByteAlign"):
        return False
    if not (0 < picture.width <= _MOST_ACROSS and 0 < picture.height <= _MOST_ACROSS):
        return False
    try:
        written = _recoded(picture, MMR if k == -1 else MH)
    except OSError:
        # Where a host allows no files in memory: a page is no worse for that.
        return False
    return written is not None and written.rstrip(b"\0") == picture.octets.rstrip(b"\0")


def _recoded(picture: Picture, compression: int) -> bytes | None:
    """Return a picture's data decoded and encoded anew; None where it cannot be."""
    libtiff = _libtiff()
    if libtiff is None:
        return None
    page = FaxPage(
        width=picture.width,
        height=picture.height,
        compression=compression,
        photometric=0,
        strip=picture.octets,
        dots=_ANY_DOTS,
    )
    size = -(-picture.width // 8) * picture.height
    # Room for the code too, which of noise is larger than the pixels.
    room = max(size, len(picture.octets))
    pixels = ctypes.create_string_buffer(room)
    with _opened(libtiff, page) as tiff:
        if (
            not tiff
            or libtiff.TIFFReadEncodedStrip(tiff, 0, pixels, size) != size
            or libtiff.TIFFWriteEncodedStrip(tiff, 0, pixels, size) != size
        ):
            return None
        length = libtiff.TIFFReadRawStrip(tiff, 0, pixels, room)
    return pixels.raw[:length] if length >= 0 else None


@contextmanager
def _opened(libtiff: Any, page: FaxPage) -> Iterator[Any]:
    """Give libtiff's own handle of a TIFF in memory, to read and to write; None where it has none."""
    memory = os.memfd_create("page")
    with os.fdopen(os.dup(memory), "wb") as file:
        write_tiff(file, [page], 1)
        file.seek(0)
    # What is wrong with a page is found out without words on the standard error.
    errors, warnings = libtiff.TIFFSetErrorHandler(None), libtiff.TIFFSetWarningHandler(None)
    try:
        tiff = libtiff.TIFFFdOpen(memory, b"page", b"r+")
        if not tiff:
            os.close(memory)
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
