"""Whether the data of a JPEG file is damaged: read by libtiff, as the one strip of a TIFF.

Pillow takes what the decoder repairs for right; libtiff passes on what the decoder says of it.

Standards: ITU-T T.81 (frame header); TIFF Technical Note 2.
"""

from __future__ import annotations

import ctypes
import io
import re
import struct

from irsend.imaging.libtiff import page_of
from irsend.imaging.tiff_fx import JPEG, FaxPage, write_tiff

_YCBCR, _BLACK_IS_ZERO, _SEPARATED = 6, 1, 5
_PHOTOMETRIC = {1: _BLACK_IS_ZERO, 3: _YCBCR, 4: _SEPARATED}
_SUBSAMPLING = 530
_FRAMES = (0xC0, 0xC1, 0xC2)
_WITHOUT_LENGTH = (*range(0xD0, 0xD9), 0x01)
# Not all that libtiff says is damage: it takes fewer kinds of JPEG than Pillow (no CMYK of which
# a part is subsampled).
_DAMAGE = re.compile("Corrupt JPEG data|Premature end|Inconsistent progression")
# Some cameras fill up their files in front of the end mark.
_HARMLESS = re.compile("extraneous bytes before marker 0xd9")
_DIRECTORY = 8


def jpeg_is_damaged(octets: bytes) -> bool:
    """Say whether the decoder finds codes that are wrong or missing; False where it cannot be asked."""
    frame = _frame(octets)
    if frame is None:
        return False
    width, height, samples, sampling_at = frame
    if samples == 1:
        # Of one sample the sampling says nothing, and libtiff knows one value of it.
        octets = octets[:sampling_at] + b"\x11" + octets[sampling_at + 1 :]
    page = FaxPage(
        width=width,
        height=height,
        compression=JPEG,
        photometric=_PHOTOMETRIC[samples],
        strip=octets,
        dots=(200, 200),
        samples=samples,
        bits=8,
    )
    file = io.BytesIO()
    write_tiff(file, [page], 1)
    try:
        with page_of(file, _DIRECTORY) as tiff:
            if tiff is None:
                return False
            if samples > 1:
                across, down = divmod(octets[sampling_at], 16)
                tiff.set_field(_SUBSAMPLING, across, down)
            size = tiff.library.TIFFVStripSize64(tiff.handle, height)
            tiff.read_strip(0, ctypes.create_string_buffer(size + 1), 0, size)
            return any(
                _DAMAGE.search(words) and not _HARMLESS.search(words) for words in tiff.reports
            )
    except OSError:
        # The host allows no files in memory.
        return False


def _frame(octets: bytes) -> tuple[int, int, int, int] | None:
    """Return width, height, samples, and where the sampling of the first one stands.

    None for a JPEG that libtiff does not read.
    """
    at = 2
    while at + 12 <= len(octets) and octets[at] == 0xFF:
        marker = octets[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif marker in _FRAMES:
            bits, height, width, samples = struct.unpack_from(">BHHB", octets, at + 4)
            known = bits == 8 and height and width and samples in _PHOTOMETRIC
            return (width, height, samples, at + 11) if known else None
        else:
            at += 2 + int(struct.unpack_from(">H", octets, at + 2)[0])
    return None
