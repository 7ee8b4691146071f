"""One listening address of the mail host, and its sessions until all are closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger

from irsend.protocols.server_endpoints import address_text, listen

# How long a peer may take to close when its session was ended, in seconds.
_GRACE = 2.0


class ListenerSession(Protocol):
    """A session as its listener knows it: one of Twisted's protocol classes."""

    factory: Any
    transport: Any

    def shut_down(self) -> None:
        """End the session in its protocol's way, because the server is switched off."""


class Listener(Service):
    """Listens while it runs. `build` makes a session, and gets what the session calls at its end."""

    log = Logger()

    def __init__(
        self,
        title: str,
        description: str,
        reactor: Any,
        build: Callable[[Callable[[ListenerSession], None]], ListenerSession],
        *,
        most_sessions: int = 200,
    ) -> None:
        self.title = title
        self._description = description
        self._reactor = reactor
        self._build = build
        self._most_sessions = most_sessions
        self._ports: list[IListeningPort] = []
        self._sessions: set[ListenerSession] = set()
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
                log_system="irsend",
            )

    def stopService(self) -> Deferred[None]:
        """Stop listening, end the sessions; fires when they are closed."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self.close()
        if not self._sessions:
            return
        self._all_gone = Deferred()
        for session in list(self._sessions):
            session.shut_down()
        # A peer that reads nothing, or does not reply to TLS's close_notify, would keep it open.
        grace = self._reactor.callLater(_GRACE, self._abort)
        await self._all_gone
        if grace.active():
            grace.cancel()

    def close(self) -> Deferred[list[tuple[bool, object]]]:
        """Take no further sessions."""
        ports, self._ports = self._ports, []
        stopping: list[Deferred[Any]] = [maybeDeferred(port.stopListening) for port in ports]
        return DeferredList(stopping, consumeErrors=True)

    def _abort(self) -> None:
        for session in list(self._sessions):
            session.transport.abortConnection()

    def session(self) -> ListenerSession | None:
        """Make a session; None where there are too many, which closes the connection."""
        if len(self._sessions) >= self._most_sessions:
            return None
        session = self._build(self._gone)
        self._sessions.add(session)
        return session

    def _gone(self, session: ListenerSession) -> None:
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
        """Return the name that the log has for its connections."""
        return f"mail host {self._listener.title}"

    def buildProtocol(self, addr: IAddress | None) -> Any:
        session = self._listener.session()
        if session is not None:
            session.factory = self
        return session
