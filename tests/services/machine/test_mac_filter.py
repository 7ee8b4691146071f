"""Receiving MAC Address Settings of a whole machine on loopback, where [link] addresses say who is who."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.threads import deferToThread
from twisted.trial import unittest

from irsend.addresses import NO_MAC
from irsend.device.events import PeerKeptOff
from irsend.testing import Printer, PrinterMixin
from tests.imaging.originals import PNG
from tests.link.wires import KNOWN, SCANNER, STRANGER, Host, Peer, connect, server, until
from tests.services.relay import OnePageScanner

_ONLY_SCANNER = {
    "receiving_mac_address__enabled": True,
    "receiving_mac_address__addresses": [SCANNER],
}


class MacFilterTests(PrinterMixin, unittest.TestCase):
    """The window, the wire, and what stands in the journal."""

    timeout = 60

    def start(self, way: str = "auto", *, covers_panel: bool = False, **more: Any) -> Printer:
        """Start a printer on a wire."""
        link: dict[str, object] = {
            "addresses": KNOWN,
            "way": way,
            "covers_panel": covers_panel,
        }
        return self.start_printer(link=link, **more)

    def shorten_connecting(self, printer: Printer) -> None:
        """Where dropped frames leave a connection waiting, let the wait be shorter than can be set."""
        network = printer._machine.network
        if network.link.way.silent:
            endpoint = network.client_endpoint
            network.client_endpoint = (  # type: ignore[method-assign]
                lambda host, port, _: endpoint(host, port, 0.2)
            )

    async def greeted(self, source: str, printer: Printer) -> Peer:
        """Connect to the printer's SMTP port, and hear its greeting."""
        peer: Peer = await connect(source, printer.smtp[1])
        self.addCleanup(self.hang_up, peer)
        await until(lambda: peer.heard.startswith(b"220 "))
        return peer

    def hang_up(self, peer: Peer) -> Any:
        """End a connection, where it has not ended."""
        assert peer.transport is not None
        peer.transport.abortConnection()
        return peer.closed

    async def ended(self, printer: Printer, count: int = 1) -> Any:
        """Wait until so many sessions have ended; return them, oldest first."""
        sessions: list[Any] = []
        while len(sessions) < count or not all(one.result for one in sessions):
            sessions = await printer.sessions()
        return sessions[::-1]

    async def test_session_has_mac(self) -> None:
        """The journal has the MAC address of each peer: the known one, else what the frame carried."""
        printer = self.start()
        for source in ("127.0.0.2", "127.0.0.9"):
            peer = await self.greeted(source, printer)
            await self.hang_up(peer)
        sessions = await self.ended(printer, 2)
        self.assertEqual([one.mac for one in sessions], [SCANNER, NO_MAC])

    async def test_window_holds_at_once(self) -> None:
        """A peer that the window keeps off has no greeting and no session, and is counted; others do."""
        printer = self.start(**_ONLY_SCANNER)
        await self.greeted("127.0.0.2", printer)
        connecting = connect("127.0.0.3", printer.smtp[1])
        connecting.addErrback(lambda _: None)
        await until(lambda: printer.frames_dropped > 0)
        self.assertEqual(len(await printer.sessions()), 1)
        # It would try again, where frames are dropped, but only after a second.
        connecting.cancel()
        printer.set(receiving_mac_address__policy="reject")
        await self.greeted("127.0.0.3", printer)

    async def test_event(self) -> None:
        """Observers of the machine hear that a peer was kept off, though it has no session."""
        printer = self.start(**_ONLY_SCANNER)
        counting = printer._machine.mac_filter._counting
        counting.stop()
        counting.start(0.02, now=False)
        heard: list[int] = []
        printer._device.observe(
            lambda event: (
                heard.append(event.dropped) if isinstance(event, PeerKeptOff) else None
            )
        )
        connecting = connect("127.0.0.3", printer.smtp[1])
        connecting.addBoth(lambda _: None)
        await until(lambda: heard)
        self.assertGreater(heard[0], 0)
        connecting.cancel()

    async def test_reset(self) -> None:
        """By the first frame, a peer that may not pass is reset without a byte, and leaves no session."""
        printer = self.start("first-frame", **_ONLY_SCANNER)
        peer: Peer = await connect("127.0.0.3", printer.smtp[1])
        await peer.closed
        self.assertEqual((peer.heard, printer.frames_dropped), (b"", 1))
        self.assertEqual((await printer.sessions()), [])

    async def strangers_port(self) -> int:
        """Return the port of a server at an address that may not pass."""
        port: Any = await server("127.0.0.3").listen(Host())
        self.addCleanup(port.stopListening)
        number: int = port.getHost().port
        return number

    async def test_sending(self) -> None:
        """A relay that may not pass is not reached: #801, and the session has its address all the same."""
        relay = await self.strangers_port()
        for way in ("kernel", "first-frame", "neighbour"):
            printer = self.start(
                way,
                email_ifax__email_address="ir@bench.test",
                email_ifax__smtp_server="127.0.0.3",
                service_mode__smtp_tx_port=relay,
                **_ONLY_SCANNER,
            )
            self.shorten_connecting(printer)
            printer._machine.scanner.scan = OnePageScanner().scan  # type: ignore[method-assign]
            job = await printer.send(PNG, to="ir@bench.test", format="tiff")
            self.assertEqual((job.result, job.code), ("NG", "#801"), job)
            (session,) = await self.ended(printer)
            self.assertEqual(session.mac, STRANGER)
            self.assertGreater(printer.frames_dropped, 0)

    async def test_polling(self) -> None:
        """A POP server that may not pass is not reached either: #810."""
        printer = self.start(
            email_ifax__pop=True,
            email_ifax__pop_server="127.0.0.3",
            email_ifax__pop_address="ir",
            email_ifax__pop_password="bench",
            service_mode__pop3_port=await self.strangers_port(),
            **_ONLY_SCANNER,
        )
        self.shorten_connecting(printer)
        session = await printer.receive()
        self.assertEqual((session.code, session.mac), ("#810", STRANGER))

    async def test_panel(self) -> None:
        """The panel is not filtered, so that a wrong rule can be changed from anywhere."""
        printer = self.start(**_ONLY_SCANNER)
        self.assertEqual(await self.panel_from("127.0.0.3", printer), b"HTTP/1.1 200 OK")

    async def test_covered_panel(self) -> None:
        """Where it is filtered too, this host itself can use it by any of its addresses."""
        printer = self.start(covers_panel=True, **_ONLY_SCANNER)
        for source in ("127.0.0.1", "127.0.0.3"):
            self.assertEqual(await self.panel_from(source, printer), b"HTTP/1.1 200 OK", source)

    def panel_from(self, source: str, printer: Printer) -> Any:
        """Return the first line of what the panel answers."""
        port = int(printer.panel.rstrip("/").rpartition(":")[2])

        def ask() -> bytes:
            with socket.socket() as sock:
                sock.settimeout(10)
                sock.bind((source, 0))
                sock.connect(("127.0.0.1", port))
                try:
                    sock.sendall(b"GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    return sock.recv(1000).partition(b"\r\n")[0]
                except ConnectionError:
                    return b""

        return deferToThread(ask)

    async def test_no_address(self) -> None:
        """A model without the window lets every peer pass."""
        printer = self.start(model="estudio190f")
        peer = await connectProtocol(
            TCP4ClientEndpoint(reactor, *printer.smtp, bindAddress=("127.0.0.3", 0)), Peer()
        )
        await self.hang_up(peer)
        self.assertEqual(printer.frames_dropped, 0)
