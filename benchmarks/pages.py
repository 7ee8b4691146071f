"""What is put on the glass, a page that makes the smallest of mails and one that makes a large one; a fax."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageDraw, ImageFont

_WORDS = (
    *("the", "of", "and", "to", "invoice", "office", "printer", "delivery", "number", "order"),
    *(
        "reference",
        "regards",
        "quantity",
        "department",
        "price",
        "received",
        "please",
        "meeting",
    ),
    *("confirm", "minutes", "third", "floor", "attached", "schedule"),
)
_WHITE_IS_ZERO = {262: 0}


def blank() -> bytes:
    """Return an empty page of A4."""
    return _file(Image.new("1", (1654, 2339), 1), "TIFF", compression="group4")


def photograph() -> bytes:
    """Return a page of A4 of which, scanned with 300 dots an inch as JPEG, 9 MB of mail are made."""
    return _file(Image.effect_noise((2480, 3508), 200), "JPEG", quality=90, dpi=(300, 300))


def fax(count: int) -> bytes:
    """Return a fax of so many pages of text, MMR in one strip a page."""
    pages = [_of_text(random.Random(number)) for number in range(count)]
    return _file(
        pages[0],
        "TIFF",
        compression="group4",
        strip_size=1 << 30,
        save_all=True,
        append_images=pages[1:],
        dpi=(204, 196),
        tiffinfo=_WHITE_IS_ZERO,
    )


def _of_text(chance: random.Random) -> Image.Image:
    grey = Image.new("L", (1728, 2200), 255)
    draw, font = ImageDraw.Draw(grey), ImageFont.load_default(32)
    for top in range(120, 2100, 54):
        line = " ".join(chance.choices(_WORDS, k=chance.randrange(4, 14)))
        draw.text((130, top), line, 0, font)
    return grey.point(lambda value: 255 * (value > 128), mode="1")


def _file(image: Image.Image, kind: str, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()
