"""What is put on the glass: a page that makes the smallest of mails, and one that makes a large one."""

from __future__ import annotations

import io

from PIL import Image


def blank() -> bytes:
    """Return an empty page of A4."""
    return _file(Image.new("1", (1654, 2339), 1), "TIFF", compression="group4")


def photograph() -> bytes:
    """Return a page of A4 of which, scanned with 300 dots an inch as JPEG, 9 MB of mail are made."""
    return _file(Image.effect_noise((2480, 3508), 200), "JPEG", quality=90, dpi=(300, 300))


def _file(image: Image.Image, kind: str, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()
