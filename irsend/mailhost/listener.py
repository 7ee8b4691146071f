"""Listening: one address, and the sessions that came by it, until all are gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger

from irsend.protocols.server_endpoints import address_text, listen

# How long a peer may take to go when it has been told to.
_GRACE = 2.0


class Listener(Service):
    """Listens while it runs. `build` makes a session, and is given what to call when it is gone.

    A session has `shut_down`, which ends it in its protocol's way.
    """

    log = Logger()

    def __init__(
        self,
        title: str,
        description: str,
        reactor: Any,
        build: Callable[[Callable[[Any], None]], Any],
        *,
        most_sessions: int = 200,
    ) -> None:
        self.title = title
        self._description = description
        self._reactor = reactor
        self._build = build
        self._most_sessions = most_sessions
        self._ports: list[IListeningPort] = []
        self._sessions: set[Any] = set()
        self._all_gone: Deferred[None] | None = None

    @property
    def addresses(self) -> list[IAddress]:
        """Where it listens now."""
        return [port.getHost() for port in self._ports]

    def startService(self) -> None:
        """Listen; an address that cannot be had raises."""
        Service.startService(self)
        key = f"mailhost.{self.title.lower()}"
        self._ports = listen(self._reactor, key, self._description, _Factory(self))
        if not self._ports:
            self.log.info("Mail host {title}: not listening (it is off)", title=self.title)
        for address in self.addresses:
            self.log.info(
                "Mail host {title}: listening on {address}",
                title=self.title,
                address=address_text(address),
            )

    @inlineCallbacks
    def stopService(self) -> Any:
        """Stop listening, end the sessions, and wait until they are gone."""
        Service.stopService(self)
        yield self.close()
        if not self._sessions:
            return
        self._all_gone = Deferred()
        for session in list(self._sessions):
            session.shut_down()
        # A peer that reads nothing, or does not answer TLS's own farewell, would keep it for ever.
        grace = self._reactor.callLater(_GRACE, self._abort)
        yield self._all_gone
        if grace.active():
            grace.cancel()

    def close(self) -> Deferred[Any]:
        """Take no further sessions."""
        ports, self._ports = self._ports, []
        stopping = [maybeDeferred(port.stopListening) for port in ports]
        return DeferredList(stopping, consumeErrors=True)

    def _abort(self) -> None:
        for session in list(self._sessions):
            session.transport.abortConnection()

    def session(self) -> Any:
        """Make a session; None where there are too many, which closes the connection."""
        if len(self._sessions) >= self._most_sessions:
            return None
        session = self._build(self._gone)
        self._sessions.add(session)
        return session

    def _gone(self, session: Any) -> None:
        self._sessions.discard(session)
        if self._all_gone is not None and not self._sessions:
            all_gone, self._all_gone = self._all_gone, None
            all_gone.callback(None)


class _Factory(ServerFactory):
    """Makes a session for each connection."""

    noisy = False

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def logPrefix(self) -> str:
        """Name it in the log as people know it."""
        return f"mail host {self._listener.title}"

    def buildProtocol(self, addr: IAddress | None) -> Any:
        session = self._listener.session()
        if session is not None:
            session.factory = self
        return session
