"""The POP poller: fetches mail every POP Interval minutes, and on request (docs/fidelity)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.device.device import Device
from irsend.device.events import Event, SettingsChanged
from irsend.device.sessions import Session
from irsend.errors import CannotReceive
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.pop_session_queue import POPSessionQueue
from irsend.services.receive.dispatch import Dispatch
from irsend.services.receive.left_mails import LeftMails
from irsend.services.receive.mail_fetch import MailFetch
from irsend.services.timer import Timer
from irsend.store.journal import Journal
from irsend.store.memory import Memory

_POLLS_BY = {"email_ifax.pop", "email_ifax.pop_interval"}


class POPPoller(Service):
    """Polls the POP server; `pop_sessions` runs the sessions."""

    log = Logger()

    def __init__(
        self,
        *,
        clock: IReactorTime,
        device: Device,
        memory: Memory,
        journal: Journal,
        configuration: LiveConfiguration,
        pop_sessions: POPSessionQueue,
        dispatch: Dispatch,
    ) -> None:
        self._device = device
        self._memory = memory
        self._journal = journal
        self._configuration = configuration
        self._pop_sessions = pop_sessions
        self._dispatch = dispatch
        self._timer = Timer(clock)
        self._stop_observing: Callable[[], None] = lambda: None
        self._under_way: list[Deferred[Session]] | None = None
        """The Deferreds that the reception under way answers; None while there is none."""
        self._left = LeftMails()

    def startService(self) -> None:
        """Poll at once where an interval is set, and then at that interval."""
        Service.startService(self)
        self._stop_observing = self._device.observe(self._observe)
        self._schedule(0)

    def stopService(self) -> None:
        """Poll no more; `pop_sessions` ends the session under way."""
        Service.stopService(self)
        self._stop_observing()
        self._timer.cancel()

    def _observe(self, event: Event) -> None:
        if isinstance(event, SettingsChanged) and event.changes.keys() & _POLLS_BY:
            self._schedule(self._device.settings.email_ifax.pop_interval * 60)

    def _schedule(self, delay: float) -> None:
        self._timer.cancel()
        window = self._device.settings.email_ifax
        if self.running and window.pop and window.pop_interval:
            self._timer.start(delay, self._poll)

    def _poll(self) -> None:
        self._schedule(self._device.settings.email_ifax.pop_interval * 60)
        try:
            self.receive()
        except CannotReceive as error:
            self.log.warn("POP: {error}", error=str(error))

    def receive(self) -> Deferred[Session]:
        """Fetch what is on the server; fires with the session when it has ended.

        A call during a reception is answered with that reception. Raises
        CannotReceive where the settings forbid it or name no server.
        """
        window = self._device.settings.email_ifax
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
                one.callback(outcome)  # a Failure fails it

        self._pop_sessions.fetch(self._transaction).addBoth(ended)
        return answer

    def _transaction(self) -> MailFetch:
        return MailFetch(
            device=self._device,
            memory=self._memory,
            journal=self._journal,
            configuration=self._configuration,
            dispatch=self._dispatch,
            left=self._left,
        )
