"""A page as it is scanned: at a resolution, centred on white paper, in colour, grey or bilevel."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageFilter

from irsend.imaging.originals import Page
from irsend.imaging.paper_sizes import Size

# Shades outside of this range are black or white.
_DARK, _LIGHT = 80, 176
# A page with a larger share of shades in between is a photograph.
_GREY_SHARE = 0.1
_INK = 160
# A pixel darker than this share of its surroundings is ink too; these reach to
# each side as far as this share of the image's width.
_PALE_INK, _AROUND = 0.8, 1 / 80
# Channels that differ by less are grey: JPEG leaves such traces.
_COLOURLESS = 28


def on_paper(page: Page, paper: Size, pixels: tuple[int, int]) -> Image.Image:
    """Return an image of `pixels` for a paper in inches, with the page centred on it.

    The page keeps its size, but is reduced where it is larger than the paper.
    """
    shrunk = min(1.0, paper[0] / page.size[0], paper[1] / page.size[1])
    across = min(pixels[0], round(page.size[0] * shrunk * pixels[0] / paper[0]))
    down = min(pixels[1], round(page.size[1] * shrunk * pixels[1] / paper[1]))
    image = page.image
    if image.size != (across, down):
        if image.mode == "1":
            image = image.convert("L")
        image = image.resize((max(across, 1), max(down, 1)), Image.Resampling.LANCZOS)
    if image.size == pixels:
        return image
    white = Image.new(image.mode, pixels, "white" if image.mode == "RGB" else 255)
    white.paste(image, ((pixels[0] - image.width) // 2, (pixels[1] - image.height) // 2))
    return white


def is_coloured(image: Image.Image) -> bool:
    """Say whether there is colour in an image."""
    if image.mode != "RGB":
        return False
    red, green, blue = image.split()
    extremes = (ImageChops.difference(red, other).getextrema() for other in (green, blue))
    return any(highest > _COLOURLESS for _, highest in extremes)  # type: ignore[operator]


def is_line_art(image: Image.Image) -> bool:
    """Say whether an image without colour is text or lines, and no photograph."""
    if image.mode == "1":
        return True
    histogram = image.convert("L").histogram()
    between = sum(histogram[_DARK:_LIGHT])
    return between < _GREY_SHARE * sum(histogram)


def bilevel(image: Image.Image) -> Image.Image:
    """Return an image in one bit: text and lines stay sharp, photographs are dithered."""
    if image.mode == "1":
        return image
    grey = image.convert("L")
    if is_line_art(grey):
        return _thresholded(grey)
    return grey.convert("1")


def _thresholded(grey: Image.Image) -> Image.Image:
    """Return lines and text in one bit: dark pixels, and those darker than their surroundings.

    Thin strokes in orange or teal are no darker than a shaded box. The strokes
    stay and the box turns white, since around its pixels all is as dark.
    """
    radius = max(2.0, grey.width * _AROUND)
    bar = grey.filter(ImageFilter.BoxBlur(radius)).point(
        lambda value: max(_INK, round(value * _PALE_INK))
    )
    return ImageChops.subtract(bar, grey).point(lambda value: 0 if value else 255, mode="1")
