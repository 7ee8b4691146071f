"""The sending side of SMTP: the holes of Twisted's ESMTPClient, and the conversations of ours."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from typing import IO, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.mail import smtp
from twisted.trial import unittest

from irsend.interfaces import Mailbox
from irsend.protocols.dot_stuffing import DotStream
from irsend.protocols.esmtp_client import ESMTPClient
from irsend.protocols.smtp_client_replies import Refused, ServerReply, Timeouts, UnreadableReply
from irsend.protocols.smtp_client_transaction import path_of
from irsend.protocols.tls import ClientTLS, TLSFailed
from irsend.protocols.tls_context import TLSProfile
from irsend.protocols.transcript import Transcript
from tests.parts import server_tls
from tests.protocols.holes import hole
from tests.wire import PullWire

SENDER = Mailbox(b"a", b"bench.test")
RECIPIENT = Mailbox(b"b", b"bench.test")
OTHER = Mailbox(b"c", b"bench.test")


def client_tls() -> ClientTLS:
    profile = TLSProfile(oldest="TLS 1.0", newest="TLS 1.3", ciphers="ALL:@SECLEVEL=0")
    return ClientTLS.build("mx.bench.test", profile)


class _TwistedClient(smtp.ESMTPClient):
    """Twisted's class, given one mail to send."""

    content = b""

    def getMailFrom(self) -> bytes:
        return b"a@bench.test"

    def getMailTo(self) -> list[bytes]:
        return [b"b@bench.test"]

    def getMailData(self) -> IO[bytes]:
        return io.BytesIO(self.content)

    def sentMail(self, *_: Any) -> None:
        pass


class _Side:
    """A client with one mail to send, and the test as its server."""

    line_end = b"\r\n"

    def connect(self, client: Any) -> None:
        self.wire = PullWire(client, protocol_is_client=True)
        self.wire.connect()

    def say(self, answer: bytes) -> bytes:
        self.wire.deliver(answer)
        return self.wire.taken()

    def into_data(self) -> bytes:
        """Lead it as far as its content, and return that."""
        self.say(b"220 mx\r\n")
        for _ in range(3):
            self.say(b"250 mx\r\n")
        return self.say(b"354 go on\r\n")


class _Twisted(_Side):
    line_end = b"\n"

    def begin(self, content: bytes = b"") -> None:
        self.clock = Clock()
        client = _TwistedClient(b"", client_tls(), b"me")
        client.callLater = self.clock.callLater  # type: ignore[method-assign,assignment]
        client.content = content
        self.connect(client)


class _Ours(_Side):
    def begin(self, content: bytes = b"") -> None:
        self.clock = Clock()
        client = ESMTPClient(Transcript(lambda: 0.0), self.clock, identity=b"me")
        self.connect(client)
        outcome = client.open_session(client_tls())
        outcome.addCallback(lambda _: client.send(SENDER, [RECIPIENT], io.BytesIO(content)))
        self.outcome: list[Any] = []
        outcome.addBoth(self.outcome.append)


class HoleTests(unittest.TestCase):
    """What Twisted's class leaves open."""

    side: Any
    twisted = _Twisted
    ours = _Ours

    @hole()
    def test_dot_where_a_chunk_begins(self) -> None:
        """A line with a dot that begins a chunk of the file goes out with two dots."""
        end = self.side.line_end
        chunk = b"x" * (65_536 - len(end)) + end
        self.side.begin(chunk + b"." + end + b"QUIT" + end)
        sent = self.side.into_data()
        self.assertTrue(sent.endswith(b"x\r\n..\r\nQUIT\r\n.\r\n"), repr(sent[-40:]))

    @hole()
    def test_dot_at_the_very_beginning(self) -> None:
        """A message whose first octet is a dot is not cut there."""
        self.side.begin(b"." + self.side.line_end + b"QUIT" + self.side.line_end)
        self.assertEqual(self.side.into_data(), b"..\r\nQUIT\r\n.\r\n")

    @hole()
    def test_canonical_line_ends_stay(self) -> None:
        """CR LF in the file is CR LF on the wire, not CR CR LF."""
        self.side.begin(b"one\r\ntwo\r\n")
        self.assertEqual(self.side.into_data(), b"one\r\ntwo\r\n.\r\n")

    @hole()
    def test_no_delay(self) -> None:
        """Small segments are not held back."""
        self.side.begin()
        self.assertTrue(self.side.wire.nodelay)

    @hole()
    def test_plain_text_behind_starttls(self) -> None:
        """Plain text behind the 220 to STARTTLS ends the session."""
        self.side.begin()
        self.side.say(b"220 mx\r\n")
        self.assertEqual(self.side.say(b"250-mx\r\n250 STARTTLS\r\n"), b"STARTTLS\r\n")
        self.side.say(b"220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n")
        self.assertTrue(self.side.wire.closed)

    @hole()
    def test_keywords_in_lower_case(self) -> None:
        """A server that announces `starttls` gets STARTTLS."""
        self.side.begin()
        self.side.say(b"220 mx\r\n")
        self.assertEqual(self.side.say(b"250-mx\r\n250 starttls\r\n"), b"STARTTLS\r\n")

    @hole()
    def test_starttls_refused_for_now(self) -> None:
        """After a 454 to STARTTLS the mail is sent in plain text."""
        self.side.begin()
        self.side.say(b"220 mx\r\n")
        self.side.say(b"250-mx\r\n250 STARTTLS\r\n")
        self.assertTrue(self.side.say(b"454 not now\r\n").startswith(b"MAIL FROM:"))

    @hole()
    def test_silent_server(self) -> None:
        """A server that does not greet within 300 s is given up."""
        self.side.begin()
        self.side.clock.advance(301)
        self.side.wire.deliver(b"")
        self.assertTrue(self.side.wire.closed)


class _Pieces:
    """A file that gives out its content in these pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def read(self, size: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


_LINE = st.sampled_from([b"", b".", b"..", b".x", b"x", b"x.", b"\r", b".\r", b"x\n.y"])


class ContentTests(unittest.TestCase):
    """The content between DATA and its reply."""

    @settings(deadline=None)
    @given(st.lists(_LINE), st.lists(st.integers(0, 60)), st.booleans())
    def test_any_split(self, lines: list[bytes], cuts: list[int], ended: bool) -> None:
        """However the file is read, a server finds the content whole and the end mark behind it."""
        content = b"".join(line + b"\r\n" for line in lines)
        content = content if ended else content + b"tail"
        at = sorted({0, *(cut for cut in cuts if cut < len(content)), len(content)})
        pieces = [content[start:end] for start, end in pairwise(at)]
        side = _Ours()
        side.begin()
        sent = _send(side, _Pieces(pieces))
        found, rest = DotStream().feed(sent)
        whole = b"".join(found)
        self.assertEqual(rest, b"")
        self.assertEqual(whole, content if ended else content + b"\r\n")


def _send(side: _Ours, content: Any) -> bytes:
    client = side.wire.protocol
    side.into_data()
    side.say(b"250 taken\r\n")
    client.send(SENDER, [RECIPIENT], content)
    side.say(b"250 MAIL\r\n")
    side.say(b"250 RCPT\r\n")
    return side.say(b"354 go on\r\n")


class ConversationTests(unittest.TestCase):
    """The commands of ours, and what follows from the replies."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.transcript = Transcript(lambda: 0.0)
        self.client = ESMTPClient(
            self.transcript, self.clock, identity=b"me", timeouts=Timeouts(end=50)
        )
        self.wire = PullWire(self.client, protocol_is_client=True)
        self.wire.connect()

    def say(self, answer: bytes) -> bytes:
        self.wire.deliver(answer)
        return self.wire.taken()

    def open(self, ehlo: bytes = b"250 mx\r\n") -> None:
        opened = self.client.open_session(None)
        self.assertEqual(self.say(b"220 mx\r\n"), b"EHLO me\r\n")
        self.say(ehlo)
        self.assertIsNone(self.successResultOf(opened))

    def send(
        self, *recipients: Mailbox, content: bytes = b"x\r\n", size: int = 0
    ) -> Deferred[dict[Mailbox, ServerReply]]:
        return self.client.send(SENDER, recipients, io.BytesIO(content), size=size)

    def test_each_recipient_has_its_answer(self) -> None:
        """A refused recipient has the refusal, the others the reply to the content."""
        self.open()
        sent = self.send(RECIPIENT, OTHER)
        self.assertEqual(self.wire.taken(), b"MAIL FROM:<a@bench.test>\r\n")
        self.assertEqual(self.say(b"250 OK\r\n"), b"RCPT TO:<b@bench.test>\r\n")
        self.assertEqual(
            self.say(b"550-no\r\n550 such user\r\n"), b"RCPT TO:<c@bench.test>\r\n"
        )
        self.assertEqual(self.say(b"250 OK\r\n"), b"DATA\r\n")
        self.assertEqual(self.say(b"354 go\r\n"), b"x\r\n.\r\n")
        self.say(b"250 2.0.0 taken\r\n")
        self.assertEqual(
            self.successResultOf(sent),
            {
                RECIPIENT: ServerReply(550, (b"no", b"such user")),
                OTHER: ServerReply(250, (b"2.0.0 taken",)),
            },
        )

    def test_sender_refused(self) -> None:
        """A refusal of MAIL is every recipient's reply, and the session goes on."""
        self.open()
        sent = self.send(RECIPIENT, OTHER)
        self.say(b"530 Must issue a STARTTLS command first\r\n")
        answers = self.successResultOf(sent)
        self.assertEqual({reply.code for reply in answers.values()}, {530})
        self.send(RECIPIENT)
        self.assertTrue(self.wire.taken().startswith(b"MAIL"))

    def test_reset_between_messages(self) -> None:
        """Where no content followed, RSET stands before the next MAIL."""
        self.open()
        self.send(RECIPIENT)
        self.say(b"250 OK\r\n")
        self.assertEqual(self.say(b"450 not now\r\n"), b"")
        self.send(RECIPIENT)
        self.assertEqual(self.wire.taken(), b"RSET\r\n")

    def test_size_is_announced(self) -> None:
        """SIZE= is given to a server that has SIZE."""
        self.open(b"250-mx\r\n250 size 1000\r\n")
        self.send(RECIPIENT, size=3)
        self.assertEqual(self.wire.taken(), b"MAIL FROM:<a@bench.test> SIZE=3\r\n")

    def test_helo(self) -> None:
        """A server that does not know EHLO gets HELO."""
        opened = self.client.open_session(None)
        self.say(b"220 mx\r\n")
        self.assertEqual(self.say(b"500 what?\r\n"), b"HELO me\r\n")
        self.say(b"250 mx\r\n")
        self.assertIsNone(self.successResultOf(opened))

    def test_greeted_with_a_refusal(self) -> None:
        """A greeting of 554 is Refused, with the reply."""
        opened = self.client.open_session(None)
        self.say(b"554 no service\r\n")
        self.assertEqual(self.failureResultOf(opened, Refused).value.reply.code, 554)

    def test_refused_in_the_middle(self) -> None:
        """A refusal before the content is out is the reply, and nothing is sent after it."""
        self.open()
        sent = self.send(RECIPIENT, content=b"x" * 200_000)
        self.say(b"250 OK\r\n")
        self.say(b"250 OK\r\n")
        self.wire.stalled = True
        self.say(b"354 go\r\n")
        self.say(b"552 too large\r\n")
        self.assertEqual(self.successResultOf(sent)[RECIPIENT].code, 552)
        self.assertTrue(self.wire.closed)

    def test_taken_before_its_end(self) -> None:
        """A 250 before the content is out ends the session with an error."""
        self.open()
        sent = self.send(RECIPIENT, content=b"x" * 200_000)
        self.say(b"250 OK\r\n")
        self.say(b"250 OK\r\n")
        self.wire.stalled = True
        self.say(b"354 go\r\n")
        self.say(b"250 taken\r\n")
        self.failureResultOf(sent, UnreadableReply)

    def test_data_answered_with_250(self) -> None:
        """A 250 to DATA ends the session with an error: the server has read no content."""
        self.open()
        sent = self.send(RECIPIENT)
        for _ in range(3):
            self.say(b"250 OK\r\n")
        self.failureResultOf(sent, UnreadableReply)

    def test_connection_lost_inside_a_message(self) -> None:
        """A connection lost before the reply is an error, not a reply."""
        self.open()
        sent = self.send(RECIPIENT)
        self.say(b"250 OK\r\n")
        self.say(b"250 OK\r\n")
        self.say(b"354 go\r\n")
        self.wire.lose()
        self.failureResultOf(sent, error.ConnectionLost)
        self.assertIsNone(self.successResultOf(self.client.closed))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_timeout_of_its_own(self) -> None:
        """The reply to the content has a timeout of its own."""
        self.open()
        sent = self.send(RECIPIENT)
        self.say(b"250 OK\r\n")
        self.say(b"250 OK\r\n")
        self.say(b"354 go\r\n")
        self.clock.advance(49)
        self.say(b"")
        self.assertNoResult(sent)
        self.clock.advance(2)
        self.say(b"")
        self.failureResultOf(sent, error.TimeoutError)

    def test_not_smtp(self) -> None:
        """A line that is no SMTP reply ends the session with UnreadableReply."""
        for answer in (b"HTTP/1.1 400 Bad\r\n", b"250-a\r\n251 b\r\n", b"20\r\n", b"999 x\r\n"):
            with self.subTest(answer=answer):
                self.setUp()
                opened = self.client.open_session(None)
                self.say(b"220 mx\r\n")
                self.say(answer)
                self.failureResultOf(opened, UnreadableReply)

    def test_spoke_without_being_asked(self) -> None:
        """A second reply to one command ends the session: it would be taken for the next one's."""
        self.open()
        self.say(b"250 and more\r\n")
        self.failureResultOf(self.client.command(b"NOOP"), UnreadableReply)
        self.assertTrue(self.wire.closed)

    def test_quit(self) -> None:
        """After the reply to QUIT the client closes the connection if the server does not."""
        self.open()
        gone = self.client.quit()
        self.assertEqual(self.wire.taken(), b"QUIT\r\n")
        self.say(b"221 bye\r\n")
        self.assertIsNone(self.successResultOf(gone))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_transcript(self) -> None:
        """The transcript has both sides, and the content as a count."""
        self.open()
        self.send(RECIPIENT)
        self.say(b"250 OK\r\n")
        self.say(b"250 OK\r\n")
        self.say(b"354 go\r\n")
        shown = [str(line) for line in self.transcript.lines()]
        self.assertEqual(
            shown[-4:], ["C: DATA", "S: 354 go", "C: (a message of 3 octets)", "C: ."]
        )


class TLSTests(unittest.TestCase):
    """STARTTLS, with real TLS."""

    def setUp(self) -> None:
        self.client = ESMTPClient(Transcript(lambda: 0.0), Clock(), identity=b"me")
        self.wire = PullWire(self.client, protocol_is_client=True)
        self.wire.connect()
        self.opened = self.client.open_session(client_tls())
        self.wire.deliver(b"220 mx\r\n")
        self.wire.deliver(b"250-mx\r\n250-SIZE\r\n250 STARTTLS\r\n")
        self.wire.taken()
        self.wire.deliver(b"220 go\r\n")

    def test_second_ehlo(self) -> None:
        """After the handshake EHLO is sent again, and what was announced before it is forgotten."""
        self.assertTrue(self.wire.peer_begins_tls(server_tls().context, server=True))
        self.assertEqual(self.wire.taken(), b"EHLO me\r\n")
        self.assertEqual(self.client.extensions, {})
        self.wire.deliver(b"250-mx\r\n250 8BITMIME\r\n")
        self.successResultOf(self.opened)
        self.assertEqual(list(self.client.extensions), [b"8BITMIME"])
        assert self.client.tls is not None
        self.assertTrue(self.client.tls[0].startswith("TLS 1."))

    def test_no_tls_behind_the_220(self) -> None:
        """A server that goes on in plain text has failed at TLS."""
        self.wire.deliver(b"250 mx\r\n")
        self.wire.lose()
        self.failureResultOf(self.opened, TLSFailed)


class PathTests(unittest.TestCase):
    """Mailboxes as MAIL and RCPT have them."""

    def test_paths(self) -> None:
        """A local part is quoted where, and only where, it must be."""
        for mailbox, path in (
            (None, b"<>"),
            (SENDER, b"<a@bench.test>"),
            (Mailbox(b"Postmaster", b""), b"<Postmaster>"),
            (Mailbox(b"a b", b"c.test"), b'<"a b"@c.test>'),
            (Mailbox(b'a"\\b', b"c.test"), rb'<"a\"\\b"@c.test>'),
            (Mailbox(b".a", b"c.test"), b'<".a"@c.test>'),
            (Mailbox(b"a", b"[192.0.2.1]"), b"<a@[192.0.2.1]>"),
        ):
            with self.subTest(mailbox=mailbox):
                self.assertEqual(path_of(mailbox), path)

    def test_replies_in_words(self) -> None:
        """A reply is shown on one line."""
        self.assertTrue(
            re.fullmatch("550 no such user", str(ServerReply(550, (b"no", b"such user"))))
        )
