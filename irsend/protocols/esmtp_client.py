"""The sending side of SMTP: Twisted's ESMTPClient, made safe and fast.

What is mended, each with a test that fails on Twisted's own class
(tests/protocols/test_esmtp_client.py):

- A dot at a line's beginning went out unescaped where a chunk of 16 KiB began
  with it, and at the very first octet: the message was cut, its rest run.
- CR LF became CR CR LF. Content is canonical here: its lines end in CR LF.
- Small messages stalled for 44 ms (Nagle's algorithm).
- Plain text behind the 220 to STARTTLS was read as a reply given under TLS.
- EHLO keywords were compared with case: `starttls` was not seen.
- 454 to STARTTLS ended the session. Here that is the caller's business.
- There was one timeout for everything, and none by default.
- CRAM-MD5, LOGIN and PLAIN were all there was, in an order of its own.

It decides nothing: each step is a call, in the order that the sender's settings
ask for. A refusal by the server is a reply, not an error, except where the session
cannot go on after it. `smtp_client_transaction` has the mail transaction,
`smtp_client_auth` AUTH, `smtp_client_dialect` where a caller wants it to depart from the standards.

Standards: RFC 5321 (SMTP; 4.5.3.2 timeouts), 3207 (STARTTLS), 4954 (AUTH).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import IO, Any, TypeVar

from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IHandshakeListener, IReactorTime
from twisted.mail import smtp
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.interfaces import ITranscript, Mailbox
from irsend.protocols.octet_names import TEXT, note_unread
from irsend.protocols.sasl import IMechanism
from irsend.protocols.smtp_client_auth import log_in
from irsend.protocols.smtp_client_dialect import STANDARD, Dialect
from irsend.protocols.smtp_client_replies import (
    CHALLENGE,
    Awaited,
    Refused,
    ServerReply,
    Timeouts,
    UnreadableReply,
)
from irsend.protocols.smtp_client_transaction import Answers, SMTPClientTransaction
from irsend.protocols.tls import ClientTLS, TLSFailed, describe_tls
from irsend.protocols.transcript import Secrets

_LONGEST_LINE = 16_384
# How long the server may take to answer QUIT, and to close its side behind it.
_CLOSING = 10
# What a server may say at any moment (RFC 5321 3.8).
_CLOSING_DOWN = 421
_OVER = error.ConnectionLost("the session is over")

EXTENSIONS = frozenset({b"SIZE", b"PIPELINING", b"8BITMIME", b"DSN"})
"""The extensions of mail transactions that are used where they are offered."""

_T = TypeVar("_T")


@implementer(IHandshakeListener)
class ESMTPClient(smtp.ESMTPClient):
    """One session with a server that takes mail. `greeted` fires first."""

    transport: Any
    # Twisted's own compares the name of each attribute that is set with one deprecated in
    # 2013; a session of one mail sets some hundred.
    __setattr__ = object.__setattr__

    def __init__(
        self,
        transcript: ITranscript,
        clock: IReactorTime,
        *,
        identity: bytes,
        timeouts: Timeouts | None = None,
        uses: Collection[bytes] = EXTENSIONS,
        dialect: Dialect = STANDARD,
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
        self._behind = b""
        """What came in one segment with the line that is being read, behind it."""
        self.dialect = dialect
        self._answer = dialect.replies()
        self.secrets = Secrets()
        """What the server may repeat, and no transcript shows."""
        self._uses = uses
        self._awaited: deque[Awaited] = deque()
        self._inside_content = False
        self._transaction_open = False
        """True where the last mail transaction is to be ended by RSET."""
        self.on_octets_sent: Callable[[int], None] = lambda _: None
        """Called with how many octets of a message have gone out."""
        self._client_tls: ClientTLS | None = None
        self._handshake: Deferred[None] | None = None
        self._ending: BaseException | None = None

    # -- the connection -------------------------------------------------------

    def connectionMade(self) -> None:
        """Wait for the greeting."""
        nodelay = getattr(self.transport, "setTcpNoDelay", None)
        if nodelay is not None:
            nodelay(True)
        self._await(Awaited(b"", self.timeouts.greeting, self.greeted))

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Fail each reply that is awaited with what ended the session."""
        self.setTimeout(None)
        if self._handshake is not None or (reason.check(SSL.Error) and self._ending is None):
            self._ending = self._tls_ended(reason)
        elif self._ending is None:
            if reason.check(error.ConnectionDone, error.ConnectionLost):
                what = self._awaited[0].what if self._awaited else ""
                of_it = f", and owes the answer to {what}" if what else ""
                lost = error.ConnectionLost(
                    f"the server closed the connection{of_it}{self._leftover()}"
                )
                self._ending = lost
            else:
                self._ending = reason.value
        self.transcript.note("closed")
        waiting: list[Deferred[Any]] = [one.answer for one in self._awaited]
        if self._handshake is not None:
            waiting.append(self._handshake)
            self._handshake = None
        self._awaited.clear()
        for answer in waiting:
            answer.errback(Failure(self._ending))
        self.closed.callback(None)

    def _tls_ended(self, reason: Failure) -> TLSFailed:
        if self._ending is not None:
            why = self._ending
            # Twisted's errors put a sentence of their class before the reason.
            reason_given = why.args[0] if why.args else str(why)
            return why if isinstance(why, TLSFailed) else TLSFailed(str(reason_given))
        assert self._client_tls is not None
        return self._client_tls.failed(reason)

    def timeoutConnection(self) -> None:
        """Give up on a server that does not answer."""
        what = "the handshake"
        if self._awaited:
            what = self._awaited[0].what or "the connection with a greeting"
        why = f"the server did not answer {what} in time{self._leftover()}"
        self.abort(error.TimeoutError(string=why))

    def _leftover(self) -> str:
        """Note what has come of the server without a line end; return it in words."""
        if not self._line:
            return ""
        name = note_unread(self.transcript, self.secrets.out_of(self._line), ended=False)
        return f"; what it sent is no reply but {name}"

    def abort(self, why: BaseException) -> None:
        """End the session at once; each reply that is awaited fails with this."""
        if self._ending is None:
            self._ending = why
        self.transport.abortConnection()

    # -- steps of a session ---------------------------------------------------

    def open_session(self, tls: ClientTLS | None) -> Deferred[None]:
        """Greeting, EHLO, and with `tls` STARTTLS where it is offered, else go on in clear.

        Fails with Refused, TLSFailed, UnreadableReply, ConnectionLost, TimeoutError.
        """
        return Deferred.fromCoroutine(self._open_session(tls))

    async def _open_session(self, tls: ClientTLS | None) -> None:
        greeting = await self.greeted
        if not greeting.means(220):
            raise Refused(greeting)
        await self._hello()
        if tls is not None and b"STARTTLS" in self.extensions:
            try:
                await self._start_tls(tls)
            except Refused:
                self.transcript.note("STARTTLS was refused: going on in plain text")
            else:
                await self._hello()

    def hello(self) -> Deferred[None]:
        """EHLO, or HELO where that is not known; fills `extensions`. Fails with Refused, CertificateAsked."""
        return Deferred.fromCoroutine(self._hello())

    async def _hello(self) -> None:
        reply = await self.dialect.hello.say(self)
        if not reply.positive:
            if self._client_tls is not None:
                self._client_tls.check_refusal(str(reply))
            raise Refused(reply)

    def start_tls(self, tls: ClientTLS) -> Deferred[None]:
        """STARTTLS and the handshake; all that EHLO said is forgotten (RFC 3207 4.2).

        Fails with Refused where the server will not, in which case the session goes
        on; with TLSFailed where it cannot, in which case it does not.
        """
        return Deferred.fromCoroutine(self._start_tls(tls))

    async def _start_tls(self, tls: ClientTLS) -> None:
        reply = await self.command(b"STARTTLS")
        if not reply.means(220):
            raise Refused(reply)
        if self._behind:
            self.transcript.server(self.secrets.out_of(self._behind[:200]))
            behind = TLSFailed("plain text behind the answer to STARTTLS")
            self.abort(behind)
            raise behind
        self.extensions = self.dialect.hello.known_under_tls(self.extensions)
        await self.begin_tls(tls)

    def begin_tls(self, tls: ClientTLS) -> Deferred[None]:
        """The handshake, behind STARTTLS or right after the connection; fails with TLSFailed."""
        self._client_tls = tls
        self._handshake = handshake = Deferred[None]()
        self.setTimeout(self.timeouts.command)
        self.transport.startTLS(tls)
        return handshake

    def handshakeCompleted(self) -> None:
        """Check the server's certificate, now that TLS is in use (called by the transport)."""
        assert self._client_tls is not None
        if self._handshake is None or self._ending is not None:
            return
        handshake, self._handshake = self._handshake, None
        self.setTimeout(self._awaited[0].seconds if self._awaited else None)
        try:
            self._client_tls.check(self.transport.getHandle())
        except TLSFailed as failed:
            self.abort(failed)
            handshake.errback(Failure(failed))
            return
        self.tls = describe_tls(self.transport)
        self._tlsMode = True
        self.transcript.note(" ".join(self.tls))
        handshake.callback(None)

    def usable(self, keyword: bytes) -> bool:
        """Say whether the server has announced an extension, and the client may use it."""
        return keyword in self._uses and keyword in self.extensions

    @property
    def mechanisms(self) -> list[str]:
        """What the server offers behind AUTH, also in the old form AUTH=."""
        offered = self.extensions.get(b"AUTH", b"").decode("ascii", "replace").split()
        for keyword in self.extensions:
            if keyword.startswith(b"AUTH="):
                old = keyword[5:] + b" " + self.extensions[keyword]
                offered += old.decode("ascii", "replace").split()
        return list(dict.fromkeys(name.upper() for name in offered))

    def log_in(
        self, mechanism: IMechanism, secrets: Collection[bytes] = ()
    ) -> Deferred[ServerReply]:
        """AUTH; fires with the last reply: 235, or the refusal.

        No transcript shows `secrets`, such as the password, should the server repeat
        them. Fails with MechanismFailed where the mechanism does not go on, and with
        what `open_session` fails with.
        """
        return Deferred.fromCoroutine(log_in(self, mechanism, secrets))

    def while_connected(self, work: Coroutine[Deferred[Any], Any, _T]) -> Deferred[_T]:
        """Begin `work`, such as asking a KDC; fires with its result, or fails when the session ends."""
        outcome: Deferred[_T] = Deferred()

        def fire(result: _T | Failure) -> None:
            if not outcome.called:
                outcome.callback(result)

        self.closed.addCallback(lambda _: fire(Failure(self._ending or _OVER)))
        Deferred.fromCoroutine(work).addBoth(fire)
        return outcome

    def send(
        self,
        sender: Mailbox | None,
        recipients: Sequence[Mailbox],
        content: IO[bytes] | None,
        *,
        size: int = 0,
        eight_bit: bool = False,
        envelope_id: bytes = b"",
        refusals: dict[Mailbox, ServerReply] | None = None,
    ) -> Deferred[dict[Mailbox, ServerReply]]:
        """Send a message from where `content` stands to its end; fires with each recipient's reply.

        Without content the transaction ends before DATA, by RSET.
        `size` is announced where the server has SIZE, in octets; `eight_bit`
        content with 8BITMIME. With an `envelope_id` notifications are asked for
        where the server has DSN. May be called again when it has fired. Fails with
        what `open_session` does; the recipients refused until then are in `refusals`.
        """
        mail = SMTPClientTransaction(
            self, sender, recipients, size=size, eight_bit=eight_bit, envelope_id=envelope_id
        )
        return Deferred.fromCoroutine(
            self._send(mail, content, {} if refusals is None else refusals)
        )

    async def _send(
        self, mail: SMTPClientTransaction, content: IO[bytes] | None, refusals: Answers
    ) -> Answers:
        if self._transaction_open or self.dialect.rset_before_mail:
            await self.command(b"RSET")
        try:
            return await mail.deliver(content, refusals)
        finally:
            self._transaction_open = mail.open

    def quit(self) -> Deferred[None]:
        """QUIT; fires when the connection is closed, for whatever reason. Never fails."""
        closed: Deferred[None] = Deferred()
        self.closed.addCallback(closed.callback)

        def leave(_: object) -> None:
            if self._ending is None:
                self.setTimeout(_CLOSING)
                self.transport.loseConnection()

        # The mails are delivered or refused: the reply to QUIT changes nothing.
        self.command(b"QUIT", _CLOSING).addBoth(leave)
        return closed

    def hang_up(self) -> Deferred[None]:
        """Close the connection without QUIT; fires when it is closed. Never fails."""
        closed: Deferred[None] = Deferred()
        self.closed.addCallback(closed.callback)
        if self._ending is None:
            self._ending = _OVER
            self.setTimeout(_CLOSING)
            self.transport.loseConnection()
        return closed

    def command(
        self, line: bytes, timeout: float | None = None, *, shown: bytes | None = None
    ) -> Deferred[ServerReply]:
        """Send a command in the form of the dialect; fires with the reply, whatever it is.

        `shown` is what the transcript has instead of the line.
        """
        form = self.dialect.commands
        line = form.written(line)
        return self.respond(line, timeout, shown=line if shown is None else form.written(shown))

    def respond(
        self, line: bytes, timeout: float | None = None, *, shown: bytes
    ) -> Deferred[ServerReply]:
        """Send a line that is no command, such as a response of AUTH; fires as `command` does."""
        if self._ending is not None:
            return fail(Failure(self._ending))
        self.transcript.client(shown)
        self.transport.write(line + self.dialect.commands.end)
        verb = line[:4].upper()
        return self._await(Awaited(verb, self.timeouts.command if timeout is None else timeout))

    # -- content --------------------------------------------------------------

    def content_begins(self) -> Deferred[ServerReply]:
        """Return a Deferred of the reply to the content that goes out from here on."""
        self._inside_content = True
        return self._await(Awaited(b".", self.timeouts.block))

    def content_went(self, octets: int) -> None:
        """Note that the transport has taken so many octets of it in all."""
        self.setTimeout(self.timeouts.block)
        self.on_octets_sent(octets)

    def content_ends(self, last: bytes, mark: bytes, octets: int) -> None:
        """Send the last of so many octets, and the end mark as the dialect has it."""
        if self._ending is None:
            self.transcript.client(b"(a message of %d octets)" % octets)
            self.dialect.final_dot.send(self, last, mark)

    def end_content(self, end: bytes) -> None:
        """Write the end of the content, and wait for the reply."""
        self._inside_content = False
        self.transcript.client(b".")
        self.transport.write(end)
        self.setTimeout(self.timeouts.end)

    # -- replies --------------------------------------------------------------

    def _await(self, awaited: Awaited) -> Deferred[ServerReply]:
        self._awaited.append(awaited)
        if len(self._awaited) == 1:
            self.setTimeout(awaited.seconds)
        return awaited.answer

    def dataReceived(self, segment: bytes) -> None:
        """Take a segment: lines of replies."""
        while segment and self._ending is None:
            line, end, segment = (self._line + segment).partition(b"\r\n")
            self._line = b"" if end else line
            if len(line) > _LONGEST_LINE:
                self.abort(UnreadableReply("a line of the server's is too long"))
            elif end:
                self._behind = segment
                self.lineReceived(line)

    def lineReceived(self, line: bytes) -> None:
        """Take a line of a reply; with its last line the Deferred of its command fires."""
        self.transcript.server(self.secrets.out_of(line))
        try:
            reply = self._answer.feed(line)
        except UnreadableReply as wrong:
            name = note_unread(self.transcript, self.secrets.out_of(line))
            self.abort(wrong if name == TEXT else UnreadableReply(f"{wrong}: it is {name}"))
        else:
            if reply is not None:
                self._answered(reply)

    def _answered(self, reply: ServerReply) -> None:
        lines = reply.lines
        if not reply.means(CHALLENGE):
            # Journal and report show it too.
            lines = tuple(self.secrets.out_of(line) for line in lines)
        verb = self._awaited[0].verb if self._awaited else b""
        reply = type(reply)(reply.code, lines, verb)
        if not self._awaited and reply.code == _CLOSING_DOWN:
            self.abort(error.ConnectionLost(f"the server closed the session: {reply}"))
            return
        if not self._awaited:
            self.abort(UnreadableReply(f"the server spoke without being asked: {reply}"))
            return
        if self._inside_content and reply.positive:
            self.abort(UnreadableReply("the server took the message before its end"))
            return
        awaited = self._awaited.popleft()
        self.setTimeout(self._awaited[0].seconds if self._awaited else None)
        if self._inside_content:
            # Whether the server still reads content or runs commands now cannot
            # be known: nothing more is sent to it.
            self.abort(
                error.ConnectionLost("the server refused the message in the middle of it")
            )
        awaited.answer.callback(reply)
