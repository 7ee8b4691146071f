"""One wire: its rule, the sockets on it, the peers at their other ends, and how much was dropped.

Endpoints report each socket; the link sets the rule on it, and sets it anew on all
when the rule changes. It opens no connection itself.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from attrs import define, field, frozen
from twisted.internet.error import ConnectError

from irsend.addresses import is_loopback
from irsend.link import sockets
from irsend.link.admission import EVERYBODY, Admission
from irsend.link.enforcement import IWay, choose_way
from irsend.link.neighbours import neighbour_mac


class Connection(Protocol):
    """A TCP transport of Twisted's, beneath TLS and other wrappers."""

    connected: int

    def getHandle(self) -> socket.socket:
        """Return its socket."""

    def getPeer(self) -> Any:
        """Return the peer's address."""

    def getHost(self) -> Any:
        """Return its own address."""

    def abortConnection(self) -> None:
        """Close it at once."""


class NotAdmitted(ConnectError):
    """The peer that a connection was to go to may not pass."""


@define(eq=False)
class _Guarded:
    """What the link knows of a socket."""

    spares_loopback: bool = False
    dropped: int = 0
    """The kernel's count when it was last read."""


@frozen
class Attempt:
    """An attempt to connect, watched by a second descriptor of its socket."""

    sock: socket.socket
    guarded: _Guarded


@define(eq=False)
class _Peer:
    """The peer at the other end of a connection."""

    address: str
    mac: str | None
    guarded: _Guarded = field(factory=_Guarded)
    """The connection's socket; a new one has dropped nothing."""
    spared: bool = False
    """May pass whatever the rule is."""


class Link:
    """A wire. `known` MAC addresses of IP addresses, for benches on loopback, go before all else."""

    def __init__(
        self,
        way: IWay | None = None,
        *,
        admission: Admission = EVERYBODY,
        known: Mapping[str, str] | None = None,
    ) -> None:
        self.way = way if way is not None else choose_way()
        self._admission = admission
        self._known = dict(known or {})
        self._dropped = 0
        self._sockets: WeakKeyDictionary[socket.socket, _Guarded] = WeakKeyDictionary()
        """Those that listen, or are about to connect."""
        self._peers: WeakKeyDictionary[Connection, _Peer] = WeakKeyDictionary()
        """By the transport of each connection."""

    # -- the rule -----------------------------------------------------------------

    def change(self, admission: Admission, known: Mapping[str, str]) -> None:
        """Enforce another rule from now on, on open connections too.

        OSError where the kernel refused it for some of them.
        """
        self._count()
        self._admission, self._known = admission, dict(known)
        failed: OSError | None = None
        for sock, guarded in self._open():
            try:
                self.way.guard(sock, admission, self._known, guarded.spares_loopback)
            except OSError as error:
                failed = error
        if not self.way.silent and admission != EVERYBODY:
            for transport, peer in list(self._peers.items()):
                if transport.connected and not self._admits(peer, self._mac_now(peer)):
                    self._dropped += 1
                    del self._peers[transport]
                    transport.abortConnection()
        if failed is not None:
            raise failed

    @property
    def dropped(self) -> int:
        """How many frames were dropped, or connections refused where frames cannot be."""
        self._count()
        return self._dropped

    def _admits(self, peer: _Peer, mac: str | None) -> bool:
        return peer.spared or self._admission.passes(mac)

    def _mac_now(self, peer: _Peer) -> str | None:
        """Return the MAC address that a peer has now, by configuration or table."""
        return self._by_configuration(peer.address) or peer.mac or neighbour_mac(peer.address)

    def _by_configuration(self, address: str) -> str | None:
        return self._known.get(address.partition("%")[0]) if self._known else None

    def _guard(self, sock: socket.socket, guarded: _Guarded) -> None:
        self._sockets[sock] = guarded
        # Without a rule nothing is set: another program's filter on the socket stays.
        if self._admission != EVERYBODY:
            self.way.guard(sock, self._admission, self._known, guarded.spares_loopback)

    # -- how much was dropped -------------------------------------------------------

    def _open(self) -> list[tuple[socket.socket, _Guarded]]:
        connected = [
            (transport.getHandle(), peer.guarded)
            for transport, peer in self._peers.items()
            if transport.connected
        ]
        return connected + [
            (sock, one) for sock, one in self._sockets.items() if sock.fileno() >= 0
        ]

    def _count(self) -> None:
        if self.way.silent:
            for sock, guarded in self._open():
                self._count_of(sock, guarded)

    def _count_of(self, sock: socket.socket, guarded: _Guarded) -> None:
        now = sockets.dropped(sock)
        if self._admission != EVERYBODY:
            # Without a rule the kernel dropped them for want of room.
            self._dropped += max(0, now - guarded.dropped)
        guarded.dropped = now

    # -- the peers ----------------------------------------------------------------

    def mac_of_peer(self, transport: Any) -> str | None:
        """Return the MAC address behind an accepted connection; None where that is not known."""
        peer = self._peers.get(lowest(transport))
        return peer.mac if peer is not None else None

    def mac_of_address(self, address: str) -> str | None:
        """Return the MAC address of an IP address; reads the neighbour table, so call it in a thread."""
        return self._by_configuration(address) or neighbour_mac(address)

    # -- what endpoints report ----------------------------------------------------

    def listening(self, sock: socket.socket, *, spares_loopback: bool) -> None:
        """Set the filter on a socket that is to listen; OSError."""
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            self.way.prepare_to_listen(sock)
            self._guard(sock, _Guarded(spares_loopback))

    def closing(self, sock: socket.socket) -> None:
        """Forget a listening socket, and count what it dropped; called before it is closed."""
        guarded = self._sockets.pop(sock, None)
        if guarded is not None and self.way.silent:
            self._count_of(sock, guarded)

    def accepted(self, transport: Any, address: str, *, spares_loopback: bool) -> bool:
        """Note a connection that was accepted; return whether it is admitted.

        Where frames are dropped, only peers that were in the accept queue before
        the rule come so far.
        """
        transport = lowest(transport)
        mac = self._by_configuration(address) or self.way.first_mac(
            transport.getHandle(), address
        )
        # The socket itself has its listener's filter.
        spared = spares_loopback and from_this_host(transport)
        peer = _Peer(address, mac, _Guarded(spares_loopback), spared)
        if self._admits(peer, mac):
            self._peers[transport] = peer
            return True
        self._dropped += 1
        return False

    def about_to_connect(self, address: str) -> None:
        """Raise NotAdmitted where the MAC address is known already and may not pass."""
        if not self.way.silent and self._admission != EVERYBODY:
            mac = self.mac_of_address(address)
            # An address that is not known now is checked once the peer has answered.
            if mac is not None:
                self._check(address, mac)

    def connecting(self, sock: socket.socket) -> Attempt:
        """Set the filter on a socket that is about to connect; return the attempt. OSError."""
        guarded = _Guarded()
        self._guard(sock, guarded)
        # Twisted closes its own descriptor before the drops can be counted.
        return Attempt(sock.dup(), guarded)

    def attempted(self, attempt: Attempt) -> None:
        """Count what an attempt has dropped; called when it has connected or failed."""
        if self.way.silent:
            self._count_of(attempt.sock, attempt.guarded)
        attempt.sock.close()

    def connected(self, transport: Any, address: str) -> None:
        """Note a connection that was made. Raises NotAdmitted where the peer may not pass."""
        transport = lowest(transport)
        guarded = self._sockets.pop(transport.getHandle(), None)
        peer = _Peer(address, None, guarded or _Guarded())
        # A socket that was not reported has no filter.
        watched = self.way.silent and guarded is not None
        if self._admission != EVERYBODY and not watched:
            peer.mac = self._mac_now(peer)
            self._check(address, peer.mac)
        self._peers[transport] = peer

    def _check(self, address: str, mac: str | None) -> None:
        if not self._admission.passes(mac):
            self._dropped += 1
            who = f"{address} ({mac or 'no MAC address'})"
            raise NotAdmitted(string=f"{who} may not pass the MAC address filter")


def lowest(transport: Any) -> Connection:
    """Return the TCP transport beneath TLS and other wrappers."""
    while hasattr(transport, "transport"):
        transport = transport.transport
    connection: Connection = transport
    return connection


def from_this_host(transport: Connection) -> bool:
    """Say whether an accepted connection is one of this host's with itself."""
    if transport.getHandle().family not in (socket.AF_INET, socket.AF_INET6):
        return True
    peer, own = transport.getPeer().host, transport.getHost().host
    return is_loopback(peer) or peer == own
