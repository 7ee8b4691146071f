"""A recorded SMTP session: what each side said, line by line, from a transcript in one of several forms.

The forms: that of irsend's own transcripts ("C: EHLO a", "S: 250 b", "-- TLS 1.2"), with
or without a time in front; that of swaks (" -> EHLO a", "<-  250 b", "=== note"), of curl
("> EHLO a", "< 250 b"), of msmtp ("--> EHLO a", "<-- 250 b") and of servers that log the
other way round: of two arrows the server's is the one that says 220 first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from attrs import frozen

from irsend.errors import IrsendError

_LETTERS = re.compile(r"(?:[0-9:.]+ +\S? *)?([CS]):(?: (.*)|$)")
_NOTE = re.compile(r"(?:--|===|\*\*\*)(?: (.*)|$)")
_OUT = re.compile(r" ?(?:->|~>|-->|=>|>)(?: (.*)|$)")
_IN = re.compile(r"(?:<-|<~|<\*|<\*\*|<--|<=|<)(?: +(.*)|$)")
_ESCAPES = {"\\n": "\n", "\\r\\n": "\r\n"}


class NoSession(IrsendError):
    """There is no SMTP session in the file."""


@frozen
class Said:
    """A line of one side, without its end."""

    by_client: bool
    text: str
    end: str = ""
    """CR LF or LF; empty where the record does not show it."""

    @property
    def code(self) -> int | None:
        """The code of a server's line."""
        found = re.match(r"([0-9]{3})(?:[ -]|$)", self.text)
        return int(found[1]) if found and not self.by_client else None

    @property
    def last(self) -> bool:
        """Whether a server's line is the last of its reply."""
        return not re.match(r"[0-9]{3}-", self.text)


@frozen
class RecordedSession:
    """A session in its order, and the notes of the program that recorded it."""

    lines: tuple[Said, ...]
    notes: tuple[str, ...] = ()


def read_transcript(text: str) -> RecordedSession:
    """Return the session of a transcript; NoSession where no server greets in it."""
    lines: list[Said] = []
    notes: list[str] = []
    for written in text.splitlines():
        if found := _LETTERS.match(written):
            lines.append(_said(found[1] == "C", found[2] or ""))
        elif found := _NOTE.match(written):
            notes.append(found[1] or "")
        elif found := _IN.match(written):
            lines.append(_said(False, found[1] or ""))
        elif found := _OUT.match(written):
            lines.append(_said(True, found[1] or ""))
    return _checked(lines, notes)


def session_of(segments: Iterable[tuple[bool, bytes]]) -> RecordedSession:
    """Return the session of octets as they came, each with whether the client sent them."""
    return _checked(list(_lines_of(segments)), [])


def _said(by_client: bool, text: str) -> Said:
    for escape, end in reversed(_ESCAPES.items()):
        if text.endswith(escape):
            return Said(by_client, text.removesuffix(escape), end)
    return Said(by_client, text)


def _lines_of(segments: Iterable[tuple[bool, bytes]]) -> Iterator[Said]:
    waiting = {True: b"", False: b""}
    for by_client, octets in segments:
        waiting[by_client] += octets
        *whole, waiting[by_client] = waiting[by_client].split(b"\n")
        for line in whole:
            end = "\r\n" if line.endswith(b"\r") else "\n"
            yield Said(by_client, line.removesuffix(b"\r").decode("latin-1"), end)


def _checked(lines: list[Said], notes: list[str]) -> RecordedSession:
    first = next((one for one in lines if re.match(r"220[ -]", one.text)), None)
    if first is None:
        raise NoSession(
            "there is no SMTP session in it: no line of a server's begins with 220; allowed: "
            "the lines of a transcript (C: and S:), or the output of swaks, curl -v or msmtp -v"
        )
    if first.by_client:
        # A server's log: its arrows point the other way.
        lines = [Said(not one.by_client, one.text, one.end) for one in lines]
    return RecordedSession(
        tuple(lines[lines.index(first) if not first.by_client else 0 :]), tuple(notes)
    )
