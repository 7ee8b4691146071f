"""A received fax as an image XObject: its data as it came, or encoded again where viewers would differ.

Standards: ITU-T T.4, T.6; ISO 32000-1 7.4.6 (CCITTFaxDecode); TIFF 6.0 (Orientation).
"""

from __future__ import annotations

from typing import IO

from attrs import frozen
from PIL import Image

from irsend.imaging.fax_decoding import DecodedFax, decode_fax
from irsend.imaging.fax_verification import as_one_strip, is_exact
from irsend.imaging.image_metadata import Tags, normalized
from irsend.imaging.image_xobject import ImageXObject, compressed, fax_passthrough, is_fax
from irsend.imaging.viewer_agreement import viewers_agree

_PHOTOMETRIC, _BLACK_IS_ZERO, _ORIENTATION, _UPRIGHT = 262, 1, 274, 1


@frozen
class ReceivedFax:
    """A fax to be printed, and what was wrong with it."""

    xobject: ImageXObject | None
    """None where most of its rows are damaged."""
    decoded: DecodedFax | None
    """None where its data is exact."""


def received_fax(tags: Tags, file: IO[bytes], directory: int) -> ReceivedFax | None:
    """Read the page of a TIFF; None where it is no fax in strips, or libtiff cannot be called.

    The file is flushed. OSError where the host allows no files in memory; MemoryError.
    """
    if not is_fax(tags):
        return None
    passed = fax_passthrough(tags, file)
    if passed is not None and is_exact(passed):
        return ReceivedFax(passed, None)
    decoded = decode_fax(tags, file, directory)
    if decoded is None:
        return None
    if not decoded.legible:
        return ReceivedFax(None, decoded)
    return ReceivedFax(_xobject(decoded, passed, tags), decoded)


def _xobject(fax: DecodedFax, passed: ImageXObject | None, tags: Tags) -> ImageXObject:
    black_is_zero = tags[_PHOTOMETRIC] == _BLACK_IS_ZERO
    size = -(-fax.width // 8) * fax.height
    # Where black is zero (Photometric 1) the code's black is white.
    form = "1" if black_is_zero else "1;I"
    image = Image.frombytes(
        "1", (fax.width, fax.height), memoryview(fax.pixels)[:size], "raw", form
    )
    orientation = tags.get(_ORIENTATION, _UPRIGHT)
    if orientation != _UPRIGHT:
        image.getexif()[_ORIENTATION] = orientation
        return compressed(normalized(image))
    if (
        passed is not None
        and not fax.recovered
        and passed.octets
        and viewers_agree(passed, image)
    ):
        return passed
    return as_one_strip(fax, black_is_one=black_is_zero) or compressed(image)
