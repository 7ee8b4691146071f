"""Endpoints whose sockets are on a wire with a MAC address filter.

Who listens or connects by them does not know of it: a peer that may not pass
never gets a protocol.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IProtocolNegotiationFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from irsend.link.link import Attempt, Link, NotAdmitted


def host_of(address: Any) -> str:
    """Return the IP address of a peer as text, IPv4 as IPv4; empty for what has none."""
    return str(getattr(address, "host", "")).removeprefix("::ffff:")


@implementer(IStreamServerEndpoint)
class LinkServerEndpoint:
    """Listens by another endpoint, and lets in who may pass.

    With `spares_loopback` this host itself may, whatever the rule is.
    """

    def __init__(
        self, endpoint: IStreamServerEndpoint, link: Link, *, spares_loopback: bool = False
    ) -> None:
        self._endpoint = endpoint
        self.link = link
        self._spares_loopback = spares_loopback

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen; fails as the other endpoint does, and where the filter cannot be set."""

        def guard(port: Any) -> IListeningPort:
            # Between listening and this a frame may come in; the gate sees to that.
            try:
                self.link.listening(port.socket, spares_loopback=self._spares_loopback)
            except OSError as error:
                address = port.getHost()
                port.stopListening()
                raise CannotListenError(address.host, address.port, error) from None
            listening: IListeningPort = port
            return listening

        gates = _Gates(factory, self.link, self._spares_loopback)
        return self._endpoint.listen(gates).addCallback(guard)


class _Gates(ServerFactory):
    """Puts a gate before each connection."""

    noisy = False

    def __init__(self, factory: Any, link: Link, spares_loopback: bool) -> None:
        self.behind = factory
        self.link = link
        self.spares_loopback = spares_loopback
        if IProtocolNegotiationFactory.providedBy(factory):
            self.acceptableProtocols = factory.acceptableProtocols
            directlyProvides(self, IProtocolNegotiationFactory)

    def logPrefix(self) -> str:
        """Be called as what is behind it."""
        prefix = getattr(self.behind, "logPrefix", None)
        return prefix() if prefix else type(self.behind).__name__

    def doStart(self) -> None:
        """Begin, and what is behind it."""
        super().doStart()
        self.behind.doStart()

    def doStop(self) -> None:
        """End, and what is behind it."""
        super().doStop()
        self.behind.doStop()

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Build the gate; what is behind it is built for those who pass."""
        return _Gate(self, addr)


class _Gate(Protocol):
    """Looks at who has connected, and steps aside or sends him away."""

    def __init__(self, gates: _Gates, address: IAddress | None) -> None:
        self._gates = gates
        self._address = address

    def logPrefix(self) -> str:
        """Be called as what is behind it."""
        return self._gates.logPrefix()

    def makeConnection(self, transport: Any) -> None:
        """Hand the connection over; abort it, before a byte is written, where it may not be."""
        gates = self._gates
        if not gates.link.accepted(
            transport, host_of(transport.getPeer()), spares_loopback=gates.spares_loopback
        ):
            transport.abortConnection()
            return
        protocol = gates.behind.buildProtocol(self._address)
        if protocol is None:
            transport.loseConnection()
            return
        # Of TCP itself, or of a wrapper such as TLS: nothing passes through here from now on.
        holder = (
            "protocol" if getattr(transport, "protocol", None) is self else "wrappedProtocol"
        )
        setattr(transport, holder, protocol)
        protocol.makeConnection(transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take no notice: nobody was let in."""


@implementer(IStreamClientEndpoint)
class LinkClientEndpoint:
    """Connects by another endpoint, and only to whom may pass.

    `make` makes that endpoint, with the reactor that it is given.
    """

    def __init__(
        self, reactor: Any, link: Link, make: Callable[[Any], IStreamClientEndpoint]
    ) -> None:
        self._link = link
        self._endpoint = make(_Reactor(reactor, self._about_to_connect, self._connecting))
        self._attempts: list[Attempt] = []
        self.addresses: list[str] = []
        """The IP addresses that were tried, in their order."""

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        """Connect; fails as the other endpoint does, and with NotAdmitted."""
        return self._endpoint.connect(factory).addBoth(self._ended)

    def _about_to_connect(self, address: str) -> None:
        self.addresses.append(address)
        self._link.about_to_connect(address)

    def _connecting(self, sock: socket.socket) -> None:
        self._attempts.append(self._link.connecting(sock))

    def _ended(self, outcome: Any) -> Any:
        attempts, self._attempts = self._attempts, []
        for attempt in attempts:
            self._link.attempted(attempt)
        if isinstance(outcome, Failure):
            return outcome
        transport = outcome.transport
        try:
            self._link.connected(transport, host_of(transport.getPeer()))
        except NotAdmitted:
            transport.abortConnection()
            raise
        return outcome


class _Reactor:
    """A reactor as a client endpoint knows it, which tells of each socket before it connects."""

    def __init__(
        self,
        reactor: Any,
        about_to_connect: Callable[[str], None],
        connecting: Callable[[socket.socket], None],
    ) -> None:
        self._reactor = reactor
        self._about_to_connect = about_to_connect
        self._connecting = connecting
        directlyProvides(self, providedBy(reactor))

    def connectTCP(self, host: str, *rest: Any, **more: Any) -> Any:
        """Begin to connect; the socket itself does so in the reactor's next turn."""
        self._about_to_connect(host)
        connector = self._reactor.connectTCP(host, *rest, **more)
        sock = getattr(connector.transport, "socket", None)
        # Without a socket it has failed already: there are too many.
        if sock is not None:
            self._connecting(sock)
        return connector

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)
