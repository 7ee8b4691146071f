"""Command lines out of segments: each is run when the reply to the one before it is known.

What the servers of SMTP and POP3 have in common: each session has one `CommandLines`.
Replies keep the order of the commands also where a reply has to be waited for; a line
over its limit is one error, however much of it comes; a bare CR or LF ends no line.
While a session takes content, whole segments go to what takes it. To a peer that does not
take its replies no further ones are made (`back_pressure`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, TypeVarTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.back_pressure import BackPressure

# Octets that may wait behind a reply before the peer is made to wait too.
_HIGH_WATER = 65_536
# A line of so many octets without an end is not read further.
_ENDLESS_LINE = 1_000_000

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")


class CommandSession(Protocol):
    """The session whose command lines these are: one of Twisted's protocol classes."""

    transport: Any

    def resetTimeout(self) -> None:
        """Begin to wait anew: a command has come, or content."""

    def lineReceived(self, line: bytes) -> None:
        """Run a command line."""

    def longest_line(self) -> int:
        """Return how long a line may be now, its end included."""

    def line_too_long(self, *, endless: bool) -> None:
        """Reply to a line over the limit; an `endless` one is also the session's end."""

    def answer_failed(self) -> None:
        """Reply to a command for which `ask` failed; the log has the reason."""

    def answer_given(self) -> None:
        """End a session that was to end while it waited; called before the next command is run."""

    def replies_not_taken(self) -> None:
        """Abort the connection: the peer has not read for too long what was sent to it."""


class CommandLines:
    """The command lines of one session, run one after the other."""

    log = Logger()

    def __init__(self, session: CommandSession) -> None:
        self._session = session
        self.ended = False
        """True from the last reply on: what still comes is not looked at."""
        self.waiting = False
        """True while an answer to `ask` is awaited."""
        self._take_content: Callable[[bytes], None] | None = None
        self._buffer = b""
        self._overlong = 0
        self._running = False
        self._pressure: BackPressure | None = None
        self._reading = True

    # -- the connection -----------------------------------------------------------

    def connected(self, clock: IReactorTime) -> BackPressure:
        """Begin with a connection; return its back pressure."""
        session = self._session
        self._pressure = BackPressure(
            session.transport,
            clock.callLater,
            stop=self._read_or_not,
            go_on=self._go_on,
            stalled=session.replies_not_taken,
        )
        self._pressure.begin()
        return self._pressure

    def lost(self) -> None:
        """End with the connection."""
        self.ended = True
        if self._pressure is not None:
            self._pressure.lost()

    @property
    def blocked(self) -> bool:
        """True while the peer does not take its replies: its idle time is not counted."""
        return self._pressure is not None and self._pressure.blocked

    def _read_or_not(self) -> None:
        """Read from the peer, unless it takes no replies or has much behind one it waits for."""
        reading = not self.blocked and not (self.waiting and len(self._buffer) > _HIGH_WATER)
        if reading is not self._reading:
            self._reading = reading
            if reading:
                self._session.transport.resumeProducing()
            else:
                self._session.transport.pauseProducing()

    def _go_on(self) -> None:
        self.run()
        if not self.ended:
            self._read_or_not()

    # -- what comes in ------------------------------------------------------------

    @property
    def behind(self) -> bytes:
        """What has come behind the command that is being run."""
        return self._buffer

    def feed(self, segment: bytes) -> None:
        """Take a segment: content, else command lines."""
        if self.ended:
            return
        if self._take_content is not None:
            self._session.resetTimeout()
            self._take_content(segment)
            return
        self._buffer += segment
        self.run()
        self._read_or_not()

    def begin_content(self, take: Callable[[bytes], None]) -> None:
        """Give whole segments to `take` instead of running lines, until `end_content`."""
        self._take_content = take

    def end_content(self, rest: bytes) -> None:
        """Take lines again, the first out of what stood behind the content; `run` runs them."""
        self._take_content = None
        self._buffer = rest

    def end(self) -> None:
        """Forget what has come and was not run; nothing more is looked at."""
        self.ended = True
        self._buffer = b""
        if self._pressure is not None:
            self._pressure.close()

    def run(self) -> None:
        """Run what has come, up to a command whose reply has to wait, or is not taken."""
        if self._running:
            return
        session = self._session
        self._running = True
        try:
            while self._buffer and not (self.waiting or self.ended or self.blocked):
                if self._take_content is not None:
                    segment, self._buffer = self._buffer, b""
                    self._take_content(segment)
                    continue
                line, end, rest = self._buffer.partition(b"\r\n")
                # Without its end yet, a CR may be the first octet of it.
                length = len(line) + (2 if end or not line.endswith(b"\r") else 1)
                if self._overlong or length > session.longest_line():
                    if not self._skip_overlong(len(line), bool(end), rest):
                        return
                elif end:
                    self._buffer = rest
                    # Here, not at each segment: a peer that sends a command octet by
                    # octet has no more time for it than others.
                    session.resetTimeout()
                    session.lineReceived(line)
                else:
                    return
        finally:
            self._running = False

    def _skip_overlong(self, length: int, complete: bool, rest: bytes) -> bool:
        if complete:
            self._overlong = 0
            self._buffer = rest
            self._session.line_too_long(endless=False)
            return True
        self._overlong += length
        self._buffer = b"\r" if self._buffer.endswith(b"\r") else b""
        if self._overlong > _ENDLESS_LINE:
            self._session.line_too_long(endless=True)
        return False

    # -- answers that take their time -------------------------------------------

    def ask(
        self,
        question: Callable[[*_Arguments], _T | Deferred[_T]],
        *arguments: *_Arguments,
        then: Callable[[_T], None],
    ) -> None:
        """Call `then` with the answer to a question; where it is a Deferred, commands wait for it.

        A failure that the question does not handle is a local error for the peer and
        a traceback in the log.
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

        def answered(value: _T) -> None:
            self.waiting = False
            if not self.ended:
                then(value)

        def go_on(_: object) -> None:
            self._session.answer_given()
            self._go_on()

        answer.addCallback(answered).addErrback(self._failed).addCallback(go_on)

    def _failed(self, failure: Failure) -> None:
        self.waiting = False
        self.log.failure("While answering a mail client", failure)
        if not self.ended:
            self._session.answer_failed()
