"""Faxes encoded by libtiff: to verify their data, and to make one strip of several.

Data is exact where libtiff, encoding the decoded pixels, writes the same octets.
Such data follows T.4 and T.6 to the bit: every viewer decodes it to these pixels.
That libtiff decodes without an error is not enough: it accepts runs of no length
and steps backward, which damaged faxes have and which each viewer shows differently.

Standards: ITU-T T.4 (one-dimensional), T.6.
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterator
from contextlib import contextmanager

from irsend.imaging.fax_decoding import MOST_ACROSS, DecodedFax
from irsend.imaging.image_xobject import ImageXObject
from irsend.imaging.libtiff import Buffer, TiffFile, in_memory, loaded_libtiff, opened
from irsend.imaging.tiff_fx import MH, MMR, FaxPage, write_tiff

_ANY_DOTS = (200, 200)


def is_exact(xobject: ImageXObject) -> bool:
    """Say whether a fax's data is what libtiff writes; False also where libtiff cannot be called.

    Zeros at its end do not count.
    """
    k = xobject.parameters.get("/K")
    if k not in (-1, 0) or xobject.parameters.get("/EncodedByteAlign"):
        return False
    if not (0 < xobject.width <= MOST_ACROSS and 0 < xobject.height <= MOST_ACROSS):
        return False
    try:
        written = _reencoded(xobject, MMR if k == -1 else MH)
    except OSError:
        # The host allows no files in memory: the page is compared by its pixels then.
        return False
    return written is not None and written.rstrip(b"\0") == xobject.octets.rstrip(b"\0")


def as_one_strip(fax: DecodedFax, *, black_is_one: bool) -> ImageXObject | None:
    """Return a fax encoded again, as one strip of MMR; None where libtiff cannot be called."""
    # libtiff overwrites a strip that is there: one of a zero octet stands for it.
    page = _page(fax.width, fax.height, MMR, b"\0")
    size = -(-fax.width // 8) * fax.height
    try:
        with _page_in_memory(page) as tiff:
            octets = _encoded(tiff, fax.pixels, size) if tiff else None
    except OSError:
        return None
    if octets is None:
        return None
    parameters = {
        "/K": -1,
        "/Columns": fax.width,
        "/Rows": fax.height,
        "/EndOfBlock": False,
        "/BlackIs1": black_is_one,
    }
    return ImageXObject(
        width=fax.width,
        height=fax.height,
        filter="CCITTFaxDecode",
        octets=octets,
        parameters=parameters,
    )


def _reencoded(xobject: ImageXObject, compression: int) -> bytes | None:
    """Return an XObject's data decoded and encoded again; None where it cannot be decoded."""
    size = -(-xobject.width // 8) * xobject.height
    # Room for the encoded data too, which for noise is larger than the pixels.
    pixels = ctypes.create_string_buffer(max(size, len(xobject.octets)) + 1)
    page = _page(xobject.width, xobject.height, compression, xobject.octets)
    with _page_in_memory(page) as tiff:
        if tiff is None or not tiff.read_strip(0, pixels, 0, size) or tiff.reports:
            return None
        return _encoded(tiff, pixels, size)


def _page(width: int, height: int, compression: int, strip: bytes) -> FaxPage:
    return FaxPage(
        width=width,
        height=height,
        compression=compression,
        photometric=0,
        strip=strip,
        dots=_ANY_DOTS,
    )


def _encoded(tiff: TiffFile, pixels: Buffer, size: int) -> bytes | None:
    """Encode pixels as the one strip of a TIFF and return it; it overwrites them in the buffer."""
    if tiff.library.TIFFWriteEncodedStrip(tiff.handle, 0, pixels, size) != size:
        return None
    room = len(pixels)
    length = tiff.library.TIFFReadRawStrip(tiff.handle, 0, pixels, room)
    # A strip that fills the buffer may be cut off there.
    return pixels.raw[:length] if 0 <= length < room else None


@contextmanager
def _page_in_memory(page: FaxPage) -> Iterator[TiffFile | None]:
    """Open a page by libtiff, to read and to write, or give None; OSError."""
    library = loaded_libtiff()
    if library is None:
        yield None
        return
    file = io.BytesIO()
    write_tiff(file, [page], 1)
    with opened(library, in_memory(file), b"r+") as tiff:
        yield tiff
