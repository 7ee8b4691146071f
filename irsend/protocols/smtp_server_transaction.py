"""A mail transaction of the receiving side of SMTP: MAIL, RCPT, DATA and the message.

A part of the session (`esmtp`), which runs the commands. While the message comes, whole
segments are searched for the end mark and written to its sink; a message that cannot be
kept is read to its end and refused there, so that nothing of it is taken for a command.

Standards: RFC 5321 3.3 and 4.1.1, 1870 (SIZE), 2920 (PIPELINING), 3461 (DSN),
3848 (protocol names).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.errors import MemoryFull
from irsend.interfaces import (
    Envelope,
    IMessageSink,
    IReception,
    ISteps,
    Mailbox,
    Reply,
    Verdict,
)
from irsend.protocols import smtp_server_replies as replies
from irsend.protocols.command_lines import CommandLines
from irsend.protocols.dot_stuffing import DotStream
from irsend.protocols.smtp_grammar import GrammarError, parse_path
from irsend.protocols.smtp_parameters import MAIL_PARAMETERS, RCPT_PARAMETERS, wrong_parameter


@define(eq=False)
class Client:
    """What a session knows of its client."""

    name: bytes | None = None
    """As HELO or EHLO gave it; None before."""
    extended: bool = False
    """The client sent EHLO, not HELO."""
    secured: bool = False
    """TLS is in use."""
    authenticated: bool = False

    def forget(self) -> None:
        """Forget all that was said, as STARTTLS asks (RFC 3207 4.2)."""
        self.name, self.extended, self.authenticated = None, False, False

    @property
    def protocol(self) -> bytes:
        """The protocol's name in the trace (RFC 3848)."""
        if not self.extended:
            return b"SMTP"
        secured, authenticated = b"S" * self.secured, b"A" * self.authenticated
        return b"ESMTP" + secured + authenticated


class TransactionSession(Protocol):
    """What a mail transaction needs of the session it is part of."""

    steps: ISteps | None

    def reply(self, reply: Reply) -> None:
        """Send a reply."""

    def hang_up(self, reply: Reply) -> None:
        """Send a last reply, and close."""

    def message_began(self) -> None:
        """Wait as long as a message may be without progress from here on."""

    def message_ended(self) -> None:
        """Wait as long as for a command from here on."""

    def message_accepted(self) -> None:
        """Count the commands of the session anew."""


_Path = tuple[Mailbox | None, dict[bytes, bytes]]


class _IncomingMessage:
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

    def abort(self) -> None:
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
                # The store tells of a disk that fails.
                self.refusal = replies.LOCAL_ERROR
        self.abort()


class SMTPServerTransaction:
    """The mail transactions of one session, one after the other: sender, recipients, message."""

    log = Logger()

    def __init__(
        self,
        session: TransactionSession,
        lines: CommandLines,
        reception: IReception,
        client: Client,
        *,
        most_recipients: int,
    ) -> None:
        self._session = session
        self._lines = lines
        self._reception = reception
        self._client = client
        self._most_recipients = most_recipients
        self._message: _IncomingMessage | None = None
        self.reset()

    def reset(self) -> None:
        """Begin anew: no sender, no recipients."""
        self._sender: tuple[Mailbox | None, dict[bytes, bytes]] | None = None
        self._recipients: list[Mailbox] = []
        self._recipient_parameters: list[dict[bytes, bytes]] = []
        self._recipient_refused = False

    @property
    def open(self) -> bool:
        """True from an accepted MAIL on."""
        return self._sender is not None

    def _judge(self, verdict: Verdict, accepted: Callable[[], None]) -> None:
        if verdict.reply is None:
            accepted()
        elif verdict.hang_up:
            self._session.hang_up(verdict.reply)
        else:
            self._session.reply(verdict.reply)

    def mail(self, rest: bytes) -> None:
        """MAIL (RFC 5321 4.1.1.2): policy first, then order, then grammar."""
        path: _Path | GrammarError
        try:
            path = parse_path(rest, b"FROM")
        except GrammarError as error:
            path = error
        else:
            # Whatever becomes of it: a mail that is refused has a sender too.
            self._reception.sender_named(path[0])
        self._lines.ask(
            self._reception.mail_allowed,
            self._client.secured,
            then=lambda verdict: self._judge(verdict, lambda: self._begin(path)),
        )

    def _begin(self, path: _Path | GrammarError) -> None:
        if self._client.name is None:
            self._session.reply(replies.HELLO_FIRST)
            return
        if self._sender is not None:
            self._session.reply(replies.NESTED_MAIL)
            return
        if isinstance(path, GrammarError):
            self._refuse_message(Reply(501, f"Syntax error: {path}", "5.1.7"))
            return
        sender, parameters = path
        announced = {
            *self._reception.keywords,
            *([b"AUTH"] if self._client.authenticated else []),
        }
        wrong = wrong_parameter(parameters, MAIL_PARAMETERS, announced)
        if wrong is not None:
            self._refuse_message(Reply(*wrong, "5.5.4"))
            return
        size = int(parameters.get(b"SIZE", b"0"))
        if size > self._reception.size_limit:
            self._refuse_message(replies.TOO_LARGE)
            return

        def accepted() -> None:
            self._sender = (sender, parameters)
            self._session.reply(replies.SENDER_OK)

        self._lines.ask(
            self._reception.sender_allowed,
            sender,
            size,
            then=lambda verdict: self._judge(verdict, accepted),
        )

    def rcpt(self, rest: bytes) -> None:
        """RCPT (RFC 5321 4.1.1.3)."""
        if self._sender is None:
            self._session.reply(replies.MAIL_FIRST)
            return
        if len(self._recipients) >= self._most_recipients:
            self._refuse_message(replies.TOO_MANY_RECIPIENTS)
            return
        try:
            recipient, parameters = parse_path(rest, b"TO")
        except GrammarError as error:
            self._refuse_message(Reply(501, f"Syntax error: {error}", "5.1.3"))
            return
        # Only MAIL has the null path.
        assert recipient is not None
        wrong = wrong_parameter(parameters, RCPT_PARAMETERS, self._reception.keywords)
        if wrong is not None:
            self._refuse_message(Reply(*wrong, "5.5.4"))
            return

        def judged(verdict: Verdict) -> None:
            if verdict.reply is not None:
                self._recipient_refused = True
            self._judge(verdict, accepted)

        def accepted() -> None:
            self._recipients.append(recipient)
            self._recipient_parameters.append(parameters)
            self._session.reply(replies.RECIPIENT_OK)

        self._lines.ask(self._reception.recipient_allowed, recipient, then=judged)

    def data(self, rest: bytes) -> None:
        """DATA (RFC 5321 4.1.1.4): from here on whole segments, until the end mark."""
        if rest:
            self._session.reply(replies.NO_ARGUMENT)
        elif self._sender is None or (not self._recipients and not self._recipient_refused):
            self._session.reply(replies.RECIPIENT_FIRST)
        elif not self._recipients:
            self._session.reply(replies.NO_VALID_RECIPIENTS)
        else:
            self._open_message()

    def _open_message(self) -> None:
        assert self._sender is not None
        assert self._client.name is not None
        envelope = Envelope(
            sender=self._sender[0],
            recipients=tuple(self._recipients),
            helo=self._client.name,
            protocol=self._client.protocol,
            parameters=self._sender[1],
            recipient_parameters=tuple(self._recipient_parameters),
        )
        try:
            sink = self._reception.open_message(envelope)
        except MemoryFull:
            self.reset()
            self._refuse_message(replies.MEMORY_FULL)
            return
        self._message = _IncomingMessage(sink, self._reception.size_limit)
        self._lines.begin_content(self._take_content)
        self._session.reply(replies.START_INPUT)
        self._session.message_began()
        if self._session.steps is not None:
            self._session.steps.reached("content")

    # -- the message ------------------------------------------------------------

    def abort(self) -> bool:
        """Keep nothing of a message that is coming in; True when there was one."""
        message, self._message = self._message, None
        if message is not None:
            message.abort()
        return message is not None

    def _take_content(self, segment: bytes) -> None:
        assert self._message is not None
        rest = self._message.feed(segment)
        if rest is not None:
            message, self._message = self._message, None
            self._lines.end_content(rest)
            self._end_message(message)
            self._lines.run()

    def _end_message(self, message: _IncomingMessage) -> None:
        transcript = self._reception.transcript
        transcript.client(b"(a message of %d octets)" % message.size)
        transcript.client(b".")
        self.reset()
        self._session.message_ended()
        steps = self._session.steps
        if steps is None:
            self._judge_message(message)
        else:
            steps.reached("end", lambda: self._judge_message(message), message.abort)

    def _judge_message(self, message: _IncomingMessage) -> None:
        if message.refusal is not None:
            self._refuse_message(message.refusal)
            return
        assert message.sink is not None
        self._lines.ask(self._committed, message.sink, then=self._reply_to_message)

    def _committed(self, sink: IMessageSink) -> Deferred[Reply | None]:
        """Fire with None once the message will survive a crash, else with the refusal."""
        # Callbacks: this is done for each mail, and a coroutine costs several times as much.
        return maybeDeferred(sink.commit).addErrback(self._not_committed)

    def _not_committed(self, failure: Failure) -> Reply:
        if failure.check(MemoryFull):
            return replies.MEMORY_FULL
        if not failure.check(OSError):
            self.log.failure("While keeping a message", failure)
        return replies.LOCAL_ERROR

    def _reply_to_message(self, refusal: Reply | None) -> None:
        if refusal is not None:
            self._refuse_message(refusal)
        else:
            self._session.message_accepted()
            self._session.reply(replies.MESSAGE_ACCEPTED)

    def _refuse_message(self, reply: Reply) -> None:
        self._reception.message_refused(reply)
        self._session.reply(reply)
