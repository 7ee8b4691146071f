"""The fetching side of POP3: Twisted's AdvancedPOP3Client, made safe and fast.

What is mended, each with a test that fails on Twisted's own class
(tests/protocols/test_pop3_holes.py):

- Plain text behind the +OK to STLS would be read as replies given under TLS.
- `login()` chooses by itself; here each step is a call, in the order that the
  machine's settings ask for.
- There was no SASL.
- A line over 16,384 octets inside a message ended the session, and every line
  passed through Python; here whole segments go to a sink.
- Commands are sent one by one even where the server takes several (PIPELINING).
- A message counted as whole where its end mark was seen, also where the server did not
  stuff its dots. `next_reply` says whether a reply follows a message, or the rest of it.

A server may greet a second time inside TLS (docs/fidelity). Nothing waits for that
greeting, since a list of capabilities never begins with +OK.

Standards: RFC 1939 (POP3, APOP), 2449 (CAPA, PIPELINING), 2595 (STLS), 5034 (AUTH).
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener, IReactorTime
from twisted.mail import pop3
from twisted.mail.pop3 import ServerErrorResponse
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.interfaces import IMessageSink, ITranscript
from irsend.protocols.dot_stuffing import DotStream
from irsend.protocols.octet_names import TEXT, note_unread
from irsend.protocols.pop3_exchange import Exchange, ProtocolViolation, command_line
from irsend.protocols.pop3_listings import Listings
from irsend.protocols.sasl.mechanism import (
    IMechanism,
    MechanismFailed,
    initial_response,
    response_to,
)
from irsend.protocols.tls import ClientTLS, TLSFailed, describe_tls
from irsend.protocols.transcript import MASK, Secrets, masked_command

_LONGEST_LINE = 4096
# A command may have so many octets, its end included (RFC 2449 4).
_COMMAND_LINE = 255
# The most octets of a reply of several lines that are read.
_LONGEST_ANSWER = 8_000_000
# How long a server may take to close when it has replied to QUIT, in seconds.
_PATIENCE = 10
# Commands that may be under way at once where the server announces PIPELINING.
_WINDOW = 16


_T = TypeVar("_T")


@implementer(IHandshakeListener)
class POP3Client(Listings, pop3.AdvancedPOP3Client):
    """One session with the POP server. `reply_timeout` is in seconds."""

    transport: Any
    timeout: float  # type: ignore[assignment]

    def __init__(
        self, transcript: ITranscript, clock: IReactorTime, *, reply_timeout: float = 120
    ) -> None:
        self.callLater = clock.callLater  # type: ignore[method-assign,assignment]
        self.transcript = transcript
        self.timeout = reply_timeout
        self.greeted: Deferred[bytes] = Deferred()
        self._closed: Deferred[None] = Deferred()
        self.pipelining = False
        self.tls: tuple[str, str] | None = None
        self._lines = b""
        self._behind = b""
        self._to_send: deque[Exchange[Any]] = deque()
        self._awaited: deque[Exchange[Any]] = deque()
        self._next_reply: list[Deferred[bool]] = []
        self._dots: DotStream | None = None
        self._sink: IMessageSink | None = None
        self._second_greeting_possible = False
        self._client_tls: ClientTLS | None = None
        self._handshake: Deferred[None] | None = None
        self._ending: BaseException | None = None
        self._secrets = Secrets()

    # -- the connection -------------------------------------------------------

    def connectionMade(self) -> None:
        """Wait for the greeting."""
        nodelay = getattr(self.transport, "setTcpNoDelay", None)
        if nodelay is not None:
            nodelay(True)
        self.setTimeout(self.timeout)
        self._awaited.append(Exchange(b"", self.greeted))
        self.greeted.addCallback(self._remember_timestamp)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Fail each reply that is awaited with what ended the session."""
        self.setTimeout(None)
        if self._sink is not None:
            self._sink.abort()
            self._sink = None
        if self._handshake is not None or (reason.check(SSL.Error) and self._ending is None):
            assert self._client_tls is not None
            why = self._ending or self._client_tls.failed(reason)
            if not isinstance(why, TLSFailed):
                why = TLSFailed(str(why))
            self._ending = why
            if self._handshake is not None:
                handshake, self._handshake = self._handshake, None
                handshake.errback(Failure(why))
        elif self._ending is None:
            lost = reason.check(error.ConnectionDone, error.ConnectionLost)
            self._ending = (
                error.ConnectionLost(f"the server closed the connection{self._leftover()}")
                if lost
                else reason.value
            )
        self.transcript.note("closed")
        # Half a line at the end is no reply either.
        broken = isinstance(self._ending, ProtocolViolation) or bool(self._lines)
        self._fire_next_reply(not broken)
        exchanges = [*self._awaited, *self._to_send]
        self._awaited.clear()
        self._to_send.clear()
        for exchange in exchanges:
            exchange.done.errback(Failure(self._ending))
        self._closed.callback(None)

    def timeoutConnection(self) -> None:
        """Give up on a server that does not answer."""
        why = f"the server did not answer in time{self._leftover()}"
        self.abort(error.TimeoutError(string=why))

    def abort(self, why: BaseException) -> None:
        """End the session at once, without QUIT; each reply that is awaited fails with this."""
        if self._ending is None:
            self._ending = why
        # Also where the session is over already, and the server does not close.
        self.transport.abortConnection()

    def _leftover(self) -> str:
        """Note what has come of the server without a line end; return it in words."""
        if not self._lines:
            return ""
        name = note_unread(self.transcript, self._secrets.out_of(self._lines), ended=False)
        return f"; what it sent is no reply but {name}"

    def _remember_timestamp(self, greeting: bytes) -> bytes:
        match = self._challengeMagicRe.search(greeting)
        if match is not None:
            self.serverChallenge = match.group(1)
        return greeting

    # -- commands -------------------------------------------------------------

    def sendShort(self, cmd: bytes, args: bytes | None) -> Deferred[bytes]:
        """Send a command with a reply of one line; fires with its text behind +OK."""
        return self._send(Exchange[bytes](command_line(cmd, args)))

    def sendLong(
        self,
        cmd: bytes,
        args: bytes | None,
        consumer: Callable[[Any], None],
        xform: Callable[[bytes], Any] | None,
    ) -> Deferred[Any]:
        """Send a command with a reply of several lines, each given to `consumer`."""

        def take(line: bytes) -> None:
            line = line[1:] if line.startswith(b"..") else line
            consumer(xform(line) if xform is not None else line)

        return self._send(Exchange[None](command_line(cmd, args), take_line=take)).addCallback(
            lambda _: consumer
        )

    def retrieve_into(
        self, index: int, open_sink: Callable[[], IMessageSink]
    ) -> Deferred[IMessageSink]:
        """RETR: write the message at this index (from 0) to a sink; fires with it, uncommitted."""
        return self._send(Exchange[IMessageSink](b"RETR %d" % (index + 1), open_sink=open_sink))

    def next_reply(self) -> Deferred[bool]:
        """Fire with True at the next +OK or -ERR, with False where something else comes.

        Called as soon as a message has ended: only a reply behind its end mark shows that
        it was the end. A session that ends with nothing behind the mark fires True.
        """
        followed: Deferred[bool] = Deferred()
        self._next_reply.append(followed)
        return followed

    def _fire_next_reply(self, well_formed: bool) -> None:
        waiting, self._next_reply = self._next_reply, []
        for one in waiting:
            one.callback(well_formed)

    def authenticate(self, mechanism: IMechanism) -> Deferred[bytes]:
        """AUTH (RFC 5034), with an initial response where it fits the line.

        Fails with MechanismFailed where the mechanism does not go on.
        """
        return Deferred.fromCoroutine(self._authenticate(mechanism))

    async def _authenticate(self, mechanism: IMechanism) -> bytes:
        line = b"AUTH " + mechanism.name.encode("ascii")
        first = await initial_response(mechanism)
        if first is not None:
            initial = base64.b64encode(first) or b"="
            if len(line) + len(initial) + 3 <= _COMMAND_LINE:
                line, first = line + b" " + initial, None
        exchange = Exchange[bytes](line, mechanism=mechanism, initial=first, ahead=False)
        try:
            answer = await self._send(exchange)
        except ServerErrorResponse:
            if exchange.failed is not None:
                raise exchange.failed from None
            raise
        mechanism.confirmed()
        return answer

    def start_tls(self, tls: ClientTLS) -> Deferred[None]:
        """STLS; fires when the handshake is done and the certificate checked, else TLSFailed."""
        exchange = Exchange[bytes](b"STLS", ahead=False)

        def shake(_: bytes) -> Deferred[None]:
            if self._behind:
                self.transcript.server(self._secrets.out_of(self._behind[:200]))
                behind = TLSFailed("plain text behind the answer to STLS")
                self.abort(behind)
                raise behind
            self._second_greeting_possible = True
            return self.begin_tls(tls)

        return self._send(exchange).addCallback(shake)

    def begin_tls(self, tls: ClientTLS) -> Deferred[None]:
        """The handshake, behind STLS or right after the connection; fails with TLSFailed."""
        self._client_tls = tls
        self._handshake = handshake = Deferred[None]()
        self._capCache = None
        self.startedTLS = True
        self.transport.startTLS(tls)
        return handshake

    def handshakeCompleted(self) -> None:
        """Check the server's certificate, now that TLS is in use (called by the transport)."""
        assert self._client_tls is not None
        assert self._handshake is not None
        handshake, self._handshake = self._handshake, None
        try:
            self._client_tls.check(self.transport.getHandle())
        except TLSFailed as refusal:
            self.abort(refusal)
            handshake.errback(Failure(refusal))
            return
        self.tls = describe_tls(self.transport)
        self.transcript.note(" ".join(self.tls))
        handshake.callback(None)

    def leave(self) -> Deferred[None]:
        """End the session, by QUIT where no reply is awaited; fires when the connection is closed.

        Fails where QUIT was not given, was refused or had no reply: then the server may have
        deleted nothing.
        """
        closed: Deferred[None] = Deferred()
        self._closed.addCallback(closed.callback)
        if self._ending is not None or self._awaited or self._to_send:
            ending = self._ending or error.ConnectionLost("the session ended without QUIT")
            if self._ending is None:
                self.transport.abortConnection()
            return closed.addCallback(lambda _: Failure(ending))
        left: Deferred[None] = self.quit().addBoth(self._hang_up).addCallback(lambda _: closed)
        return left

    def _hang_up(self, outcome: _T) -> _T:
        self._ending = self._ending or error.ConnectionLost("the session is over")
        self.setTimeout(_PATIENCE)
        self.transport.loseConnection()
        return outcome

    def _send(self, exchange: Exchange[_T]) -> Deferred[_T]:
        if self._ending is not None:
            exchange.done.errback(Failure(self._ending))
        else:
            self._to_send.append(exchange)
            self._send_more()
        return exchange.done

    def _send_more(self) -> None:
        window = _WINDOW if self.pipelining else 1
        while self._to_send and len(self._awaited) < window:
            if self._awaited and not (self._to_send[0].ahead and self._awaited[-1].ahead):
                return
            exchange = self._to_send.popleft()
            self._awaited.append(exchange)
            shown = masked_command(exchange.line)
            if shown != exchange.line:
                self._secrets.keep_command(exchange.line, shown)
            self._write(exchange.line, shown)

    def _write(self, line: bytes, shown: bytes) -> None:
        self.transcript.client(shown)
        self.transport.write(line + b"\r\n")

    # -- replies --------------------------------------------------------------

    def dataReceived(self, segment: bytes) -> None:
        """Take a segment: content of a message, else lines."""
        while segment and self._ending is None:
            if self._dots is not None:
                self.resetTimeout()
                segment = self._take_content(segment)
            else:
                line, end, segment = (self._lines + segment).partition(b"\r\n")
                self._lines = b"" if end else line
                if len(line) > _LONGEST_LINE:
                    self.abort(ProtocolViolation("a line of the server's is too long"))
                elif end:
                    # At a whole line, not at each segment: a server that sends octet by
                    # octet has no more time for it than others.
                    self.resetTimeout()
                    self._behind = segment
                    self.lineReceived(line)

    def lineReceived(self, line: bytes) -> None:
        """Take a line: a status, or one of a reply of several lines."""
        if not self._awaited:
            self.transcript.server(self._secrets.out_of(line))
            self.abort(ProtocolViolation("the server spoke without being asked"))
            return
        exchange = self._awaited[0]
        if exchange.began and not (
            self._second_greeting_possible and line.startswith((b"+OK", b"-ERR"))
        ):
            self._take_line(exchange, line)
            return
        if exchange.began:
            self._remember_timestamp(line)
            exchange.began = False
        self.transcript.server(self._secrets.out_of(line))
        status, _, text = line.partition(b" ")
        if status in (b"+OK", b"-ERR"):
            self._fire_next_reply(True)
        if status == b"+" and exchange.mechanism is not None:
            self._respond(exchange, exchange.mechanism, text)
        elif status == b"-ERR":
            self._answered(exchange).done.errback(
                Failure(ServerErrorResponse(self._secrets.out_of(text)))
            )
        elif status != b"+OK":
            name = note_unread(self.transcript, self._secrets.out_of(line))
            why = "the server's answer begins with neither +OK nor -ERR"
            self.abort(ProtocolViolation(why if name == TEXT else f"{why}: it is {name}"))
        elif exchange.take_line is not None:
            exchange.began = True
        elif exchange.open_sink is not None:
            self._begin_message(exchange.open_sink)
        else:
            self._answered(exchange).done.callback(text)

    def _answered(self, exchange: Exchange[_T]) -> Exchange[_T]:
        self._awaited.popleft()
        # Before the callbacks: they may send, and those before them come first.
        self._send_more()
        return exchange

    def _take_line(self, exchange: Exchange[None], line: bytes) -> None:
        assert exchange.take_line is not None
        self.transcript.server(self._secrets.out_of(line))
        self._second_greeting_possible = False
        exchange.octets += len(line) + 2
        if exchange.octets > _LONGEST_ANSWER:
            self.abort(ProtocolViolation("a list of the server's does not end"))
            return
        if line == b".":
            self._answered(exchange).done.callback(None)
            return
        try:
            exchange.take_line(line)
        except ValueError:
            self.abort(ProtocolViolation("a line of the server's list cannot be read"))

    def _begin_message(self, open_sink: Callable[[], IMessageSink]) -> None:
        try:
            self._sink = open_sink()
        except Exception as problem:
            self._give_up_message(problem)
            return
        self._dots = DotStream()
        self._octets = 0

    def _give_up_message(self, problem: Exception) -> None:
        # There is no way to stop a RETR but to end the session. The commands behind it
        # fail because the session ended; the RETR fails with the problem itself.
        self.abort(error.ConnectionLost("the session was ended in the middle of a message"))
        self._awaited.popleft().done.errback(Failure(problem))

    def _take_content(self, segment: bytes) -> bytes:
        assert self._dots is not None
        assert self._sink is not None
        content, rest = self._dots.feed(segment)
        try:
            for piece in content:
                self._octets += len(piece)
                self._sink.write(piece)
        except Exception as problem:
            self._sink.abort()
            self._sink = None
            self._give_up_message(problem)
            return b""
        if rest is None:
            return b""
        self.transcript.server(b"(a message of %d octets)" % self._octets)
        self.transcript.server(b".")
        sink, self._sink, self._dots = self._sink, None, None
        self._answered(self._awaited[0]).done.callback(sink)
        return rest

    def _respond(
        self, exchange: Exchange[bytes], mechanism: IMechanism, challenge: bytes
    ) -> None:
        first, exchange.initial = exchange.initial, None
        Deferred.fromCoroutine(self._response(mechanism, first, challenge)).addCallbacks(
            self._send_response, lambda failure: self._cancel(exchange, failure)
        )

    async def _response(
        self, mechanism: IMechanism, first: bytes | None, challenge: bytes
    ) -> bytes:
        if first is not None:
            return first
        return await response_to(mechanism, base64.b64decode(challenge.strip(), validate=True))

    def _send_response(self, response: bytes) -> None:
        encoded = base64.b64encode(response)
        self._secrets.keep(encoded)
        if self._ending is None:
            self._write(encoded, MASK.encode() if encoded else b"")

    def _cancel(self, exchange: Exchange[bytes], failure: Failure) -> None:
        failed = failure.value
        if not isinstance(failed, MechanismFailed):
            failed = MechanismFailed("the server's challenge is not base64")
        exchange.failed = failed
        if self._ending is None:
            self._write(b"*", b"*")
