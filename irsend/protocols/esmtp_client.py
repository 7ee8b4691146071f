"""The sending side of SMTP: Twisted's ESMTPClient, made safe and fast.

What is mended, each with a test that fails on Twisted's own class
(tests/protocols/test_esmtp_client.py):

- A dot at a line's beginning went out unescaped where a chunk of 16 KiB began
  with it, and at the very first octet: the message was cut, its rest run.
- CR LF became CR CR LF. Content is canonical here: its lines end in CR LF.
- Small messages stalled for 44 ms (Nagle's algorithm).
- Plain text behind the 220 to STARTTLS was read as an answer given under TLS.
- EHLO keywords were compared with case: `starttls` was not seen.
- There was one timeout for everything, and none by default.

It takes no decision of its own: each step is a call, in whatever order the
sender's settings ask for. A refusal by the server is an answer, not an error,
except where the session cannot go on behind it.

Standards: RFC 5321 (SMTP; 4.5.3.2 timeouts), 3207 (STARTTLS), 1870 (SIZE).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator, Sequence
from typing import IO, Any

from attrs import frozen
from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import Deferred, fail, inlineCallbacks
from twisted.internet.interfaces import IHandshakeListener, IReactorTime
from twisted.mail import smtp
from twisted.protocols.basic import FileSender
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.interfaces import ITranscript, Mailbox
from irsend.protocols.dots import DotStuffing
from irsend.protocols.tls import ClientTLS, TLSFailed, describe_tls, tls_failure

_LONGEST_LINE = 16_384
_MOST_LINES = 1000
_CHUNK = 65_536
# How long the server may take to close its side behind QUIT.
_CLOSING = 10

_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


@frozen
class ServerReply:
    """What a server answered (RFC 5321 4.2)."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def positive(self) -> bool:
        """True for 2xx: what was asked is done."""
        return 200 <= self.code < 300

    @property
    def permanent(self) -> bool:
        """True for 5xx: the same again will be refused again."""
        return self.code >= 500

    def __str__(self) -> str:
        """Return code and text on one line."""
        text = b" ".join(self.lines).decode("utf-8", "replace")
        return f"{self.code} {text}".rstrip()


class Refused(Exception):
    """The server's answer leaves nothing to go on with."""

    def __init__(self, reply: ServerReply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class UnreadableReply(Exception):
    """The server said something that is no SMTP reply, or spoke out of turn; says what."""


@frozen(kw_only=True)
class Timeouts:
    """How long the server may take, in seconds (RFC 5321 4.5.3.2)."""

    greeting: float = 300
    command: float = 300
    data: float = 120
    """The answer to DATA."""
    block: float = 180
    """Taking the next part of the content."""
    end: float = 600
    """The answer to the end of the content."""


@implementer(IHandshakeListener)
class ESMTPClient(smtp.ESMTPClient):
    """One session with a server that takes mail. `greeted` fires first."""

    transport: Any

    def __init__(
        self,
        transcript: ITranscript,
        clock: IReactorTime,
        *,
        identity: bytes,
        timeouts: Timeouts | None = None,
    ) -> None:
        smtp.ESMTPClient.__init__(self, b"", None, identity)
        self.callLater = clock.callLater  # type: ignore[method-assign,assignment]
        self.transcript = transcript
        self.timeouts = timeouts or Timeouts()
        self.greeted: Deferred[ServerReply] = Deferred()
        self.closed: Deferred[None] = Deferred()
        self.extensions: dict[bytes, bytes] = {}
        """What EHLO announced: keyword in upper case, and what stood behind it."""
        self.tls: tuple[str, str] | None = None
        self._line = b""
        self._reply: list[bytes] = []
        self._reply_code = b""
        self._awaited: deque[tuple[Deferred[ServerReply], float]] = deque()
        self._inside_content = False
        self._transaction = False
        self._client_tls: ClientTLS | None = None
        self._handshake: Deferred[None] | None = None
        self._ending: BaseException | None = None

    # -- the connection -------------------------------------------------------

    def connectionMade(self) -> None:
        """Wait for the greeting."""
        nodelay = getattr(self.transport, "setTcpNoDelay", None)
        if nodelay is not None:
            nodelay(True)
        self._await(self.greeted, self.timeouts.greeting)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Fail whatever still waits, with what ended the session."""
        self.setTimeout(None)
        if self._handshake is not None or (reason.check(SSL.Error) and self._ending is None):
            why = self._ending or TLSFailed(tls_failure(reason))
            self._ending = why if isinstance(why, TLSFailed) else TLSFailed(str(why))
        elif self._ending is None:
            lost = reason.check(error.ConnectionDone, error.ConnectionLost)
            self._ending = (
                error.ConnectionLost("the server closed the connection")
                if lost
                else reason.value
            )
        self.transcript.note("closed")
        waiting: list[Deferred[Any]] = [answer for answer, _ in self._awaited]
        if self._handshake is not None:
            waiting.append(self._handshake)
            self._handshake = None
        self._awaited.clear()
        for answer in waiting:
            answer.errback(Failure(self._ending))
        self.closed.callback(None)

    def timeoutConnection(self) -> None:
        """Give up on a server that does not answer."""
        self.give_up(error.TimeoutError("the server did not answer in time"))

    def give_up(self, why: BaseException) -> None:
        """End the session at once; whatever waits for an answer fails with this."""
        if self._ending is None:
            self._ending = why
        self.transport.abortConnection()

    # -- steps of a session ---------------------------------------------------

    @inlineCallbacks
    def open_session(self, tls: ClientTLS | None) -> Generator[Deferred[Any], Any, None]:
        """Greeting, EHLO, and with `tls` STARTTLS where it is offered, else go on in clear.

        Raises Refused, TLSFailed, UnreadableReply, ConnectionLost, TimeoutError.
        """
        greeting: ServerReply = yield self.greeted
        if greeting.code != 220:
            raise Refused(greeting)
        yield self.hello()
        if tls is not None and b"STARTTLS" in self.extensions:
            try:
                yield self.start_tls(tls)
            except Refused:
                self.transcript.note("STARTTLS was refused: going on in plain text")
            else:
                yield self.hello()

    @inlineCallbacks
    def hello(self) -> Generator[Deferred[Any], Any, None]:
        """EHLO, or HELO where that is not known; fills `extensions`. Raises Refused."""
        self.extensions = {}
        reply: ServerReply = yield self.command(b"EHLO " + self.identity)
        if reply.positive:
            for line in reply.lines[1:]:
                keyword, _, parameters = line.strip().partition(b" ")
                self.extensions[keyword.upper()] = parameters.strip()
            return
        if reply.permanent:
            reply = yield self.command(b"HELO " + self.identity)
        if not reply.positive:
            raise Refused(reply)

    @inlineCallbacks
    def start_tls(self, tls: ClientTLS) -> Generator[Deferred[Any], Any, None]:
        """STARTTLS and the handshake; all that EHLO said is forgotten (RFC 3207 4.2).

        Raises Refused where the server will not, in which case the session goes
        on; TLSFailed where it cannot, in which case it does not.
        """
        reply: ServerReply = yield self.command(b"STARTTLS")
        if reply.code != 220:
            raise Refused(reply)
        self._client_tls = tls
        self._handshake = Deferred()
        self.extensions = {}
        self.setTimeout(self.timeouts.command)
        handshake = self._handshake
        self.transport.startTLS(tls)
        yield handshake

    def handshakeCompleted(self) -> None:
        """Hear from the transport that TLS is in use; check whose certificate it is."""
        assert self._client_tls is not None
        if self._handshake is None or self._ending is not None:
            return
        handshake, self._handshake = self._handshake, None
        self.setTimeout(None)
        try:
            self._client_tls.check(self.transport.getHandle())
        except TLSFailed as failed:
            self.give_up(failed)
            handshake.errback(Failure(failed))
            return
        self.tls = describe_tls(self.transport)
        self._tlsMode = True
        self.transcript.note(" ".join(self.tls))
        handshake.callback(None)

    @inlineCallbacks
    def send(
        self,
        sender: Mailbox | None,
        recipients: Sequence[Mailbox],
        content: IO[bytes],
        *,
        size: int = 0,
    ) -> Generator[Deferred[Any], Any, dict[Mailbox, ServerReply]]:
        """Send a message from where `content` stands to its end; fires with each recipient's answer.

        That is the answer to the content where it came so far, else the
        refusal. `size` is announced where the server has SIZE. May be called
        again when it has fired. Raises what `open_session` does.
        """
        if self._transaction:
            yield self.command(b"RSET")
            self._transaction = False
        announced = b" SIZE=%d" % size if size and b"SIZE" in self.extensions else b""
        reply: ServerReply = yield self.command(b"MAIL FROM:" + path_of(sender) + announced)
        if not reply.positive:
            return dict.fromkeys(recipients, reply)
        self._transaction = True
        results: dict[Mailbox, ServerReply] = {}
        for recipient in recipients:
            results[recipient] = yield self.command(b"RCPT TO:" + path_of(recipient))
        accepted = [recipient for recipient in recipients if results[recipient].positive]
        if not accepted:
            return results
        reply = yield self.command(b"DATA", self.timeouts.data)
        if reply.code == 354:
            reply = yield self._send_content(content)
            self._transaction = False
        elif reply.positive:
            # It took a message that it has not seen.
            wrong = UnreadableReply(f"the server answered DATA with {reply.code}")
            self.give_up(wrong)
            raise wrong
        results.update(dict.fromkeys(accepted, reply))
        return results

    def quit(self) -> Deferred[None]:
        """QUIT; fires when the connection is closed, however that came. Never fails."""
        closed: Deferred[None] = Deferred()
        self.closed.addCallback(closed.callback)

        def leave(_: object) -> None:
            if self._ending is None:
                self.setTimeout(_CLOSING)
                self.transport.loseConnection()

        self.command(b"QUIT").addBoth(leave)
        return closed

    def command(
        self, line: bytes, timeout: float | None = None, *, shown: bytes | None = None
    ) -> Deferred[ServerReply]:
        """Send a line; fires with the answer, whatever it is.

        `shown` is what the transcript has instead of it.
        """
        if self._ending is not None:
            return fail(Failure(self._ending))
        self.transcript.client(line if shown is None else shown)
        self.transport.write(line + b"\r\n")
        answer: Deferred[ServerReply] = Deferred()
        self._await(answer, self.timeouts.command if timeout is None else timeout)
        return answer

    # -- content --------------------------------------------------------------

    @inlineCallbacks
    def _send_content(self, content: IO[bytes]) -> Generator[Deferred[Any], Any, ServerReply]:
        stuffing = DotStuffing()
        octets = 0

        def outgoing(chunk: bytes) -> bytes:
            nonlocal octets
            octets += len(chunk)
            self.setTimeout(self.timeouts.block)
            return stuffing.feed(chunk)

        # Awaited from here on: a server may refuse in the middle of it.
        answer: Deferred[ServerReply] = Deferred()
        self._await(answer, self.timeouts.block)
        self._inside_content = True
        sender = FileSender()
        sender.CHUNK_SIZE = _CHUNK
        try:
            yield sender.beginFileTransfer(content, self.transport, outgoing)
        except Exception:
            # The connection is at its end; the answer fails with the reason,
            # or has come before it.
            self.transcript.note(f"the message was cut after {octets} octets")
        else:
            if self._ending is None:
                self._inside_content = False
                self.transcript.client(b"(a message of %d octets)" % octets)
                self.transcript.client(b".")
                self.transport.write(stuffing.end())
                self.setTimeout(self.timeouts.end)
        reply: ServerReply = yield answer
        return reply

    # -- answers --------------------------------------------------------------

    def _await(self, answer: Deferred[ServerReply], seconds: float) -> None:
        self._awaited.append((answer, seconds))
        if len(self._awaited) == 1:
            self.setTimeout(seconds)

    def dataReceived(self, segment: bytes) -> None:
        """Take a segment: lines of answers."""
        while segment and self._ending is None:
            line, end, segment = (self._line + segment).partition(b"\r\n")
            self._line = b"" if end else line
            if len(line) > _LONGEST_LINE:
                self.give_up(UnreadableReply("a line of the server's is too long"))
            elif end:
                self.lineReceived(line)
                if segment and self._handshake is not None:
                    self.transcript.server(segment[:200])
                    self.give_up(TLSFailed("plain text behind the answer to STARTTLS"))

    def lineReceived(self, line: bytes) -> None:
        """Take a line of an answer; the last one gives it to whoever waits for it."""
        self.transcript.server(line)
        match = _REPLY_LINE.fullmatch(line)
        if match is None or (self._reply and match[1] != self._reply_code):
            self.give_up(UnreadableReply("the server's answer is no SMTP reply"))
            return
        self._reply_code = match[1]
        self._reply.append(match[3] or b"")
        if match[2] == b"-":
            if len(self._reply) >= _MOST_LINES:
                self.give_up(UnreadableReply("the server's answer has too many lines"))
            return
        reply = ServerReply(int(self._reply_code), tuple(self._reply))
        self._reply = []
        self._answered(reply)

    def _answered(self, reply: ServerReply) -> None:
        if not self._awaited:
            self.give_up(UnreadableReply(f"the server spoke without being asked: {reply}"))
            return
        if self._inside_content and reply.positive:
            self.give_up(UnreadableReply("the server took the message before its end"))
            return
        answer, _ = self._awaited.popleft()
        self.setTimeout(self._awaited[0][1] if self._awaited else None)
        if self._inside_content:
            # Whether the server goes on reading content or runs commands now is
            # not to be known: nothing more is sent to it.
            self.give_up(
                error.ConnectionLost("the server refused the message in the middle of it")
            )
        answer.callback(reply)


def path_of(mailbox: Mailbox | None) -> bytes:
    """Return a mailbox as MAIL and RCPT have it; None is the null reverse-path."""
    return b"<" + (bytes(mailbox) if mailbox else b"") + b">"
