"""Receiving by POP: every POP Interval minutes, and when asked; one session at a time (device.md 3.2)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.device.events import Event, SettingsChanged
from irsend.device.sessions import Session
from irsend.errors import CannotReceive
from irsend.services.bench import Bench
from irsend.services.pop_session import PopSession
from irsend.store.memory import maildrop_mark


class Polling(Service):
    """Looks at the POP server, one session at a time."""

    log = Logger()

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._timer: Any = None
        self._forget: Any = None
        self._under_way: list[Deferred[Session]] | None = None
        self._session: PopSession | None = None
        self._no_login_before: dict[str, float] = {}
        self._left_alone: set[str] = set()
        self._waiting: Deferred[None] | None = None
        self._all_done: Deferred[None] | None = None

    def startService(self) -> None:
        """Look at once where an interval is set, and then every so often."""
        Service.startService(self)
        self._forget = self._bench.device.observe(self._observe)
        self._schedule(0)

    def stopService(self) -> Deferred[None] | None:
        """Give up what is under way, and wait until it has ended."""
        Service.stopService(self)
        self._forget()
        self._cancel_timer()
        if self._under_way is None:
            return None
        self._all_done = Deferred()
        if self._waiting is not None:
            self._waiting.cancel()
        if self._session is not None:
            self._session.abort()
        return self._all_done

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
            self._session = None
            waiting, self._under_way = self._under_way or [], None
            for one in waiting:
                one.callback(outcome)
            if self._all_done is not None:
                self._all_done.callback(None)

        self._receive().addBoth(ended)
        return answer

    @inlineCallbacks
    def _receive(self) -> Generator[Deferred[Any], Any, Session]:
        at = self.next_login
        if at is not None:
            # LOGIN-DELAY: the machine does not log in again sooner than that.
            self._waiting = deferLater(self._bench.clock, at - self._bench.device.now())
            try:
                yield self._waiting
            except CancelledError:
                pass
            finally:
                self._waiting = None
        self._session = session = PopSession(self._bench, self._left_alone)
        if not self.running:
            session.abort()
        ended: Session = yield session.receive()
        if session.login_delay:
            until = self._bench.device.now() + session.login_delay
            self._no_login_before[maildrop_mark(session.server, session.user)] = until
        return ended
