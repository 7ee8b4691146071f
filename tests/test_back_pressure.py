"""Back pressure on real sockets: clients that send and do not read, at all four servers."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import ServerFactory
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase, TestCase

from irsend.back_pressure import BackPressure
from irsend.mailhost.queue import Queue
from irsend.mailhost.relay import Relay
from irsend.protocols.pop3_server import POP3
from irsend.protocols.transcript import Silence
from tests.mailhost.hosts import StandInMachine, make_maildirs
from tests.panel.served import ServedPanel
from tests.parts import at_once, make_parts
from tests.protocols.test_pop3_server import CHALLENGERS, MAIL, ListedMaildrop, portal

_MOST = 1_000_000
"""Octets that a server takes from a client that does not read, with all that the system buffers."""


class SilentReader:
    """A client that sends and does not read, until it is told to; its system buffers little."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setblocking(False)
        self.sent = 0
        self.heard = b""

    def send(self, octets: bytes) -> int:
        """Send what the server takes now; return how much that is."""
        try:
            sent = self._socket.send(octets)
        except BlockingIOError:
            return 0
        self.sent += sent
        return sent

    def read(self, most: int) -> bool:
        """Read some of what has come; False at the end."""
        try:
            octets = self._socket.recv(most)
        except BlockingIOError:
            return True
        self.heard += octets
        return bool(octets)

    def close(self) -> None:
        """Close."""
        self._socket.close()


def buffer_little(port: Any) -> None:
    """Let the system buffer little of the connections to this port: they inherit its options."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        port.socket.setsockopt(socket.SOL_SOCKET, option, 16_384)


async def turn() -> None:
    """Let the reactor turn."""
    await deferLater(reactor, 0.001, lambda: None)


class FloodCase(TestCase):
    """A server of one kind, and a client that floods it."""

    timeout = 60

    def listen(self, build: Callable[[], Any]) -> int:
        """Listen with this protocol; return the port."""
        factory = ServerFactory()
        factory.noisy = False
        self.protocols: list[Any] = []

        def build_protocol(_: object) -> Any:
            protocol = build()
            protocol.factory = factory
            self.protocols.append(protocol)
            return protocol

        factory.buildProtocol = build_protocol  # type: ignore[method-assign,assignment]
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        buffer_little(port)
        return int(port.getHost().port)

    def connect(self, port: int) -> SilentReader:
        """Connect; the connection is closed at the end of the test."""
        client = SilentReader(port)
        self.addCleanup(client.close)
        return client

    async def flood(self, client: SilentReader, commands: bytes, turns: int = 300) -> None:
        """Send commands until the server has taken none for so many turns of the reactor."""
        rest, idle = commands, 0
        while idle < turns:
            sent = client.send(rest)
            idle = 0 if sent else idle + 1
            rest = rest[sent:] + (commands if len(rest) - sent < len(commands) else b"")
            self.assertLess(client.sent, _MOST)
            await turn()

    async def drained(self, client: SilentReader, end: bytes, most: int = 100_000) -> None:
        """Read until this has come."""
        while end not in client.heard[-1000:]:
            self.assertTrue(client.read(most), client.heard[-100:])
            await turn()


class MailServerTests(FloodCase):
    """SMTP and POP3."""

    def pop3(self, mail: bytes = MAIL, clock: Any = reactor) -> POP3:
        """Make a POP3 session of a maildrop with this mail."""
        return POP3(
            portal(ListedMaildrop([mail])),
            lambda _: CHALLENGERS,
            lambda: None,
            Silence(),
            clock,
            host=b"bench.test",
        )

    def relay(self) -> Any:
        """Make an SMTP session of the mail host."""
        accounts, maildirs = make_maildirs(self)
        queue = Queue(maildirs, accounts, None, Clock(), lambda: 0.0, at_once)
        relay = Relay(
            host=b"localhost",
            accounts=accounts,
            maildirs=maildirs,
            queue=queue,
            machine=StandInMachine(),
            tls=lambda: None,
            clock=Clock(),  # type: ignore[arg-type]
            now=lambda: 0.0,
        )
        return relay.session(lambda _: None)

    def machine(self) -> Any:
        """Make an SMTP session of the machine."""
        parts = make_parts(Path(self.mktemp()), settings={"email_ifax.smtp_receive": True})
        receiving = parts.smtp_listener("")
        receiving.startService()
        return receiving._session()

    async def test_pop3(self) -> None:
        """A POP3 client that reads nothing is not read from either, and is answered in full when it reads."""
        client = self.connect(self.listen(self.pop3))
        await self.flood(client, b"USER ir\r\nPASS the pass\r\n" + b"CAPA\r\n" * 20_000)
        unsent = self.protocols[0].transport
        self.assertLess(len(unsent.dataBuffer) + unsent._tempDataLen, 200_000)
        self.assertTrue(self.protocols[0]._pressure.blocked)
        asked = (client.sent - 24) // 6
        while client.heard.count(b"+OK capabilities") < min(asked, 20_000):
            client.read(1_000_000)
            await turn()

    async def test_slow_pop3_client(self) -> None:
        """A client that reads little at a time gets its mail whole, however long that takes."""
        mail = b"Subject: long\r\n\r\n" + b"x" * 70 + b"\r\n" + b"a line of text\r\n" * 20_000
        clock = Clock()
        client = self.connect(self.listen(lambda: self.pop3(mail, clock)))
        client.send(b"USER ir\r\nPASS the pass\r\nRETR 1\r\nQUIT\r\n")
        blocked = 0
        while b"+OK bye" not in client.heard[-20:]:
            self.assertTrue(client.read(4096))
            await turn()
            if self.protocols and self.protocols[0]._pressure.blocked:
                blocked += 1
                clock.advance(10)
        self.assertGreater(blocked, 12)
        self.assertIn(mail + b".\r\n+OK bye\r\n", client.heard)

    async def test_smtp(self) -> None:
        """An SMTP client that reads nothing is not read from either, at the machine and at the mail host."""
        for build in (self.machine, self.relay):
            with self.subTest(build.__name__):
                client = self.connect(self.listen(build))
                client.send(b"EHLO c.test\r\n" * 999 + b"QUIT\r\n")
                for _ in range(100):
                    await turn()
                (session,) = self.protocols
                run = session._commands
                self.assertLess(run, 1000)
                self.assertTrue(session._lines._pressure.blocked)
                await self.drained(client, b"\r\n221 ")
                self.assertEqual(session._commands, 1000)


class PanelTests(FloodCase, ServedPanel):
    """HTTP."""

    def setUp(self) -> None:
        super().setUp()
        buffer_little(self.port)

    def ask_for(self, path: str) -> bytes:
        """Return a request."""
        return f"GET {path} HTTP/1.1\r\nHost: {self.where}\r\n\r\n".encode()

    def unsent(self) -> int:
        """Return the octets that wait for the client, and those that it sent meanwhile."""
        (channel,) = self.site.channels
        transport: Any = channel.transport
        waiting = len(transport.dataBuffer) - transport.offset + transport._tempDataLen
        return waiting + len(channel._buffer) + sum(map(len, channel._dataBuffer))

    async def test_pipelined_requests(self) -> None:
        """Of requests that come together none is answered while the answers before are not read."""
        client = self.connect(self.port.getHost().port)
        await self.flood(client, self.ask_for("/api/openapi.json") * 2000)
        self.assertLess(self.unsent(), 600_000)
        asked = client.sent // len(self.ask_for("/api/openapi.json"))
        while client.heard.count(b"HTTP/1.1 200 OK") < 5:
            client.read(1_000_000)
            await turn()
        self.assertGreater(asked, 5)

    async def test_requests_behind_a_stream(self) -> None:
        """While an event stream is not read, nothing is read behind its request."""
        client = self.connect(self.port.getHost().port)
        client.send(self.ask_for("/api/events"))
        while not self.machine.device._observers or not self.site.channels:
            await turn()
        for _ in range(50):
            await turn()
        for _ in range(40):
            self.machine.device.job_accepted("rx", "a@bench.test", subject="x" * 20_000)
        await self.flood(client, self.ask_for("/api/status") * 2000)
        self.assertLess(self.unsent(), 400_000)

    async def test_response_that_is_not_read(self) -> None:
        """A client that reads nothing of a response for a minute is disconnected, a slow one is not."""
        for _ in range(500):
            self.machine.device.job_accepted("rx", "a@bench.test", subject="x" * 10_000)
        client = self.connect(self.port.getHost().port)
        client.send(self.ask_for("/api/jobs?limit=10000"))
        while not any(one._pressure.blocked for one in self.site.channels):
            await turn()
        for _ in range(30):
            for _ in range(40):
                client.read(16_384)
                await turn()
            self.clock.advance(15)
        self.assertEqual(len(self.site.channels), 1)
        self.clock.pump([15] * 5)
        while self.site.channels:
            await turn()


class BackPressureTests(SynchronousTestCase):
    """One peer, with a transport in memory."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.transport: Any = StringTransport()
        self.calls: list[str] = []
        self.pressure = BackPressure(
            self.transport,
            self.clock.callLater,
            stop=lambda: self.calls.append("stop"),
            go_on=lambda: self.calls.append("go on"),
            stalled=lambda: self.calls.append("stalled"),
        )
        self.pressure.begin()

    def test_stalled(self) -> None:
        """A peer that takes nothing for a minute has stalled; one that takes an octet has another minute."""
        self.transport.dataBuffer, self.transport.offset = b"x" * 70_000, 0
        self.pressure.pauseProducing()
        self.clock.pump([15] * 3)
        self.transport.offset = 1
        self.clock.pump([15] * 4)
        self.assertEqual(self.calls, ["stop"])
        self.clock.advance(15)
        self.assertEqual(self.calls, ["stop", "stalled"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_relieved(self) -> None:
        """Who waits to write more goes on when all is taken, or fails with the connection."""
        self.assertIsNone(self.successResultOf(self.pressure.relieved()))
        self.pressure.pauseProducing()
        relieved = self.pressure.relieved()
        self.assertNoResult(relieved)
        self.pressure.resumeProducing()
        self.assertIsNone(self.successResultOf(relieved))
        self.assertEqual(self.calls, ["stop", "go on"])
        self.pressure.pauseProducing()
        relieved = self.pressure.relieved()
        self.pressure.lost()
        self.failureResultOf(relieved, ConnectionError, Exception)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closing(self) -> None:
        """What a peer has not taken when its session ends is waited for as long."""
        self.pressure.pauseProducing()
        self.pressure.close()
        self.assertIsNone(self.transport.producer)
        self.clock.pump([15] * 4)
        self.assertEqual(self.calls, ["stop", "stalled"])
