"""The lines of a session with their times; secrets never reach it.

Kept in memory up to a number of lines; the journal of `store` keeps them longer.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from zope.interface import implementer

from irsend.interfaces import ITranscript, TranscriptLine

MASK = "••••••"


_SHORTEST_SECRET = 3
# Octets from which a password is hardly a word of a server's.
_NO_WORD = 8
# How long lines may be on the average: what a session costs in memory is bounded.
_OCTETS_A_LINE = 100


@implementer(ITranscript)
class Transcript:
    """The lines of one session, oldest first."""

    def __init__(self, now: Callable[[], float], most: int = 10_000) -> None:
        self._now = now
        self._most = most
        self._room = most * _OCTETS_A_LINE
        self._cut = False
        # Plain tuples: a line is written down for each command of each session.
        self._lines: list[tuple[float, str, bytes | str]] = []

    def client(self, line: bytes) -> None:
        """Write down a line of the client's."""
        self._write("C", line)

    def server(self, line: bytes) -> None:
        """Write down a line of the server's."""
        self._write("S", line)

    def note(self, text: str) -> None:
        """Write down something that happened; there is always room for the last of it."""
        self._write("-", text, spare=100)

    def lines(self) -> list[TranscriptLine]:
        """Return what was written down so far."""
        lines = [
            TranscriptLine(at, speaker, _readable(text)) for at, speaker, text in self._lines
        ]
        if self._cut:
            note = f"not all is kept: more than {self._most} lines, or very long ones"
            lines.append(TranscriptLine(lines[-1].at, "-", note))
        return lines

    def _write(self, speaker: str, text: bytes | str, spare: int = 0) -> None:
        if len(self._lines) < self._most + spare and self._room + spare * _OCTETS_A_LINE > 0:
            self._lines.append((self._now(), speaker, text))
            self._room -= len(text)
        else:
            self._cut = True


@implementer(ITranscript)
class Silence:
    """A transcript that keeps nothing, for sessions that no page shows."""

    def client(self, line: bytes) -> None:
        """Keep nothing."""

    def server(self, line: bytes) -> None:
        """Keep nothing."""

    def note(self, text: str) -> None:
        """Keep nothing."""


class Secrets:
    """Octets that a peer may echo, and that no transcript may show."""

    def __init__(self) -> None:
        self._kept: list[tuple[bytes, bytes]] = []

    def keep(self, secret: bytes, shown: bytes = MASK.encode()) -> None:
        """Remember one, and what is shown instead of it and of its base64.

        Shorter ones than a few octets are found in any line by chance.
        """
        if len(secret) >= _SHORTEST_SECRET:
            self._kept += [(secret, shown), (base64.b64encode(secret), shown)]

    def keep_command(self, line: bytes, shown: bytes) -> None:
        """Remember a command with a secret as its last word, as that of POP3, and the secret."""
        self.keep(line, shown)
        secret = line.rpartition(b" ")[2]
        # A short password alone may be a word of the server's own text, and hiding that
        # would give it away.
        if not line.startswith(b"PASS ") or len(secret) >= _NO_WORD:
            self.keep(secret)

    def out_of(self, line: bytes) -> bytes:
        """Return a line without them."""
        for secret, shown in self._kept:
            line = line.replace(secret, shown)
        return line


def _readable(text: bytes | str) -> str:
    """Return it as one line of printable text, whatever the wire held."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)


def masked_command(line: bytes) -> bytes:
    """Return a command of SMTP or POP3 as it may be shown: without password, digest or SASL response."""
    mask = MASK.encode()
    # Whatever white space is between them, also where a server takes none of it.
    match line.split(maxsplit=2):
        case [verb, _, *_] if verb.upper() == b"PASS":
            return verb + b" " + mask
        case [verb, first, _] if verb.upper() in (b"APOP", b"AUTH"):
            return verb + b" " + first + b" " + mask
    return line
