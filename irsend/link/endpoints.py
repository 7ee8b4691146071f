"""Endpoints whose sockets are on a wire with a MAC address filter.

Who listens or connects by them does not know of it: a peer that may not pass
never gets a protocol.
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


def host_of(address: Any) -> str:
    """Return the IP address of a peer as text, IPv4 as IPv4; empty for what has none."""
    return str(getattr(address, "host", "")).removeprefix("::ffff:")


@implementer(IStreamServerEndpoint)
class LinkServerEndpoint:
    """Listens by another endpoint, and lets in who may pass.

    `make` makes that endpoint, with the reactor that it is given. With
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
        """Have the rule hold for a socket before it listens; OSError."""
        self.link.listening(sock, spares_loopback=self._spares_loopback)

    def closing(self, sock: socket.socket) -> None:
        """Count what a socket has dropped to its end."""
        self.link.closing(sock)


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

    log = Logger()

    def __init__(self, gates: _Gates, address: IAddress | None) -> None:
        self._gates = gates
        self._address = address

    def logPrefix(self) -> str:
        """Be called as what is behind it."""
        return self._gates.logPrefix()

    def makeConnection(self, transport: Any) -> None:
        """Hand the connection over; abort it, before a byte is written, where it may not be."""
        gates = self._gates
        try:
            admitted = gates.link.accepted(
                transport, host_of(transport.getPeer()), spares_loopback=gates.spares_loopback
            )
        except Exception:
            # Of whom nothing can be found out is not let in.
            self.log.failure("The MAC address filter")
            admitted = False
        if not admitted:
            transport.abortConnection()
            return
        protocol = gates.behind.buildProtocol(self._address)
        if protocol is None:
            transport.loseConnection()
            return
        # Nothing passes through here from now on. Twisted's TCP has its protocol as `protocol`,
        # its wrappers (ProtocolWrapper, of which TLS is one) as `wrappedProtocol`.
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
        self._reactor, self._link, self._make = reactor, link, make
        self.address: str | None = None
        """The IP address that was connected to, else the last that was tried; None before."""

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
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
        """Why an attempt could not be guarded, and was given up."""

    def about_to_connect(self, address: str) -> None:
        """Hear of the address; NotAdmitted where it is known before that it may not be."""
        self.address = address
        self._link.about_to_connect(address)

    def connecting(self, sock: socket.socket) -> bool:
        """Have the rule hold for a socket; say whether it does."""
        try:
            self._attempts.append(self._link.connecting(sock))
        except OSError as error:
            why = f"the MAC address filter cannot be set: {error.strerror or error}"
            self.problem = Failure(ConnectError(string=why))
            return False
        return True

    def end(self) -> None:
        """Hear that one of them has connected, or all have failed."""
        for attempt in self._attempts:
            self._link.attempted(attempt)
