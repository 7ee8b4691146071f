"""One contract for each way of the filter, on real sockets; how peers are refused differs."""

from __future__ import annotations

import errno
import socket
from typing import Any

from twisted.internet import error, reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.trial import unittest
from zope.interface import implementer
from zope.interface.verify import verifyObject

from irsend.addresses import NO_MAC
from irsend.errors import ConfigurationError
from irsend.link.admission import EVERYBODY, Admission
from irsend.link.endpoints import LinkClientEndpoint, LinkServerEndpoint
from irsend.link.enforcement import FirstFrame, IWay, Kernel, Neighbour, choose_way
from irsend.link.link import Link, NotAdmitted
from irsend.link.sockets import dropped
from tests.link.wires import (
    KNOWN,
    NOT_STRANGER,
    ONLY_SCANNER,
    SCANNER,
    STRANGER,
    Host,
    Peer,
    connect,
    server,
    until,
)


class _Contract:
    """What holds for every way."""

    way: Any
    timeout = 30
    assertEqual: Any
    addCleanup: Any
    assertTrue: Any
    assertFalse: Any
    assertFailure: Any

    def setUp(self) -> None:
        """Take the way, where this host has it."""
        try:
            self.link = Link(choose_way(self.way.name), known=KNOWN)
        except ConfigurationError as error:
            raise unittest.SkipTest(str(error)) from None

    async def listen(
        self, rule: Admission, *, spares_loopback: bool = False
    ) -> tuple[Host, int]:
        """Listen on the wire."""
        self.link.change(rule, KNOWN)
        host = Host()
        endpoint = LinkServerEndpoint(
            reactor,
            self.link,
            lambda prepared: server(reactor=prepared),
            spares_loopback=spares_loopback,
        )
        port: Any = await endpoint.listen(host)
        self.addCleanup(port.stopListening)
        return host, port.getHost().port

    async def connected(self, source: str, port: int) -> Peer:
        """Connect, be greeted, and be closed when the test ends."""
        peer: Peer = await connect(source, port)
        self.addCleanup(self.hang_up, peer)
        await until(lambda: peer.heard == b"hello")
        return peer

    def hang_up(self, peer: Peer) -> Any:
        """End a connection, where it has not ended."""
        assert peer.transport is not None
        peer.transport.abortConnection()
        return peer.closed

    def client(self, address: str, port: int, timeout: float = 10) -> LinkClientEndpoint:
        """Return an endpoint that connects from the wire."""
        return LinkClientEndpoint(
            reactor,
            self.link,
            lambda prepared: TCP4ClientEndpoint(prepared, address, port, timeout=timeout),
        )

    def test_is_a_way(self) -> None:
        """It is one of the ways."""
        verifyObject(IWay, self.link.way)

    async def test_permitted(self) -> None:
        """A peer on the list passes under Permit, and its MAC address is known."""
        host, port = await self.listen(ONLY_SCANNER)
        await self.connected("127.0.0.2", port)
        self.assertEqual(self.link.mac_of_peer(host.peers[0].transport), SCANNER)
        self.assertEqual(self.link.dropped, 0)

    async def test_not_rejected(self) -> None:
        """A peer that is not on the list passes under Reject; on loopback its address is zeros."""
        host, port = await self.listen(NOT_STRANGER)
        await self.connected("127.0.0.9", port)
        self.assertEqual(self.link.mac_of_peer(host.peers[0].transport), NO_MAC)

    async def test_gate_steps_aside(self) -> None:
        """A peer that has passed speaks with the protocol itself: no gate is between."""
        host, port = await self.listen(ONLY_SCANNER)
        await self.connected("127.0.0.2", port)
        transport: Any = host.peers[0].transport
        self.assertTrue(transport.protocol is host.peers[0])

    async def test_spared(self) -> None:
        """This host itself passes where it is spared, whatever the rule is."""
        _, port = await self.listen(
            Admission(frozenset([SCANNER]), permits=True), spares_loopback=True
        )
        await self.connected("127.0.0.1", port)

    async def test_outgoing_permitted(self) -> None:
        """A server that may pass is reached."""
        host = Host()
        port: Any = await server("127.0.0.2").listen(host)
        self.addCleanup(port.stopListening)
        self.link.change(ONLY_SCANNER, KNOWN)
        endpoint = self.client("127.0.0.2", port.getHost().port)
        peer: Any = await connectProtocol(endpoint, Peer())
        self.addCleanup(self.hang_up, peer)
        await until(lambda: peer.heard == b"hello")
        self.assertEqual(endpoint.address, "127.0.0.2")

    async def test_lifted(self) -> None:
        """Without a rule all pass again."""
        _, port = await self.listen(ONLY_SCANNER)
        self.link.change(EVERYBODY, KNOWN)
        await self.connected("127.0.0.3", port)


@implementer(IWay)
class _Watched(Kernel):
    """A kernel that says whether a socket listened already, and may want for memory."""

    def __init__(self, *, fails: bool = False) -> None:
        self.listened: list[int] = []
        self.fails = fails

    def guard(self, sock: socket.socket, *rest: Any) -> None:
        self.listened.append(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        if self.fails:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")


class GuardTests(unittest.TestCase):
    """When the filter is set, and sockets on which it cannot be set."""

    async def test_before_it_listens(self) -> None:
        """A socket has its filter before a peer can connect to it."""
        way = _Watched()
        link = Link(way, admission=ONLY_SCANNER)
        port: Any = await LinkServerEndpoint(
            reactor, link, lambda prepared: server(reactor=prepared)
        ).listen(Host())
        self.addCleanup(port.stopListening)
        self.assertEqual(way.listened, [0])

    async def test_no_listening_without(self) -> None:
        """Where it cannot be set, listening fails."""
        link = Link(_Watched(fails=True), admission=ONLY_SCANNER)
        endpoint = LinkServerEndpoint(reactor, link, lambda prepared: server(reactor=prepared))
        await self.assertFailure(endpoint.listen(Host()), error.CannotListenError)

    async def test_no_connection_without(self) -> None:
        """Where it cannot be set, connecting fails with the reason."""
        host = Host()
        port: Any = await server().listen(host)
        self.addCleanup(port.stopListening)
        endpoint = LinkClientEndpoint(
            reactor,
            Link(_Watched(fails=True), admission=ONLY_SCANNER),
            lambda prepared: TCP4ClientEndpoint(prepared, "127.0.0.1", port.getHost().port),
        )
        failure: Any = await self.assertFailure(
            connectProtocol(endpoint, Peer()), error.ConnectError
        )
        self.assertIn("cannot be set: Cannot allocate memory", str(failure))
        self.assertEqual(host.peers, [])


class KernelTests(_Contract, unittest.TestCase):
    """Frames are dropped: a peer that may not pass gets no answer at all."""

    way = Kernel

    async def test_too_long(self) -> None:
        """After a rule that the kernel refuses nobody passes."""
        _, port = await self.listen(EVERYBODY)
        many = {f"127.1.{one // 250}.{one % 250 + 1}": SCANNER for one in range(1500)}
        self.assertRaises(OSError, self.link.change, ONLY_SCANNER, {**KNOWN, **many})
        connecting = connect("127.0.0.2", port)
        await until(lambda: self.link.dropped > 0)
        connecting.addErrback(lambda _: None)
        connecting.cancel()

    async def test_counted_to_the_end(self) -> None:
        """The drops of a socket are counted also when it is closed before they are read."""
        self.link.change(ONLY_SCANNER, KNOWN)
        port: Any = await LinkServerEndpoint(
            reactor, self.link, lambda prepared: server(reactor=prepared)
        ).listen(Host())
        connecting = connect("127.0.0.3", port.getHost().port)
        await until(lambda: dropped(port.socket) > 0)
        connecting.addErrback(lambda _: None)
        connecting.cancel()
        await port.stopListening()
        self.assertTrue(self.link.dropped > 0)

    async def test_no_answer(self) -> None:
        """A SYN gets neither SYN-ACK nor RST: the peer sends it again, and it passes when it may."""
        host, port = await self.listen(ONLY_SCANNER)
        connecting = connect("127.0.0.3", port)
        await until(lambda: self.link.dropped > 0)
        self.assertFalse(connecting.called)
        self.link.change(NOT_STRANGER, KNOWN)
        self.assertFalse(connecting.called)
        self.link.change(EVERYBODY, KNOWN)
        peer: Any = await connecting
        self.addCleanup(self.hang_up, peer)
        await until(lambda: peer.heard == b"hello")
        self.assertEqual(len(host.peers), 1)

    async def test_changed_while_connected(self) -> None:
        """An open connection falls silent at once, and goes on when it may pass again."""
        host, port = await self.listen(ONLY_SCANNER)
        peer = await self.connected("127.0.0.2", port)
        self.link.change(NOT_STRANGER, {"127.0.0.2": STRANGER})
        dropped = self.link.dropped
        peer.say(b"anybody there?")
        await until(lambda: self.link.dropped > dropped)
        self.assertEqual(host.peers[0].heard, b"")
        self.link.change(ONLY_SCANNER, KNOWN)
        await until(lambda: host.peers[0].heard == b"anybody there?")

    async def test_outgoing(self) -> None:
        """A server that may not pass is not reached: its answers are dropped until the time is over."""
        host = Host()
        port: Any = await server("127.0.0.3").listen(host)
        self.addCleanup(port.stopListening)
        self.link.change(ONLY_SCANNER, KNOWN)
        connecting = connectProtocol(self.client("127.0.0.3", port.getHost().port, 0.2), Peer())
        await self.assertFailure(connecting, error.TimeoutError)
        self.assertTrue(self.link.dropped > 0)
        self.assertEqual(host.peers, [])


class _ByReset(_Contract):
    """Connections of peers that may not pass are reset, before a byte is written."""

    async def test_reset(self) -> None:
        """A peer that may not pass is connected, gets no octet, and is reset; no protocol is built for it."""
        host, port = await self.listen(ONLY_SCANNER)
        peer: Peer = await connect("127.0.0.3", port)
        await peer.closed
        assert peer.reason is not None
        self.assertTrue(peer.reason.check(error.ConnectionLost))
        self.assertEqual((peer.heard, host.peers, self.link.dropped), (b"", [], 1))

    async def test_changed_while_connected(self) -> None:
        """A connection that is open is reset at once when it may not be any more; others go on."""
        host, port = await self.listen(EVERYBODY)
        scanner = await self.connected("127.0.0.2", port)
        stranger = await self.connected("127.0.0.3", port)
        self.link.change(ONLY_SCANNER, KNOWN)
        self.link.change(ONLY_SCANNER, KNOWN)
        await stranger.closed
        self.assertEqual(self.link.dropped, 1)
        scanner.say(b"still there")
        await until(lambda: host.peers[0].heard == b"still there")

    async def test_outgoing(self) -> None:
        """A server that may not pass is refused before a connection is tried."""
        host = Host()
        port: Any = await server("127.0.0.3").listen(host)
        self.addCleanup(port.stopListening)
        self.link.change(ONLY_SCANNER, KNOWN)
        endpoint = self.client("127.0.0.3", port.getHost().port)
        failure: Any = await self.assertFailure(connectProtocol(endpoint, Peer()), NotAdmitted)
        self.assertEqual(
            failure.args[0], f"127.0.0.3 ({STRANGER}) may not pass the MAC address filter"
        )
        self.assertEqual((host.peers, self.link.dropped), ([], 1))

    async def test_outgoing_changed(self) -> None:
        """A connection that the machine has made is reset too when it may not be any more."""
        host = Host()
        port: Any = await server("127.0.0.3").listen(host)
        self.addCleanup(port.stopListening)
        endpoint = self.client("127.0.0.3", port.getHost().port)
        peer: Any = await connectProtocol(endpoint, Peer())
        self.link.change(ONLY_SCANNER, KNOWN)
        await peer.closed
        await until(lambda: host.peers)
        await host.peers[0].closed


class FirstFrameTests(_ByReset, unittest.TestCase):
    """By the first frame."""

    way = FirstFrame


class NeighbourTests(_ByReset, unittest.TestCase):
    """By the neighbour table."""

    way = Neighbour
