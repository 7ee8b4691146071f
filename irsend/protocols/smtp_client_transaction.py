"""Mail transactions from the client's side: MAIL, RCPT and DATA, and the content behind them.

Extensions are used where the server has announced them and the client may use
them. With PIPELINING the recipients go out with MAIL, without waiting; DATA
waits until one of them is accepted, so that no message is sent without a recipient.

Standards: RFC 5321 3.3, RFC 1870 (SIZE), 2920 (PIPELINING), 6152 (8BITMIME), 3461 (DSN).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.interfaces import ITranscript, Mailbox
from irsend.protocols.smtp_client_dialect import Dialect
from irsend.protocols.smtp_client_replies import ServerReply, Timeouts, UnreadableReply

_CHUNK = 65_536

Answers = dict[Mailbox, ServerReply]


class TransactionSession(Protocol):
    """What a mail transaction needs of the session it is part of."""

    transport: Any
    transcript: ITranscript
    timeouts: Timeouts
    dialect: Dialect

    def usable(self, keyword: bytes) -> bool:
        """Say whether the server has announced an extension, and the client may use it."""

    def command(self, line: bytes, timeout: float | None = None) -> Deferred[ServerReply]:
        """Send a line; fires with the reply, whatever it is."""

    def content_begins(self) -> Deferred[ServerReply]:
        """Return a Deferred of the reply to the content that goes out from here on."""

    def content_went(self, octets: int) -> None:
        """Note that the transport has taken so many octets of it in all."""

    def content_ends(self, last: bytes, mark: bytes, octets: int) -> None:
        """Send the last of so many octets, and the end mark as the dialect has it."""

    def abort(self, why: BaseException) -> None:
        """End the session at once; each reply that is awaited fails with this."""


class SMTPClientTransaction:
    """One mail transaction of a session."""

    def __init__(
        self,
        session: TransactionSession,
        sender: Mailbox | None,
        recipients: Sequence[Mailbox],
        *,
        size: int = 0,
        eight_bit: bool = False,
        envelope_id: bytes = b"",
    ) -> None:
        self._session = session
        self._recipients = list(dict.fromkeys(recipients))
        self._mail = b"MAIL FROM:" + path_of(sender)
        notified = bool(envelope_id) and session.usable(b"DSN")
        if size and session.usable(b"SIZE"):
            self._mail += b" SIZE=%d" % size
        if eight_bit and session.usable(b"8BITMIME"):
            self._mail += b" BODY=8BITMIME"
        if notified:
            self._mail += b" RET=HDRS ENVID=" + xtext(envelope_id)
        self._notified = notified
        self.open = False
        """True from an accepted MAIL to the reply to the content; only RSET ends it earlier."""

    async def deliver(self, content: IO[bytes] | None, refusals: Answers) -> Answers:
        """Send the content from where it stands; return the reply for each recipient.

        That is the reply to the content where the transaction came so far, else the
        refusal, which is put into `refusals` as soon as it is read. Without content
        RSET takes the place of DATA, and an accepted recipient has its reply to RCPT.
        Raises what ends the session.
        """
        session, recipients = self._session, self._recipients
        lines = [self._rcpt(one) for one in recipients]
        pipelined = session.usable(b"PIPELINING")
        mail = session.command(self._mail)
        # Each is awaited in its turn; until then its failure is kept as a value.
        ahead: list[Deferred[ServerReply | BaseException]] = (
            [session.command(line).addErrback(_exception_of) for line in lines]
            if pipelined
            else []
        )
        reply = await mail
        results: Answers = {}
        for number, recipient in enumerate(recipients):
            answer: ServerReply | BaseException = reply
            if pipelined:
                answer = await ahead[number]
            elif reply.positive:
                answer = await session.command(lines[number])
            if isinstance(answer, BaseException):
                raise answer
            # The reply to MAIL says more than the 503 behind it.
            results[recipient] = answer if reply.positive else reply
            if not results[recipient].positive:
                refusals[recipient] = results[recipient]
        self.open = reply.positive
        accepted = [recipient for recipient in recipients if results[recipient].positive]
        if content is None and self.open:
            await session.command(b"RSET")
            self.open = False
        if content is None or not accepted:
            return results
        reply = await session.command(b"DATA", session.timeouts.data)
        if reply.means(354):
            # Awaited from here on: a server may refuse in the middle of it.
            taken = session.content_begins()
            await _Content(session, content).done
            reply = await taken
            self.open = False
        elif reply.positive:
            # It accepts a message that it has not read.
            wrong = UnreadableReply(f"the server answered DATA with {reply.code}")
            session.abort(wrong)
            raise wrong
        results.update(dict.fromkeys(accepted, reply))
        return results

    def _rcpt(self, recipient: Mailbox) -> bytes:
        line = b"RCPT TO:" + path_of(recipient)
        if self._notified:
            address = xtext(bytes(recipient))
            line += b" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;" + address
        return line


@implementer(IPullProducer)
class _Content:
    """Writes the content of one mail, a piece whenever the transport has taken the last.

    A piece is read ahead, and so the end mark goes with the last one: a small mail
    is one write, in one turn of the reactor.
    """

    def __init__(self, session: TransactionSession, content: IO[bytes]) -> None:
        self._session = session
        self._content = content
        self._stuffing = session.dialect.content()
        self._octets = 0
        self._ahead: bytes | None = None
        self.done: Deferred[None] = Deferred()
        """Fires when nothing more of it will be read, be it whole or cut. Never fails."""
        session.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """Write the next piece."""
        session = self._session
        try:
            piece = self._read() if self._ahead is None else self._ahead
            self._ahead = self._read()
        except OSError as problem:
            session.transport.unregisterProducer()
            self.stopProducing()
            session.abort(problem)
            return
        self._octets += len(piece)
        outgoing = self._stuffing.feed(piece)
        if self._ahead:
            session.content_went(self._octets)
            session.transport.write(outgoing)
        else:
            session.transport.unregisterProducer()
            session.content_ends(outgoing, self._stuffing.end(), self._octets)
            self.done.callback(None)

    def _read(self) -> bytes:
        return self._content.read(_CHUNK)

    def stopProducing(self) -> None:
        """Stop, since the connection is at its end; the reply fails with the reason, or has come."""
        self._session.transcript.note(f"the message was cut after {self._octets} octets")
        self.done.callback(None)


def _exception_of(failure: Failure) -> BaseException:
    assert failure.value is not None
    return failure.value


def path_of(mailbox: Mailbox | None) -> bytes:
    """Return a mailbox as MAIL and RCPT have it; None is the null reverse-path."""
    return b"<" + (bytes(mailbox) if mailbox else b"") + b">"


def xtext(text: bytes) -> bytes:
    """Return text as the DSN parameters have it: what they cannot hold in hexadecimal (RFC 3461 4)."""
    return b"".join(
        b"%c" % sign if 33 <= sign <= 126 and sign not in b"+=" else b"+%02X" % sign
        for sign in text
    )
