"""Back pressure: a server reads nothing from a peer that does not take its answers, and ends it after a time.

All four servers have it: SMTP, the mail host's SMTP and POP3 (by `protocols.command_lines`),
and the panel's HTTP (by `panel.request`). It is the producer that the transport pauses when
more than 64 KiB wait to be sent, and resumes when all of that is sent. What a session says
to its peer is left to the session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from zope.interface import implementer

PATIENCE = 60.0
"""Seconds in which a peer takes at least one octet of what waits for it; so is nginx's send_timeout."""
_CHECKS = 4
"""Times within `PATIENCE` that it is looked at."""


@implementer(IPushProducer)
@define(eq=False)
class BackPressure:
    """What waits to be sent to one peer. A peer that takes it slowly is waited for without an end."""

    transport: Any
    call_later: Callable[..., IDelayedCall]
    stop: Callable[[], None]
    """Called when the peer takes nothing: read nothing more from it, and begin no answer."""
    go_on: Callable[[], None]
    """Called when the peer has taken all of it."""
    stalled: Callable[[], None]
    """Called when the peer has taken nothing for `PATIENCE`: abort its connection."""
    blocked: bool = False
    """True between `stop` and `go_on`."""
    _closed: bool = False
    _unchanged: int = 0
    """Checks in which nothing was taken."""
    _unsent: object = None
    _check: IDelayedCall | None = None
    _waiting: list[Deferred[None]] = field(factory=list)

    def begin(self) -> None:
        """Begin, with a new connection."""
        self.transport.registerProducer(self, True)

    def close(self) -> None:
        """Be in the way of `loseConnection` no more; what a blocked peer has not taken is still timed."""
        if not self._closed:
            self._closed = True
            self.transport.unregisterProducer()

    def lost(self) -> None:
        """End, with the connection."""
        self._closed = True
        if self._check is not None:
            self._check.cancel()
            self._check = None
        waiting, self._waiting = self._waiting, []
        for relieved in waiting:
            relieved.errback(ConnectionLost())

    def relieved(self) -> Deferred[None]:
        """Fire when more can be written: at once, unless it is blocked. ConnectionLost."""
        if not self.blocked:
            return succeed(None)
        relieved: Deferred[None] = Deferred()
        self._waiting.append(relieved)
        return relieved

    def pauseProducing(self) -> None:
        """Stop (called by the transport)."""
        self.blocked = True
        self._watch()
        self.stop()

    def resumeProducing(self) -> None:
        """Go on (called by the transport)."""
        self.blocked = False
        if self._check is not None:
            self._check.cancel()
            self._check = None
        waiting, self._waiting = self._waiting, []
        for relieved in waiting:
            relieved.callback(None)
        if not self.blocked:
            self.go_on()

    def stopProducing(self) -> None:
        """End (called by the transport)."""
        self.lost()

    def _watch(self) -> None:
        if self._check is None:
            self._unchanged, self._unsent = 0, self._now_unsent()
            self._check = self.call_later(PATIENCE / _CHECKS, self._look)

    def _look(self) -> None:
        self._check = None
        unsent = self._now_unsent()
        self._unchanged = self._unchanged + 1 if unsent == self._unsent else 0
        self._unsent = unsent
        if self._unchanged < _CHECKS:
            self._check = self.call_later(PATIENCE / _CHECKS, self._look)
        else:
            self.stalled()

    def _now_unsent(self) -> object:
        # How far Twisted's transport has come in what it sends: each octet that the system takes
        # from it changes that. The interface of transports has no name for it.
        transport = self.transport
        return len(getattr(transport, "dataBuffer", b"")), getattr(transport, "offset", 0)
