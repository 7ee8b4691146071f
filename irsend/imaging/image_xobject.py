"""Image XObjects of a PDF: a fax's data passed through unchanged, other images compressed again.

Standards: ISO 32000-1 7.4.6 (CCITTFaxDecode), 8.9.5 (image dictionaries); TIFF 6.0; ITU-T T.4, T.6.
"""

from __future__ import annotations

import io
import zlib
from typing import IO

from attrs import field, frozen
from PIL import Image

from irsend.imaging.image_metadata import Tags
from irsend.imaging.scanned_page import is_line_art
from irsend.imaging.tiff_fx import MMR, REVERSED, fax_page

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS, _LENGTHS = 273, 274, 277, 278, 279
_T4_OPTIONS, _TILES = 292, 324
_MODIFIED_HUFFMAN, _T4, _T6 = 2, 3, 4
_TWO_DIMENSIONAL, _UNCOMPRESSED_MODE = 1, 2
_FEW_COLOURS = 256
_QUALITY = 90
_ROWS_AT_A_TIME = 256


@frozen(kw_only=True)
class ImageXObject:
    """An image of a PDF."""

    width: int
    height: int
    filter: str
    octets: bytes = field(repr=False)
    colours: str = "DeviceGray"
    bits: int = 1
    parameters: dict[str, int] = field(factory=dict)
    """DecodeParms of the filter."""


def is_fax(tags: Tags) -> bool:
    """Say whether a TIFF's page is bilevel by T.4 or T.6, and in strips."""
    compression = tags.get(_COMPRESSION)
    return (
        compression in (_MODIFIED_HUFFMAN, _T4, _T6)
        and tags.get(_BITS, (1,)) in ((1,), 1)
        and tags.get(_SAMPLES, 1) == 1
        and tags.get(_PHOTOMETRIC) in (0, 1)
        and tags.get(_FILL_ORDER, 1) in (1, 2)
        and _TILES not in tags
        and not (compression == _T4 and int(tags.get(_T4_OPTIONS, 0)) & _UNCOMPRESSED_MODE)
    )


def fax_passthrough(tags: Tags, file: IO[bytes]) -> ImageXObject | None:
    """Return a TIFF's page with its data unchanged; None where a PDF has no filter for it.

    Only a page in one strip: each strip of MMR is encoded by itself, which a PDF cannot express. As
    images below each other strips would have gaps, since viewers move each to whole dots.
    """
    if not is_fax(tags) or tags.get(_ORIENTATION, 1) != 1:
        return None
    offsets, lengths = tags.get(_OFFSETS, ()), tags.get(_LENGTHS, ())
    if len(offsets) != 1 or len(lengths) != 1:
        return None
    if tags.get(_ROWS, tags[_HEIGHT]) < tags[_HEIGHT]:
        # The other strips are missing.
        return None
    compression = tags.get(_COMPRESSION)
    options = int(tags.get(_T4_OPTIONS, 0)) if compression == _T4 else 0
    file.seek(offsets[0])
    octets = file.read(lengths[0])
    parameters: dict[str, int] = {
        "/K": -1 if compression == _T6 else int(bool(options & _TWO_DIMENSIONAL)),
        "/Columns": int(tags[_WIDTH]),
        "/Rows": int(tags[_HEIGHT]),
        # The page ends after its rows; data after them is ignored.
        "/EndOfBlock": False,
        "/EndOfLine": compression == _T4,
        "/EncodedByteAlign": compression == _MODIFIED_HUFFMAN,
        # Where black is zero (Photometric 1) the code's black is white.
        "/BlackIs1": tags[_PHOTOMETRIC] == 1,
    }
    return ImageXObject(
        width=int(tags[_WIDTH]),
        height=int(tags[_HEIGHT]),
        filter="CCITTFaxDecode",
        octets=octets.translate(REVERSED) if tags.get(_FILL_ORDER) == 2 else octets,
        parameters=parameters,
    )


def compressed(image: Image.Image) -> ImageXObject:
    """Return an image in mode 1, L or RGB: text and drawings bit for bit, photographs as JPEG."""
    if image.mode == "1":
        page = fax_page(image, MMR, (200, 200))
        parameters = {
            "/K": -1,
            "/Columns": page.width,
            "/Rows": page.height,
            "/EndOfBlock": False,
        }
        return ImageXObject(
            width=page.width,
            height=page.height,
            filter="CCITTFaxDecode",
            octets=page.strip,
            parameters=parameters,
        )
    colours = "DeviceRGB" if image.mode == "RGB" else "DeviceGray"
    if image.getcolors(_FEW_COLOURS) is None or not (image.mode == "RGB" or is_line_art(image)):
        written = io.BytesIO()
        image.save(written, "JPEG", quality=_QUALITY, subsampling=0)
        filter_, octets = "DCTDecode", written.getvalue()
    else:
        filter_, octets = "FlateDecode", _deflated(image)
    return ImageXObject(
        width=image.width,
        height=image.height,
        filter=filter_,
        octets=octets,
        colours=colours,
        bits=8,
    )


def _deflated(image: Image.Image) -> bytes:
    # In pieces: all octets of the largest page, held twice while Pillow joins them, are 432 MB.
    packer = zlib.compressobj(6)
    packed = []
    for top in range(0, image.height, _ROWS_AT_A_TIME):
        bottom = min(image.height, top + _ROWS_AT_A_TIME)
        packed.append(packer.compress(image.crop((0, top, image.width, bottom)).tobytes()))
    return b"".join((*packed, packer.flush()))
