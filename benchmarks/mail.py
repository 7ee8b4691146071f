"""A mail of a size, as a scanner would send it: headers and lines of base64."""

from __future__ import annotations

from functools import lru_cache

RECIPIENT = "tray@localhost"
SENDER = "scan@localhost"

_HEADERS = (
    b"Date: Thu, 01 Jan 2004 00:00:00 +0000\r\n"
    b"From: <scan@localhost>\r\n"
    b"To: <tray@localhost>\r\n"
    b"Subject: Attached Image\r\n"
    b"Message-ID: <bench@localhost>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: image/tiff\r\n"
    b"Content-Transfer-Encoding: base64\r\n"
    b"\r\n"
)
_LINE = b"SUkqAAgAAAAOAP4ABAABAAAAAAAAAAAABAABAAAAwAYAAAEBBAABAAAAmggAAAIBAwABAAAAAQAAAAMB\r\n"


@lru_cache(maxsize=4)
def mail(size: int) -> bytes:
    """Return a mail of at least this many octets, ended with CR LF, without a leading dot."""
    lines = -(-(size - len(_HEADERS)) // len(_LINE))
    return _HEADERS + _LINE * max(lines, 1)
