"""libtiff's C interface: files opened by it, read and written strip by strip, and what it reports.

The library is the one that Pillow has loaded, called directly: Pillow drops what
libtiff reports, and unpacks each pixel to an octet.

Standards: libtiff's C interface.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_char_p, c_int, c_size_t, c_ssize_t, c_uint16, c_uint32, c_uint64, c_void_p
from io import UnsupportedOperation
from typing import IO

from attrs import define, field
from PIL import _imaging

Buffer = ctypes.Array[ctypes.c_char]
"""Octets that C reads and writes."""

_FUNCTIONS: dict[str, tuple[type | None, list[type]]] = {
    "TIFFFdOpen": (c_void_p, [c_int, c_char_p, c_char_p]),
    "TIFFClose": (None, [c_void_p]),
    "TIFFSetSubDirectory": (c_int, [c_void_p, c_uint64]),
    # Its values are variadic: each is given here as C passes it on.
    "TIFFSetField": (c_int, [c_void_p, c_uint32]),
    "TIFFIsTiled": (c_int, [c_void_p]),
    "TIFFNumberOfStrips": (c_uint32, [c_void_p]),
    "TIFFNumberOfTiles": (c_uint32, [c_void_p]),
    "TIFFVStripSize64": (c_uint64, [c_void_p, c_uint32]),
    "TIFFTileSize64": (c_uint64, [c_void_p]),
    "TIFFReadEncodedStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFReadScanline": (c_int, [c_void_p, c_void_p, c_uint32, c_uint16]),
    "TIFFReadEncodedTile": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFWriteEncodedStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFReadRawStrip": (c_ssize_t, [c_void_p, c_uint32, c_void_p, c_ssize_t]),
    "TIFFSetErrorHandler": (c_void_p, [c_void_p]),
    "TIFFSetWarningHandler": (c_void_p, [c_void_p]),
}
# Module, format, and the format's arguments as C's va_list.
_Reporter = ctypes.CFUNCTYPE(None, c_char_p, c_char_p, c_void_p)
_LONGEST_REPORT = 300


@define(eq=False)
class TiffFile:
    """A file that libtiff has open, at one of its directories."""

    library: ctypes.CDLL
    handle: int
    reports: list[str] = field(factory=list)
    """Errors and warnings of libtiff since it was cleared, in its words."""

    def set_field(self, tag: int, *values: int) -> None:
        """Have libtiff read the page with another value of a tag; the file stays as it is."""
        self.library.TIFFSetField(self.handle, tag, *map(c_int, values))

    def read_strip(self, strip: int, into: Buffer, at: int, size: int) -> bool:
        """Decode the first `size` octets of a strip; say whether libtiff gave all of them."""
        place = ctypes.byref(into, at)
        given = self.library.TIFFReadEncodedStrip(self.handle, strip, place, size)
        return bool(given == size)

    def raw_strip(self, strip: int, most: int) -> bytes:
        """Return the data of a strip as it is in the file, or its first octets."""
        octets = ctypes.create_string_buffer(most)
        given = self.library.TIFFReadRawStrip(self.handle, strip, octets, most)
        return octets.raw[: max(0, given)]


@contextmanager
def page_of(file: IO[bytes], directory: int) -> Iterator[TiffFile | None]:
    """Open the page whose directory is at an offset; None where libtiff cannot read it.

    A file with a descriptor is flushed before, and its position stays. OSError.
    """
    library = loaded_libtiff()
    if library is None:
        yield None
        return
    # c: libtiff leaves strips that are not compressed as they are.
    with opened(library, _descriptor_of(file), b"rc") as tiff:
        if tiff is None or not library.TIFFSetSubDirectory(tiff.handle, directory):
            yield None
        else:
            tiff.reports.clear()
            yield tiff


def _descriptor_of(file: IO[bytes]) -> int:
    """Return a descriptor of a file's content that has a position of its own."""
    try:
        return os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY)
    except UnsupportedOperation:
        return in_memory(file)


def in_memory(file: IO[bytes]) -> int:
    """Return a descriptor of a copy in memory, at its beginning; the file's position stays. OSError."""
    memory = os.memfd_create("page")
    with os.fdopen(os.dup(memory), "wb") as copy:
        at = file.tell()
        file.seek(0)
        copy.write(file.read())
        file.seek(at)
        copy.seek(0)
    return memory


@contextmanager
def opened(library: ctypes.CDLL, descriptor: int, mode: bytes) -> Iterator[TiffFile | None]:
    """Open a descriptor by libtiff, or give None. The descriptor is closed at the end."""
    reports: list[str] = []

    def report(_: bytes, form: bytes, arguments: int) -> None:
        words = ctypes.create_string_buffer(_LONGEST_REPORT)
        _vsnprintf()(words, _LONGEST_REPORT, form, arguments)
        reports.append(words.value.decode("latin-1"))

    reporter = _Reporter(report)
    pointer = ctypes.cast(reporter, c_void_p)
    errors = library.TIFFSetErrorHandler(pointer)
    warnings = library.TIFFSetWarningHandler(pointer)
    try:
        handle = library.TIFFFdOpen(descriptor, b"page", mode)
        if not handle:
            os.close(descriptor)
            yield None
            return
        try:
            yield TiffFile(library, handle, reports)
        finally:
            library.TIFFClose(handle)
    finally:
        library.TIFFSetErrorHandler(errors)
        library.TIFFSetWarningHandler(warnings)


@functools.cache
def loaded_libtiff() -> ctypes.CDLL | None:
    """Return the libtiff that Pillow decodes with; None where its functions are not exported."""
    try:
        library = ctypes.CDLL(_imaging.__file__)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        _vsnprintf()
    except (OSError, AttributeError):
        return None
    return library if hasattr(os, "memfd_create") else None


@functools.cache
def _vsnprintf() -> ctypes._FuncPointer:
    function = ctypes.CDLL(None).vsnprintf
    # Where Linux runs a va_list is passed as an address.
    function.argtypes = [c_char_p, c_size_t, c_char_p, c_void_p]
    return function
