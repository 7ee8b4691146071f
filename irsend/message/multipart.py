"""Where the body parts of a multipart begin and end.

Offsets, no copies: a mail may have 100 MB, and parts within parts.

Standards: RFC 2046 5.1.1. Beyond it: a missing boundary is taken from the first line that looks
like one; without a closing boundary the last part ends with the multipart.
"""

from __future__ import annotations

import re

from attrs import frozen

# A boundary line before a head, where the boundary parameter is missing or wrong. Possessive, so that
# nothing is tried twice; white space behind it is stripped later.
_LOOKS_LIKE = re.compile(rb"^--([^\r\n]{1,200}+)\r?\n[Cc]ontent-[\w-]++:", re.M)
_LONGEST_BOUNDARY = 500


@frozen
class MultipartSplit:
    """The body parts of a multipart, by their offsets."""

    body_parts: tuple[tuple[int, int], ...]
    ended: bool
    """The closing boundary was there."""
    more: bool = False
    """There are more parts than `most`."""
    guessed: bool = False
    """The boundary is not that of the parameter."""


def split_multipart(
    octets: bytes, start: int, end: int, boundary: str, most: int
) -> MultipartSplit:
    """Split the multipart body between two offsets; without a boundary there are no parts."""
    found = _split_at(octets, start, end, boundary.encode("utf-8", "replace"), most)
    if found.body_parts:
        return found
    guess = _LOOKS_LIKE.search(octets, start, end)
    if guess is None:
        return found
    guessed = _split_at(octets, start, end, guess[1], most)
    return MultipartSplit(guessed.body_parts, guessed.ended, guessed.more, guessed=True)


def _split_at(
    octets: bytes, start: int, end: int, boundary: bytes, most: int
) -> MultipartSplit:
    boundary = boundary.rstrip()
    if not boundary or len(boundary) > _LONGEST_BOUNDARY:
        return MultipartSplit((), ended=False)
    # Only white space may follow: "--a" is not the line "--ab". The pattern begins with a literal,
    # which is searched for ten times as fast.
    line = re.compile(rb"--%b(--)?[ \t]*+(?:\r\n|\n|\r|\Z)" % re.escape(boundary))
    body_parts: list[tuple[int, int]] = []
    at = -1
    for match in line.finditer(octets, start, end):
        if match.start() > start and octets[match.start() - 1] not in b"\r\n":
            continue
        if at >= 0:
            body_parts.append((at, max(at, _without_line_end(octets, match.start()))))
        if match[1]:
            return MultipartSplit(tuple(body_parts), ended=True)
        if len(body_parts) >= most:
            return MultipartSplit(tuple(body_parts), ended=True, more=True)
        at = match.end()
    if at >= 0:
        body_parts.append((at, end))
    return MultipartSplit(tuple(body_parts), ended=False)


def _without_line_end(octets: bytes, at: int) -> int:
    """Return where a part ends: the line end before a boundary belongs to the boundary."""
    at -= octets[at - 1 : at] in (b"\n", b"\r")
    return at - (octets[at - 1 : at + 1] == b"\r\n")
