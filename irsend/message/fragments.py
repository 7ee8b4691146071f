"""Fragments of a mail (message/partial): a mail divided for sending, received fragments reassembled.

Sending copies nothing: a fragment is a head of its own and a stretch of the
mail, cut at the end of a line. No received fragment makes reading it fail.
`services.receive.reassembly` decides which fragments belong together, and how
long the machine waits for the others.

Standards: RFC 2046 5.2.2 (message/partial), and 5.2.2.1 for which header fields come from where.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from attrs import frozen

from irsend.message.header import LONGEST_HEAD, read_header

TYPE = "message/partial"
MOST_PARTS = 999
_LONGEST_IDENTITY = 500
_DIGITS = 9
_MOST_OCTETS = 110_000_000
"""Of a mail that is reassembled: `mime_parser` reads no more of one."""
_LONGEST_OWN_HEAD = 65_536
# Far more than any line of a composed mail.
_WINDOW = 4096
# Fields of the divided mail that stay in the first fragment's body, and are its own again when reassembled.
_INNER_FIELDS = (b"content-", b"subject", b"message-id", b"encrypted", b"mime-version")


# -- sending ------------------------------------------------------------------------


@frozen(kw_only=True)
class FragmentSlice:
    """A fragment to be sent: its head, then a stretch of the mail."""

    head: bytes
    start: int
    length: int


def fragmented(message: IO[bytes], size: int, limit: int) -> list[FragmentSlice]:
    """Divide a mail of `size` octets into fragments of at most `limit`; ValueError where that is too few.

    The mail is one that `compose` wrote: it begins with its header, its lines end in CR LF.
    """
    message.seek(0)
    head = message.read(_LONGEST_OWN_HEAD).partition(b"\r\n\r\n")[0] + b"\r\n"
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
        FragmentSlice(
            head=_part_head(outside, subject, message_id, number, len(stretches)),
            start=start,
            length=length,
        )
        for number, (start, length) in enumerate(stretches, 1)
    ]


def _line_end(message: IO[bytes], at: int) -> int:
    """Return where the last line before `at` ends; `at` itself inside a longer line than `_WINDOW`."""
    message.seek(at - _WINDOW)
    found = message.read(_WINDOW).rfind(b"\r\n")
    return at if found < 0 else at - _WINDOW + found + 2


def _outside(head: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the fields that every fragment repeats, the Subject's value, and the Message-ID's."""
    fields = _split_head(head)
    outside = b"".join(one for one in fields if not one.lower().startswith(_INNER_FIELDS))
    values = {
        name.lower(): value.strip() for name, _, value in (f.partition(b":") for f in fields)
    }
    return outside, values.get(b"subject", b""), values.get(b"message-id", b"")


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


# -- receiving ----------------------------------------------------------------------


@frozen(kw_only=True)
class Fragment:
    """The parameters of a received message/partial."""

    identity: str
    """The same in all fragments of a mail."""
    number: int
    """From 1."""
    total: int | None = None
    """How many fragments there are; only the last has to say."""

    @property
    def possible(self) -> bool:
        """True where the parameters can be those of a fragment: id, number and total in range."""
        last = MOST_PARTS if self.total is None else self.total
        return bool(self.identity) and 1 <= self.number <= last <= MOST_PARTS


def fragment_of(head_octets: bytes) -> Fragment | None:
    """Return the fragment that a mail is, by its head; None where it is a whole mail."""
    fields, _ = read_header(head_octets, 0, len(head_octets))
    if fields.type() != TYPE:
        return None
    number, total = fields.parameter("number"), fields.parameter("total")
    return Fragment(
        identity=fields.parameter("id")[:_LONGEST_IDENTITY],
        number=_number(number) or 0,
        total=_number(total),
    )


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return int(text) if is_number else None


@contextlib.contextmanager
def open_reassembled(parts: Sequence[Path]) -> Iterator[IO[bytes]]:
    """Open a mail, or its fragments in order as the reassembled mail; OSError."""
    if len(parts) > 1:
        yield io.BytesIO(reassembled(_open_each(parts)))
        return
    with parts[0].open("rb") as mail:
        yield mail


def _open_each(parts: Sequence[Path]) -> Iterator[IO[bytes]]:
    """Open one after the other: there may be more of them than a process may have files open."""
    for part in parts:
        with part.open("rb") as file:
            yield file


def reassembled(parts: Iterable[IO[bytes]], most: int = _MOST_OCTETS) -> bytes:
    """Return the first `most` octets of the mail that these fragments make, in order.

    Its header is the first fragment's, except for the fields that the inner
    header has (RFC 2046 5.2.2.1).
    """
    others = iter(parts)
    octets = next(others).read(most)
    end = len(octets)
    _, inner = read_header(octets, 0, end)
    _, body = read_header(octets, inner, end)
    outside = [one for one in _split_head(octets[:inner]) if not _is_inner(one)]
    inside = [one for one in _split_head(octets[inner:body]) if _is_inner(one)]
    whole = bytearray(b"".join(_lines(outside) + _lines(inside)) + b"\r\n")
    whole += octets[body:]
    for part in others:
        content = part.read(max(0, most - len(whole)) + LONGEST_HEAD)
        _, start = read_header(content, 0, len(content))
        whole += content[start:]
    return bytes(whole[:most])


def _is_inner(field: bytes) -> bool:
    return field.lower().startswith(_INNER_FIELDS)


def _lines(fields: list[bytes]) -> list[bytes]:
    """Return the fields that are not empty, each ending in CR LF."""
    found = (one.rstrip(b"\r\n") for one in fields)
    return [one + b"\r\n" for one in found if one.strip()]


def _split_head(head: bytes) -> list[bytes]:
    """Return the fields of a head unchanged, each with its continuation lines."""
    fields: list[bytes] = []
    for line in head.splitlines(keepends=True):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += line
        else:
            fields.append(line)
    return fields
