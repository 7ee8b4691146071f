"""Metadata of TIFF, PNG and JPEG: which images are pages, how large they are, which way up.

Files and error messages are those of `originals`.

Standards: TIFF 6.0 (NewSubfileType, PhotometricInterpretation, ResolutionUnit); Exif 2.3
(Orientation); PNG (tRNS, pHYs).
"""

from __future__ import annotations

from attrs import frozen
from PIL import Image, ImageOps, TiffImagePlugin

from irsend.imaging.paper_sizes import PAPERS, Size, upright

Tags = TiffImagePlugin.ImageFileDirectory_v2
"""The tags of a TIFF's directory, by their numbers."""

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE = 254, 255
REDUCED, MASK = 1, 4
# The value of SubfileType, which is deprecated, for a reduced image.
_OLD_REDUCED = 2
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_ACROSS, _DOWN, _UNIT = 282, 283, 296
# How many units of a TIFF's ResolutionUnit are an inch: inch, centimetre. Value 1 is no unit.
INCH = {2: 1.0, 3: 2.54}
_ORIENTATION = 274
_LYING = (5, 6, 7, 8)
# Resolutions outside of this are errors in the file.
_LEAST_DPI, _MOST_DPI = 20, 4800
# A pixel more than this many times as long as wide is an error in the file.
_LONGEST_PIXEL = 10
_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


@frozen
class Density:
    """Pixels a unit of an image that is the right way up."""

    across: float
    down: float
    inch: float
    """How many units an inch has; 0 where the two values are a ratio only."""


def page_frames(image: Image.Image) -> list[int]:
    """Return which images of a file are pages.

    Only TIFF has several: the second picture of a phone's JPEG (MPO) and the
    frames of an APNG are no pages, nor are a TIFF's thumbnails and masks.
    """
    if image.format != "TIFF":
        return [0]
    kinds = []
    for frame in range(image.n_frames):  # type: ignore[attr-defined]
        image.seek(frame)
        kinds.append(kind_of(image.tag_v2))  # type: ignore[attr-defined]
    whole = [frame for frame, kind in enumerate(kinds) if not kind & (REDUCED | MASK)]
    # A file of reduced images only has no other pages.
    return whole or [frame for frame, kind in enumerate(kinds) if not kind & MASK]


def kind_of(tags: Tags) -> int:
    """Return the kind of a TIFF's image: REDUCED, MASK, or both; 0 for a page."""
    kind = int(tags.get(_NEW_SUBFILE_TYPE, 0))
    return kind | REDUCED if tags.get(_SUBFILE_TYPE) == _OLD_REDUCED else kind


# -- size -----------------------------------------------------------------------------


def density_of(image: Image.Image) -> Density:
    """Return the density of an image that is not decoded yet: decoding turns it."""
    pair: tuple[float, float] | None
    inch = 0.0
    if image.format == "TIFF":
        # Pillow's `info` may be that of an earlier page.
        tags = image.tag_v2  # type: ignore[attr-defined]
        pair = tags.get(_ACROSS), tags.get(_DOWN)
        inch = INCH.get(tags.get(_UNIT, 2), 0.0)
    elif "dpi" in image.info:
        pair, inch = image.info["dpi"], 1.0
    else:
        pair = image.info.get("aspect") or image.info.get("jfif_density")
    try:
        across, down = (float(one) for one in pair or ())
    except (TypeError, ValueError, ZeroDivisionError):
        return Density(1, 1, 0)
    if image.getexif().get(_ORIENTATION) in _LYING:
        across, down = down, across
    return Density(across, down, inch)


def size_of(pixels: tuple[int, int], density: Density) -> Size:
    """Return an image's size in inches: by its density, without one such that it fills A4 [ours]."""
    across, down = density.across * density.inch, density.down * density.inch
    if _LEAST_DPI <= across <= _MOST_DPI and _LEAST_DPI <= down <= _MOST_DPI:
        return pixels[0] / across, pixels[1] / down
    longer = 1.0
    if density.across > 0 and density.down > 0:
        longer = density.across / density.down
    if not 1 / _LONGEST_PIXEL <= longer <= _LONGEST_PIXEL:
        longer = 1.0
    width, height = float(pixels[0]), pixels[1] * longer
    paper = upright(PAPERS["A4"], (width, height))
    dots_an_inch = max(width / paper[0], height / paper[1])
    return width / dots_an_inch, height / dots_an_inch


# -- colours --------------------------------------------------------------------------


def normalized(image: Image.Image) -> Image.Image:
    """Return an image in mode 1, L or RGB, on white, the right way up."""
    # A copy: the caller's image stays unchanged. A copy of the largest page has 288 MB.
    turned = ImageOps.exif_transpose(image) or image.copy()
    if turned.mode == "1":
        # Pillow does not apply transparency to one bit. A transparent black makes all of it white.
        if turned.info.get("transparency") == 0:
            return Image.new("1", turned.size, 1)
        return turned
    if turned.mode.startswith("I") or turned.mode == "F":
        grey = _upper_eight(turned)
        return ImageOps.invert(grey) if _is_negative(image) else grey
    if turned.mode in _WITH_ALPHA or "transparency" in turned.info:
        colours = turned if turned.mode == "RGBA" else turned.convert("RGBA")
        white = Image.new("RGB", colours.size, "white")
        white.paste(colours, mask=colours.getchannel("A"))
        return white
    return turned if turned.mode in ("L", "RGB") else turned.convert("RGB")


def _upper_eight(image: Image.Image) -> Image.Image:
    """Return an image of 16 bits or more in grey, by its upper eight bits, as a scanner sees it."""
    highest = 65_535 if image.mode.startswith("I") else image.getextrema()[1]
    scale = 255 / max(float(highest), 1.0)  # type: ignore[arg-type]
    shades = image if image.mode == "F" else image.convert("F")
    return shades.point(lambda value: value * scale).convert("L")


def _is_negative(image: Image.Image) -> bool:
    """Say whether white is zero; of images up to 8 bits Pillow inverts these itself."""
    tags = getattr(image, "tag_v2", {})
    return image.format == "TIFF" and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
