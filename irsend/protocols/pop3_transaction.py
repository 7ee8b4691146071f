"""The TRANSACTION state of the serving side of POP3: the commands that need a maildrop.

A part of the session (`pop3_server`), which runs the commands. A message goes out of its
file chunk by chunk; what is marked is deleted at QUIT and no earlier.

Standards: RFC 1939 5 (TRANSACTION), 6 (UPDATE), 7 (TOP, UIDL).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import IO, Any, Protocol

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.mail.interfaces import IMailboxPOP3
from twisted.python.failure import Failure

from irsend.back_pressure import BackPressure
from irsend.interfaces import ITranscript
from irsend.protocols.command_lines import CommandLines
from irsend.protocols.dot_stuffing import DotStuffing

_CHUNK = 65_536


class MaildropSession(Protocol):
    """What the TRANSACTION state needs of the session it is part of."""

    transport: Any

    def resetTimeout(self) -> None:
        """Begin to wait anew: the client takes what is sent."""

    def successResponse(self, message: bytes = b"") -> None:
        """Send +OK."""

    def failResponse(self, message: bytes = b"") -> None:
        """Send -ERR."""

    def say(self, *lines: bytes) -> None:
        """Send these lines."""

    def no_argument(self, rest: bytes) -> bool:
        """Say whether there is no argument; where there is one, an error has been sent."""


class POP3Transaction:
    """What a session does with the maildrop that it has logged in to.

    `logout` releases the maildrop.
    """

    log = Logger()

    def __init__(
        self,
        session: MaildropSession,
        lines: CommandLines,
        pressure: BackPressure,
        transcript: ITranscript,
        maildrop: IMailboxPOP3,
        logout: Callable[[], None],
    ) -> None:
        self._session = session
        self._lines = lines
        self._pressure = pressure
        self._transcript = transcript
        self._maildrop = maildrop
        self._logout: Callable[[], None] | None = logout

    def log_out(self) -> None:
        """Release the maildrop, if that was not done yet."""
        logout, self._logout = self._logout, None
        if logout is not None:
            logout()

    def count_and_size(self) -> tuple[int, int]:
        """Return how many messages are not marked, and their octets."""
        sizes = [size for size in self._maildrop.listMessages() if size]
        return len(sizes), sum(sizes)

    def _numbers(self, rest: bytes, count: int) -> list[int] | None:
        words = rest.split()
        if len(words) == count and all(word.isdigit() and len(word) < 10 for word in words):
            return [int(word) for word in words]
        self._session.failResponse(
            b"a number is expected" if count == 1 else b"%d numbers are expected" % count
        )
        return None

    def _size_of(self, number: int) -> int | None:
        """Return the size of a message that is there; None when the error has been sent."""
        size = 0
        with contextlib.suppress(ValueError):
            size = self._maildrop.listMessages(number - 1) if number else 0
        if size:
            return size
        self._session.failResponse(b"there is no message %d" % number)
        return None

    def stat(self, rest: bytes) -> None:
        """STAT: number and octets of what is not marked."""
        if self._session.no_argument(rest):
            self._session.successResponse(b"%d %d" % self.count_and_size())

    def list_messages(self, rest: bytes) -> None:
        """LIST: size of one, or of each."""
        self._list(rest, lambda _, size: size)

    def uidl(self, rest: bytes) -> None:
        """UIDL: unique id of one, or of each."""
        self._list(rest, lambda index, _: self._maildrop.getUidl(index))

    def _list(self, rest: bytes, value: Callable[[int, int], int | bytes]) -> None:
        def line(index: int, size: int) -> bytes:
            shown = value(index, size)
            return b"%d %s" % (index + 1, b"%d" % shown if isinstance(shown, int) else shown)

        if not rest.strip(b" "):
            there = [
                (index, size)
                for index, size in enumerate(self._maildrop.listMessages())
                if size
            ]
            lines = [line(index, size) for index, size in there]
            self._session.say(b"+OK %d messages" % len(there), *lines, b".")
            return
        numbers = self._numbers(rest, 1)
        size = self._size_of(numbers[0]) if numbers else None
        if numbers and size is not None:
            self._session.successResponse(line(numbers[0] - 1, size))

    def retr(self, rest: bytes) -> None:
        """RETR: the whole message."""
        numbers = self._numbers(rest, 1)
        size = self._size_of(numbers[0]) if numbers else None
        if numbers and size is not None:
            self._send_message(numbers[0], b"%d octets" % size, lambda content: content)

    def top(self, rest: bytes) -> None:
        """TOP: the head and so many lines of the body."""
        numbers = self._numbers(rest, 2)
        if numbers and self._size_of(numbers[0]) is not None:
            self._send_message(
                numbers[0], b"top of message follows", lambda c: _Top(c, numbers[1])
            )

    def _send_message(
        self, number: int, answer: bytes, part: Callable[[IO[bytes]], IO[bytes] | _Top]
    ) -> None:
        """Send the file chunk by chunk, as fast as the client takes it; it is never whole in memory."""

        async def send(content: IO[bytes]) -> None:
            stuffing = DotStuffing()
            octets = 0
            source = part(content)
            try:
                self._session.successResponse(answer)
                while chunk := source.read(_CHUNK):
                    octets += len(chunk)
                    self._session.resetTimeout()
                    self._session.transport.write(stuffing.feed(chunk))
                    await self._pressure.relieved()
            except ConnectionLost:
                self._transcript.note(f"the message was cut after {octets} octets")
                return
            finally:
                content.close()
            self._transcript.server(b"(a message of %d octets)" % octets)
            self._transcript.server(b".")
            self._session.transport.write(stuffing.end())

        def unreadable(failure: Failure) -> None:
            failure.trap(OSError, ValueError)
            self._session.failResponse(b"[SYS/TEMP] message %d cannot be read" % number)

        def message() -> Deferred[None]:
            opening: Deferred[Any] = maybeDeferred(self._maildrop.getMessage, number - 1)
            return opening.addCallbacks(
                lambda content: Deferred.fromCoroutine(send(content)), unreadable
            )

        self._lines.ask(message, then=_nothing)

    def dele(self, rest: bytes) -> None:
        """DELE: mark a message; this session no longer lists it, and QUIT deletes it."""
        numbers = self._numbers(rest, 1)
        if numbers and self._size_of(numbers[0]) is not None:
            self._maildrop.deleteMessage(numbers[0] - 1)
            self._session.successResponse(b"message %d marked" % numbers[0])

    def noop(self, rest: bytes) -> None:
        """NOOP."""
        if self._session.no_argument(rest):
            self._session.successResponse()

    def rset(self, rest: bytes) -> None:
        """RSET: unmark all."""
        if self._session.no_argument(rest):
            self._maildrop.undeleteMessages()
            self._session.successResponse()

    def update(self) -> Deferred[bool]:
        """Delete what is marked (RFC 1939 6) and release the maildrop; fires with whether that was done."""

        def deleted(_: object) -> bool:
            self.log_out()
            return True

        def failed(failure: Failure) -> bool:
            self.log.failure("While deleting messages", failure)
            return False

        return maybeDeferred(self._maildrop.sync).addCallbacks(deleted, failed)


def _nothing(_: None) -> None:
    """Reply nothing: the message has been sent, or an error."""


class _Top:
    """A message cut behind so many lines of its body, as a file to read from."""

    def __init__(self, content: IO[bytes], lines: int) -> None:
        self._content = content
        self._left = lines
        self._in_head = True
        self._at_beginning = True

    def read(self, size: int) -> bytes:
        """Return the next octets, `size` or a few more; nothing at the end."""
        pieces: list[bytes] = []
        length = 0
        while length < size and (self._in_head or self._left):
            piece = self._content.readline(size)
            if not piece:
                break
            ends = piece.endswith(b"\n")
            if not self._in_head:
                self._left -= ends
            elif self._at_beginning and piece in (b"\r\n", b"\n"):
                self._in_head = False
            self._at_beginning = ends
            pieces.append(piece)
            length += len(piece)
        return b"".join(pieces)
