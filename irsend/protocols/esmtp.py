"""The receiving side of SMTP: Twisted's ESMTP, made safe and fast.

What is mended, each with a test that fails on Twisted's own class
(tests/protocols/test_esmtp_holes.py):

- Plain text behind STARTTLS would be run as if it had come under TLS, and what
  was said before the handshake remembered (CVE-2011-0411).
- A long line inside DATA would end it, so that the rest of the message is run as
  commands.
- Pipelined commands would be answered before an earlier one's Deferred verdict.
- MAIL needs no EHLO; a bare AUTH raises; NOOP, VRFY and HELP are unknown; ESMTP
  parameters are swallowed; address literals are refused; nothing is limited.
- A message would pass line by line; here whole segments go to the sink.

It decides nothing: `IReception` answers whether mail may come, from whom and for whom.

A session has three parts: `command_lines` makes commands of what comes in,
`smtp_server_transaction` is MAIL, RCPT, DATA and the message, `smtp_server_auth` the
exchange behind AUTH.

Standards: RFC 5321 (SMTP), 2034 (enhanced codes), 3207 (STARTTLS), 4954 (AUTH).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IHandshakeListener, IReactorTime, ITransport
from twisted.mail import smtp
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.interfaces import IReception, ISteps, Reply
from irsend.protocols import smtp_server_replies as replies
from irsend.protocols.command_lines import CommandLines
from irsend.protocols.octet_names import foreign_protocol, is_binary, note_unread
from irsend.protocols.sasl.exchange import SASLExchange
from irsend.protocols.smtp_server_auth import SMTPServerAuth
from irsend.protocols.smtp_server_transaction import Client, SMTPServerTransaction
from irsend.protocols.tls import describe_tls, server_handshake_failure
from irsend.protocols.transcript import MASK, masked_command

# How long a peer may take to close when it has the last reply, in seconds.
_PATIENCE = 30
# A client's name goes into the mail's trace: nothing else than printable ASCII does.
_CLIENT_NAME = re.compile(rb"[\x21-\x7e]{1,255}")
# Commands of a session before its first mail, and between two.
_MOST_COMMANDS = 1000
# As long as a SASL response may be (RFC 4954 4); commands have their own limit.
_LONGEST_RESPONSE = 12_288


@implementer(IHandshakeListener)
class ESMTP(smtp.ESMTP):
    """One session of a client that brings mail.

    `receive` is called with the transport when the connection is made, and returns
    the `IReception` of this session. Times are in seconds.
    """

    noisy = False
    factory: Any
    transport: Any
    reception: IReception
    steps: ISteps | None
    _transaction: SMTPServerTransaction
    _auth: SMTPServerAuth

    def __init__(
        self,
        receive: Callable[[ITransport], IReception],
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
        self._clock = clock
        self._most_recipients = recipients
        self._longest_line = command_line
        self._most_errors = errors
        self._idle = idle
        self._message_idle = message_idle

        self._lines = CommandLines(self)
        self._client = Client()
        self._switched_off = False
        self._leaving = False
        self._lost: Failure | None = None
        self._after_auth = False
        self._commands = 0
        self._errors = 0
        self._end_reason = ""
        self._spoken = False
        """True from the first command on that SMTP has."""
        self._brought = False
        """True from the first mail that was accepted on."""
        self._unread = ""
        """What came and is no command; the reason of a session that brings no mail."""
        self._enhanced = False
        self._handshaking = False

    # -- the connection -------------------------------------------------------

    def connectionMade(self) -> None:
        """Greet, or refuse the session."""
        self.reception = self._receive(self.transport)
        self.steps = self.reception.steps
        if self.steps is not None:
            self.steps.begin(self, self._lines.ask)
        self._lines.connected(self._clock)
        self._transaction = SMTPServerTransaction(
            self,
            self._lines,
            self.reception,
            self._client,
            most_recipients=self._most_recipients,
        )
        self._auth = SMTPServerAuth(self.reply, self._lines, self.reception, self._client)
        nodelay = getattr(self.transport, "setTcpNoDelay", None)
        if nodelay is not None:
            nodelay(True)
        self._enhanced = b"ENHANCEDSTATUSCODES" in self.reception.keywords
        self.setTimeout(self._idle)
        if self.steps is None:
            self._greet()
        else:
            steps = self.steps
            steps.reached("connect", lambda: steps.reached("greeting", self._greet))

    def _greet(self) -> None:
        verdict = self.reception.admitted()
        if verdict.reply is not None:
            self.hang_up(verdict.reply)
        else:
            self.reply(Reply(220, f"{self.reception.host.decode('ascii')} ESMTP ready"))

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Give up a message that is coming in; the reception hears how the session ended."""
        self.setTimeout(None)
        self._note_leftover()
        self._lines.lost()
        if self._lines.waiting:
            # A message that is being synced is still this session's.
            self._lost = reason
        else:
            self._end(reason)
        if self.steps is not None:
            self.steps.closed()

    def _end(self, reason: Failure) -> None:
        why = self._end_reason
        in_message = self._transaction.abort()
        if self._switched_off:
            # Also inside a handshake: the peer did not fail at it.
            why = "the machine was switched off"
        elif self._handshaking or reason.check(SSL.Error):
            self.reception.tls_failed(why or server_handshake_failure(self.transport, reason))
        elif in_message:
            why = why or "the connection was lost inside a message"
        elif self._unread and not self._brought:
            why = "; ".join(filter(None, [why, self._unread]))
        self.reception.transcript.note("closed")
        self.reception.session_ended(why)

    def timeoutConnection(self) -> None:
        """End a session in which nothing comes (RFC 5321 4.5.3.2.7)."""
        if self._lines.ended:
            # It neither reads the last reply nor closes.
            self.transport.abortConnection()
            return
        if self._lines.waiting or self._lines.blocked:
            # The peer waits for our reply, or reads slowly.
            self.setTimeout(self._idle)
            return
        self._end_reason = "timed out"
        self._note_leftover()
        if self._handshaking:
            # No reply can be sent inside a handshake.
            self.transport.abortConnection()
        else:
            self.hang_up(replies.TIMEOUT)

    def replies_not_taken(self) -> None:
        """End a session whose client reads nothing; no reply would reach it."""
        self._end_reason = self._end_reason or "the client did not read its replies"
        self.transport.abortConnection()

    def shut_down(self) -> None:
        """End the session because the machine is switched off."""
        self._switched_off = True
        if self._handshaking:
            self.transport.abortConnection()
        elif self._lines.waiting:
            # A message that is being synced still gets its reply.
            self._leaving = True
        elif not self._lines.ended:
            self.hang_up(replies.SHUTTING_DOWN)

    def reply(self, reply: Reply) -> None:
        """Send a reply, and count it where it is an error."""
        line = reply.line(enhanced=self._enhanced)
        self.reception.transcript.server(line)
        self.transport.write(line + b"\r\n")
        if reply.code >= 500:
            self._errors += 1
            if self._errors >= self._most_errors and not self._lines.ended:
                self._end_reason = "too many errors"
                self.hang_up(replies.TOO_MANY_ERRORS)

    def hang_up(self, reply: Reply) -> None:
        """Send a last reply, and close."""
        self._lines.end()
        self.setTimeout(_PATIENCE)
        self.reply(reply)
        self.transport.loseConnection()

    # -- what the mail transaction reports ------------------------------------

    def message_began(self) -> None:
        """Wait as long as a message may be without progress."""
        self.setTimeout(self._message_idle)

    def message_ended(self) -> None:
        """Wait as long as for any command."""
        self.setTimeout(self._idle)

    def message_accepted(self) -> None:
        """Count the commands to the next mail."""
        self._commands = 0
        self._brought = True

    # -- what comes in --------------------------------------------------------

    def dataReceived(self, segment: bytes) -> None:
        """Take a segment."""
        self._lines.feed(segment)
        if not self._spoken and not self._lines.ended:
            self._look_at_beginning(self._lines.behind)

    def _look_at_beginning(self, octets: bytes) -> None:
        """End a session that begins in a binary protocol: its peer waits for no line, and sends none."""
        if is_binary(octets) and foreign_protocol(octets):
            self._note_unread(octets)
            self.hang_up(replies.UNKNOWN_COMMAND)

    def _note_leftover(self) -> None:
        """Note what has come without a line end, when no more can come."""
        octets = self._lines.behind
        idle = not (self._lines.ended or self._lines.waiting or self._handshaking)
        if octets and idle and not self._auth.responding and not self._after_auth:
            self._note_unread(octets, ended=False)

    def _note_unread(self, octets: bytes, *, ended: bool = True) -> None:
        if masked_command(octets.rstrip()) == octets.rstrip():
            name = note_unread(self.reception.transcript, octets, ended=ended)
            self._unread = f"what came is no SMTP command: {name}"

    def longest_line(self) -> int:
        """Allow SASL responses more than commands."""
        return _LONGEST_RESPONSE if self._auth.responding else self._longest_line

    def line_too_long(self, *, endless: bool) -> None:
        """Answer with 500."""
        self._auth.cancel()
        if endless:
            self.hang_up(replies.LINE_TOO_LONG)
        else:
            self.reply(replies.LINE_TOO_LONG)

    def answer_failed(self) -> None:
        """Answer with 451."""
        self.reply(replies.LOCAL_ERROR)

    def answer_given(self) -> None:
        """End the session, if it waited for that answer only."""
        if self._lost is not None:
            self._end(self._lost)
        elif self._leaving and not self._lines.ended:
            self.hang_up(replies.SHUTTING_DOWN)

    def lineReceived(self, line: bytes) -> None:
        """Run one command line, or one response of a SASL exchange."""
        if self._auth.responding:
            self._auth.respond(line)
            return
        verb, _, argument = line.partition(b" ")
        command = _COMMANDS.get(verb.upper())
        # Behind an AUTH that was refused a client may go on all the same.
        stray = command is None and self._after_auth
        self._after_auth = stray or verb.upper() == b"AUTH"
        self.reception.transcript.client(MASK.encode() if stray else masked_command(line))
        self._commands += 1
        self._spoken = self._spoken or command is not None
        if self._commands > _MOST_COMMANDS:
            self._end_reason = "too many commands without a mail"
            self.hang_up(replies.TOO_MANY_COMMANDS)
        elif command is None:
            self._unknown_command(line)
        elif b"\n" in line or b"\r" in line or b"\0" in line:
            # A bare CR or LF ends no line here; it may at the next server, so it is refused.
            self.reply(replies.CONTROL_CHARACTER)
        elif self.steps is None:
            command(self, argument.strip(b" "))
        else:
            self.steps.reached(
                verb.decode("ascii").lower(),
                lambda: command(self, argument.strip(b" ")),
                argument=argument.strip(b" "),
            )

    def _unknown_command(self, line: bytes) -> None:
        foreign = bool(foreign_protocol(line))
        if foreign or not line.isascii() or not line.decode("ascii").isprintable():
            self._note_unread(line)
        if foreign and is_binary(line) and not self._spoken:
            self.hang_up(replies.UNKNOWN_COMMAND)
        else:
            self.reply(replies.UNKNOWN_COMMAND)

    # -- commands -------------------------------------------------------------

    def do_HELO(self, rest: bytes) -> None:
        """HELO (RFC 5321 4.1.1.1)."""
        if self._introduced(rest, extended=False):
            self.reply(Reply(250, self.reception.host.decode("ascii")))

    def do_EHLO(self, rest: bytes) -> None:
        """EHLO: STARTTLS first where it is offered, then the model's words."""
        if not self._introduced(rest, extended=True):
            return
        lines = [self.reception.host]
        if not self._client.secured and self.reception.tls_context() is not None:
            lines.append(b"STARTTLS")
        for keyword in self.reception.keywords:
            size = b" %d" % self.reception.size_limit if keyword == b"SIZE" else b""
            lines.append(keyword + size)
        mechanisms = self.reception.challengers(self._client.secured)
        if mechanisms:
            lines.append(b"AUTH " + b" ".join(mechanisms))
        if self.steps is not None:
            lines = self.steps.announced("ehlo", lines)
        out = [b"250-" + line for line in lines[:-1]] + [b"250 " + lines[-1]]
        for line in out:
            self.reception.transcript.server(line)
        self.transport.write(b"\r\n".join(out) + b"\r\n")

    def _introduced(self, name: bytes, *, extended: bool) -> bool:
        if not _CLIENT_NAME.fullmatch(name):
            self.reply(replies.NAME_EXPECTED)
            return False
        self._transaction.reset()
        self._client.name, self._client.extended = name, extended
        self.reception.greeted(name, self._client.secured)
        return True

    def ext_STARTTLS(self, rest: bytes) -> None:
        """STARTTLS; whatever was said before it is forgotten (RFC 3207 4.2)."""
        context = None if self._client.secured else self.reception.tls_context()
        if self._client.secured:
            self.reply(replies.TLS_ALREADY)
        elif context is None:
            self.reply(replies.NOT_IMPLEMENTED)
        elif rest:
            self.reply(replies.NO_ARGUMENT)
        elif self._lines.behind:
            self.reception.transcript.client(self._lines.behind[:200])
            self._end_reason = "plain text behind STARTTLS"
            self.hang_up(replies.PLAIN_TEXT_BEHIND_STARTTLS)
        else:
            self.reply(replies.GO_AHEAD)
            self._client.forget()
            self._transaction.reset()
            self._handshaking = True
            self.startedTLS = True
            self.transport.startTLS(context)

    def handshakeCompleted(self) -> None:
        """Note that TLS is in use (called by the transport)."""
        self._handshaking = False
        self._client.secured = True
        self.resetTimeout()
        self.reception.tls_began(*describe_tls(self.transport))

    def ext_AUTH(self, rest: bytes) -> None:
        """AUTH mechanism [initial-response] (RFC 4954); unknown where no mechanism is offered."""
        offered = self.reception.challengers(self._client.secured)
        name, _, initial = rest.partition(b" ")
        mechanism = name.upper()
        if not offered:
            self.reply(replies.NOT_IMPLEMENTED)
        elif self._client.name is None:
            self.reply(replies.HELLO_FIRST)
        elif self._client.authenticated:
            self.reply(replies.ALREADY_AUTHENTICATED)
        elif self._transaction.open:
            self.reply(replies.NOT_DURING_MAIL)
        elif not name:
            self.reply(replies.ARGUMENT_EXPECTED)
        elif mechanism not in offered:
            self.reply(replies.UNKNOWN_MECHANISM)
        else:
            self._auth.begin(SASLExchange(mechanism, offered[mechanism]()), initial)

    # -- the mail transaction -------------------------------------------------

    def do_MAIL(self, rest: bytes) -> None:
        """MAIL (RFC 5321 4.1.1.2)."""
        self._transaction.mail(rest)

    def do_RCPT(self, rest: bytes) -> None:
        """RCPT (RFC 5321 4.1.1.3)."""
        self._transaction.rcpt(rest)

    def do_DATA(self, rest: bytes) -> None:
        """DATA (RFC 5321 4.1.1.4)."""
        self._transaction.data(rest)

    def do_RSET(self, rest: bytes) -> None:
        """RSET (RFC 5321 4.1.1.5)."""
        if rest:
            self.reply(replies.NO_ARGUMENT)
            return
        self._transaction.reset()
        self.reply(replies.OK)

    # -- the other commands ---------------------------------------------------

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
            self.hang_up(replies.closing(self.reception.host))


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
