"""A TCP relay between client and server that keeps what crosses it, and can be cut."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone


@define(eq=False)
class Crossing:
    """One connection through the tap: what each side said."""

    client: bytearray = field(factory=bytearray)
    server: bytearray = field(factory=bytearray)


Watch = Callable[[Crossing], bool]
"""Asked at each segment before that is passed on; True cuts the wire, the segment is lost."""


class Wiretap(Factory):
    """Listens on a port of 127.0.0.1 and connects each client with the server's port there."""

    noisy = False

    def __init__(self, reactor: Any, server_port: int) -> None:
        self._reactor = reactor
        self._server_port = server_port
        self.crossings: list[Crossing] = []
        self.watch: Watch = lambda crossing: False
        self._ends: set[_End] = set()
        self._listening = reactor.listenTCP(0, self, interface="127.0.0.1")
        self.port: int = self._listening.getHost().port

    def buildProtocol(self, addr: Any) -> Protocol:
        """Take a client."""
        crossing = Crossing()
        self.crossings.append(crossing)
        return _ClientEnd(self, crossing, crossing.client)

    def everything_said_by_clients(self) -> bytes:
        """Return what came from all clients so far."""
        return b"".join(bytes(one.client) for one in self.crossings)

    async def stop(self) -> None:
        """Listen no more and cut what is open."""
        await self._listening.stopListening()
        for end in tuple(self._ends):
            end.transport.abortConnection()


class _End(Protocol):
    """One of the two connections of a crossing."""

    def __init__(self, tap: Wiretap, crossing: Crossing, said: bytearray) -> None:
        self._tap = tap
        self._crossing = crossing
        self._said = said
        self._waiting: list[bytes] = []
        self.other: _End | None = None
        self.transport: Any

    def connectionMade(self) -> None:
        """Pass on at once."""
        self.transport.setTcpNoDelay(True)
        self._tap._ends.add(self)

    def dataReceived(self, data: bytes) -> None:
        """Keep it, ask the watch, pass it on."""
        self._said += data
        if self._tap.watch(self._crossing):
            self.transport.abortConnection()
            if self.other:
                self.other.transport.abortConnection()
        elif self.other:
            self.other.transport.write(data)
        else:
            self._waiting.append(data)

    def pair(self, other: _End) -> None:
        """Pass everything on to that end from now on."""
        self.other = other
        other.transport.registerProducer(self.transport, True)
        for data in self._waiting:
            other.transport.write(data)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """Let the other end follow."""
        self._tap._ends.discard(self)
        if self.other:
            self.other.transport.unregisterProducer()
            self.other.transport.loseConnection()


class _ClientEnd(_End):
    """The client's; the server is called as soon as the client is there."""

    def connectionMade(self) -> None:
        """Call the server; until it answers, what the client says waits."""
        super().connectionMade()
        # What is cut off shall be cut off here, not wait for the client in the kernel.
        self.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32_768)
        tap = self._tap
        server_end = _End(tap, self._crossing, self._crossing.server)
        called = connectProtocol(
            TCP4ClientEndpoint(tap._reactor, "127.0.0.1", tap._server_port), server_end
        )
        called.addCallbacks(self._answered, lambda refused: self.transport.loseConnection())

    def _answered(self, server_end: _End) -> None:
        if not self.connected:
            server_end.transport.abortConnection()
            return
        self.pair(server_end)
        server_end.pair(self)
