"""The machine as SMTP and POP client: what a server sees of each fault at each step."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from twisted.internet import error, reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.mail.pop3 import ServerErrorResponse
from twisted.trial import unittest

from irsend.configuration import configuration
from irsend.device.fault_reader import read_order
from irsend.device.sessions import SessionKind
from irsend.interfaces import Mailbox
from irsend.protocols.esmtp_client import ESMTPClient
from irsend.protocols.pop3_client import POP3Client
from irsend.protocols.pop3_exchange import ProtocolViolation
from irsend.protocols.smtp_client_replies import Timeouts
from irsend.protocols.tls import ClientTLS, TLSFailed
from irsend.protocols.tls_context import TLSProfile
from irsend.protocols.transcript import Transcript
from irsend.services.fault_orders import FaultOrders
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.network import connect_client
from tests.panel.machine import device_of
from tests.services.faults.listening import Answers, Server, pop_answer, smtp_answer

TLS = TLSProfile(oldest="TLS 1.2", newest="TLS 1.3", ciphers="DEFAULT")
PATIENCE = Timeouts(greeting=0.4, command=0.4, data=0.4, block=0.4, end=0.4)
"""After so many seconds the client gives up, by RST."""
MAIL = b"Subject: one\r\n\r\n" + b"A line of the mail.\r\n" * 40
OVER = (
    error.ConnectionLost,
    error.TimeoutError,
    TLSFailed,
    ProtocolViolation,
    ServerErrorResponse,
)


class _TestCase(unittest.TestCase):
    """A client with orders, and a server that notes what it sees."""

    timeout = 30
    kind: SessionKind
    answer: Answers

    async def seen(self, order: str, *, tls: bool = False) -> list[str]:
        """Return what the server sees of a session under an order."""
        clock: Any = reactor
        self.server = Server(clock, type(self).answer)
        self.addCleanup(self.server.stop)
        live = LiveConfiguration(configuration(state=":memory:"))
        orders = FaultOrders(live, clock, device_of())
        if order:
            orders.add(read_order(f"{order} role={self.kind}"))
        self.transcript = Transcript(clock.seconds, 1000)
        client = self.client(clock, orders.steps(self.kind, self.transcript))
        endpoint = TCP4ClientEndpoint(clock, "127.0.0.1", self.server.port)
        await connect_client(endpoint, client)
        with contextlib.suppress(*OVER):
            await self.converse(client, ClientTLS.build("localhost", TLS) if tls else None)
        await self.server.ended
        return self.server.seen

    def client(self, clock: Any, steps: Any) -> Any:
        """Make the client."""
        raise NotImplementedError

    async def converse(self, client: Any, tls: ClientTLS | None) -> None:
        """Have the session."""
        raise NotImplementedError


class SMTPTests(_TestCase):
    """The machine as SMTP client."""

    kind = "smtp-send"
    answer = staticmethod(smtp_answer)
    steps = ("ehlo", "mail", "rcpt", "data")

    def client(self, clock: Any, steps: Any) -> ESMTPClient:
        """Make the client."""
        return ESMTPClient(
            self.transcript, clock, identity=b"machine.test", timeouts=PATIENCE, steps=steps
        )

    async def converse(self, client: ESMTPClient, tls: ClientTLS | None) -> None:
        """Deliver a mail."""
        await client.open_session(tls)
        to = Mailbox(b"b", b"server.test")
        await client.send(None, [to], io.BytesIO(MAIL))
        await client.quit()

    async def test_no_fault(self) -> None:
        """Without an order the mail is delivered, and no object listens at the steps."""
        self.assertEqual(
            await self.seen(""), ["EHLO", "MAIL", "RCPT", "DATA", "content", ".", "QUIT", "FIN"]
        )

    async def test_dropped(self) -> None:
        """The connection is dropped before a command, in the middle of it, or behind it."""
        for kind, end in (("drop", "FIN"), ("reset", "RST")):
            for number, step in enumerate(self.steps):
                before = [one.upper() for one in self.steps[:number]]
                self.assertEqual(await self.seen(f"{kind}-{step}"), [*before, end])
                if kind == "drop":
                    self.assertEqual(
                        await self.seen(f"drop-in-{step}"), [*before, "half a command", end]
                    )
                    self.assertEqual(
                        await self.seen(f"drop-after-{step}"), [*before, step.upper(), end]
                    )

    async def test_content(self) -> None:
        """The message is not begun, cut, without its end mark, or whole when the connection is dropped."""
        for order, seen in (
            ("drop-content", []),
            ("drop-in-content", ["content"]),
            ("drop-end", ["content"]),
            ("drop-after-end", ["content", "."]),
        ):
            self.assertEqual(
                await self.seen(order), ["EHLO", "MAIL", "RCPT", "DATA", *seen, "FIN"], order
            )
        self.assertIn("-- fault: drop-after-end role=smtp-send", self.transcript_text())

    async def test_tls(self) -> None:
        """In the place of its handshake the client sends other octets, or a beginning only."""
        self.assertEqual(
            await self.seen("garble", tls=True), ["EHLO", "STARTTLS", "octets", "FIN"]
        )
        self.assertIn(b"no TLS", self.server.raw)
        self.assertEqual(
            await self.seen("cut", tls=True), ["EHLO", "STARTTLS", "octets", "FIN"]
        )
        self.assertEqual(self.server.raw[0], 22)
        self.assertEqual(await self.seen("stall", tls=True), ["EHLO", "STARTTLS", "RST"])

    async def test_late(self) -> None:
        """A silent client sends nothing from its step on; a late one nothing in that time."""
        for number, step in enumerate(self.steps):
            before = [one.upper() for one in self.steps[:number]]
            self.assertEqual(await self.seen(f"silence-{step}"), [*before, "RST"])
            self.assertEqual(await self.seen(f"delay-9-{step}"), [*before, "RST"])
        for order, seen in (
            ("silence-content", []),
            ("silence-end", ["content"]),
            ("delay-9-end", []),
            ("throttle-100-content", ["content"]),
        ):
            self.assertEqual(
                await self.seen(order), ["EHLO", "MAIL", "RCPT", "DATA", *seen, "RST"], order
            )

    def transcript_text(self) -> str:
        """Return the transcript."""
        return "\n".join(str(line) for line in self.transcript.lines())


class POPTests(_TestCase):
    """The machine as POP client."""

    kind = "pop-receive"
    answer = staticmethod(pop_answer)
    steps = ("capa", "user", "pass", "stat", "list", "uidl", "retr", "dele", "quit")

    def client(self, clock: Any, steps: Any) -> POP3Client:
        """Make the client."""
        return POP3Client(self.transcript, clock, reply_timeout=PATIENCE.command, steps=steps)

    async def converse(self, client: POP3Client, tls: ClientTLS | None) -> None:
        """Fetch a mail."""
        await client.greeted
        await client.capabilities()
        if tls is not None:
            await client.start_tls(tls)
        await client.sendShort(b"USER", b"ir")
        await client.sendShort(b"PASS", b"bench")
        await client.sendShort(b"STAT", None)
        await client.sizes()
        await client.uidls()
        await client.retrieve_into(0, Sink)
        await client.sendShort(b"DELE", b"1")
        await client.leave()

    async def test_no_fault(self) -> None:
        """Without an order the mail is fetched."""
        self.assertEqual(await self.seen(""), [*map(str.upper, self.steps), "FIN"])

    async def test_dropped(self) -> None:
        """The connection is dropped before a command, in the middle of it, or behind it."""
        for number, step in enumerate(self.steps):
            before = [one.upper() for one in self.steps[:number]]
            self.assertEqual(await self.seen(f"drop-{step}"), [*before, "FIN"])
            self.assertEqual(await self.seen(f"reset-{step}"), [*before, "RST"])
            self.assertEqual(
                await self.seen(f"drop-in-{step}"), [*before, "half a command", "FIN"]
            )
            self.assertEqual(
                await self.seen(f"drop-after-{step}"), [*before, step.upper(), "FIN"]
            )

    async def test_tls(self) -> None:
        """In the place of its handshake the client sends the beginning of one only."""
        self.assertEqual(await self.seen("cut", tls=True), ["CAPA", "STLS", "octets", "FIN"])

    async def test_late(self) -> None:
        """A silent client sends nothing from its step on; a late one nothing in that time."""
        for number, step in enumerate(self.steps):
            before = [one.upper() for one in self.steps[:number]]
            self.assertEqual(await self.seen(f"silence-{step}"), [*before, "RST"])
            self.assertEqual(await self.seen(f"delay-9-{step}"), [*before, "RST"])


class Sink:
    """Takes a message, and keeps nothing."""

    def write(self, content: bytes) -> None:
        """Keep nothing."""

    def abort(self) -> None:
        """Keep nothing."""
