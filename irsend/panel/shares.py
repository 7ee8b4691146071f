"""Shares of the panel's connections: no peer, and no number of strangers, locks the others out.

A peer is an address. It is known on a connection on which it was admitted, and by its
address where no password is asked for; else it is a stranger. A connection over a share takes
the place of one that the panel can do without: one of a stranger, or one that waits for its
next request. Where there is none it is surplus: it is answered for `/healthz` and
`/api/status`, and with a 503 for the rest. `events` has the shares of streams.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from attrs import define, field

from irsend.panel.problems import Problem

MOST_CONNECTIONS = 200
"""Of those who are known; the whole machine shares the file descriptors."""
MOST_OF_PEER = 150
MOST_OF_STRANGERS = 60
MOST_OF_STRANGER = 20
MOST_SURPLUS = 40
ALWAYS_ANSWERED = (b"/healthz", b"/api/status")


class SharedConnection(Protocol):
    """A connection, as its shares know it."""

    peer: str
    known: bool
    surplus: bool

    @property
    def idle(self) -> bool:
        """True while no request is under way."""

    def loseConnection(self) -> None:
        """Close it behind what is written."""

    def abort(self) -> None:
        """Close it at once."""


@define(eq=False)
class ConnectionShares:
    """The connections of one panel."""

    _open: dict[SharedConnection, None] = field(factory=dict)
    """In the order of their last use, the last at the end."""

    def opened(self, connection: SharedConnection) -> None:
        """Take a new connection, if need be in the place of another."""
        self._find_place(connection)
        self._open[connection] = None

    def used(self, connection: SharedConnection) -> None:
        """Note that a request came on it."""
        if connection in self._open:
            del self._open[connection]
            self._open[connection] = None

    def admitted(self, connection: SharedConnection) -> None:
        """Count it to those of peers that are known."""
        if not connection.known and connection in self._open:
            del self._open[connection]
            connection.known = True
            self._find_place(connection)
            self._open[connection] = None

    def closed(self, connection: SharedConnection) -> None:
        """Forget a connection."""
        self._open.pop(connection, None)

    def check(self, connection: SharedConnection, path: bytes) -> None:
        """Raise Problem for a request on a surplus connection."""
        if connection.surplus and path not in ALWAYS_ANSWERED:
            alike = [
                one for one in self._placed(connection.known) if one.peer == connection.peer
            ]
            detail = (
                f"The panel has no connection to spare for {connection.peer}, which has "
                f"{len(alike)} open; close some, or try again in a moment"
            )
            raise Problem(503, detail, headers={"Retry-After": "5"})

    def _placed(self, known: bool) -> list[SharedConnection]:
        return [one for one in self._open if one.known is known and not one.surplus]

    def _find_place(self, connection: SharedConnection) -> None:
        """Make place for it, or make it surplus."""
        known = connection.known
        placed = self._placed(known)
        of_peer = [one for one in placed if one.peer == connection.peer]
        connection.surplus = False
        if len(of_peer) >= (MOST_OF_PEER if known else MOST_OF_STRANGER):
            connection.surplus = not self._give_up_one(of_peer)
        elif len(placed) >= (MOST_CONNECTIONS if known else MOST_OF_STRANGERS):
            connection.surplus = not self._give_up_one(placed)
        surplus = [one for one in self._open if one.surplus]
        if connection.surplus and len(surplus) >= MOST_SURPLUS:
            # Whatever it asked has been answered, or it asks slowly.
            del self._open[surplus[0]]
            surplus[0].abort()

    def _give_up_one(self, connections: Iterable[SharedConnection]) -> bool:
        for one in connections:
            if not one.known:
                del self._open[one]
                one.abort()
                return True
            if one.idle:
                del self._open[one]
                one.loseConnection()
                return True
        return False
