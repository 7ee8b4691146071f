"""Runs POP sessions one after the other, each when the server's LOGIN-DELAY allows (RFC 2449 6.5)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from irsend.device.device import Device
from irsend.device.sessions import Session
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.network import Network
from irsend.services.pop_client_session import POPClientSession, POPTransaction
from irsend.services.sessions import Sessions
from irsend.store.group_commit import InThread
from irsend.store.memory import maildrop_mark


class POPSessionQueue(Service):
    """The queue: a reception and POP AUTH before Sending both wait here for their turn."""

    def __init__(
        self,
        *,
        clock: IReactorTime,
        device: Device,
        configuration: LiveConfiguration,
        sessions: Sessions,
        network: Network,
        blocking: InThread,
    ) -> None:
        self._clock = clock
        self._device = device
        self._configuration = configuration
        self._sessions = sessions
        self._network = network
        self._blocking = blocking
        self._turns = DeferredLock()
        self._session: POPClientSession | None = None
        self._delay: Deferred[None] | None = None
        self._no_login_before: dict[str, float] = {}

    def stopService(self) -> Deferred[None]:
        """Abort the session under way; fires when it and those that wait have ended."""
        Service.stopService(self)
        if self._delay is not None:
            self._delay.cancel()
        if self._session is not None:
            self._session.abort()
        # It comes after every session that runs or waits.
        stopped: Deferred[None] = self._turns.run(lambda: None)
        return stopped

    @property
    def next_login(self) -> float | None:
        """When the server lets the machine log in again; None for now."""
        window = self._device.settings.email_ifax
        maildrop = maildrop_mark(window.pop_server.strip("[]"), window.pop_address)
        at = self._no_login_before.get(maildrop, 0.0)
        return at if at > self._device.now() else None

    def fetch(self, make: Callable[[], POPTransaction]) -> Deferred[Session]:
        """Run a session that fetches mail; `make` is called when its turn has come.

        Fires with the session when it has ended.
        """
        return Deferred.fromCoroutine(self._take_turn(lambda: self._make(make())))

    def log_in(self) -> Deferred[Session]:
        """Run a session that only logs in; fires with it when it has ended.

        May be cancelled: the session is aborted then.
        """
        mine: list[POPClientSession] = []

        def begin() -> POPClientSession:
            mine.append(self._make(None))
            return mine[0]

        turn = Deferred.fromCoroutine(self._take_turn(begin))

        def abort(_: object) -> None:
            if mine:
                mine[0].abort()
            else:
                turn.cancel()

        answer: Deferred[Session] = Deferred(abort)

        def answered(outcome: object) -> None:
            # A Deferred that was cancelled has fired already.
            if not answer.called:
                answer.callback(outcome)  # type: ignore[arg-type]  # a Failure fails it

        turn.addBoth(answered)
        return answer

    def _make(self, transaction: POPTransaction | None) -> POPClientSession:
        return POPClientSession(
            clock=self._clock,
            device=self._device,
            configuration=self._configuration,
            sessions=self._sessions,
            network=self._network,
            blocking=self._blocking,
            transaction=transaction,
        )

    async def _take_turn(self, begin: Callable[[], POPClientSession]) -> Session:
        await self._turns.acquire()
        try:
            at = self.next_login
            if at is not None:
                self._delay = deferLater(self._clock, at - self._device.now())
                try:
                    await self._delay
                except CancelledError:
                    if self.running:
                        raise
                finally:
                    self._delay = None
            self._session = session = begin()
            if not self.running:
                session.abort()
            ended = await session.run()
            if session.login_delay:
                until = self._device.now() + session.login_delay
                self._no_login_before[maildrop_mark(session.server, session.user)] = until
            return ended
        finally:
            self._session = None
            self._turns.release()
