"""The holes of Twisted's AdvancedPOP3Client, each shown there and mended here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.mail import pop3
from twisted.trial import unittest
from zope.interface import implementer

from irsend.interfaces import IMessageSink
from irsend.protocols.pop3_client import POP3Client
from irsend.protocols.sasl import Credentials, make_mechanism
from irsend.protocols.tls import ClientTLS
from irsend.protocols.tls_context import TLSProfile
from irsend.protocols.transcript import Transcript
from tests.parts import key_material
from tests.protocols.holes import hole
from tests.wire import Wire, old_tls

_IR = Credentials(user=b"ir", password=b"bench", service="pop", host="pop.bench.test")


@implementer(IMessageSink)
class _Sink:
    """Keeps what is written, and counts the writes."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, content: bytes) -> None:
        self.pieces.append(content)

    def commit(self) -> Deferred[None]:
        raise AssertionError("the client commits nothing")

    def abort(self) -> None:
        self.pieces.clear()


class _Side:
    """One class under test, at the end of a wire."""

    wire: Wire
    client: Any
    log_in: Callable[[], Deferred[Any]]
    """Logs in with USER and PASS, as the settings ask for."""
    begin_tls: Callable[[], Deferred[Any]]
    retrieve: Callable[[int, list[bytes]], Deferred[Any]]
    """Fetches a message into a list, one entry for each piece."""

    def answer(self, *lines: bytes) -> bytes:
        """Say these lines in one segment and return what the client said next."""
        self.wire.deliver(b"".join(line + b"\r\n" for line in lines))
        return self.wire.taken()


_TLS = TLSProfile(oldest="TLS 1.0", newest="TLS 1.2", ciphers="ALL:@SECLEVEL=0")


class Pop3HoleTests(unittest.SynchronousTestCase):
    """What a client must do, on Twisted's class and on ours."""

    side: _Side

    def twisted(self) -> _Side:
        """Return Twisted's own class on a wire."""
        side = _Side()
        client = side.client = pop3.AdvancedPOP3Client()
        client.allowInsecureLogin = True

        def retrieve(index: int, pieces: list[bytes]) -> Deferred[Any]:
            answer: Deferred[Any] = client.retrieve(index, pieces.append)
            return answer

        side.log_in = lambda: client.login(b"ir", b"bench")
        side.begin_tls = lambda: client.startTLS(ClientTLS.build("pop.bench.test", _TLS))
        side.retrieve = retrieve
        return self.connected(side)

    def ours(self) -> _Side:
        """Return ours."""
        side = _Side()
        client = side.client = POP3Client(Transcript(lambda: 0.0), Clock())

        def log_in() -> Deferred[Any]:
            return client.user(b"ir").addCallback(lambda _: client.password(b"bench"))

        def begin_tls() -> Deferred[Any]:
            begun = client.capabilities()
            begun.addCallback(
                lambda _: client.start_tls(ClientTLS.build("pop.bench.test", _TLS))
            )
            return begun.addCallback(lambda _: client.capabilities())

        def retrieve(index: int, pieces: list[bytes]) -> Deferred[Any]:
            sink = _Sink()
            sink.pieces = pieces
            return client.retrieve_into(index, lambda: sink)

        side.log_in, side.begin_tls, side.retrieve = log_in, begin_tls, retrieve
        return self.connected(side)

    def connected(self, side: _Side) -> _Side:
        """Connect it, and greet with a timestamp."""
        side.wire = Wire(side.client, protocol_is_client=True)
        side.wire.connect()
        side.answer(b"+OK ready <1896.697170952@dbc.mtview.ca.us>")
        return side

    @hole()
    def test_login_method(self) -> None:
        """A timestamp in the greeting does not decide the method: USER is sent where it was asked for."""
        self.side.log_in().addErrback(lambda _: None)
        said = self.side.wire.taken()
        if said.startswith(b"CAPA"):
            said = self.side.answer(b"-ERR")
        self.assertEqual(said, b"USER ir\r\n")

    @hole()
    def test_plain_text_behind_stls(self) -> None:
        """Plain text behind the +OK to STLS ends the session, and is no reply given under TLS."""
        outcome: list[Any] = []
        self.side.begin_tls().addBoth(outcome.append)
        self.side.answer(b"+OK", b"STLS", b".")
        self.side.answer(b"+OK", b"+OK", b"SASL PLAIN", b".")
        context = old_tls()
        context.use_certificate(key_material().certificate)
        context.use_privatekey(key_material().key)
        if not self.side.wire.closed:
            self.side.wire.peer_begins_tls(context, server=True)
        self.assertTrue(self.side.wire.closed)
        self.assertIn("plain text behind", str(outcome[0].value))

    @hole(raises=AttributeError)
    def test_sasl(self) -> None:
        """AUTH logs in by SASL (RFC 5034)."""
        done = self.side.client.authenticate(make_mechanism("PLAIN", _IR))
        self.assertEqual(self.side.wire.taken(), b"AUTH PLAIN AGlyAGJlbmNo\r\n")
        self.side.answer(b"+OK welcome")
        self.assertEqual(self.successResultOf(done), b"welcome")

    @hole()
    def test_long_line(self) -> None:
        """A line of 20,000 octets inside a message does not end the session."""
        pieces: list[bytes] = []
        done = self.side.retrieve(0, pieces)
        outcome: list[Any] = []
        done.addBoth(outcome.append)
        self.side.answer(b"+OK", b"x" * 20_000, b".")
        self.assertFalse(self.side.wire.closed)
        self.assertEqual(sum(map(len, pieces)), 20_002)

    @hole()
    def test_whole_segments(self) -> None:
        """A message reaches its sink in segments, not line by line."""
        pieces: list[bytes] = []
        self.side.retrieve(0, pieces).addErrback(lambda _: None)
        self.side.answer(b"+OK")
        self.side.wire.deliver(b"line\r\n" * 10_000)
        self.side.answer(b".")
        self.assertLess(len(pieces), 10)

    @hole()
    def test_capability_case(self) -> None:
        """Capability names are in upper case, however the server writes them."""
        answer = self.side.client.capabilities()
        self.side.answer(b"+OK", b"stls", b".")
        self.assertIn(b"STLS", self.successResultOf(answer))

    @hole()
    def test_pipelining(self) -> None:
        """Where the server takes several commands at once, several are sent."""
        self.side.client.pipelining = True
        for index in range(3):
            self.side.retrieve(index, []).addErrback(lambda _: None)
        self.assertEqual(self.side.wire.taken(), b"RETR 1\r\nRETR 2\r\nRETR 3\r\n")
