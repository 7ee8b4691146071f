"""The machine: the one place that knows all the parts, and puts them together.

From a configuration it makes device, store and services, and switches them on
and off. What the panel asks of it is told by `control`. It speaks no protocol and
decides nothing about mail.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, maybeDeferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from irsend.configuration import Configuration
from irsend.configuration_sections import MB
from irsend.device.device import Device
from irsend.device.events import Event, SettingsChanged
from irsend.errors import (
    ConfigurationError,
    KeyMaterialError,
    ValueRefused,
)
from irsend.link.enforcement import choose_way
from irsend.link.link import Link
from irsend.services.bench import Bench
from irsend.services.blocking import run_blocking
from irsend.services.machine.control import Control
from irsend.services.machine.job_log import log_ended
from irsend.services.machine.keyring import Keyring
from irsend.services.machine.mac_filter import MacFilter
from irsend.services.machine.recovery import recover
from irsend.services.machine.settings_precedence import SettingsPrecedence
from irsend.services.print.print_pool import PrintPool
from irsend.services.print.print_queue import PrintQueue
from irsend.services.print.retention import Retention
from irsend.services.receive.dispatch import Dispatch
from irsend.services.receive.pop_poller import POPPoller
from irsend.services.receive.reassembly import Reassembly
from irsend.services.receive.smtp_listener import SMTPListener
from irsend.services.send.full_mode import FullMode
from irsend.services.send.job_submission import JobSubmission
from irsend.services.send.notifier import Notifier
from irsend.services.send.scanner import Scanner
from irsend.services.send.send_queue import SendQueue
from irsend.store.group_commit import GroupCommit
from irsend.store.journal import Journal
from irsend.store.memory import Memory
from irsend.store.outbox import Outbox
from irsend.store.receiver_features import ReceiverFeatures
from irsend.store.saved_settings import SavedSettings
from irsend.store.state import StateDirectory
from irsend.store.transcripts import Transcripts
from irsend.store.tray import Tray

_BY_THE_CLOCK = 4
_DRAWN_WITHIN = 120
"""Seconds that a page to look at may take, by the clock: somebody waits for it."""


class Machine(Control, MultiService):
    """One printer on one state directory. `hold` it, then start the service."""

    log = Logger()

    def __init__(
        self, configuration: Configuration, reactor: Any, now: Callable[[], float]
    ) -> None:
        MultiService.__init__(self)
        self.configuration = configuration
        self._reactor = reactor
        self.state = StateDirectory(Path(configuration.state).absolute())
        self.device = Device(
            model=configuration.model, settings=configuration.model.initial_settings(), now=now
        )
        self._disk = ThreadPool(0, 4, "disk")
        self._in_thread = self._on(self._disk)
        self._scribe = ThreadPool(1, 1, "journal")  # one: it does things in order
        limits = configuration.limits
        memory = Memory(
            self.state.memory, limits.memory * MB, GroupCommit(self._in_thread), now
        )
        self._journal = Journal(
            self.state.journal,
            Transcripts(self.state.sessions),
            self._on(self._scribe),
            reactor,
            sessions_kept=limits.sessions_kept,
        )
        self._bench = Bench(
            device=self.device,
            memory=memory,
            journal=self._journal,
            clock=reactor,
            limits=limits,
            names=configuration.tls.hostnames,
            trust=configuration.tls.trust,
            sending=configuration.sending,
            printing=configuration.printing,
            on_disk=self._in_thread,
            apart=lambda work: run_blocking(reactor, work),
            link=Link(choose_way(configuration.link.way)),
        )
        self._saved = SavedSettings(self.state.settings)
        self._precedence = SettingsPrecedence(self._saved)
        self._keyring = Keyring(self._bench, self.state.keys, configuration.tls)
        self._mac_filter = MacFilter(self._bench, configuration.link.addresses)
        self.receiving = SMTPListener(self._bench, configuration.listen.smtp)
        self.polling = POPPoller(self._bench)
        self._outbox = Outbox(self.state.outbox, self._in_thread)
        self._receivers = ReceiverFeatures(self.state.receivers)
        self._scanner = Scanner(reactor, timeout=limits.scan)
        self._full_mode = FullMode(self._bench, self._outbox, self._receivers)
        self._sending = SendQueue(
            self._bench,
            self._outbox,
            JobSubmission(self._bench, self._outbox, self._scanner, self._receivers),
            self.polling.log_in,
            self._full_mode.await_notifications,
        )
        self._make_printing(configuration)
        for service in (
            self._mac_filter,
            self._tidying,
            self._printing,
            self._joining,
            self._sorting,
            self.receiving,
            self.polling,
            self._full_mode,
            self._sending,
        ):
            service.setServiceParent(self)

    def _make_printing(self, configuration: Configuration) -> None:
        self.device.paper = configuration.printing.loaded
        self._tray = Tray(self.state.tray, self._in_thread)
        self._tidying = Retention(self._bench, self._tray)
        answering = Notifier(self._bench, self._outbox, self._sending.take)
        # Workers give way to all else: by the clock a document may take far longer than by CPU.
        time = lambda: _BY_THE_CLOCK * self._bench.limits.print  # noqa: E731
        self._drawing = PrintPool(self._reactor, 1, lambda: _DRAWN_WITHIN)
        self._printing = PrintQueue(
            self._bench,
            self._tray,
            PrintPool(self._reactor, configuration.printing.workers, time),
            answering.printed,
            self._tidying.apply_limits,
        )
        self._joining = Reassembly(self._bench, self._printing.take)
        self._sorting = Dispatch(
            self._bench,
            to_print=lambda mail: self._printing.take([mail], []),
            to_reassemble=self._joining.take,
            to_match=self._full_mode.take,
            notify_of_delivery=answering.delivered,
            caught_up=self._joining.let_time_run,
        )
        self._bench.received = self._sorting.take

    def _on(self, pool: ThreadPool) -> Callable[[Callable[[], Any]], Deferred[Any]]:
        return lambda work: deferToThreadPool(self._reactor, pool, work)

    @property
    def link(self) -> Link:
        """The wire that it is on."""
        return self._bench.link

    # -- its life -------------------------------------------------------------

    def hold(self) -> None:
        """Take the state directory; StateError when it cannot be had."""
        self.state.hold()

    def startService(self) -> None:
        """Switch on: read what is kept, then listen and poll; raises IrsendError, CannotListenError."""
        self.state.sign()
        self._keyring.load()
        self._load_settings()
        self._bench.memory.open_directory()
        self._journal.open(self.device)
        self._receivers.open()
        self.device.observe(self._journal.observe)
        self._journal.keep_settings(self.device.settings)
        entries = recover(self._bench, self._outbox, self._tray, self._sorting.take)
        self._full_mode.recover(entries)
        self._sending.recover([one for one in entries if one.awaited_until is None])
        self.device.observe(self._save)
        self.device.observe(log_ended)
        self.device.checks.append(self._keyring.check)
        self._disk.start()
        self._scribe.start()
        self.device.running = True
        self.log.info("Model: {model}", model=self.device.model.called)
        self.log.info("State: {path}", path=self.state.path)
        MultiService.startService(self)

    def abandon(self) -> None:
        """Let go of everything after a start that failed."""
        self.receiving.abandon()
        for part in (self._tidying, self._printing, self._joining, self._sorting):
            if part.running:
                part.stopService()
        self._scanner.stop()
        self._drawing.stop()
        self._journal.abandon()
        self._stop_threads()
        self.state.release()

    def _stop_threads(self) -> None:
        for pool in (self._disk, self._scribe):
            if pool.started:
                pool.stop()

    def quiesce(self) -> Deferred[None]:
        """Take nothing more, and end what is under way; fires when that has ended."""
        quiet: Deferred[None] = Deferred()
        if self.running:
            ending = [
                maybeDeferred(MultiService.stopService, self),
                maybeDeferred(self._scanner.stop),
                maybeDeferred(self._drawing.stop),
            ]
            DeferredList(ending).addBoth(lambda _: quiet.callback(None))
        else:
            quiet.callback(None)
        return quiet

    @inlineCallbacks
    def stopService(self) -> Any:
        """Switch off: end what is under way, write what is to be written, let go of the state."""
        yield self.quiesce()
        self.device.running = False
        yield self._journal.close()
        # Both are idle now: what they did has been waited for.
        self._stop_threads()
        self.state.release()

    def _load_settings(self) -> None:
        settings = self._precedence.settings(self.configuration)
        try:
            self._keyring.check(settings)
        except ValueRefused as error:
            raise ConfigurationError(f"settings.{error}") from None
        self.device.settings = settings

    def _save(self, event: Event) -> None:
        if isinstance(event, SettingsChanged) and event.at_machine:
            try:
                self._saved.save(event.changes)
            except OSError as error:
                # It holds all the same, until the machine is switched off.
                self.log.error("Settings not saved: {error}", error=str(error))

    def reload(self, configuration: Configuration) -> None:
        """Take another configuration while running: settings, limits and certificates.

        Model, state directory and listening addresses stay until the next start.
        """
        for part in ("model", "state", "listen", "mailhost"):
            if getattr(configuration, part) != getattr(self.configuration, part):
                self.log.warn("{part}: changes with the next start only", part=part)
        for part, key in (("link", "way"), ("link", "covers_panel"), ("printing", "workers")):
            new, old = getattr(configuration, part), getattr(self.configuration, part)
            if getattr(new, key) != getattr(old, key):
                self.log.warn(
                    "{part}.{key}: changes with the next start only", part=part, key=key
                )
        configuration = self._precedence.for_model(configuration, self.device.model)
        settings = self._precedence.settings(configuration)
        try:
            use_key = self._keyring.prepare(configuration.tls, settings)
        except (KeyMaterialError, ValueRefused) as error:
            raise ConfigurationError(str(error)) from None
        use_key()
        self.configuration = configuration
        self._bench.limits = configuration.limits
        self._bench.memory.capacity = configuration.limits.memory * MB
        self._bench.names = configuration.tls.hostnames
        self._bench.trust = configuration.tls.trust
        self._bench.sending = configuration.sending
        self._bench.printing = configuration.printing
        self._mac_filter.change_known(configuration.link.addresses)
        self.device.reset_settings(settings)
        self.log.info("Configuration and certificates were read again")
