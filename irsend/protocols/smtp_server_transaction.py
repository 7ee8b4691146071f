"""A mail transaction of the receiving side of SMTP: MAIL, RCPT, DATA and the message.

Mixed into the session (`esmtp`). While the message comes, whole segments are
searched for the end mark and handed on; what cannot be kept is read to its end
and refused there, so that nothing of it is ever taken for a command.

Standards: RFC 5321 3.3 and 4.1.1, 1870 (SIZE), 2920 (PIPELINING), 3461 (DSN),
3848 (protocol names).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.errors import MemoryFull
from irsend.interfaces import Envelope, IMessageSink, IReception, Mailbox, Reply, Verdict
from irsend.protocols import smtp_server_replies as replies
from irsend.protocols.command_lines import CommandLines
from irsend.protocols.dot_stuffing import DotStream
from irsend.protocols.smtp_grammar import GrammarError, parse_path
from irsend.protocols.smtp_parameters import MAIL_PARAMETERS, RCPT_PARAMETERS, wrong_parameter


class _Arrival:
    """A message that is coming in."""

    log = Logger()

    def __init__(self, sink: IMessageSink, size_limit: int) -> None:
        self.sink: IMessageSink | None = sink
        """None once it was refused."""
        self.size = 0
        self.refusal: Reply | None = None
        self._size_limit = size_limit
        self._dots = DotStream()

    def feed(self, segment: bytes) -> bytes | None:
        """Take a segment; return what stands behind the end mark, None before it has come."""
        content, rest = self._dots.feed(segment)
        for piece in content:
            self.size += len(piece)
            if self.sink is not None:
                self._keep(self.sink, piece)
        return rest

    def give_up(self) -> None:
        """Keep nothing of it."""
        if self.sink is not None:
            self.sink.abort()
            self.sink = None

    def _keep(self, sink: IMessageSink, piece: bytes) -> None:
        if self.size > self._size_limit:
            self.refusal = replies.TOO_LARGE
        else:
            try:
                sink.write(piece)
                return
            except MemoryFull:
                self.refusal = replies.MEMORY_FULL
            except OSError:
                self.log.failure("While writing a message")
                self.refusal = replies.LOCAL_ERROR
        self.give_up()


class SMTPServerTransaction(CommandLines):
    """What a session knows of the mail that is being brought."""

    reception: IReception
    client_name: bytes | None
    extended: bool
    """The client said EHLO, not HELO."""
    secured: bool
    authenticated: bool
    most_recipients: int
    idle: float
    message_idle: float
    _arrival: _Arrival | None = None
    _commands: int
    """Commands since the last mail that was taken."""

    def reply(self, reply: Reply) -> None:
        """Send a reply."""
        raise NotImplementedError

    def hang_up(self, reply: Reply) -> None:
        """Send a last reply, and close."""
        raise NotImplementedError

    def forget_transaction(self) -> None:
        """Begin anew: no sender, no recipients."""
        self._sender: tuple[Mailbox | None, dict[bytes, bytes]] | None = None
        self._recipients: list[Mailbox] = []
        self._recipient_parameters: list[dict[bytes, bytes]] = []
        self._recipient_refused = False

    def _judge(self, verdict: Verdict, accepted: Callable[[], None]) -> None:
        if verdict.reply is None:
            accepted()
        elif verdict.hang_up:
            self.hang_up(verdict.reply)
        else:
            self.reply(verdict.reply)

    def do_MAIL(self, rest: bytes) -> None:
        """MAIL: policy first, then order, then grammar."""
        self.ask(
            self.reception.mail_allowed,
            self.secured,
            then=lambda verdict: self._judge(verdict, lambda: self._mail(rest)),
        )

    def _mail(self, rest: bytes) -> None:
        if self.client_name is None:
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
        if len(self._recipients) >= self.most_recipients:
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
            self._recipient_parameters.append(parameters)
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
        assert self.client_name is not None
        protocol = b"SMTP"
        if self.extended:
            protocol = (
                b"ESMTP"
                + (b"S" if self.secured else b"")
                + (b"A" if self.authenticated else b"")
            )
        envelope = Envelope(
            sender=self._sender[0],
            recipients=tuple(self._recipients),
            helo=self.client_name,
            protocol=protocol,
            parameters=self._sender[1],
            recipient_parameters=tuple(self._recipient_parameters),
        )
        try:
            sink = self.reception.open_message(envelope)
        except MemoryFull:
            self.forget_transaction()
            self._refuse_message(replies.MEMORY_FULL)
            return
        self._arrival = _Arrival(sink, self.reception.size_limit)
        self.take_content = self._take_content
        self.reply(replies.START_INPUT)
        self.setTimeout(self.message_idle)

    # -- the message ------------------------------------------------------------

    def give_up_message(self) -> bool:
        """Keep nothing of a message that is coming in; True when there was one."""
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.give_up()
        return arrival is not None

    def _take_content(self, segment: bytes) -> None:
        assert self._arrival is not None
        rest = self._arrival.feed(segment)
        if rest is not None:
            arrival, self._arrival = self._arrival, None
            self.back_to_lines(rest)
            self._end_of_message(arrival)
            self.run_lines()

    def _end_of_message(self, arrival: _Arrival) -> None:
        transcript = self.reception.transcript
        transcript.client(b"(a message of %d octets)" % arrival.size)
        transcript.client(b".")
        self.forget_transaction()
        self.setTimeout(self.idle)
        if arrival.refusal is not None:
            self._refuse_message(arrival.refusal)
            return
        assert arrival.sink is not None
        commit = arrival.sink.commit

        def committed(outcome: Any) -> None:
            if isinstance(outcome, Reply):
                self._refuse_message(outcome)
            else:
                self._commands = 0
                self.reply(replies.MESSAGE_ACCEPTED)

        def not_committed(failure: Failure) -> Reply:
            if failure.check(MemoryFull):
                return replies.MEMORY_FULL
            self.log.failure("While keeping a message", failure)
            return replies.LOCAL_ERROR

        self.ask(lambda: maybeDeferred(commit).addErrback(not_committed), then=committed)

    def _refuse_message(self, reply: Reply) -> None:
        self.reception.message_refused(reply)
        self.reply(reply)
