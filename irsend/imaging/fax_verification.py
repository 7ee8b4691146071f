"""Faxes decoded and encoded again by libtiff: to verify their data, and to make one strip of several.

Data is exact where libtiff, encoding the decoded pixels, writes the same octets.
Such data follows T.4 and T.6 to the bit: every viewer decodes it to these pixels.
That libtiff decodes without an error is not enough: it accepts runs of no length
and steps backward, which damaged faxes have and which each viewer shows differently.

libtiff is the one that Pillow has loaded, called directly: Pillow unpacks each
pixel to an octet and packs it again, which takes longer than all the rest.

Standards: ITU-T T.4 (one-dimensional), T.6; libtiff's C interface.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_char, c_char_p, c_int, c_ssize_t, c_uint32, c_uint64, c_void_p
from typing import IO

from PIL import _imaging

from irsend.imaging.image_metadata import Tags
from irsend.imaging.image_xobject import ImageXObject, is_fax
from irsend.imaging.tiff_fx import MH, MMR, FaxPage, write_tiff

_WIDTH, _HEIGHT, _PHOTOMETRIC, _OFFSETS, _ROWS = 256, 257, 262, 273, 278
_FUNCTIONS: dict[str, tuple[type | None, list[type]]] = {
    "TIFFFdOpen": (c_void_p, [c_int, c_char_p, c_char_p]),
    "TIFFClose": (None, [c_void_p]),
    "TIFFSetSubDirectory": (c_int, [c_void_p, c_uint64]),
    "TIFFReadEncodedStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFWriteEncodedStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFReadRawStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFSetErrorHandler": (c_void_p, [c_void_p]),
    "TIFFSetWarningHandler": (c_void_p, [c_void_p]),
}
# PDFium and other viewers take up to this; a larger page is decoded and compared.
_MOST_ACROSS = 65_535
_ANY_DOTS = (200, 200)


def is_exact(xobject: ImageXObject) -> bool:
    """Say whether a fax's data is what libtiff writes; False also where libtiff cannot be called.

    Zeros at its end do not count.
    """
    k = xobject.parameters.get("/K")
    if k not in (-1, 0) or xobject.parameters.get("/EncodedByteAlign"):
        return False
    if not (0 < xobject.width <= _MOST_ACROSS and 0 < xobject.height <= _MOST_ACROSS):
        return False
    try:
        written = _reencoded(xobject, MMR if k == -1 else MH)
    except OSError:
        # The host allows no files in memory: the page is compared by its pixels then.
        return False
    return written is not None and written.rstrip(b"\0") == xobject.octets.rstrip(b"\0")


def as_one_strip(tags: Tags, file: IO[bytes], directory: int) -> ImageXObject | None:
    """Return a fax as one strip of MMR, encoded from the pixels that libtiff decodes.

    None for a page that is no fax, and for one that cannot be decoded. Rows that a damaged strip
    lacks are white; Pillow would leave there what was in its memory before. The file has a
    descriptor and is flushed; its position stays.
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
        # A descriptor of its own, for libtiff moves the position.
        descriptor = os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY)
        with _libtiff_handle(libtiff, descriptor, b"r") as tiff:
            if not tiff or not libtiff.TIFFSetSubDirectory(tiff, directory):
                return None
            for strip, top in enumerate(range(0, height, rows)):
                size = across * min(rows, height - top)
                into = ctypes.byref(pixels, across * top)
                if libtiff.TIFFReadEncodedStrip(tiff, strip, into, size) != size:
                    return None
        # libtiff overwrites a strip that is there: one of a zero octet stands for it.
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
    """Return an XObject's data decoded and encoded again; None where it cannot be decoded."""
    libtiff = _libtiff()
    if libtiff is None:
        return None
    size = -(-xobject.width // 8) * xobject.height
    # Room for the encoded data too, which for noise is larger than the pixels.
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


def _encoded(
    libtiff: ctypes.CDLL, tiff: int | None, pixels: ctypes.Array[c_char], size: int
) -> bytes | None:
    """Encode pixels as the one strip of a TIFF and return it; it overwrites them in the buffer."""
    if not tiff or libtiff.TIFFWriteEncodedStrip(tiff, 0, pixels, size) != size:
        return None
    room = len(pixels)
    length = libtiff.TIFFReadRawStrip(tiff, 0, pixels, room)
    # A strip that fills the buffer may be cut off there.
    return pixels.raw[:length] if 0 <= length < room else None


@contextmanager
def _in_memory(libtiff: ctypes.CDLL, page: FaxPage) -> Iterator[int | None]:
    """Open a page in memory by libtiff, to read and to write; give its handle, or None."""
    memory = os.memfd_create("page")
    with os.fdopen(os.dup(memory), "wb") as file:
        write_tiff(file, [page], 1)
        file.seek(0)
    with _libtiff_handle(libtiff, memory, b"r+") as tiff:
        yield tiff


@contextmanager
def _libtiff_handle(libtiff: ctypes.CDLL, descriptor: int, mode: bytes) -> Iterator[int | None]:
    """Open a descriptor by libtiff; give its handle, or None. The descriptor is closed at the end."""
    # libtiff would write what is wrong with a page to standard error.
    errors, warnings = libtiff.TIFFSetErrorHandler(None), libtiff.TIFFSetWarningHandler(None)
    try:
        tiff = libtiff.TIFFFdOpen(descriptor, b"page", mode)
        if not tiff:
            os.close(descriptor)
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
def _libtiff() -> ctypes.CDLL | None:
    """Return the libtiff that Pillow decodes with; None where its functions are not exported."""
    try:
        library = ctypes.CDLL(_imaging.__file__)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):
        return None
    return library if hasattr(os, "memfd_create") else None
