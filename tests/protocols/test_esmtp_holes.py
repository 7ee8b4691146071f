"""The holes of Twisted's ESMTP, each shown there and mended here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.mail import smtp
from twisted.trial import unittest
from zope.interface import implementer

from irsend.interfaces import ACCEPT, Verdict
from irsend.protocols.esmtp import ESMTP
from irsend.services.receive.smtp_server_session import SMTPServerSession
from tests.parts import mails_in, make_parts, server_tls
from tests.protocols.holes import hole
from tests.wire import Wire, old_tls


@implementer(smtp.IMessage)
class _Message:
    def __init__(self, kept: list[bytes]) -> None:
        self._kept, self._lines = kept, b""

    def lineReceived(self, line: bytes) -> None:
        self._lines += line + b"\r\n"

    def eomReceived(self) -> Deferred[None]:
        self._kept.append(self._lines)
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    def connectionLost(self) -> None:
        pass


@implementer(smtp.IMessageDelivery)
class _Delivery:
    """Takes everything; the verdict on a recipient called `later` waits."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.later: Deferred[Any] = Deferred()

    def receivedHeader(self, *_: Any) -> bytes:
        return b""

    def validateFrom(self, _helo: Any, origin: Any) -> Any:
        return origin

    def validateTo(self, user: Any) -> Any:
        if user.dest.local == b"later":
            return self.later.addCallback(lambda _: lambda: _Message(self.kept))
        return lambda: _Message(self.kept)


class _Side:
    """One class under test, at the end of a wire."""

    wire: Wire
    kept: Callable[[], list[bytes]]
    """Returns the mails that were taken."""
    later: Deferred[Any]

    def say(self, *lines: bytes) -> bytes:
        """Send these lines in one segment and return the replies."""
        self.wire.deliver(b"".join(line + b"\r\n" for line in lines))
        return self.wire.taken()

    def codes(self, *lines: bytes) -> list[bytes]:
        """Return the reply codes to these lines."""
        return [line[:3] for line in self.say(*lines).split(b"\r\n") if line[3:4] == b" "]


class _Later(SMTPServerSession):
    """The machine's reception, whose verdict on a recipient called `later` waits."""

    later: Deferred[Any]

    def recipient_allowed(self, recipient: Any) -> Any:
        return (
            self.later if recipient.local == b"later" else super().recipient_allowed(recipient)
        )


class EsmtpHoleTests(unittest.SynchronousTestCase):
    """What a server must do, on Twisted's class and on ours."""

    side: _Side

    def twisted(self) -> _Side:
        """Return Twisted's own class on a wire."""
        side = _Side()
        delivery = _Delivery()
        protocol = smtp.ESMTP(contextFactory=server_tls())
        protocol.delivery = delivery
        protocol.timeout = None
        protocol.noisy = False
        side.wire, side.later = Wire(protocol), delivery.later
        side.kept = lambda: delivery.kept
        side.wire.connect()
        side.wire.taken()
        return side

    def ours(self) -> _Side:
        """Return ours, receiving for the machine."""
        side = _Side()
        self.parts = parts = make_parts(
            Path(self.mktemp()),
            settings={"authent_encryption.allow_ssl_smtp_receive": "on"},
            message_size=1,
        )
        side.later = Deferred()
        side.later.addCallback(lambda _: ACCEPT)

        def receive(transport: Any) -> SMTPServerSession:
            reception: Any = parts.smtp_session(_Later)
            reception.later = side.later
            return reception

        side.wire = Wire(ESMTP(receive, parts.clock))
        side.wire.connect()
        side.wire.taken()
        side.kept = lambda: mails_in(parts)
        return side

    def begin(self) -> None:
        """Go as far as DATA."""
        self.side.say(b"EHLO client.test", b"MAIL FROM:<a@b.test>")
        self.side.say(b"RCPT TO:<fax@ir2270.bench.test>")
        self.assertEqual(self.side.codes(b"DATA"), [b"354"])

    @hole()
    def test_plain_text_behind_starttls(self) -> None:
        """Commands behind STARTTLS in its own segment have no effect inside TLS (CVE-2011-0411)."""
        self.side.say(b"EHLO client.test")
        self.side.say(b"STARTTLS", b"MAIL FROM:<evil@b.test>")
        if self.side.wire.closed:
            return
        self.side.wire.peer_begins_tls(old_tls())
        self.assertNotIn(b"250", self.side.codes(b"RCPT TO:<fax@ir2270.bench.test>"))

    @hole()
    def test_greeting_from_before_tls(self) -> None:
        """After the handshake EHLO and MAIL are needed again."""
        self.side.say(b"EHLO client.test")
        self.side.say(b"MAIL FROM:<a@b.test>")
        self.side.wire.deliver(b"STARTTLS\r\n")
        self.side.wire.taken()
        self.assertTrue(self.side.wire.peer_begins_tls(old_tls()))
        self.assertEqual(self.side.codes(b"RCPT TO:<fax@ir2270.bench.test>"), [b"503"])

    @hole()
    def test_long_line_in_message(self) -> None:
        """A line of 20,000 octets inside a message does not turn the rest into commands."""
        self.begin()
        self.side.wire.deliver(b"x" * 20_000)
        self.side.wire.deliver(b"\r\n")
        self.assertEqual(self.side.codes(b"NOOP", b"."), [b"250"])
        self.assertEqual(len(self.side.kept()), 1)

    @hole()
    def test_replies_in_order(self) -> None:
        """A command behind one whose verdict is awaited waits too."""
        self.side.say(b"EHLO client.test", b"MAIL FROM:<a@b.test>")
        self.assertEqual(
            self.side.codes(b"RCPT TO:<later@ir2270.bench.test>", b"NOOP x", b"RSET"), []
        )
        self.side.later.callback(None)
        self.side.wire.deliver(b"")
        replies = self.side.wire.taken().split(b"\r\n")
        self.assertEqual([line[:3] for line in replies if line], [b"250", b"250", b"250"])

    @hole()
    def test_size_limit(self) -> None:
        """A message over the limit is read to its end and refused there with 552."""
        self.begin()
        for _ in range(20):
            self.side.wire.deliver(b"x" * 70_000 + b"\r\n")
        self.assertEqual(self.side.codes(b"."), [b"552"])
        self.assertEqual(self.side.codes(b"RSET"), [b"250"])

    @hole()
    def test_size_announced(self) -> None:
        """A SIZE over the limit is refused at MAIL with 552 (RFC 1870)."""
        self.side.say(b"EHLO client.test")
        self.assertEqual(self.side.codes(b"MAIL FROM:<a@b.test> SIZE=200000000"), [b"552"])

    @hole()
    def test_recipient_limit(self) -> None:
        """The 101st recipient is refused with 452."""
        self.side.say(b"EHLO client.test", b"MAIL FROM:<a@b.test>")
        for _ in range(100):
            self.side.say(b"RCPT TO:<fax@ir2270.bench.test>")
        self.assertEqual(self.side.codes(b"RCPT TO:<fax@ir2270.bench.test>"), [b"452"])

    @hole()
    def test_command_length(self) -> None:
        """A command line of over 2,048 octets is refused with 500."""
        self.assertEqual(self.side.codes(b"HELO " + b"x" * 3000), [b"500"])

    @hole()
    def test_error_limit(self) -> None:
        """The tenth error ends the session with 421."""
        self.assertEqual(self.side.codes(*[b"WHAT"] * 11)[-1], b"421")
        self.assertTrue(self.side.wire.closed)

    @hole()
    def test_mail_before_ehlo(self) -> None:
        """MAIL before EHLO or HELO is refused with 503."""
        self.assertEqual(self.side.codes(b"MAIL FROM:<a@b.test>"), [b"503"])

    @hole(raises=IndexError)
    def test_bare_auth(self) -> None:
        """AUTH without an argument gets a reply, not an exception."""
        self.side.say(b"EHLO client.test")
        self.assertEqual(self.side.codes(b"AUTH"), [b"502"])

    @hole()
    def test_small_commands(self) -> None:
        """NOOP, VRFY and HELP are known: 250, 252, 214."""
        self.assertEqual(
            self.side.codes(b"NOOP", b"VRFY fax", b"HELP"), [b"250", b"252", b"214"]
        )

    @hole()
    def test_unknown_parameter(self) -> None:
        """A parameter that was not announced is refused with 555."""
        self.side.say(b"EHLO client.test")
        self.assertEqual(self.side.codes(b"MAIL FROM:<a@b.test> COLOUR=RED"), [b"555"])

    @hole()
    def test_announcements(self) -> None:
        """EHLO announces SIZE, 8BITMIME, PIPELINING, ENHANCEDSTATUSCODES and DSN."""
        answer = self.side.say(b"EHLO client.test")
        for word in (b"SIZE", b"8BITMIME", b"PIPELINING", b"ENHANCEDSTATUSCODES", b"DSN"):
            self.assertIn(word, answer)

    @hole()
    def test_address_literal(self) -> None:
        """A recipient at an address literal is taken."""
        self.side.say(b"EHLO client.test", b"MAIL FROM:<a@b.test>")
        self.assertEqual(self.side.codes(b"RCPT TO:<fax@[192.0.2.1]>"), [b"250"])

    @hole()
    def test_whole_segments(self) -> None:
        """A message reaches its sink in segments, not line by line."""
        writes: list[int] = []
        if isinstance(self.side.wire.protocol, ESMTP):
            memory = self.parts.memory
            open_message = memory.open_message

            def counted(*arguments: Any, **named: Any) -> Any:
                message = open_message(*arguments, **named)
                write = message.write
                message.write = lambda content: (writes.append(1), write(content))[1]  # type: ignore[method-assign]
                return message

            memory.open_message = counted  # type: ignore[method-assign]
            self.begin()
        else:
            self.begin()
            take = _Message.lineReceived
            self.patch(
                _Message, "lineReceived", lambda m, line: (writes.append(1), take(m, line))[1]
            )
        self.side.wire.deliver(b"line\r\n" * 10_000)
        self.side.say(b".")
        self.assertLess(len(writes), 10)

    def test_verdict_is_a_value(self) -> None:
        """A refusal carries its reply, and an acceptance none."""
        self.assertIsNone(ACCEPT.reply)
        self.assertIsInstance(ACCEPT, Verdict)
