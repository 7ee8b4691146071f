"""A reactor for endpoints that sets the filter on each socket before it listens or connects.

Everything else that an endpoint asks goes to the reactor itself.
"""

from __future__ import annotations

import socket
from typing import Any, Protocol

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IConnector, IListeningPort, IProtocolFactory
from twisted.internet.tcp import Port
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import directlyProvides, providedBy


class Listener(Protocol):
    """Sets the filter on sockets that listen."""

    def opening(self, sock: socket.socket) -> None:
        """Set the filter on a socket that does not listen yet; OSError."""

    def closing(self, sock: socket.socket) -> None:
        """Count what a socket has dropped; called before it is closed."""


class Connector(Protocol):
    """Sets the filter on sockets that connect."""

    def about_to_connect(self, address: str) -> None:
        """Check the address before there is a socket; may raise."""

    def connecting(self, sock: socket.socket) -> bool:
        """Set the filter on a socket that has sent nothing yet; return whether it may connect."""


class _Wrapper:
    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


class ListeningReactor(_Wrapper):
    """For server endpoints."""

    def __init__(self, reactor: Any, listener: Listener) -> None:
        super().__init__(reactor)
        self._listener = listener

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """Listen as the reactor does, by a socket that has the filter first."""
        listening = _GuardedPort(port, factory, backlog, interface, self._reactor)
        listening.listener = self._listener
        listening.startListening()
        return listening

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: Any,
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort:
        """The same, with TLS from the first octet."""
        tls = TLSMemoryBIOFactory(contextFactory, False, factory)
        return self.listenTCP(port, tls, backlog, interface)

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        """Take over a socket that listens already, and set the filter at once."""
        port = self._reactor.adoptStreamPort(fileDescriptor, addressFamily, factory)
        try:
            self._listener.opening(port.socket)
        except OSError as error:
            port.stopListening()
            raise CannotListenError("", fileDescriptor, error) from None
        listening: IListeningPort = port
        return listening


class _GuardedPort(Port):
    """Twisted's port, which turns an OSError of `opening` into CannotListenError."""

    listener: Listener

    def createInternetSocket(self) -> socket.socket:
        sock: socket.socket = super().createInternetSocket()
        try:
            self.listener.opening(sock)
        except OSError:
            sock.close()
            raise
        return sock

    def connectionLost(self, reason: Failure) -> None:
        self.listener.closing(self.socket)
        super().connectionLost(reason)


class ConnectingReactor(_Wrapper):
    """For client endpoints."""

    def __init__(self, reactor: Any, connector: Connector) -> None:
        super().__init__(reactor)
        self._connector = connector

    def connectTCP(self, host: str, *rest: Any, **more: Any) -> IConnector:
        """Begin to connect; the socket itself does so in the reactor's next turn."""
        self._connector.about_to_connect(host)
        connector = self._reactor.connectTCP(host, *rest, **more)
        sock = getattr(connector.transport, "socket", None)
        # Without a socket it has failed already: the process has too many descriptors.
        if sock is not None and not self._connector.connecting(sock):
            connector.stopConnecting()
        connecting: IConnector = connector
        return connecting

    def connectSSL(
        self,
        host: str,
        port: int,
        factory: IProtocolFactory,
        contextFactory: Any,
        *rest: Any,
        **more: Any,
    ) -> IConnector:
        """The same, with TLS from the first octet."""
        tls = TLSMemoryBIOFactory(contextFactory, True, factory)
        return self.connectTCP(host, port, tls, *rest, **more)
