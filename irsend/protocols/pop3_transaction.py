"""The commands of the serving side of POP3 that want a maildrop, from STAT to QUIT.

Mixed into the session (`pop3_server`). A message goes out of its file chunk by
chunk; what is marked is deleted at QUIT and no earlier.

Standards: RFC 1939 5 (TRANSACTION), 6 (UPDATE), 7 (TOP, UIDL).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import IO, Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.protocols.basic import FileSender
from twisted.python.failure import Failure

from irsend.interfaces import ITranscript
from irsend.protocols.command_lines import CommandLines
from irsend.protocols.dot_stuffing import DotStuffing

_CHUNK = 65_536


class POP3Transaction(CommandLines):
    """What a session does with the maildrop it has logged in to."""

    transcript: ITranscript
    mbox: Any
    """An IMailboxPOP3."""

    def successResponse(self, message: bytes = b"") -> None:
        """Send +OK."""
        raise NotImplementedError

    def failResponse(self, message: bytes = b"") -> None:
        """Send -ERR."""
        raise NotImplementedError

    def say(self, *lines: bytes) -> None:
        """Send these lines."""
        raise NotImplementedError

    def hang_up(self, message: bytes, *, ok: bool = False) -> None:
        """Send a last answer, and close."""
        raise NotImplementedError

    def log_out(self) -> None:
        """Let go of the maildrop."""
        raise NotImplementedError

    def no_argument(self, rest: bytes) -> bool:
        """Say whether there is no argument; where there is one, it has been answered."""
        if rest.strip(b" "):
            self.failResponse(b"no argument is allowed here")
        return not rest.strip(b" ")

    def _numbers(self, rest: bytes, count: int) -> list[int] | None:
        words = rest.split()
        if len(words) == count and all(word.isdigit() and len(word) < 10 for word in words):
            return [int(word) for word in words]
        self.failResponse(
            b"a number is expected" if count == 1 else b"%d numbers are expected" % count
        )
        return None

    def _size_of(self, number: int) -> int | None:
        """Return the size of a message that is there; None when the answer has been given."""
        size = 0
        with contextlib.suppress(ValueError):
            size = self.mbox.listMessages(number - 1) if number else 0
        if size:
            return size
        self.failResponse(b"there is no message %d" % number)
        return None

    def _count_and_size(self) -> tuple[int, int]:
        sizes = [size for size in self.mbox.listMessages() if size]
        return len(sizes), sum(sizes)

    def do_STAT(self, rest: bytes = b"") -> None:
        """STAT: number and octets of what is not marked."""
        if self.no_argument(rest):
            self.successResponse(b"%d %d" % self._count_and_size())

    def do_LIST(self, rest: bytes = b"") -> None:
        """LIST: size of one, or of each."""
        self._list(rest, lambda _, size: size)

    def do_UIDL(self, rest: bytes = b"") -> None:
        """UIDL: unique id of one, or of each."""
        self._list(rest, lambda index, _: self.mbox.getUidl(index))

    def _list(self, rest: bytes, value: Callable[[int, int], int | bytes]) -> None:
        def line(index: int, size: int) -> bytes:
            shown = value(index, size)
            return b"%d %s" % (index + 1, b"%d" % shown if isinstance(shown, int) else shown)

        if not rest.strip(b" "):
            there = [
                (index, size) for index, size in enumerate(self.mbox.listMessages()) if size
            ]
            lines = [line(index, size) for index, size in there]
            self.say(b"+OK %d messages" % len(there), *lines, b".")
            return
        numbers = self._numbers(rest, 1)
        size = self._size_of(numbers[0]) if numbers else None
        if numbers and size is not None:
            self.successResponse(line(numbers[0] - 1, size))

    def do_RETR(self, rest: bytes) -> None:
        """RETR: the whole message."""
        numbers = self._numbers(rest, 1)
        size = self._size_of(numbers[0]) if numbers else None
        if numbers and size is not None:
            self._send_message(numbers[0], b"%d octets" % size, lambda content: content)

    def do_TOP(self, rest: bytes) -> None:
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

        def send(content: IO[bytes]) -> Deferred[None]:
            stuffing = DotStuffing()
            octets = 0

            def outgoing(chunk: bytes) -> bytes:
                nonlocal octets
                octets += len(chunk)
                self.resetTimeout()
                return stuffing.feed(chunk)

            def sent(_: object) -> None:
                self.transcript.server(b"(a message of %d octets)" % octets)
                self.transcript.server(b".")
                self.transport.write(stuffing.end())

            def cut(_: Failure) -> None:
                # The client is gone.
                self.transcript.note(f"the message was cut after {octets} octets")

            def close(_: object) -> None:
                content.close()

            self.successResponse(answer)
            sender = FileSender()
            sender.CHUNK_SIZE = _CHUNK
            transfer: Deferred[Any] = sender.beginFileTransfer(
                part(content), self.transport, outgoing
            )
            return transfer.addCallbacks(sent, cut).addBoth(close)

        def unreadable(failure: Failure) -> None:
            failure.trap(OSError, ValueError)
            self.failResponse(b"[SYS/TEMP] message %d cannot be read" % number)

        def message() -> Deferred[Any]:
            opening: Deferred[Any] = maybeDeferred(self.mbox.getMessage, number - 1)
            return opening.addCallbacks(send, unreadable)

        self.ask(message, then=lambda _: None)

    def do_DELE(self, rest: bytes) -> None:
        """DELE: mark a message; it is gone for this session, and for good at QUIT."""
        numbers = self._numbers(rest, 1)
        if numbers and self._size_of(numbers[0]) is not None:
            self.mbox.deleteMessage(numbers[0] - 1)
            self.successResponse(b"message %d marked" % numbers[0])

    def do_NOOP(self, rest: bytes = b"") -> None:
        """NOOP."""
        if self.no_argument(rest):
            self.successResponse()

    def do_RSET(self, rest: bytes = b"") -> None:
        """RSET: unmark all."""
        if self.no_argument(rest):
            self.mbox.undeleteMessages()
            self.successResponse()

    def do_QUIT(self, rest: bytes = b"") -> None:
        """QUIT: delete what is marked (RFC 1939 6), let go of the maildrop, then answer."""
        if not self.no_argument(rest):
            return

        def deleted(_: object) -> bool:
            self.log_out()
            return True

        def failed(failure: Failure) -> bool:
            self.log.failure("While deleting messages", failure)
            return False

        def update() -> Deferred[bool]:
            sync = self.mbox.sync if self.mbox is not None else lambda: None
            return maybeDeferred(sync).addCallbacks(deleted, failed)

        def done(all_deleted: bool) -> None:
            if all_deleted:
                self.hang_up(b"bye", ok=True)
            else:
                self.hang_up(b"[SYS/TEMP] some messages were not deleted")

        self.ask(update, then=done)


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
