"""A transport between a session and its connection, which delays, cuts, swallows and slows down on order.

It knows no orders: `fault_steps` calls it. Only a session with an order in force has one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from OpenSSL import SSL
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from irsend.services.timer import Timer

_TICK = 0.1
"""Seconds between two pieces of what is throttled."""
_LEAST_READ = 16

# The head of a TLS record with a ServerHello or ClientHello, and its first octets.
_SERVER_HELLO = bytes.fromhex("160303007a020000760303") + bytes(16)
_CLIENT_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(16)
_NO_TLS = b"\x00\xff irsend: these octets are no TLS \xff\x00" * 4

_HANDSHAKES = {
    "cut": (_SERVER_HELLO, _CLIENT_HELLO),
    "garble": (_NO_TLS, _NO_TLS),
    "stall": (b"", b""),
    "drop": (b"", b""),
    "reset": (b"", b""),
}
"""What a server, and a client, says in the place of its handshake."""

Certified = Callable[[Any], Any]
"""Returns the context of a handshake for another; called with the session's own."""


class FaultySession(Protocol):
    """The session whose transport this is: one of Twisted's protocol classes."""

    transport: Any

    def connectionLost(self, reason: Failure) -> None:
        """End with the connection."""


class FaultyTransport:
    """What a session has as its `transport`; everything else is the connection's own."""

    def __init__(
        self,
        session: FaultySession,
        clock: IReactorTime,
        *,
        serving: bool,
        before_handshake: Callable[[], None],
    ) -> None:
        self._session = session
        self._before_handshake = before_handshake
        self._transport = session.transport
        self._serving = serving
        self._timer = Timer(clock)
        self._reading = Timer(clock)
        self._clock = clock
        self._queue: list[bytes] = []
        self._held_until = 0.0
        self._rate = 0.0
        self._when_sent: Callable[[], None] | None = None
        self._dropped = False
        self._silent = False
        self._producer: Any = None
        self._cut: Callable[[bytes], bytes | None] | None = None
        self._then: Callable[[], None] = self.be_silent
        self._handshake = ""
        self._handshake_delay = 0.0
        self._certified: Certified | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    # -- what is ordered ----------------------------------------------------------

    def hold(self, seconds: float) -> None:
        """Send what is written from now on so many seconds later."""
        self._held_until = max(self._held_until, self._clock.seconds()) + seconds

    def be_silent(self) -> None:
        """Send nothing any more."""
        self._silent = True

    def throttle(self, octets: float) -> None:
        """Send, and read, no more than so many octets a second."""
        self._rate = octets
        self._read_slowly()

    def _read_slowly(self) -> None:
        connection = self._transport
        if self._rate and getattr(connection, "protocol", None) is not None:
            connection.bufferSize = max(_LEAST_READ, int(self._rate * _TICK))
            connection.protocol = _SlowReader(connection, self._clock, self._rate)

    def pause_reading(self, seconds: float) -> None:
        """Read nothing for so many seconds; 0 is for ever."""
        self._transport.pauseProducing()
        if seconds:
            self._reading.start(seconds, self._transport.resumeProducing)

    def cut_next(self, cut: Callable[[bytes], bytes | None], then: Callable[[], None]) -> None:
        """Send of what is written next what `cut` returns, then call; None is not yet, all is sent."""
        self._cut, self._then = cut, then

    def cut_input(self, then: Callable[[], None]) -> None:
        """Take half of the octets that come next, then call."""
        self._transport.protocol = _Cutter(self._transport.protocol, then)

    def drop(self, *, reset: bool) -> None:
        """Drop the connection now: by RST, or by FIN once what was written is sent."""
        if self._dropped:
            return
        self._dropped = True
        self._timer.cancel()
        if reset:
            self._transport.abortConnection()
            return
        producer, self._producer = self._producer, None
        if producer is not None:
            # It would be waited for.
            self._transport.unregisterProducer()
            producer.stopProducing()
        self._transport.loseConnection()

    def spoil_handshake(self, how: str) -> None:
        """Stall, garble, cut, drop or reset the next TLS handshake."""
        self._handshake = how

    def delay_handshake(self, seconds: float) -> None:
        """Begin the next TLS handshake so many seconds later."""
        self._handshake_delay = seconds

    def show_certificate(self, certified: Certified) -> None:
        """Have the next handshake in another context."""
        self._certified = certified

    def stop(self) -> None:
        """End with the connection."""
        self._dropped = True
        self._timer.cancel()
        self._reading.cancel()
        self._queue.clear()

    # -- what the session calls ---------------------------------------------------

    def write(self, octets: bytes) -> None:
        """Send octets, as far as no order is in the way."""
        if self._dropped or self._silent:
            return
        last = False
        if self._cut is not None:
            kept = self._cut(octets)
            if kept is not None:
                octets, last, self._cut = kept, True, None
        if self._queue or self._rate or self._held_until > self._clock.seconds():
            self._queue.append(octets)
            self._pump()
        elif octets:
            self._transport.write(octets)
        if last and self._queue:
            self._when_sent = self._then
        elif last:
            self._then()

    def writeSequence(self, pieces: list[bytes]) -> None:
        """Send pieces of octets."""
        self.write(b"".join(pieces))

    def _pump(self) -> None:
        """Send what may be sent now; go on later where that is not all."""
        wait = self._held_until - self._clock.seconds()
        if wait > 0:
            self._timer.start(wait, self._pump)
            return
        if self._rate:
            waiting = b"".join(self._queue)
            most = max(1, int(self._rate * _TICK))
            piece, rest = waiting[:most], waiting[most:]
            self._queue[:] = [rest] if rest else []
            self._transport.write(piece)
            if self._queue:
                # Less than one octet in a tick takes longer than a tick.
                self._timer.start(max(_TICK, len(piece) / self._rate), self._pump)
        else:
            pieces, self._queue = self._queue, []
            self._transport.write(b"".join(pieces))
        if self._when_sent is not None and not self._queue:
            then, self._when_sent = self._when_sent, None
            then()

    def loseConnection(self, *arguments: Any) -> None:
        """Close once all is sent."""
        if self._queue and not self._dropped:
            self._when_sent = self._when_sent or self._transport.loseConnection
        elif not self._dropped:
            self._transport.loseConnection(*arguments)

    def abortConnection(self) -> None:
        """Close at once."""
        self._timer.cancel()
        self._transport.abortConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Pass it on, and remember it: a drop does not wait for it."""
        if self._dropped:
            producer.stopProducing()
            return
        self._producer = producer
        self._transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Forget it."""
        self._producer = None
        self._transport.unregisterProducer()

    def getHandle(self) -> Any:
        """Return the connection of TLS, or the socket; None where TLS was spoiled, or never begun."""
        spoiled = self._handshake or self._dropped
        return None if spoiled else self._transport.getHandle()

    def startTLS(self, context: Any, *arguments: Any) -> None:
        """Begin TLS, or what is ordered in its place."""
        if self._dropped:
            return
        self._before_handshake()
        if self._handshake:
            self._begin_spoiled(self._handshake)
            return
        if self._certified is not None:
            context = self._certified(context)
        delay, self._handshake_delay = self._handshake_delay, 0.0
        connection = self._transport
        if isinstance(connection.protocol, _SlowReader):
            # TLS stands between the connection and the session itself.
            connection.protocol = connection.protocol.session

        def begin() -> None:
            connection.startTLS(context, *arguments)
            self._read_slowly()

        if not delay:
            begin()
            return

        def begin_late() -> None:
            begin()
            connection.resumeProducing()

        connection.pauseProducing()
        self._reading.start(delay, begin_late)

    def _begin_spoiled(self, how: str) -> None:
        connection = self._transport
        first = _HANDSHAKES[how][0 if self._serving else 1]

        def begin() -> None:
            if first:
                connection.write(first)
            if how in ("cut", "drop", "reset"):
                self.drop(reset=how == "reset")

        connection.protocol = _NoTLS(self._session, begin if self._serving else None)
        if not self._serving:
            begin()


class _NoTLS:
    """Takes the octets of a handshake that is not had: the session never sees them."""

    def __init__(self, session: FaultySession, answer: Callable[[], None] | None) -> None:
        self._session = session
        self._answer = answer

    def dataReceived(self, octets: bytes) -> None:
        """Answer the first of them."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer()

    def connectionLost(self, reason: Failure) -> None:
        """Tell the session, which has not had its handshake."""
        self._session.connectionLost(Failure(SSL.Error([("", "", _ON_PURPOSE)])))


_ON_PURPOSE = "the handshake was spoiled on purpose"


class _Cutter:
    """Stands before a connection's protocol: passes half of the next octets on, and calls something."""

    def __init__(self, protocol: Any, then: Callable[[], None]) -> None:
        self._protocol = protocol
        self._then: Callable[[], None] | None = then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    def dataReceived(self, octets: bytes) -> None:
        """Pass half of the first ones on, and nothing behind them."""
        then, self._then = self._then, None
        if then is not None:
            self._protocol.dataReceived(octets[: len(octets) // 2])
            then()


class _SlowReader:
    """Stands before a connection's protocol, and reads no more than so many octets a second."""

    def __init__(self, connection: Any, clock: IReactorTime, rate: float) -> None:
        self._connection = connection
        self.session = connection.protocol
        self._rate = rate
        self._clock = clock
        self._timer = Timer(clock)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def dataReceived(self, octets: bytes) -> None:
        """Pass them on; the next are read when their time has passed."""
        self._connection.pauseProducing()
        self._timer.start(len(octets) / self._rate, self._connection.resumeProducing)
        self.session.dataReceived(octets)

    def connectionLost(self, reason: Failure) -> None:
        """Stop."""
        self._timer.cancel()
        self.session.connectionLost(reason)
