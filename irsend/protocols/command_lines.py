"""Command lines out of segments: each is run when the answer to the one before it is known.

What the servers of SMTP and POP3 have in common. Replies come in the order of
the commands also where an answer takes its time; a line over its limit is one
error, however much of it comes; a bare CR or LF ends no line. While a protocol
takes content, whole segments are its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from twisted.protocols.basic import LineOnlyReceiver
    from twisted.protocols.policies import TimeoutMixin

    class _Receiver(LineOnlyReceiver, TimeoutMixin):
        pass
else:
    _Receiver = object

# What may wait behind an answer before the peer is made to wait too.
_HIGH_WATER = 65_536
# A line of which so much came without an end will not have one.
_ENDLESS_LINE = 1_000_000


class CommandLines(_Receiver):
    """Mixed in before a protocol class of Twisted's that receives lines."""

    log = Logger()
    transport: Any

    ended = False
    """True from the last word on: what still comes is not looked at."""
    take_content: Callable[[bytes], None] | None = None
    """Takes whole segments instead of lines, while it is set."""
    _buffer = b""
    _overlong = 0
    _running = False
    waiting = False
    """True while an answer is awaited."""
    _paused = False

    # -- what a protocol adds ---------------------------------------------------

    def longest_line(self) -> int:
        """Return how long a line may be now, its end included."""
        raise NotImplementedError

    def line_too_long(self, *, endless: bool) -> None:
        """Answer a line over the limit; an `endless` one is also the session's end."""
        raise NotImplementedError

    def answer_failed(self) -> None:
        """Answer a command whose own answer failed; the log has the reason."""
        raise NotImplementedError

    def answer_given(self) -> None:
        """Hear that an awaited answer has been given, before the next command is run."""

    # -- what comes in ------------------------------------------------------------

    @property
    def behind(self) -> bytes:
        """What has come behind the command that is being run."""
        return self._buffer

    def dataReceived(self, segment: bytes) -> None:
        """Take a segment: content, else command lines."""
        if self.ended:
            return
        if self.take_content is not None:
            self.resetTimeout()
            self.take_content(segment)
            return
        self._buffer += segment
        if not self.waiting:
            self.run_lines()
        elif len(self._buffer) > _HIGH_WATER and not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def back_to_lines(self, rest: bytes) -> None:
        """Take lines again, the first out of what stood behind the content."""
        self.take_content = None
        self._buffer = rest

    def forget_lines(self) -> None:
        """Throw away what has come and was not run; nothing more is looked at."""
        self.ended = True
        self._buffer = b""

    def run_lines(self) -> None:
        """Run what has come, up to a command whose answer is awaited."""
        if self._running:
            return
        self._running = True
        try:
            while self._buffer and not self.waiting and not self.ended:
                if self.take_content is not None:
                    segment, self._buffer = self._buffer, b""
                    self.take_content(segment)
                    continue
                line, end, rest = self._buffer.partition(b"\r\n")
                # Without its end yet, a CR may be the first octet of it.
                length = len(line) + (2 if end or not line.endswith(b"\r") else 1)
                if self._overlong or length > self.longest_line():
                    if not self._skip_overlong(len(line), bool(end), rest):
                        return
                elif end:
                    self._buffer = rest
                    # Here, not at each segment: who sends a command octet by
                    # octet has no more time for it than others.
                    self.resetTimeout()
                    self.lineReceived(line)
                else:
                    return
        finally:
            self._running = False

    def _skip_overlong(self, length: int, complete: bool, rest: bytes) -> bool:
        if complete:
            self._overlong = 0
            self._buffer = rest
            self.line_too_long(endless=False)
            return True
        self._overlong += length
        self._buffer = b"\r" if self._buffer.endswith(b"\r") else b""
        if self._overlong > _ENDLESS_LINE:
            self.line_too_long(endless=True)
        return False

    # -- answers that take their time -------------------------------------------

    def ask(
        self, question: Callable[..., Any], *arguments: Any, then: Callable[[Any], None]
    ) -> None:
        """Go on with the answer to a question; commands behind it wait where it is a Deferred.

        A failure that the answer does not foresee is a local error for the peer
        and a traceback in the log.
        """
        try:
            answer = question(*arguments)
        except Exception:
            self._failed(Failure())
            return
        if not isinstance(answer, Deferred):
            then(answer)
            return
        self.waiting = True

        def answered(value: Any) -> None:
            self.waiting = False
            if not self.ended:
                then(value)

        def go_on(_: object) -> None:
            if self._paused and not self.ended:
                self._paused = False
                self.transport.resumeProducing()
            self.answer_given()
            self.run_lines()

        answer.addCallback(answered)
        answer.addErrback(self._failed)
        answer.addCallback(go_on)

    def _failed(self, failure: Failure) -> None:
        self.waiting = False
        self.log.failure("While answering a mail client", failure)
        if not self.ended:
            self.answer_failed()
