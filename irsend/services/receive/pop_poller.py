"""Receiving by POP: every POP Interval minutes, and when asked; one session at a time (device.md 3.2).

POP AUTH before Sending is a session too: it takes its turn, and LOGIN-DELAY holds for it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredLock, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.device.events import Event, SettingsChanged
from irsend.device.sessions import Session
from irsend.errors import CannotReceive
from irsend.services.bench import Bench
from irsend.services.receive.pop_client_session import POPClientSession
from irsend.store.memory import maildrop_mark


class POPPoller(Service):
    """Looks at the POP server, one session at a time."""

    log = Logger()

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._timer: Any = None
        self._forget: Any = None
        self._under_way: list[Deferred[Session]] | None = None
        self._session: POPClientSession | None = None
        self._no_login_before: dict[str, float] = {}
        self._left_alone: set[str] = set()
        self._waiting: Deferred[None] | None = None
        self._turns = DeferredLock()

    def startService(self) -> None:
        """Look at once where an interval is set, and then every so often."""
        Service.startService(self)
        self._forget = self._bench.device.observe(self._observe)
        self._schedule(0)

    def stopService(self) -> Deferred[None]:
        """Give up what is under way, and wait until it has ended."""
        Service.stopService(self)
        self._forget()
        self._cancel_timer()
        if self._waiting is not None:
            self._waiting.cancel()
        if self._session is not None:
            self._session.abort()
        # Behind whatever has its turn now, or waits for it.
        stopped: Deferred[None] = self._turns.run(lambda: None)
        return stopped

    def _observe(self, event: Event) -> None:
        if isinstance(event, SettingsChanged) and event.changes.keys() & {
            "email_ifax.pop",
            "email_ifax.pop_interval",
        }:
            self._schedule(self._bench.device.settings.email_ifax.pop_interval * 60)

    def _schedule(self, delay: float) -> None:
        self._cancel_timer()
        window = self._bench.device.settings.email_ifax
        if self.running and window.pop and window.pop_interval:
            self._timer = self._bench.clock.callLater(delay, self._look)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _look(self) -> None:
        self._schedule(self._bench.device.settings.email_ifax.pop_interval * 60)
        try:
            self.receive()
        except CannotReceive as error:
            self.log.warn("POP: {error}", error=str(error))

    @property
    def next_login(self) -> float | None:
        """When the server lets the machine log in again; None for now."""
        window = self._bench.device.settings.email_ifax
        maildrop = maildrop_mark(window.pop_server.strip("[]"), window.pop_address)
        at = self._no_login_before.get(maildrop, 0.0)
        return at if at > self._bench.device.now() else None

    def receive(self) -> Deferred[Session]:
        """Fetch what is on the server; fires with the session when it has ended.

        One at a time: while one is under way, its result is everybody's. Raises
        CannotReceive where the settings forbid it or do not say from where.
        """
        window = self._bench.device.settings.email_ifax
        if not window.pop:
            raise CannotReceive("POP is off; turn it on (email_ifax.pop) to fetch mail.")
        if not window.pop_server:
            raise CannotReceive("No POP Server is set (email_ifax.pop_server).")
        answer: Deferred[Session] = Deferred()
        if self._under_way is not None:
            self._under_way.append(answer)
            return answer
        self._under_way = [answer]

        def ended(outcome: Session | Failure) -> None:
            waiting, self._under_way = self._under_way or [], None
            for one in waiting:
                one.callback(outcome)

        self._receive().addBoth(ended)
        return answer

    def log_in(self) -> Deferred[Session]:
        """Log in and nothing more, behind a reception under way; fires with the session when it has ended.

        May be cancelled: it is given up then.
        """
        mine: list[POPClientSession] = []

        def begin() -> POPClientSession:
            mine.append(POPClientSession(self._bench, set(), login_only=True))
            return mine[0]

        turn = self._take_turn(begin)

        def give_up(_: object) -> None:
            if mine:
                mine[0].abort()
            else:
                turn.cancel()

        answer: Deferred[Session] = Deferred(give_up)

        def tell(outcome: Session | Failure) -> None:
            # One that was given up has been answered already.
            if not answer.called:
                answer.callback(outcome)

        turn.addBoth(tell)
        return answer

    def _receive(self) -> Deferred[Session]:
        return self._take_turn(lambda: POPClientSession(self._bench, self._left_alone))

    @inlineCallbacks
    def _take_turn(
        self, begin: Callable[[], POPClientSession]
    ) -> Generator[Deferred[Any], Any, Session]:
        yield self._turns.acquire()
        try:
            at = self.next_login
            if at is not None:
                # LOGIN-DELAY: the machine does not log in again sooner than that.
                self._waiting = deferLater(self._bench.clock, at - self._bench.device.now())
                try:
                    yield self._waiting
                except CancelledError:
                    if self.running:
                        raise
                finally:
                    self._waiting = None
            self._session = session = begin()
            if not self.running:
                session.abort()
            ended: Session = yield session.receive()
            if session.login_delay:
                until = self._bench.device.now() + session.login_delay
                self._no_login_before[maildrop_mark(session.server, session.user)] = until
            return ended
        finally:
            self._session = None
            self._turns.release()
