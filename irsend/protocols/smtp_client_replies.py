"""The replies of an SMTP server as its client reads them: of one line and of several, in time.

Standards: RFC 5321 4.2 (replies), 4.5.3.2 (timeouts).
"""

from __future__ import annotations

import re

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

_MOST_LINES = 1000
_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


@frozen
class ServerReply:
    """A server's reply (RFC 5321 4.2)."""

    code: int
    lines: tuple[bytes, ...]
    to: bytes = field(default=b"", eq=False)
    """The verb of the command that it replies to; "." for the content."""

    def means(self, code: int) -> bool:
        """Say whether the client takes it for a reply of this code."""
        return self.code == code

    @property
    def code_read(self) -> int:
        """The code as the client reads it."""
        return self.code

    @property
    def positive(self) -> bool:
        """True for 2xx: the command is done."""
        return 200 <= self.code < 300

    @property
    def permanent(self) -> bool:
        """True for 5xx: the same command would be refused again."""
        return self.code >= 500

    def __str__(self) -> str:
        """Return code and text on one line."""
        text = b" ".join(self.lines).decode("utf-8", "replace")
        return f"{self.code} {text}".rstrip()


@frozen
class FirstDigitReply(ServerReply):
    """A reply of a client that reads only the first digit of its code."""

    def means(self, code: int) -> bool:
        """Say whether the code begins with the same digit."""
        return self.code // 100 == code // 100

    @property
    def code_read(self) -> int:
        """The code without its other digits: 500 for 530."""
        return self.code // 100 * 100


class Refused(Exception):
    """The session cannot go on after this reply."""

    def __init__(self, reply: ServerReply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class UnreadableReply(Exception):
    """The server sent something that is no SMTP reply, or none that was awaited; says what."""


@frozen(kw_only=True)
class Timeouts:
    """How long the server may take, in seconds (RFC 5321 4.5.3.2)."""

    greeting: float = 300
    command: float = 300
    data: float = 120
    """The reply to DATA."""
    block: float = 180
    """Taking the next part of the content."""
    end: float = 600
    """The reply to the end of the content."""


CHALLENGE = 334
"""The reply that carries a challenge of AUTH (RFC 4954 4)."""
_VERBS = ("EHLO", "HELO", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "QUIT")
_SPOKEN = {"STAR": "STARTTLS", ".": "the message"}


@define(eq=False)
class Awaited:
    """A reply that is awaited, and how long it may take from when it is the next."""

    verb: bytes
    """Of the command, its first four letters; "." for the content, empty for the greeting."""
    seconds: float
    answer: Deferred[ServerReply] = field(factory=Deferred)

    @property
    def what(self) -> str:
        """The command that it replies to, in words; empty for the greeting."""
        verb = self.verb.decode("ascii", "replace")
        # A line that is no command is a response of AUTH, and must not be shown.
        return _SPOKEN.get(verb, verb if verb in _VERBS else "AUTH" if verb else "")


class ReplyLines:
    """Makes replies of lines."""

    _reply: type[ServerReply] = ServerReply
    _digits = 3
    """How many digits of the code are read."""

    def __init__(self) -> None:
        self._code = b""
        self._lines: list[bytes] = []

    def feed(self, line: bytes) -> ServerReply | None:
        """Take a line without its end; with the last one return the reply. Raises UnreadableReply."""
        match = _REPLY_LINE.fullmatch(line)
        if match is None or (
            self._lines and match[1][: self._digits] != self._code[: self._digits]
        ):
            raise UnreadableReply("the server's answer is no SMTP reply")
        self._code = match[1]
        self._lines.append(match[3] or b"")
        if match[2] == b"-":
            if len(self._lines) >= _MOST_LINES:
                raise UnreadableReply("the server's answer has too many lines")
            return None
        reply = self._reply(int(self._code), tuple(self._lines))
        self._lines = []
        return reply


class FirstDigitReplyLines(ReplyLines):
    """Makes replies of lines for a client that reads only the first digit of a code."""

    _reply = FirstDigitReply
    _digits = 1
