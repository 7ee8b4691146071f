"""A network in memory: connections between protocols of one process, moved by hand.

No socket, no port, and no MAC address filter: there are no frames.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, execute, fail, succeed
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.task import Clock
from twisted.test.iosim import FakeTransport, IOPump, connect
from zope.interface import implementer

from irsend.link.endpoints import LinkServerEndpoint
from irsend.link.link import Link
from irsend.services.network import Network
from irsend.services.reactor import IReactor
from irsend.store.group_commit import InThread

MACHINE = IPv4Address("TCP", "192.0.2.1", 25)
"""Where the machine listens."""
_OTHERS = "192.0.2.7"
"""The peers of the machine (RFC 5737)."""


class Wires:
    """All connections of one machine in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pumps: list[IOPump] = []
        self.listening: IProtocolFactory | None = None
        """What the machine listens with; None while SMTP Receive is off."""
        self.servers: dict[tuple[str, int], Callable[[], IProtocol]] = {}
        """What makes the protocol of each server that the machine can connect to."""

    def connect(self, server: IProtocol, client: IProtocol, own: IPv4Address) -> None:
        """Connect a server and a client, of which one is the machine's, at this address."""
        peer = IPv4Address("TCP", _OTHERS, 49152)
        at_server, at_client = (own, peer) if own == MACHINE else (peer, own)
        server_transport = FakeTransport(server, True, at_server, at_client)
        client_transport = FakeTransport(client, False, at_client, at_server)
        self._pumps.append(
            connect(
                server,
                server_transport,
                client,
                client_transport,
                greet=False,
                clock=self._clock,
            )
        )

    def flush(self) -> None:
        """Move octets until nothing moves any more."""
        moved = True
        while moved:
            self._clock.advance(0)
            moved = sum(pump.flush() for pump in list(self._pumps)) > 0
        self._pumps = [pump for pump in self._pumps if not pump.serverIO.disconnected]


class MemoryNetwork(Network):
    """The machine's endpoints in memory."""

    def __init__(self, wires: Wires, reactor: IReactor, link: Link, on_disk: InThread) -> None:
        super().__init__(reactor=reactor, link=link, on_disk=on_disk)
        self._wires = wires

    def client_endpoint(self, host: str, port: int, timeout: float) -> IStreamClientEndpoint:
        """Return an endpoint to a server of the test."""
        return _Client(self._wires, host, port)

    def server_endpoint(
        self, make: Callable[[IReactor], IStreamServerEndpoint]
    ) -> LinkServerEndpoint:
        """Return an endpoint that takes the connections of the test."""
        return cast(LinkServerEndpoint, _Server(self._wires))

    def mac_behind(self, endpoint: IStreamClientEndpoint) -> Deferred[str | None]:
        """Fire with None: there are no frames."""
        return succeed(None)


@implementer(IStreamClientEndpoint)
class _Client:
    def __init__(self, wires: Wires, host: str, port: int) -> None:
        self._wires, self._host, self._port = wires, host, port
        self.address = host

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        make = self._wires.servers.get((self._host, self._port))
        if make is None:
            return fail(error.ConnectionRefusedError())
        own = IPv4Address("TCP", MACHINE.host, 49153)
        client = protocolFactory.buildProtocol(IPv4Address("TCP", _OTHERS, self._port))
        if client is None:
            return fail(error.ConnectionRefusedError())
        return execute(self._connected, make(), client, own)

    def _connected(self, server: IProtocol, client: IProtocol, own: IPv4Address) -> IProtocol:
        self._wires.connect(server, client, own)
        return client


@implementer(IStreamServerEndpoint)
class _Server:
    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        self._wires.listening = protocolFactory
        return succeed(_Port(self._wires))


@implementer(IListeningPort)
class _Port:
    def __init__(self, wires: Wires) -> None:
        self._wires = wires

    def startListening(self) -> None:
        """Do nothing: it listens."""

    def stopListening(self) -> Deferred[None]:
        self._wires.listening = None
        return succeed(None)

    def getHost(self) -> IAddress:
        return MACHINE
