"""A reader of colour fax pages: JPEG in CIELAB, which no library here reads.

`fax_profiles` writes them: ranges and white point are T.42's defaults. Only pages in one strip,
whose JPEG has its own tables, are read.

Standards: RFC 3949 6 (TIFF-FX profile C), ITU-T T.42.
"""

from __future__ import annotations

import io
from typing import IO

from PIL import Image, ImageCms, TiffImagePlugin

from irsend.imaging.image_metadata import INCH, Density, Tags
from irsend.imaging.originals import MOST_PIXELS
from irsend.imaging.tiff_fx import ITULAB, JPEG

_COMPRESSION, _PHOTOMETRIC, _OFFSETS, _LENGTHS = 259, 262, 273, 279
_ACROSS, _DOWN, _UNIT = 282, 283, 296


def tags_at(file: IO[bytes], directory: int) -> Tags:
    """Return the tags of the directory at an offset, by their numbers; raises what Pillow raises."""
    file.seek(0)
    tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
    file.seek(directory)
    tags.load(file)
    return tags


def is_colour_fax(tags: Tags) -> bool:
    """Say whether a page is one of profile C."""
    return bool(tags.get(_PHOTOMETRIC) == ITULAB and tags.get(_COMPRESSION) == JPEG)


def colour_page(tags: Tags, file: IO[bytes]) -> tuple[Image.Image, Density]:
    """Return a page in RGB, and its density; raises ValueError, and what Pillow raises."""
    (offset,), (length,) = tags[_OFFSETS], tags[_LENGTHS]
    file.seek(offset)
    with Image.open(io.BytesIO(file.read(length)), formats=("JPEG",)) as jpeg:
        if jpeg.width * jpeg.height > MOST_PIXELS:
            raise ValueError("too many pixels")
        # As YCbCr the decoder gives the three channels unchanged.
        jpeg.draft("YCbCr", jpeg.size)
        if jpeg.mode != "YCbCr":
            raise ValueError(f"a JPEG of {jpeg.mode} is no CIELAB")
        light, red, yellow = jpeg.split()
    # T.42 has a* from -85 to 85 and b* from -75 to 125; the library has both around 128.
    red = red.point(lambda value: round((value - 128) * 170 / 255 + 128))
    yellow = yellow.point(lambda value: round((value - 96) * 200 / 255 + 128))
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(
        Image.merge("LAB", (light, red, yellow)), lab, srgb, outputMode="RGB"
    )
    assert image is not None
    inch = INCH.get(tags.get(_UNIT, 2), 0.0)
    return image, Density(float(tags.get(_ACROSS, 1)), float(tags.get(_DOWN, 1)), inch)
