"""A wire in memory between a protocol and a test, with real TLS on it when the protocol begins it."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport, ITLSTransport
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer


class _Raw:
    """What the TLS layer of the protocol's side writes to."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def write(self, octets: bytes) -> None:
        self._wire.sent_raw(octets)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, "raw_" + name)


@implementer(ITLSTransport)
class Wire:
    """The protocol's transport; the test is its peer.

    `deliver` brings the protocol what the peer says, `taken` is what it said
    itself. Both are plain text also while TLS is in use.
    """

    disconnecting = False
    producer = None
    streamingProducer = None

    def __init__(self, protocol: Any, *, protocol_is_client: bool = False) -> None:
        self.protocol = protocol
        self.client = protocol_is_client
        self.closed = False
        self.paused = False
        self._taken = b""
        self._peer_tls: SSL.Connection | None = None
        self._tls_layer: Any = None
        self.peer_error: SSL.Error | None = None
        # Twisted gathers small writes under TLS until the reactor's next turn.
        self._tls_clock = Clock()
        self._closing: Exception | None = None

    def connect(self) -> None:
        """Make the connection."""
        self.protocol.makeConnection(self)

    # -- what the test does -----------------------------------------------------

    def deliver(self, octets: bytes, *, piecewise: bool = False) -> None:
        """Let the peer say this, in one segment or octet by octet."""
        if self._peer_tls is not None:
            self._peer_tls.sendall(octets)
            octets = self._peer_tls.bio_read(len(octets) * 2 + 65_536)
        pieces = [octets[at : at + 1] for at in range(len(octets))] if piecewise else [octets]
        for piece in pieces:
            if not self.closed:
                self.protocol.dataReceived(piece)
                self._settle()

    def taken(self) -> bytes:
        """Return what the protocol said since the last call."""
        self._settle()
        if self._peer_tls is not None:
            self._read_peer()
        taken, self._taken = self._taken, b""
        return taken

    def peer_begins_tls(self, context: SSL.Context, *, server: bool = False) -> bool:
        """Let the peer shake hands; True when both are done."""
        self._peer_tls = SSL.Connection(context, None)
        if server:
            self._peer_tls.set_accept_state()
        else:
            self._peer_tls.set_connect_state()
        waiting, self._taken = self._taken, b""
        if waiting:
            self._peer_tls.bio_write(waiting)
        for _ in range(8):
            try:
                self._peer_tls.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error as error:
                self.peer_error = error
                self._flush_peer()
                return False
            else:
                self._flush_peer()
                return True
            self._flush_peer()
        return False

    def lose(self) -> None:
        """Let the peer vanish."""
        self._close(ConnectionLost())

    def _flush_peer(self) -> None:
        assert self._peer_tls is not None
        try:
            octets = self._peer_tls.bio_read(1 << 20)
        except SSL.WantReadError:
            return
        if not self.closed:
            self.protocol.dataReceived(octets)
            self._settle()

    def _read_peer(self) -> None:
        assert self._peer_tls is not None
        while True:
            try:
                self._taken += self._peer_tls.recv(65_536)
            except (SSL.WantReadError, SSL.ZeroReturnError, SSL.SysCallError, SSL.Error):
                return

    # -- what the protocol does (ITransport, ITLSTransport) ---------------------

    def write(self, octets: bytes) -> None:
        if self._tls_layer is not None:
            self._tls_layer.write(octets)
        elif not self.disconnecting:
            self.sent_raw(octets)

    def writeSequence(self, pieces: list[bytes]) -> None:
        self.write(b"".join(pieces))

    def sent_raw(self, octets: bytes) -> None:
        if self.closed:
            return
        if self._peer_tls is not None:
            self._peer_tls.bio_write(octets)
        else:
            self._taken += octets

    def loseConnection(self) -> None:
        if self._tls_layer is not None and not self.closed:
            self._tls_clock.advance(0)
            self._tls_layer.loseConnection()
        # The peer of these tests answers a closing alert at once.
        self.raw_loseConnection()

    def _settle(self) -> None:
        """Do what a reactor does behind the protocol's back."""
        self._tls_clock.advance(0)
        if self._closing is not None:
            self._close(self._closing)

    def abortConnection(self) -> None:
        self._closing = ConnectionLost()

    def raw_loseConnection(self) -> None:
        self.disconnecting = True
        self._closing = self._closing or ConnectionDone()

    def raw_abortConnection(self) -> None:
        self.abortConnection()

    def raw_registerProducer(self, producer: Any, streaming: bool) -> None:
        pass

    def raw_unregisterProducer(self) -> None:
        pass

    def _close(self, reason: Exception) -> None:
        if not self.closed:
            self.closed = True
            self.protocol.connectionLost(Failure(reason))

    def startTLS(self, context: Any, normal: bool = True) -> None:
        factory = TLSMemoryBIOFactory(context, self.client, None, clock=self._tls_clock)
        layer: Any = factory.protocol(factory, self.protocol, False)
        self.protocol = layer
        self._tls_layer = layer
        directlyProvides(self, ISSLTransport)
        layer.makeConnection(_Raw(self))

    def getHandle(self) -> Any:
        return self._tls_layer.getHandle()

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.7", 40000)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.1", 25)

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer, self.streamingProducer = producer, streaming

    def unregisterProducer(self) -> None:
        self.producer = None

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass


class PullWire(Wire):
    """A wire that takes content as fast as it comes, until it is stalled: then 64 KiB wait at most."""

    stalled = False
    nodelay = False
    _unsent = 0

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        super().registerProducer(producer, streaming)
        if not streaming:
            self.pull()

    def sent_raw(self, octets: bytes) -> None:
        super().sent_raw(octets)
        if self.stalled and self.streamingProducer:
            paused = self._unsent > 65_536
            self._unsent += len(octets)
            if self.producer is not None and self._unsent > 65_536 and not paused:
                self.producer.pauseProducing()

    def pull(self) -> None:
        """Take what waits, and what is written then."""
        if self.streamingProducer:
            paused, self._unsent = self._unsent > 65_536, 0
            if self.producer is not None and paused:
                self.producer.resumeProducing()
            return
        while self.producer is not None and not self.stalled:
            self.producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.nodelay = enabled

    def _close(self, reason: Exception) -> None:
        if self.producer is not None and not self.closed:
            producer, self.producer = self.producer, None
            producer.stopProducing()
        super()._close(reason)


def old_tls(ciphers: str = "ALL:@SECLEVEL=0", newest: int = SSL.TLS1_3_VERSION) -> SSL.Context:
    """Return a context for a peer that speaks everything, or just some ciphers."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_cipher_list(ciphers.encode("ascii"))
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_max_proto_version(newest)
    return context
