"""The serving side of POP3: Twisted's POP3, made right.

What is mended, each with a test that fails on Twisted's own class
(tests/protocols/test_pop3_server.py):

- The greeting was a bare message id; CAPA announced words that do not exist,
  PIPELINING not by its name, STLS not at all.
- AUTH knew no initial response and no second step (PLAIN and LOGIN failed).
- A wrong number of arguments raised a TypeError, and the reply to that another,
  which ended the connection with a traceback in the log.
- A message with CR LF went out with CR CR LF, and a dot at the beginning of a
  chunk unescaped.
- Nothing was limited but the line; the replies to a client that reads none were kept in
  memory, without an end.

A cred Portal decides who may log in; the maildrop is Twisted's `IMailboxPOP3`, of
which `sync` alone deletes, and only QUIT calls it.

A session has two parts: `command_lines` makes commands of what comes in, and from the
login on `pop3_transaction` is what it does with its maildrop.

Standards: RFC 1939 (POP3, APOP), 2449 (CAPA, response codes), 2595 (STLS), 3206
(AUTH response code), 5034 (AUTH).
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from hashlib import md5
from typing import Any

from OpenSSL import SSL
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import LoginDenied, LoginFailed
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHandshakeListener,
    IOpenSSLServerConnectionCreator,
    IReactorTime,
)
from twisted.logger import Logger
from twisted.mail import pop3
from twisted.mail.interfaces import IChallengeResponse, IMailboxPOP3
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.interfaces import ISteps, ITranscript
from irsend.protocols.command_lines import CommandLines
from irsend.protocols.pop3_transaction import POP3Transaction
from irsend.protocols.sasl.exchange import (
    Aborted,
    ExchangeFailed,
    NotBase64,
    SASLExchange,
)
from irsend.protocols.tls import describe_tls
from irsend.protocols.transcript import MASK, masked_command

# As long as a SASL response may be (RFC 5034 4).
_LONGEST_RESPONSE = 12_288
# Commands of a session that has not logged in.
_MOST_COMMANDS = 100


class MaildropInUse(LoginDenied):
    """Another session has the maildrop; raised by a realm."""


class APOPDigest(pop3.APOPCredentials):
    """APOP's credentials, compared in constant time."""

    def checkPassword(self, password: bytes) -> bool:
        """Say whether this is the password the digest was made with."""
        expected = md5(self.magic + password).hexdigest().encode("ascii")
        return hmac.compare_digest(expected, self.digest.lower())


@implementer(IHandshakeListener)
class POP3(pop3.POP3):
    """One session of a client that fetches mail.

    `challengers` is called with whether TLS is in use and returns, by mechanism, the
    makers of cred's challenge-response credentials; `tls` returns the context factory
    for STLS, or None. Times are in seconds; RFC 1939 asks for an `idle` of ten minutes at
    least.
    """

    noisy = False
    log = Logger()
    transport: Any
    portal: Any

    def __init__(
        self,
        portal: Portal,
        challengers: Callable[[bool], dict[bytes, Callable[[], IChallengeResponse]]],
        tls: Callable[[], IOpenSSLServerConnectionCreator | None],
        transcript: ITranscript,
        clock: IReactorTime,
        *,
        host: bytes,
        errors: int = 10,
        longest_line: int = 512,
        idle: float = 600,
        steps: ISteps | None = None,
    ) -> None:
        self.portal = portal
        self.callLater = clock.callLater  # type: ignore[method-assign,assignment]
        self.transcript = transcript
        self.closed: Deferred[None] = Deferred()
        self.secured = False
        self._clock = clock
        self._challengers = challengers
        self._tls = tls
        self._host = host
        self._most_errors = errors
        self._longest_line = longest_line
        self._idle = idle
        self._errors = 0
        self._handshaking = False
        self._commands = 0
        self._user: bytes | None = None
        self._exchange: SASLExchange | None = None
        self._lines = CommandLines(self)
        self._steps = steps
        self._transaction: POP3Transaction | None = None
        """None before the login: the AUTHORIZATION state."""

    # -- the connection -------------------------------------------------------

    def connectionMade(self) -> None:
        """Greet, with a timestamp for APOP that no other session has had."""
        nodelay = getattr(self.transport, "setTcpNoDelay", None)
        if nodelay is not None:
            nodelay(True)
        if self._steps is not None:
            self._steps.begin(self, self._lines.ask)
        self._pressure = self._lines.connected(self._clock)
        self.magic = b"<%d.%s@%s>" % (os.getpid(), secrets.token_hex(12).encode(), self._host)
        self.setTimeout(self._idle)
        if self._steps is None:
            self._greet()
        else:
            steps = self._steps
            steps.reached("connect", lambda: steps.reached("greeting", self._greet))

    def _greet(self) -> None:
        self.successResponse(b"irsend POP3 ready " + (self.magic or b""))

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Release the maildrop; what was marked stays, since no QUIT came (RFC 1939 6)."""
        self.setTimeout(None)
        self._lines.lost()
        if self._handshaking or reason.check(SSL.Error):
            self.transcript.note("TLS failed")
        self.log_out()
        self.transcript.note("closed")
        self.closed.callback(None)
        if self._steps is not None:
            self._steps.closed()

    def timeoutConnection(self) -> None:
        """End a session in which nothing comes, without a reply (RFC 1939 3)."""
        if self._lines.blocked:
            # The client reads slowly.
            self.setTimeout(self._idle)
            return
        self.transcript.note("timed out")
        self.transport.abortConnection()

    def replies_not_taken(self) -> None:
        """End a session whose client reads nothing; no reply would reach it."""
        self.transcript.note("the client did not read its replies")
        self.transport.abortConnection()

    def shut_down(self) -> None:
        """End the session because the server is switched off."""
        if self._handshaking or self._lines.waiting:
            # No reply can be sent inside a handshake or a message.
            self.transport.abortConnection()
        elif not self._lines.ended:
            self.hang_up(b"[SYS/TEMP] the server is being switched off")

    def successResponse(self, message: bytes = b"") -> None:
        """Send +OK."""
        self.say(b"+OK " + message if message else b"+OK")

    def failResponse(self, message: bytes = b"") -> None:
        """Send -ERR; after too many the session ends."""
        self._errors += 1
        if self._errors >= self._most_errors and not self._lines.ended:
            self.hang_up(message + b"; too many errors, closing")
        else:
            self.say(b"-ERR " + message)

    def hang_up(self, message: bytes, *, ok: bool = False) -> None:
        """Send a last reply, and close."""
        self._lines.end()
        self.say((b"+OK " if ok else b"-ERR ") + message)
        self.transport.loseConnection()

    def say(self, *lines: bytes) -> None:
        """Send these lines."""
        for line in lines:
            self.transcript.server(line)
        self.transport.write(b"\r\n".join(lines) + b"\r\n")

    # -- what comes in --------------------------------------------------------

    def dataReceived(self, segment: bytes) -> None:
        """Take a segment."""
        self._lines.feed(segment)

    def longest_line(self) -> int:
        """Allow SASL responses more than commands."""
        return self._longest_line if self._exchange is None else _LONGEST_RESPONSE

    def line_too_long(self, *, endless: bool) -> None:
        """Reply with -ERR."""
        self._exchange = None
        if endless:
            self.hang_up(b"the line is too long")
        else:
            self.failResponse(b"the line is too long")

    def answer_failed(self) -> None:
        """Reply that it is not the client's fault."""
        self.failResponse(b"[SYS/TEMP] local error")

    def answer_given(self) -> None:
        """Do nothing: a session that is to end while it waits is aborted at once."""

    def lineReceived(self, line: bytes) -> None:
        """Run one command line, or take one response."""
        exchange = self._exchange
        if exchange is not None:
            self.transcript.client(line if line == b"*" else MASK.encode())
            self._go_on_with_login(exchange, lambda: exchange.respond(line))
            return
        self.transcript.client(masked_command(line))
        verb, _, argument = line.partition(b" ")
        verb = verb.upper()
        if verb not in _COMMANDS:
            self.failResponse(b"there is no such command")
        elif self._steps is None:
            self._run(verb, argument)
        else:
            self._steps.reached(verb.decode("ascii").lower(), lambda: self._run(verb, argument))

    def _run(self, verb: bytes, argument: bytes) -> None:
        transaction = self._transaction
        self._commands += 1
        if transaction is None and self._commands > _MOST_COMMANDS:
            self.hang_up(b"too many commands without a login, closing")
        elif verb in _ALWAYS:
            _ALWAYS[verb](self, argument)
        elif verb in _AUTHORIZATION:
            if transaction is None:
                _AUTHORIZATION[verb](self, argument)
            else:
                self.failResponse(b"already logged in")
        elif transaction is None:
            self.failResponse(b"log in first")
        else:
            _TRANSACTION[verb](transaction, argument)

    def no_argument(self, rest: bytes) -> bool:
        """Say whether there is no argument; where there is one, an error has been sent."""
        if rest.strip(b" "):
            self.failResponse(b"no argument is allowed here")
        return not rest.strip(b" ")

    def do_QUIT(self, rest: bytes = b"") -> None:
        """QUIT: the UPDATE state (RFC 1939 6), then the reply; without a login the reply alone."""
        if not self.no_argument(rest):
            return
        if self._transaction is None:
            self._end(all_deleted=True)
        else:
            self._lines.ask(self._transaction.update, then=self._end)

    def _end(self, all_deleted: bool) -> None:
        if all_deleted:
            self._transaction = None
            self.hang_up(b"bye", ok=True)
        else:
            self.hang_up(b"[SYS/TEMP] some messages were not deleted")

    # -- before login ---------------------------------------------------------

    def listCapabilities(self) -> list[bytes]:
        """Return what CAPA announces now."""
        words = [b"TOP", b"UIDL", b"USER", b"PIPELINING", b"RESP-CODES", b"AUTH-RESP-CODE"]
        mechanisms = self._challengers(self.secured)
        if mechanisms:
            words.append(b"SASL " + b" ".join(mechanisms))
        if not self.secured and self._transaction is None and self._tls() is not None:
            words.append(b"STLS")
        return [*words, b"IMPLEMENTATION irsend"]

    def do_CAPA(self, rest: bytes = b"") -> None:
        """CAPA (RFC 2449 5)."""
        if self.no_argument(rest):
            lines = [b"+OK capabilities follow", *self.listCapabilities()]
            if self._steps is not None:
                lines = self._steps.announced("capa", lines)
            self.say(*lines, b".")

    def do_STLS(self, rest: bytes) -> None:
        """STLS; what was said before it is forgotten (RFC 2595 4)."""
        if not self.no_argument(rest):
            return
        context = self._tls()
        if self.secured:
            self.failResponse(b"TLS is in use already")
        elif context is None:
            self.failResponse(b"there is no TLS here")
        elif self._lines.behind:
            self.transcript.client(self._lines.behind[:200])
            self.hang_up(b"plain text behind STLS, closing")
        else:
            self.successResponse(b"go ahead")
            self._user = None
            self._handshaking = True
            self.transport.startTLS(context)

    def handshakeCompleted(self) -> None:
        """Note that TLS is in use (called by the transport)."""
        self._handshaking = False
        self.secured = True
        self.resetTimeout()
        self.transcript.note(" ".join(describe_tls(self.transport)))

    def do_USER(self, rest: bytes) -> None:
        """USER; the reply does not say whether there is such a user."""
        if not rest:
            self.failResponse(b"USER needs a name")
            return
        self._user = rest
        self.successResponse(b"now send PASS")

    def do_PASS(self, rest: bytes) -> None:
        """PASS; blanks belong to the password (RFC 1939 7)."""
        user, self._user = self._user, None
        if user is None:
            self.failResponse(b"send USER first")
        else:
            self._log_in(UsernamePassword(user, rest))

    def do_APOP(self, rest: bytes) -> None:  # type: ignore[override]
        """APOP name digest."""
        user, _, digest = rest.rpartition(b" ")
        if not user or not digest:
            self.failResponse(b"APOP needs a name and a digest")
        else:
            self._log_in(APOPDigest(self.magic, user, digest))

    def do_AUTH(self, rest: bytes = b"") -> None:
        """AUTH [mechanism [initial-response]]; "=" is an empty initial response (RFC 5034 4)."""
        offered = self._challengers(self.secured)
        name, _, initial = rest.partition(b" ")
        if not name:
            # Older clients ask for the mechanisms so.
            self.say(b"+OK mechanisms follow", *offered, b".")
        elif name.upper() not in offered:
            self.failResponse(b"there is no such mechanism")
        else:
            exchange = SASLExchange(name.upper(), offered[name.upper()]())
            self._go_on_with_login(exchange, lambda: exchange.begin(initial))

    def _go_on_with_login(
        self, exchange: SASLExchange, step: Callable[[], bytes | None]
    ) -> None:
        self._exchange = None
        try:
            challenge = step()
        except ExchangeFailed as failed:
            self.failResponse(_WHY_NO_LOGIN.get(type(failed), _WRONG_LOGIN))
            return
        if challenge is None:
            self._log_in(exchange.credentials)
        else:
            self._exchange = exchange
            self.say(b"+ " + challenge)

    def _log_in(self, credentials: UsernamePassword | APOPDigest | IChallengeResponse) -> None:
        self._lines.ask(self._maildrop_of, credentials, then=self._logged_in)

    def _maildrop_of(
        self, credentials: UsernamePassword | APOPDigest | IChallengeResponse
    ) -> Deferred[POP3Transaction | bytes]:
        """Fire with what the session does with its maildrop, or with why there is none."""

        def opened(
            outcome: tuple[object, IMailboxPOP3, Callable[[], None]],
        ) -> POP3Transaction | bytes:
            _, maildrop, logout = outcome
            if self._lines.ended:
                logout()
                return b""
            return POP3Transaction(
                self, self._lines, self._pressure, self.transcript, maildrop, logout
            )

        def refused(failure: Failure) -> POP3Transaction | bytes:
            failure.trap(LoginFailed)
            in_use = failure.check(MaildropInUse)
            return b"[IN-USE] another session has the maildrop" if in_use else _WRONG_LOGIN

        attempt: Deferred[Any] = self.portal.login(credentials, None, IMailboxPOP3)
        return attempt.addCallbacks(opened, refused)

    def _logged_in(self, outcome: POP3Transaction | bytes) -> None:
        if isinstance(outcome, bytes):
            self.failResponse(outcome)
            return
        self._transaction = outcome
        self.successResponse(b"logged in, %d messages" % outcome.count_and_size()[0])

    def log_out(self) -> None:
        """Release the maildrop."""
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            transaction.log_out()


_WRONG_LOGIN = b"[AUTH] user name or password wrong"
_WHY_NO_LOGIN: dict[type[ExchangeFailed], bytes] = {
    Aborted: b"authentication aborted",
    NotBase64: b"cannot decode the response as base64",
}

_ALWAYS: dict[bytes, Callable[[POP3, bytes], None]] = {
    b"CAPA": POP3.do_CAPA,
    b"QUIT": POP3.do_QUIT,
}
_AUTHORIZATION: dict[bytes, Callable[[POP3, bytes], None]] = {
    b"STLS": POP3.do_STLS,
    b"USER": POP3.do_USER,
    b"PASS": POP3.do_PASS,
    b"APOP": POP3.do_APOP,
    b"AUTH": POP3.do_AUTH,
}
_TRANSACTION: dict[bytes, Callable[[POP3Transaction, bytes], None]] = {
    b"STAT": POP3Transaction.stat,
    b"LIST": POP3Transaction.list_messages,
    b"UIDL": POP3Transaction.uidl,
    b"RETR": POP3Transaction.retr,
    b"TOP": POP3Transaction.top,
    b"DELE": POP3Transaction.dele,
    b"NOOP": POP3Transaction.noop,
    b"RSET": POP3Transaction.rset,
}
_COMMANDS = _ALWAYS.keys() | _AUTHORIZATION.keys() | _TRANSACTION.keys()
