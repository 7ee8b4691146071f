"""The dialect of an SMTP client: the forms of its lines, of its content, and of what it reads."""

from __future__ import annotations

import io
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial import unittest

from irsend.interfaces import Mailbox
from irsend.protocols.dot_stuffing import DotStream
from irsend.protocols.esmtp_client import ESMTPClient
from irsend.protocols.smtp_client_dialect import (
    STANDARD,
    BareLFStuffing,
    Dialect,
    Hello,
    LateFinalDot,
    LooseCommandForm,
)
from irsend.protocols.smtp_client_replies import FirstDigitReplyLines, UnreadableReply
from irsend.protocols.transcript import Transcript
from tests.wire import PullWire

_LINE = st.sampled_from([b"", b".", b"..", b".x", b"x", b"x."])


class ContentTests(unittest.SynchronousTestCase):
    """Content whose lines end in LF."""

    @settings(deadline=None)
    @given(st.lists(_LINE), st.lists(st.integers(0, 60)), st.booleans())
    def test_any_split(self, lines: list[bytes], cuts: list[int], ended: bool) -> None:
        """However it is fed, no server can find an end mark but at its end, nor anything changed but LF."""
        content = b"".join(line + b"\r\n" for line in lines) + (b"" if ended else b"tail")
        at = sorted({0, *(cut for cut in cuts if cut < len(content)), len(content)})
        stuffing = BareLFStuffing()
        sent = b"".join(stuffing.feed(content[start:end]) for start, end in pairwise(at))
        sent += stuffing.end()
        text = sent.removesuffix(b"\r\n.\r\n")
        self.assertNotEqual(text, sent)
        self.assertNotIn(b"\r", text)
        self.assertNotIn(b".", text.split(b"\n"))
        # A server that takes LF for CR LF has the content as it was.
        found, rest = DotStream().feed(text.replace(b"\n", b"\r\n") + b"\r\n.\r\n")
        self.assertEqual(rest, b"")
        self.assertEqual(
            b"".join(found), content if content.endswith(b"\r\n") else content + b"\r\n"
        )

    def test_stray_cr(self) -> None:
        """A dot behind CR CR LF, which is no line of a mail's, is doubled too."""
        stuffing = BareLFStuffing()
        sent = stuffing.feed(b"x\r\r") + stuffing.feed(b"\n.\r") + stuffing.feed(b"\r\n")
        self.assertEqual(sent + stuffing.end(), b"x\r\n..\r\r\n.\r\n")


class CommandTests(unittest.SynchronousTestCase):
    """Commands as they are written."""

    def test_forms(self) -> None:
        """Words change their case and get their space; addresses, names and parameters stay as they are."""
        both = LooseCommandForm(lower_case=True, space=True)
        for command, written in (
            (b"EHLO IR.Bench.test", b"ehlo IR.Bench.test"),
            (b"EHLO", b"ehlo"),
            (b"AUTH CRAM-MD5", b"auth CRAM-MD5"),
            (b"MAIL FROM:<A:<B>@X> SIZE=3", b"mail from: <A:<B>@X> SIZE=3"),
            (b"RCPT TO:<TO:@X>", b"rcpt to: <TO:@X>"),
            (b"DATA", b"data"),
        ):
            self.assertEqual(both.written(command), written)
            self.assertEqual(LooseCommandForm().written(command), command)
            self.assertEqual(STANDARD.commands.written(command), command)

    def test_response_that_looks_like_a_command(self) -> None:
        """A response of AUTH is never changed, not even where its base64 is the word DATA."""
        client = _connected(Dialect(commands=LooseCommandForm(lower_case=True)))
        client.respond(b"DATA", shown=b"DATA")
        self.assertEqual(client.wire.taken(), b"DATA\r\n")


class HelloTests(unittest.SynchronousTestCase):
    """Greeting the server."""

    def test_helo_refused(self) -> None:
        """A machine that says HELO only says nothing more where it is refused."""
        client = _connected(Dialect(hello=Hello(commands=(b"HELO",))))
        greeted = client.hello()
        self.assertEqual(client.wire.taken(), b"HELO me\r\n")
        client.wire.deliver(b"502 no\r\n")
        self.failureResultOf(greeted)
        self.assertEqual(client.wire.taken(), b"")


class ReplyTests(unittest.SynchronousTestCase):
    """Replies of which only the first digit is read."""

    def test_differing_codes(self) -> None:
        """Lines of one reply may have codes that differ behind the first digit, and not in it."""
        lines = FirstDigitReplyLines()
        self.assertIsNone(lines.feed(b"251-a"))
        reply = lines.feed(b"250 b")
        assert reply is not None
        self.assertEqual((reply.code, reply.means(220), reply.means(354)), (250, True, False))
        self.assertIsNone(lines.feed(b"251-a"))
        self.assertRaises(UnreadableReply, lines.feed, b"550 b")

    def test_code_read(self) -> None:
        """530 is read as 500."""
        reply = FirstDigitReplyLines().feed(b"530 no")
        assert reply is not None
        self.assertEqual((reply.code_read, str(reply)), (500, "530 no"))


class FinalDotTests(unittest.SynchronousTestCase):
    """A final dot that is late."""

    def test_connection_lost_while_it_waits(self) -> None:
        """Where the connection is lost in front of the dot no timer is left, and the mail has failed."""
        clock = Clock()
        client = _connected(Dialect(final_dot=LateFinalDot(30)), clock)
        mailbox = Mailbox(b"a", b"b.test")
        sent = client.send(mailbox, [mailbox], io.BytesIO(b"x\r\n"))
        for answer in (b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n"):
            client.wire.deliver(answer)
        self.assertTrue(client.wire.taken().endswith(b"DATA\r\nx\r\n"))
        client.wire.lose()
        self.failureResultOf(sent)
        self.assertEqual(clock.getDelayedCalls(), [])


class _Client(ESMTPClient):
    wire: PullWire


def _connected(dialect: Dialect, clock: Clock | None = None) -> _Client:
    """Return a client that the server has greeted."""
    client = _Client(Transcript(lambda: 0.0), clock or Clock(), identity=b"me", dialect=dialect)
    client.wire = PullWire(client, protocol_is_client=True)
    client.wire.connect()
    client.wire.deliver(b"220 mx\r\n")
    return client
