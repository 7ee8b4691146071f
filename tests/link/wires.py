"""Wires on loopback: peers at 127.0.0.2 and 127.0.0.3 whose MAC addresses are known."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from irsend.link.admission import Admission

SCANNER, STRANGER = "00:00:85:12:34:56", "00:00:85:65:43:21"
KNOWN = {"127.0.0.2": SCANNER, "127.0.0.3": STRANGER}
ONLY_SCANNER = Admission(frozenset([SCANNER]), permits=True)
NOT_STRANGER = Admission(frozenset([STRANGER]), permits=False)


class Peer(Protocol):
    """Either end of a connection: sends its lines, and keeps what it receives."""

    def __init__(self, says: bytes = b"") -> None:
        self._says = says
        self.heard = b""
        self.reason: Failure | None = None
        """Why the connection has ended."""
        self.closed: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.say(self._says)

    def say(self, octets: bytes) -> None:
        """Send something more."""
        assert self.transport is not None
        self.transport.write(octets)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.reason = reason
        self.closed.callback(None)


class Host(Factory):
    """A server that greets, and keeps its connections."""

    noisy = False

    def __init__(self) -> None:
        self.peers: list[Peer] = []

    def buildProtocol(self, addr: Any) -> Peer:
        self.peers.append(Peer(b"hello"))
        return self.peers[-1]


def server(address: str = "127.0.0.1", reactor: Any = reactor) -> TCP4ServerEndpoint:
    """Return an endpoint at a free port."""
    return TCP4ServerEndpoint(reactor, 0, interface=address)


def connect(source: str, port: int, to: str = "127.0.0.1") -> Deferred[Any]:
    """Connect from one of the addresses of loopback."""
    endpoint = TCP4ClientEndpoint(reactor, to, port, timeout=10, bindAddress=(source, 0))
    return connectProtocol(endpoint, Peer())


async def until(true: Any) -> None:
    """Wait until a condition holds; a test's own timeout ends it."""
    while not true():
        await deferLater(reactor, 0.01)  # type: ignore[arg-type]
