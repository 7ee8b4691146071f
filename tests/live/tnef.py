"""Outlook's winmail.dat, written here: no program that could be installed writes one.

Standards: MS-OXTNEF 2.1.3 (stream, attributes, sums), 2.1.3.3 and 2.1.3.4 (messages, attachments).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SIGNATURE = 0x223E9F78
_OF_THE_MESSAGE, _OF_AN_ATTACHMENT = 1, 2
_VERSION, _CODE_PAGE, _CLASS, _SUBJECT = 0x00089006, 0x00069007, 0x00078008, 0x00018004
_RENDERING, _TITLE, _CONTENT = 0x00069002, 0x00018010, 0x0006800F
# A file, nowhere in the text, without a picture of its own.
_AS_A_FILE = struct.pack("<HIHHI", 1, 0xFFFFFFFF, 0, 0, 0)


def winmail(subject: str, *attached: tuple[str, bytes]) -> bytes:
    """Return the stream of a message with files: name, content."""
    octets = struct.pack("<IH", _SIGNATURE, 1)
    return octets + b"".join(
        struct.pack("<BII", level, attribute, len(content))
        + content
        + struct.pack("<H", sum(content) & 0xFFFF)
        for level, attribute, content in _attributes(subject, attached)
    )


def _attributes(
    subject: str, attached: tuple[tuple[str, bytes], ...]
) -> Iterator[tuple[int, int, bytes]]:
    yield _OF_THE_MESSAGE, _VERSION, struct.pack("<I", 0x00010000)
    yield _OF_THE_MESSAGE, _CODE_PAGE, struct.pack("<II", 1252, 0)
    yield _OF_THE_MESSAGE, _CLASS, b"IPM.Microsoft Mail.Note\0"
    yield _OF_THE_MESSAGE, _SUBJECT, subject.encode("cp1252") + b"\0"
    for name, content in attached:
        # Each attachment begins with how it is shown.
        yield _OF_AN_ATTACHMENT, _RENDERING, _AS_A_FILE
        yield _OF_AN_ATTACHMENT, _TITLE, name.encode("cp1252") + b"\0"
        yield _OF_AN_ATTACHMENT, _CONTENT, content
