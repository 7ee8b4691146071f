"""Mail transactions from the client's side: MAIL, RCPT and DATA, and the content behind them.

Extensions are used where the server has announced them and the client may use
them. With PIPELINING the recipients go out with MAIL, without waiting; DATA
waits until one of them is accepted, so that there is never a message for nobody.

Standards: RFC 5321 3.3, RFC 1870 (SIZE), 2920 (PIPELINING), 6152 (8BITMIME), 3461 (DSN).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import IO, TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from irsend.interfaces import Mailbox
from irsend.protocols.dot_stuffing import DotStuffing
from irsend.protocols.smtp_client_replies import ServerReply, UnreadableReply

if TYPE_CHECKING:
    from irsend.protocols.esmtp_client import ESMTPClient

_CHUNK = 65_536

Answers = dict[Mailbox, ServerReply]


class SMTPClientTransaction:
    """One mail transaction on a client's session. `answers` fires, or fails, as its session does."""

    def __init__(
        self,
        client: ESMTPClient,
        sender: Mailbox | None,
        recipients: Sequence[Mailbox],
        *,
        size: int = 0,
        eight_bit: bool = False,
        envelope_id: bytes = b"",
    ) -> None:
        self._client = client
        self._recipients = list(dict.fromkeys(recipients))
        self._mail = b"MAIL FROM:" + path_of(sender)
        notified = bool(envelope_id) and client.usable(b"DSN")
        if size and client.usable(b"SIZE"):
            self._mail += b" SIZE=%d" % size
        if eight_bit and client.usable(b"8BITMIME"):
            self._mail += b" BODY=8BITMIME"
        if notified:
            self._mail += b" RET=HDRS ENVID=" + xtext(envelope_id)
        self._notified = notified

    @inlineCallbacks
    def answers(
        self, content: IO[bytes], refusals: Answers
    ) -> Generator[Deferred[Any], Any, Answers]:
        """Send the content from where it stands; fires with the answer for each recipient.

        That is the answer to the content where it came so far, else the refusal,
        which stands in `refusals` as soon as it is heard.
        """
        client, recipients = self._client, self._recipients
        lines = [self._rcpt(one) for one in recipients]
        pipelined = client.usable(b"PIPELINING")
        mail = client.command(self._mail)
        ahead = [client.command(line) for line in lines] if pipelined else []
        for one in ahead:
            # Each is waited for in its turn; until then nobody hears of its failure.
            one.addErrback(_remembered)
        reply: ServerReply = yield mail
        results: Answers = {}
        for number, recipient in enumerate(recipients):
            if pipelined:
                answer = yield ahead[number]
                if not isinstance(answer, ServerReply):
                    raise answer
            elif reply.positive:
                answer = yield client.command(lines[number])
            else:
                answer = reply
            # What MAIL was answered says more than the 503 behind it.
            results[recipient] = answer if reply.positive else reply
            if not results[recipient].positive:
                refusals[recipient] = results[recipient]
        client.transaction = reply.positive
        accepted = [recipient for recipient in recipients if results[recipient].positive]
        if not accepted:
            return results
        reply = yield client.command(b"DATA", client.timeouts.data)
        if reply.code == 354:
            # Awaited from here on: a server may refuse in the middle of it.
            answer = client.content_begins()
            yield _Content(client, content).gone
            reply = yield answer
            client.transaction = False
        elif reply.positive:
            # It took a message that it has not seen.
            wrong = UnreadableReply(f"the server answered DATA with {reply.code}")
            client.give_up(wrong)
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
    """The content of one mail on its way, a piece whenever the transport has taken the last.

    A piece is read ahead, and so the end mark goes with the last one: a small mail
    is one write, in one turn of the reactor.
    """

    def __init__(self, client: ESMTPClient, content: IO[bytes]) -> None:
        self._client = client
        self._content = content
        self._stuffing = DotStuffing()
        self._octets = 0
        self._ahead: bytes | None = None
        self.gone: Deferred[None] = Deferred()
        """Fires when nothing more of it will be read, be it whole or cut. Never fails."""
        client.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """Write the next piece."""
        client = self._client
        try:
            piece = self._read() if self._ahead is None else self._ahead
            self._ahead = self._read()
        except OSError as problem:
            client.transport.unregisterProducer()
            self.stopProducing()
            client.give_up(problem)
            return
        self._octets += len(piece)
        outgoing = self._stuffing.feed(piece)
        if self._ahead:
            client.content_went(self._octets)
            client.transport.write(outgoing)
        else:
            client.transport.unregisterProducer()
            client.content_ends(outgoing + self._stuffing.end(), self._octets)
            self.gone.callback(None)

    def _read(self) -> bytes:
        return self._content.read(_CHUNK)

    def stopProducing(self) -> None:
        """Hear that the connection is at its end; the answer fails with the reason, or has come."""
        self._client.transcript.note(f"the message was cut after {self._octets} octets")
        self.gone.callback(None)


def _remembered(failure: Any) -> Any:
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
