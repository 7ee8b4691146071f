"""Mail from the machine at the mail host: identical, for any content and in any segments."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from irsend.interfaces import Mailbox
from irsend.mailhost.queue import Queue
from irsend.mailhost.relay import Relay
from irsend.message.compose import compose
from irsend.protocols.esmtp_client import ESMTPClient
from irsend.protocols.sasl import Credentials, make_mechanism
from irsend.protocols.transcript import Transcript
from tests.mailhost.hosts import StandInMachine, mails_in, make_maildirs
from tests.message.test_compose import CANON, attached, draft
from tests.parts import AT, at_once, server_tls
from tests.wire import PullWire, Wire

IR = Mailbox(b"ir", b"bench.test")
_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=80)
# Lines that have cut messages, or run as commands, in one program or another.
_LINES = st.lists(
    st.sampled_from(
        [b"", b".", b"..", b".x", b"QUIT", b"x" * 998, b"\r", b".\r", b"a\n.\nb", b"\0\xff"]
    ),
    max_size=12,
)


class ArrivalTests(unittest.TestCase):
    """A client and the mail host's relay, with a wire between."""

    def setUp(self) -> None:
        """Make the mail host."""
        self.accounts, self.maildirs = make_maildirs(self)
        clock, machine = Clock(), StandInMachine()
        self.relay = Relay(
            host=b"localhost",
            accounts=self.accounts,
            maildirs=self.maildirs,
            queue=Queue(self.maildirs, self.accounts, machine, clock, lambda: AT, at_once),
            machine=machine,
            tls=server_tls,
            clock=clock,
            now=lambda: AT,
        )

    def connect(self, cut: int) -> None:
        """Connect a client, whose octets come in pieces of `cut`."""
        self.cut = cut
        self.transcript = Transcript(lambda: AT)
        self.client = ESMTPClient(self.transcript, Clock(), identity=b"ir2270")
        self.wires = (
            PullWire(self.client, protocol_is_client=True),
            Wire(self.relay.session(lambda _: None)),
        )
        for wire in self.wires:
            wire.connect()

    def ended(self, doing: Deferred[Any]) -> Any:
        """Carry the octets of both to the other until it is done."""
        mine, theirs = self.wires
        for _ in range(100):
            said, answered = mine.taken(), theirs.taken()
            for at in range(0, len(said), self.cut):
                theirs.deliver(said[at : at + self.cut])
            mine.deliver(answered)
            if not said and not answered:
                break
        return self.successResultOf(doing)

    def sent(self, mail: bytes, cut: int) -> bytes:
        """Send a mail; return what arrived, without the mail host's trace."""
        self.connect(cut)
        self.ended(self.client.open_session(None))
        sending = self.client.send(IR, [IR], io.BytesIO(mail), size=len(mail))
        self.assertTrue(self.ended(sending)[IR].positive)
        memory = self.maildirs.of_account("ir@bench.test")
        (arrived,) = mails_in(memory)
        for name in memory.names():
            memory.delete(name)
        # Return-Path, Delivered-To, and Received on three lines.
        return arrived.split(b"\r\n", 5)[5]

    @given(_TEXT, _TEXT, st.binary(max_size=500), st.integers(1, 700))
    @settings(max_examples=60, deadline=None)
    def test_composed(self, subject: str, text: str, content: bytes, cut: int) -> None:
        """Any mail that the machine composes arrives octet for octet, in whatever pieces it comes."""
        into = io.BytesIO()
        compose(
            draft(subject=subject, text=text, attachments=(attached(content),)), CANON, into
        )
        self.assertEqual(self.sent(into.getvalue(), cut), into.getvalue())

    @given(_LINES, st.integers(1, 30))
    @settings(max_examples=100, deadline=None)
    def test_any_content(self, lines: list[bytes], cut: int) -> None:
        """So does any other content, whatever stands at the beginning of its lines."""
        mail = b"".join(line + b"\r\n" for line in [b"Subject: x", b"", *lines])
        self.assertEqual(self.sent(mail, cut), mail)

    def test_each_login(self) -> None:
        """The machine logs in by each mechanism that the mail host offers, and with no other password."""
        for name in ("SCRAM-SHA-256", "DIGEST-MD5", "CRAM-MD5", "LOGIN", "PLAIN"):
            for password, code in ((b"bench", 235), (b"marked", 535)):
                self.connect(1000)
                self.ended(self.client.open_session(None))
                self.assertIn(name, self.client.mechanisms)
                credentials = Credentials(
                    user=b"ir@bench.test", password=password, service="smtp", host="localhost"
                )
                login = self.client.log_in(make_mechanism(name, credentials))
                self.assertEqual(self.ended(login).code, code, name)
                shown = "\n".join(map(str, self.transcript.lines()))
                self.assertNotIn("marked", shown)

    def test_unknown_mechanism(self) -> None:
        """A mechanism that the mail host does not have is answered 504 (RFC 4954 4)."""
        self.connect(1000)
        self.ended(self.client.open_session(None))
        self.assertEqual(self.ended(self.client.command(b"AUTH NTLM")).code, 504)
