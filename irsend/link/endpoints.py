"""Endpoints whose sockets are on a wire with a MAC address filter.

The factory behind such an endpoint needs to know nothing of it: for a peer that may
not pass no protocol is built.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IProtocolNegotiationFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer

from irsend.link.filtering_reactor import ConnectingReactor, ListeningReactor
from irsend.link.link import Attempt, Link, NotAdmitted


def host_of(address: object) -> str:
    """Return the IP address of a peer as text, mapped IPv4 as IPv4; empty for a peer without one."""
    return str(getattr(address, "host", "")).removeprefix("::ffff:")


@implementer(IStreamServerEndpoint)
class LinkServerEndpoint:
    """Listens by another endpoint, and admits the peers that may pass.

    `make` makes that endpoint, with the reactor that it gets. With
    `spares_loopback` this host itself may pass, whatever the rule is.
    """

    def __init__(
        self,
        reactor: Any,
        link: Link,
        make: Callable[[Any], IStreamServerEndpoint],
        *,
        spares_loopback: bool = False,
    ) -> None:
        self.link = link
        self._spares_loopback = spares_loopback
        self._endpoint = make(ListeningReactor(reactor, self))

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen; fails as the other endpoint does, and where the filter cannot be set."""
        return self._endpoint.listen(_Gates(factory, self.link, self._spares_loopback))

    def opening(self, sock: socket.socket) -> None:
        """Set the filter on a socket before it listens; OSError."""
        self.link.listening(sock, spares_loopback=self._spares_loopback)

    def closing(self, sock: socket.socket) -> None:
        """Count what a socket has dropped; called before it is closed."""
        self.link.closing(sock)


class _Gates(ServerFactory):
    """Builds a gate for each connection, in front of the factory behind it."""

    noisy = False

    def __init__(self, factory: Any, link: Link, spares_loopback: bool) -> None:
        self.behind = factory
        self.link = link
        self.spares_loopback = spares_loopback
        if IProtocolNegotiationFactory.providedBy(factory):
            self.acceptableProtocols = factory.acceptableProtocols
            directlyProvides(self, IProtocolNegotiationFactory)

    def logPrefix(self) -> str:
        """Return the name of the factory behind it."""
        prefix = getattr(self.behind, "logPrefix", None)
        return prefix() if prefix else type(self.behind).__name__

    def doStart(self) -> None:
        """Start, and the factory behind it."""
        super().doStart()
        self.behind.doStart()

    def doStop(self) -> None:
        """Stop, and the factory behind it."""
        super().doStop()
        self.behind.doStop()

    def buildProtocol(self, addr: IAddress | None) -> _Gate:
        """Build the gate; the factory behind it builds a protocol for peers that pass."""
        return _Gate(self, addr)


class _Gate(Protocol):
    """Checks the peer of a new connection, and hands the connection over or aborts it."""

    log = Logger()

    def __init__(self, gates: _Gates, address: IAddress | None) -> None:
        self._gates = gates
        self._address = address

    def logPrefix(self) -> str:
        """Return the name of the factory behind it."""
        return self._gates.logPrefix()

    def makeConnection(self, transport: Any) -> None:
        """Hand the connection over; where it is not admitted, abort it before a byte is written."""
        gates = self._gates
        try:
            admitted = gates.link.accepted(
                transport, host_of(transport.getPeer()), spares_loopback=gates.spares_loopback
            )
        except Exception:
            # A peer whose address cannot be read is not admitted.
            self.log.failure("The MAC address filter")
            admitted = False
        if not admitted:
            transport.abortConnection()
            return
        protocol = gates.behind.buildProtocol(self._address)
        if protocol is None:
            transport.loseConnection()
            return
        # From now on the transport calls that protocol. Twisted's TCP has it as `protocol`, its
        # wrappers (ProtocolWrapper, of which TLS is one) as `wrappedProtocol`.
        holder = (
            "protocol" if getattr(transport, "protocol", None) is self else "wrappedProtocol"
        )
        setattr(transport, holder, protocol)
        protocol.makeConnection(transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Do nothing: there is no protocol behind the gate."""


@implementer(IStreamClientEndpoint)
class LinkClientEndpoint:
    """Connects by another endpoint, and only to peers that may pass.

    `make` makes that endpoint, with the reactor that it gets.
    """

    def __init__(
        self, reactor: Any, link: Link, make: Callable[[Any], IStreamClientEndpoint]
    ) -> None:
        self._reactor, self._link, self._make = reactor, link, make
        self.address: str | None = None
        """The IP address of the connection, else the last that was tried; None before."""

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect; fails as the other endpoint does, with NotAdmitted, and where the filter cannot be set."""
        attempts = _Attempts(self._link)

        def ended(outcome: Any) -> Any:
            attempts.end()
            self.address = attempts.address
            if isinstance(outcome, Failure):
                return attempts.problem or outcome
            transport = outcome.transport
            self.address = host_of(transport.getPeer())
            try:
                self._link.connected(transport, self.address)
            except NotAdmitted:
                transport.abortConnection()
                raise
            return outcome

        endpoint = self._make(ConnectingReactor(self._reactor, attempts))
        return endpoint.connect(factory).addBoth(ended)


class _Attempts:
    """The attempts of one connection: an endpoint may try several addresses at a time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._attempts: list[Attempt] = []
        self.address: str | None = None
        """The last that was tried."""
        self.problem: Failure | None = None
        """Why an attempt could not get the filter, and was given up."""

    def about_to_connect(self, address: str) -> None:
        """Note the address; NotAdmitted where the neighbour table shows that it may not pass."""
        self.address = address
        self._link.about_to_connect(address)

    def connecting(self, sock: socket.socket) -> bool:
        """Set the filter on a socket; return whether that was done."""
        try:
            self._attempts.append(self._link.connecting(sock))
        except OSError as error:
            why = f"the MAC address filter cannot be set: {error.strerror or error}"
            self.problem = Failure(ConnectError(string=why))
            return False
        return True

    def end(self) -> None:
        """Count what all have dropped: one has connected, or all have failed."""
        for attempt in self._attempts:
            self._link.attempted(attempt)
