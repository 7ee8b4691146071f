"""Pages of an I-Fax: which size, resolution and compression a profile has for a page.

Profile C is written in CIELAB as T.42 has it, D50, with its default ranges; the
G3FAX markers inside the JPEG, which T.4 Annex E has on a telephone line, are left out.

Standards: RFC 3949 3 (S), 4 (F), 6 (C); RFC 3965 (which is sent when).
"""

from __future__ import annotations

import io

from PIL import Image, ImageCms

from irsend.imaging.originals import Page
from irsend.imaging.paper_sizes import Size, paper_for
from irsend.imaging.scanned_page import bilevel, on_paper
from irsend.imaging.tiff_fx import ITULAB, JPEG, MH, MMR, FaxPage, fax_page

_DOTS = 204
# Widths in pixels at 204 dots an inch, and the paper that each is for (T.4 2.2).
_A4, _B4, _A3 = 1728, 2048, 2432
# Letter paper may be this much wider, in inches, than what the width for A4 holds.
_SLACK = 0.05
_LEAST_LINES = 10


def ifax_page(page: Page, paper: str, resolution: tuple[int, int], profile: str) -> FaxPage:
    """Return a page in the form of a profile: S, F or C."""
    page = _as_fed(page, paper)
    if profile == "C":
        return _colour(page, paper, resolution)
    if profile == "F":
        width, dots = _width_f(page, paper), _dots_f(resolution)
        compression, fill_order = MMR, 2
    else:
        width, dots = _A4, (_DOTS, 98 if resolution[1] <= 100 else 196)
        compression, fill_order = MH, 2
    across = width * dots[0] // _DOTS
    size = _paper_of(page, paper, width / _DOTS)
    image = on_paper(page, size, (across, max(_LEAST_LINES, round(size[1] * dots[1]))))
    return fax_page(bilevel(image), compression, dots, fill_order=fill_order)


def _as_fed(page: Page, paper: str) -> Page:
    """Return a page as it is fed: turned, short edge first, where it is wider than A4.

    [ours] A landscape A4 comes out whole, its head to the left, and is not
    reduced to 210 mm. A landscape page no wider than A4 is not turned.
    """
    wanted = paper_for(paper, page.size)
    if wanted[0] <= wanted[1] or wanted[0] <= _A4 / _DOTS + _SLACK:
        return page
    turned = page.image.transpose(Image.Transpose.ROTATE_90)
    return Page(turned, (page.size[1], page.size[0]))


def _paper_of(page: Page, paper: str, width: float) -> Size:
    """Return the size of the fax: as wide as its profile has it, as long as the page is at that width."""
    wanted = paper_for(paper, page.size)
    shrunk = min(1.0, width / wanted[0])
    return width, wanted[1] * shrunk


def _width_f(page: Page, paper: str) -> int:
    inches = paper_for(paper, page.size)[0]
    if inches <= _A4 / _DOTS + _SLACK:
        return _A4
    return _B4 if inches <= _B4 / _DOTS + 0.2 else _A3


def _dots_f(resolution: tuple[int, int]) -> tuple[int, int]:
    across, down = resolution
    if across >= 400:
        return 408, 391
    return _DOTS, 391 if down >= 300 else 196 if down > 100 else 98


def _colour(page: Page, paper: str, resolution: tuple[int, int]) -> FaxPage:
    dots = 100 if resolution[1] <= 100 else 200 if resolution[1] < 300 else 300
    width = {100: 864, 200: _A4, 300: 2592}[dots]
    size = _paper_of(page, paper, width / dots)
    image = on_paper(page, size, (width, max(_LEAST_LINES, round(size[1] * dots)))).convert(
        "RGB"
    )
    return FaxPage(
        width=image.width,
        height=image.height,
        compression=JPEG,
        photometric=ITULAB,
        strip=_without_jfif(_lab_jpeg(image)),
        dots=(dots, dots),
        samples=3,
        bits=8,
    )


def _lab_jpeg(image: Image.Image) -> bytes:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    assert converted is not None
    light, red, yellow = converted.split()
    # The library has a* and b* around 128; T.42 has a* from -85 to 85, b* from -75 to 125.
    red = red.point(lambda value: round((value - 128) * 255 / 170 + 128))
    yellow = yellow.point(lambda value: round((value - 128) * 255 / 200 + 96))
    written = io.BytesIO()
    # As YCbCr the encoder takes the three channels unchanged.
    Image.merge("YCbCr", (light, red, yellow)).save(written, "JPEG", quality=85, subsampling=0)
    return written.getvalue()


def _without_jfif(jpeg: bytes) -> bytes:
    """Return a JPEG without its APP0, which says that the colours are YCbCr."""
    if jpeg[2:4] != b"\xff\xe0":
        return jpeg
    return jpeg[:2] + jpeg[4 + int.from_bytes(jpeg[4:6], "big") :]
