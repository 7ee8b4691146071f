"""Divided sending: a mail in several, as message/partial.

Nothing is copied: a part is a head of its own and a stretch of the mail, cut at
the end of a line.

Standards: RFC 2046 5.2.2, and 5.2.2.1 for which header fields go where.
"""

from __future__ import annotations

from typing import IO

from attrs import frozen

# These stay inside, in the first part, and are the whole mail's own again when it is joined.
INSIDE = (b"content-", b"subject", b"message-id", b"encrypted", b"mime-version")
"""What the names of such fields begin with, in small letters."""
_LONGEST_HEAD = 65_536
# Far more than any line of a composed mail.
_WINDOW = 4096


@frozen(kw_only=True)
class Part:
    """One part: its head, then a stretch of the mail."""

    head: bytes
    start: int
    length: int


def divide(message: IO[bytes], size: int, limit: int) -> list[Part]:
    """Return the parts of a mail of `size` octets, each of at most `limit`; ValueError where that is too few.

    The mail is composed here: it begins with its header, in lines ending in CR LF.
    """
    message.seek(0)
    head = message.read(_LONGEST_HEAD).partition(b"\r\n\r\n")[0] + b"\r\n"
    outside, subject, message_id = _outside(head)
    room = limit - len(_part_head(outside, subject, message_id, 9999, 9999))
    if room < _WINDOW:
        raise ValueError(f"{limit} octets are too few for the parts of this mail")
    stretches = []
    start = 0
    while start < size:
        end = _line_end(message, start + room) if start + room < size else size
        stretches.append((start, end - start))
        start = end
    return [
        Part(
            head=_part_head(outside, subject, message_id, number, len(stretches)),
            start=start,
            length=length,
        )
        for number, (start, length) in enumerate(stretches, 1)
    ]


def _line_end(message: IO[bytes], at: int) -> int:
    """Return where the last line ends that ends before `at`; `at` itself inside an endless one."""
    message.seek(at - _WINDOW)
    found = message.read(_WINDOW).rfind(b"\r\n")
    return at if found < 0 else at - _WINDOW + found + 2


def _outside(head: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the fields that each part has too, the Subject's value, and the Message-ID's."""
    fields = split_head(head)
    outside = b"".join(one for one in fields if not one.lower().startswith(INSIDE))
    values = {
        name.lower(): value.strip() for name, _, value in (f.partition(b":") for f in fields)
    }
    return outside, values.get(b"subject", b""), values.get(b"message-id", b"")


def split_head(head: bytes) -> list[bytes]:
    """Return the fields of a head as they stand there, each with what continues it."""
    fields: list[bytes] = []
    for line in head.splitlines(keepends=True):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += line
        else:
            fields.append(line)
    return fields


def _part_head(
    outside: bytes, subject: bytes, message_id: bytes, number: int, total: int
) -> bytes:
    identity = message_id.strip(b"<>")
    local, _, domain = identity.rpartition(b"@")
    return outside + (
        b"Subject: %b (%d/%d)\r\n"
        b"Message-ID: <%b.part%d@%b>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: message/partial;\r\n id="%b";\r\n number=%d; total=%d\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n" % (subject, number, total, local, number, domain, identity, number, total)
    )
