"""The receiving side of SMTP: Twisted's ESMTP, made safe and fast.

What is mended, each with a test that fails on Twisted's own class
(tests/protocols/test_esmtp_holes.py):

- Plain text behind STARTTLS would be run as if it had come under TLS, and what
  was said before the handshake remembered (CVE-2011-0411).
- A long line inside DATA would fall back to commands, so that the rest of the
  message is run.
- Pipelined commands would be answered before an earlier one's Deferred verdict.
- MAIL needs no EHLO; a bare AUTH raises; NOOP, VRFY and HELP are unknown; ESMTP
  parameters are swallowed; address literals are refused; nothing is limited.
- A message would pass line by line; here whole segments go to the sink.

It decides nothing: whether, from whom and for whom is asked of `IReception`.

Standards: RFC 5321 (SMTP), 1870 (SIZE), 2034 (enhanced codes), 2920 (PIPELINING),
3207 (STARTTLS), 3461 (DSN), 3848 (protocol names), 4954 (AUTH), 6152 (8BITMIME).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.cred.error import LoginFailed
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IHandshakeListener, IReactorTime
from twisted.logger import Logger
from twisted.mail import smtp
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.errors import MemoryFull
from irsend.interfaces import Envelope, IMessageSink, IReception, Mailbox, Reply, Verdict
from irsend.protocols import smtp_replies as replies
from irsend.protocols.dots import DotStream
from irsend.protocols.sasl_server import Aborted, ExchangeFailed, NotBase64, SASLExchange
from irsend.protocols.smtp_grammar import GrammarError, parse_path
from irsend.protocols.smtp_parameters import MAIL_PARAMETERS, RCPT_PARAMETERS, wrong_parameter
from irsend.protocols.tls import describe_tls, tls_failure
from irsend.protocols.transcript import MASK, masked_command

# As long as a SASL response may be (RFC 4954 4); commands have their own limit.
_LONGEST_RESPONSE = 12_288
# What may wait behind a verdict before the peer is made to wait too.
_HIGH_WATER = 65_536
# A line of which so much came without an end will not have one.
_ENDLESS_LINE = 1_000_000


@implementer(IHandshakeListener)
class ESMTP(smtp.ESMTP):
    """One session of a client that brings mail.

    `receive` is called with the transport when the connection is made, and
    returns whoever is asked all questions of this session. Times are in seconds.
    """

    noisy = False
    log = Logger()
    transport: Any
    factory: Any

    def __init__(
        self,
        receive: Callable[[Any], IReception],
        clock: IReactorTime,
        *,
        recipients: int = 100,
        command_line: int = 2048,
        errors: int = 10,
        idle: float = 300,
        message_idle: float = 600,
    ) -> None:
        smtp.ESMTP.__init__(self)
        self.callLater = clock.callLater  # type: ignore[method-assign,assignment]
        self._receive = receive
        self._most_recipients = recipients
        self._longest_line = command_line
        self._most_errors = errors
        self._idle = idle
        self._message_idle = message_idle

        self._buffer = b""
        self._overlong = 0
        self._running = False
        self._waiting = False
        self._paused = False
        self._ended = False
        self._leaving = False
        self._errors = 0
        self._end_reason = ""
        self._enhanced = False
        self._handshaking = False
        self.secured = False
        self._exchange: SASLExchange | None = None
        self._forget_client()
        self._dots: DotStream | None = None
        self._sink: IMessageSink | None = None
        self._refusal: Reply | None = None
        self._size = 0

    # -- the connection -------------------------------------------------------

    def connectionMade(self) -> None:
        """Greet, or send away."""
        self.reception = self._receive(self.transport)
        nodelay = getattr(self.transport, "setTcpNoDelay", None)
        if nodelay is not None:
            nodelay(True)
        self._enhanced = b"ENHANCEDSTATUSCODES" in self.reception.keywords
        self.setTimeout(self._idle)
        verdict = self.reception.admitted()
        if verdict.reply is not None:
            self._hang_up(verdict.reply)
        else:
            self.reply(Reply(220, f"{self.reception.host.decode('ascii')} ESMTP ready"))

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Give up what was under way, and tell how it ended."""
        self.setTimeout(None)
        self._ended = True
        why = self._end_reason
        if self._sink is not None:
            self._sink.abort()
            self._sink = None
        if self._handshaking or reason.check(SSL.Error):
            self._handshaking = False
            self.reception.tls_failed(why or tls_failure(reason))
        elif self._dots is not None:
            why = why or "the connection was lost inside a message"
        self._dots = None
        self.reception.transcript.note("closed")
        self.reception.session_ended(why)

    def timeoutConnection(self) -> None:
        """End a session in which nothing comes (RFC 5321 4.5.3.2.7)."""
        self._end_reason = "timed out"
        if self._handshaking:
            # No reply can be sent inside a handshake.
            self.transport.abortConnection()
        else:
            self._hang_up(replies.TIMEOUT)

    def shut_down(self) -> None:
        """End the session because the machine is switched off."""
        self._end_reason = "the machine was switched off"
        if self._handshaking:
            self.transport.abortConnection()
        elif self._waiting:
            # A message that is being synced still gets its answer.
            self._leaving = True
        elif not self._ended:
            self._hang_up(replies.SHUTTING_DOWN)

    def reply(self, reply: Reply) -> None:
        """Send a reply, and count it where it is an error."""
        line = reply.line(enhanced=self._enhanced)
        self.reception.transcript.server(line)
        self.transport.write(line + b"\r\n")
        if reply.code >= 500:
            self._errors += 1
            if self._errors >= self._most_errors and not self._ended:
                self._end_reason = "too many errors"
                self._hang_up(replies.TOO_MANY_ERRORS)

    def _hang_up(self, reply: Reply) -> None:
        self._ended = True
        self._buffer = b""
        self.reply(reply)
        self.transport.loseConnection()

    # -- what comes in --------------------------------------------------------

    def dataReceived(self, segment: bytes) -> None:
        """Take a segment: content while in DATA, else command lines."""
        if self._ended:
            return
        if self._dots is not None:
            self.resetTimeout()
            self._take_content(segment)
            return
        self._buffer += segment
        if not self._waiting:
            self._run_lines()
        elif len(self._buffer) > _HIGH_WATER and not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def _run_lines(self) -> None:
        if self._running:
            return
        self._running = True
        try:
            while self._buffer and not self._waiting and not self._ended:
                if self._dots is not None:
                    segment, self._buffer = self._buffer, b""
                    self._take_content(segment)
                    continue
                line, end, rest = self._buffer.partition(b"\r\n")
                longest = self._longest_line if self._exchange is None else _LONGEST_RESPONSE
                if self._overlong or len(line) + 2 > longest:
                    if not self._skip_overlong(len(line), bool(end), rest):
                        break
                elif end:
                    self._buffer = rest
                    # Here, not at each segment: who sends a command octet by
                    # octet has no more time for it than others.
                    self.resetTimeout()
                    self.lineReceived(line)
                else:
                    break
        finally:
            self._running = False

    def _skip_overlong(self, length: int, complete: bool, rest: bytes) -> bool:
        """Make one error of a line over the limit, however much of it comes; True to go on behind it."""
        if complete:
            self._overlong = 0
            self._buffer = rest
            self._exchange = None
            self.reply(replies.LINE_TOO_LONG)
            return True
        self._overlong += length
        self._buffer = b"\r" if self._buffer.endswith(b"\r") else b""
        if self._overlong > _ENDLESS_LINE:
            self._hang_up(replies.LINE_TOO_LONG)
        return False

    def lineReceived(self, line: bytes) -> None:
        """Run one command line, or one response of a SASL exchange."""
        exchange = self._exchange
        if exchange is not None:
            aborted = line == b"*"
            self.reception.transcript.client(line if aborted else MASK.encode())
            self._go_on_with_login(exchange, lambda: exchange.respond(line))
            return
        self.reception.transcript.client(masked_command(line))
        verb, _, argument = line.partition(b" ")
        command = _COMMANDS.get(verb.upper())
        if command is None:
            self.reply(replies.UNKNOWN_COMMAND)
        elif b"\n" in line or b"\r" in line or b"\0" in line:
            # A bare CR or LF ends no line here; elsewhere it may, so it is not let pass.
            self.reply(replies.CONTROL_CHARACTER)
        else:
            command(self, argument.strip(b" "))

    def ask(
        self, question: Callable[..., Any], *arguments: Any, then: Callable[[Any], None]
    ) -> None:
        """Go on with the answer to a question; commands behind it wait where it is a Deferred.

        A failure that the answer does not foresee is 451 for the peer and a
        traceback in the log.
        """
        try:
            answer = question(*arguments)
        except Exception:
            self._broken(Failure())
            return
        if not isinstance(answer, Deferred):
            then(answer)
            return
        self._waiting = True

        def answered(value: Any) -> None:
            self._waiting = False
            if not self._ended:
                then(value)

        def go_on(_: Any) -> None:
            if self._paused and not self._ended:
                self._paused = False
                self.transport.resumeProducing()
            if self._leaving and not self._ended:
                self._hang_up(replies.SHUTTING_DOWN)
            self._run_lines()

        answer.addCallback(answered)
        answer.addErrback(self._broken)
        answer.addCallback(go_on)

    def _broken(self, failure: Failure) -> None:
        self._waiting = False
        self.log.failure("While answering an SMTP client", failure)
        if not self._ended:
            self.reply(replies.LOCAL_ERROR)

    def _judge(self, verdict: Verdict, accepted: Callable[[], None]) -> None:
        if verdict.reply is None:
            accepted()
        elif verdict.hang_up:
            self._hang_up(verdict.reply)
        else:
            self.reply(verdict.reply)

    # -- commands -------------------------------------------------------------

    def _forget_client(self) -> None:
        self._client_name: bytes | None = None
        self._extended = False
        self.authenticated = False
        self._exchange = None
        self._forget_transaction()

    def _forget_transaction(self) -> None:
        self._sender: tuple[Mailbox | None, dict[bytes, bytes]] | None = None
        self._recipients: list[Mailbox] = []
        self._recipient_refused = False

    def do_HELO(self, rest: bytes) -> None:
        """HELO (RFC 5321 4.1.1.1)."""
        if self._introduced(rest, extended=False):
            self.reply(Reply(250, self.reception.host.decode("ascii")))

    def do_EHLO(self, rest: bytes) -> None:
        """EHLO: STARTTLS first where it is offered, then the model's words."""
        if not self._introduced(rest, extended=True):
            return
        lines = [self.reception.host]
        if not self.secured and self.reception.tls_context() is not None:
            lines.append(b"STARTTLS")
        for keyword in self.reception.keywords:
            size = b" %d" % self.reception.size_limit if keyword == b"SIZE" else b""
            lines.append(keyword + size)
        mechanisms = self.reception.challengers(self.secured)
        if mechanisms:
            lines.append(b"AUTH " + b" ".join(mechanisms))
        out = [b"250-" + line for line in lines[:-1]] + [b"250 " + lines[-1]]
        for line in out:
            self.reception.transcript.server(line)
        self.transport.write(b"\r\n".join(out) + b"\r\n")

    def _introduced(self, name: bytes, *, extended: bool) -> bool:
        if not name or b" " in name:
            self.reply(replies.NAME_EXPECTED)
            return False
        self._forget_transaction()
        self._client_name, self._extended = name, extended
        self.reception.greeted(name, self.secured)
        return True

    def ext_STARTTLS(self, rest: bytes) -> None:
        """STARTTLS; whatever was said before it is forgotten (RFC 3207 4.2)."""
        context = None if self.secured else self.reception.tls_context()
        if self.secured:
            self.reply(replies.TLS_ALREADY)
        elif context is None:
            self.reply(replies.NOT_IMPLEMENTED)
        elif rest:
            self.reply(replies.NO_ARGUMENT)
        elif self._buffer:
            self.reception.transcript.client(self._buffer[:200])
            self._end_reason = "plain text behind STARTTLS"
            self._hang_up(replies.PLAIN_TEXT_BEHIND_STARTTLS)
        else:
            self.reply(replies.GO_AHEAD)
            self._forget_client()
            self._handshaking = True
            self.startedTLS = True
            self.transport.startTLS(context)

    def handshakeCompleted(self) -> None:
        """Hear from the transport that TLS is in use."""
        self._handshaking = False
        self.secured = True
        self.resetTimeout()
        self.reception.tls_began(*describe_tls(self.transport))

    def ext_AUTH(self, rest: bytes) -> None:
        """AUTH mechanism [initial-response] (RFC 4954); unknown where no mechanism is offered."""
        offered = self.reception.challengers(self.secured)
        name, _, initial = rest.partition(b" ")
        mechanism = name.upper()
        if not offered:
            self.reply(replies.NOT_IMPLEMENTED)
        elif self._client_name is None:
            self.reply(replies.HELLO_FIRST)
        elif self.authenticated:
            self.reply(replies.ALREADY_AUTHENTICATED)
        elif self._sender is not None:
            self.reply(replies.NOT_DURING_MAIL)
        elif not name:
            self.reply(replies.ARGUMENT_EXPECTED)
        elif mechanism not in offered:
            self.reply(replies.UNKNOWN_MECHANISM)
        else:
            exchange = SASLExchange(mechanism, offered[mechanism]())
            self._go_on_with_login(exchange, lambda: exchange.begin(initial))

    def _go_on_with_login(
        self, exchange: SASLExchange, step: Callable[[], bytes | None]
    ) -> None:
        self._exchange = None
        try:
            challenge = step()
        except ExchangeFailed as error:
            self.reply(_WHY_NO_LOGIN.get(type(error), replies.AUTH_REFUSED))
            return
        if challenge is not None:
            self._exchange = exchange
            self.reply(Reply(334, challenge.decode("ascii")))
            return

        def outcome(known: bool) -> None:
            self.authenticated = known
            self.reply(replies.AUTHENTICATED if known else replies.AUTH_REFUSED)

        def unknown(failure: Failure) -> bool:
            failure.trap(LoginFailed)
            return False

        def login() -> Any:
            attempt = self.reception.login(exchange.credentials, exchange.mechanism)
            return attempt.addCallbacks(lambda _: True, unknown)

        self.ask(login, then=outcome)

    def do_MAIL(self, rest: bytes) -> None:
        """MAIL: policy first, then order, then grammar."""
        self.ask(
            self.reception.mail_allowed,
            self.secured,
            then=lambda verdict: self._judge(verdict, lambda: self._mail(rest)),
        )

    def _mail(self, rest: bytes) -> None:
        if self._client_name is None:
            self.reply(replies.HELLO_FIRST)
            return
        if self._sender is not None:
            self.reply(replies.NESTED_MAIL)
            return
        try:
            sender, parameters = parse_path(rest, b"FROM")
        except GrammarError as error:
            self.reply(Reply(501, f"Syntax error: {error}", "5.1.7"))
            return
        announced = {*self.reception.keywords, *([b"AUTH"] if self.authenticated else [])}
        wrong = wrong_parameter(parameters, MAIL_PARAMETERS, announced)
        if wrong is not None:
            self.reply(Reply(*wrong, "5.5.4"))
            return
        size = int(parameters.get(b"SIZE", b"0"))
        if size > self.reception.size_limit:
            self.reply(replies.TOO_LARGE)
            return

        def accepted() -> None:
            self._sender = (sender, parameters)
            self.reply(replies.SENDER_OK)

        self.ask(
            self.reception.sender_allowed,
            sender,
            size,
            then=lambda verdict: self._judge(verdict, accepted),
        )

    def do_RCPT(self, rest: bytes) -> None:
        """RCPT (RFC 5321 4.1.1.3)."""
        if self._sender is None:
            self.reply(replies.MAIL_FIRST)
            return
        if len(self._recipients) >= self._most_recipients:
            self.reply(replies.TOO_MANY_RECIPIENTS)
            return
        try:
            recipient, parameters = parse_path(rest, b"TO")
        except GrammarError as error:
            self.reply(Reply(501, f"Syntax error: {error}", "5.1.3"))
            return
        wrong = wrong_parameter(parameters, RCPT_PARAMETERS, self.reception.keywords)
        if wrong is not None:
            self.reply(Reply(*wrong, "5.5.4"))
            return

        def judged(verdict: Verdict) -> None:
            if verdict.reply is not None:
                self._recipient_refused = True
            self._judge(verdict, accepted)

        def accepted() -> None:
            assert recipient is not None
            self._recipients.append(recipient)
            self.reply(replies.RECIPIENT_OK)

        self.ask(self.reception.recipient_allowed, recipient, then=judged)

    def do_DATA(self, rest: bytes) -> None:
        """DATA: from here on whole segments, until the end mark."""
        if rest:
            self.reply(replies.NO_ARGUMENT)
        elif self._sender is None or (not self._recipients and not self._recipient_refused):
            self.reply(replies.RECIPIENT_FIRST)
        elif not self._recipients:
            self.reply(replies.NO_VALID_RECIPIENTS)
        else:
            self._open_message()

    def _open_message(self) -> None:
        assert self._sender is not None
        assert self._client_name is not None
        protocol = b"SMTP"
        if self._extended:
            protocol = (
                b"ESMTP"
                + (b"S" if self.secured else b"")
                + (b"A" if self.authenticated else b"")
            )
        envelope = Envelope(
            sender=self._sender[0],
            recipients=tuple(self._recipients),
            helo=self._client_name,
            protocol=protocol,
            parameters=self._sender[1],
        )
        try:
            self._sink = self.reception.open_message(envelope)
        except MemoryFull:
            self._forget_transaction()
            self._refuse_message(replies.MEMORY_FULL)
            return
        self._dots = DotStream()
        self._size = 0
        self._refusal = None
        self.reply(replies.START_INPUT)
        self.setTimeout(self._message_idle)

    # -- content --------------------------------------------------------------

    def _take_content(self, segment: bytes) -> None:
        assert self._dots is not None
        content, rest = self._dots.feed(segment)
        for piece in content:
            self._size += len(piece)
            if self._sink is not None:
                self._keep(piece)
        if rest is not None:
            self._buffer = rest
            self._end_of_message()

    def _keep(self, piece: bytes) -> None:
        """Hand content on; what cannot be kept is read to its end and refused there."""
        assert self._sink is not None
        if self._size > self.reception.size_limit:
            self._refusal = replies.TOO_LARGE
        else:
            try:
                self._sink.write(piece)
                return
            except MemoryFull:
                self._refusal = replies.MEMORY_FULL
            except OSError:
                self.log.failure("While writing a message")
                self._refusal = replies.LOCAL_ERROR
        self._sink.abort()
        self._sink = None

    def _end_of_message(self) -> None:
        transcript = self.reception.transcript
        transcript.client(b"(a message of %d octets)" % self._size)
        transcript.client(b".")
        self._dots = None
        self._forget_transaction()
        self.setTimeout(self._idle)
        sink, self._sink = self._sink, None
        if sink is None:
            assert self._refusal is not None
            self._refuse_message(self._refusal)
            self._run_lines()
            return

        def committed(outcome: Any) -> None:
            if isinstance(outcome, Reply):
                self._refuse_message(outcome)
            else:
                self.reply(replies.MESSAGE_ACCEPTED)

        def not_committed(failure: Failure) -> Reply:
            if failure.check(MemoryFull):
                return replies.MEMORY_FULL
            self.log.failure("While keeping a message", failure)
            return replies.LOCAL_ERROR

        self.ask(lambda: maybeDeferred(sink.commit).addErrback(not_committed), then=committed)
        self._run_lines()

    def _refuse_message(self, reply: Reply) -> None:
        self.reception.message_refused(reply)
        self.reply(reply)

    # -- the small ones -------------------------------------------------------

    def do_RSET(self, rest: bytes) -> None:
        """RSET (RFC 5321 4.1.1.5)."""
        if rest:
            self.reply(replies.NO_ARGUMENT)
            return
        self._forget_transaction()
        self.reply(replies.OK)

    def do_NOOP(self, _rest: bytes) -> None:
        """NOOP; an argument is ignored."""
        self.reply(replies.OK)

    def do_VRFY(self, rest: bytes) -> None:
        """VRFY: neither confirmed nor denied (RFC 5321 3.5.3)."""
        self.reply(replies.CANNOT_VERIFY if rest else replies.ARGUMENT_EXPECTED)

    def do_EXPN(self, _rest: bytes) -> None:
        """EXPN: there are no lists."""
        self.reply(replies.NOT_IMPLEMENTED)

    def do_HELP(self, _rest: bytes) -> None:
        """HELP: the commands there are."""
        self.reply(replies.HELP)

    def do_QUIT(self, rest: bytes) -> None:
        """QUIT (RFC 5321 4.1.1.10)."""
        if rest:
            self.reply(replies.NO_ARGUMENT)
        else:
            self._hang_up(replies.closing(self.reception.host))


_WHY_NO_LOGIN: dict[type[ExchangeFailed], Reply] = {
    Aborted: replies.AUTH_ABORTED,
    NotBase64: replies.NOT_BASE64,
}

_COMMANDS: dict[bytes, Callable[[ESMTP, bytes], None]] = {
    b"HELO": ESMTP.do_HELO,
    b"EHLO": ESMTP.do_EHLO,
    b"STARTTLS": ESMTP.ext_STARTTLS,
    b"AUTH": ESMTP.ext_AUTH,
    b"MAIL": ESMTP.do_MAIL,
    b"RCPT": ESMTP.do_RCPT,
    b"DATA": ESMTP.do_DATA,
    b"RSET": ESMTP.do_RSET,
    b"NOOP": ESMTP.do_NOOP,
    b"VRFY": ESMTP.do_VRFY,
    b"EXPN": ESMTP.do_EXPN,
    b"HELP": ESMTP.do_HELP,
    b"QUIT": ESMTP.do_QUIT,
}
