"""A divided mail that comes in parts: what a part says of itself, and the whole again.

Whatever stands there, reading it comes to an end without an error. Which parts
belong together, and how long the others are waited for, is told by the services.

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
from irsend.message.partial import INSIDE, split_head

TYPE = "message/partial"
MOST_PARTS = 999
_LONGEST_IDENTITY = 500
_DIGITS = 9
_MOST_OCTETS = 110_000_000
"""Of a mail that is joined: more is not looked at when it is taken apart."""


@frozen(kw_only=True)
class Fragment:
    """What a part says of itself."""

    identity: str
    """The same in all parts of a mail."""
    number: int
    """From 1."""
    total: int | None = None
    """How many there are; only the last part has to say."""

    @property
    def possible(self) -> bool:
        """True where there can be a part of this number, and so many in all."""
        last = MOST_PARTS if self.total is None else self.total
        return bool(self.identity) and 1 <= self.number <= last <= MOST_PARTS


def fragment_of(beginning: bytes) -> Fragment | None:
    """Return what a mail says of itself in its first octets; None where it is no part of one."""
    fields, _ = read_header(beginning, 0, len(beginning))
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
def opened(parts: Sequence[Path]) -> Iterator[IO[bytes]]:
    """Open a mail, or the parts of one, in order, as the mail that they are; OSError."""
    if len(parts) > 1:
        yield io.BytesIO(joined(_each_opened(parts)))
        return
    with parts[0].open("rb") as mail:
        yield mail


def _each_opened(parts: Sequence[Path]) -> Iterator[IO[bytes]]:
    """Open one after the other: there may be more of them than files that a process may open."""
    for part in parts:
        with part.open("rb") as file:
            yield file


def joined(parts: Iterable[IO[bytes]], most: int = _MOST_OCTETS) -> bytes:
    """Return the mail that these parts are, in order: up to so many octets of it.

    The outer header of the first part holds but for what belongs to the mail
    within, which has that in its own header.
    """
    others = iter(parts)
    octets = next(others).read(most)
    end = len(octets)
    _, inner = read_header(octets, 0, end)
    _, body = read_header(octets, inner, end)
    outside = [one for one in split_head(octets[:inner]) if not _is_inside(one)]
    inside = [one for one in split_head(octets[inner:body]) if _is_inside(one)]
    whole = bytearray(b"".join(_lines(outside) + _lines(inside)) + b"\r\n")
    whole += octets[body:]
    for part in others:
        content = part.read(max(0, most - len(whole)) + LONGEST_HEAD)
        _, start = read_header(content, 0, len(content))
        whole += content[start:]
    return bytes(whole[:most])


def _is_inside(field: bytes) -> bool:
    return field.lower().startswith(INSIDE)


def _lines(fields: list[bytes]) -> list[bytes]:
    """Return fields that are one, without the empty line behind a head; each with its end."""
    found = (one.rstrip(b"\r\n") for one in fields)
    return [one + b"\r\n" for one in found if one.strip()]
