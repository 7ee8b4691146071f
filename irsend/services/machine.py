"""The machine: the one place that knows all the parts, and puts them together.

From a configuration it makes device, store and services, and switches them on
and off. What the panel asks of it is told by `front`. It speaks no protocol and
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
from irsend.device.device import Device
from irsend.device.events import Event, JobChanged, SettingsChanged
from irsend.device.jobs import Job
from irsend.errors import (
    ConfigurationError,
    KeyMaterialError,
    ValueRefused,
)
from irsend.link.link import Link
from irsend.link.ways import choose_way
from irsend.sections import MB
from irsend.services.apart import run_apart
from irsend.services.bench import Bench
from irsend.services.composing import Composing
from irsend.services.front import Front
from irsend.services.full_mode import FullMode
from irsend.services.keyring import Keyring
from irsend.services.layers import Layers
from irsend.services.mac_filter import MacFilter
from irsend.services.polling import Polling
from irsend.services.receiving import Receiving
from irsend.services.scanning import Scanner
from irsend.services.sending import Sending
from irsend.store.group_commit import GroupCommit
from irsend.store.journal import Journal
from irsend.store.memory import Memory, maildrop_mark, mark_in
from irsend.store.outbox import Outbox
from irsend.store.receivers import Receivers
from irsend.store.saved_settings import SavedSettings
from irsend.store.state import StateDirectory
from irsend.store.transcripts import Transcripts


class Machine(Front, MultiService):
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
            on_disk=self._in_thread,
            apart=lambda work: run_apart(reactor, work),
            link=Link(choose_way(configuration.link.way)),
        )
        self._saved = SavedSettings(self.state.settings)
        self._layers = Layers(self._saved)
        self._keyring = Keyring(self._bench, self.state.keys, configuration.tls)
        self._mac_filter = MacFilter(self._bench, configuration.link.addresses)
        self.receiving = Receiving(self._bench, configuration.listen.smtp)
        self.polling = Polling(self._bench)
        self._outbox = Outbox(self.state.outbox, self._in_thread)
        self._receivers = Receivers(self.state.receivers)
        self._scanner = Scanner(reactor, timeout=limits.scan)
        self._full_mode = FullMode(self._bench, self._outbox, self._receivers)
        self._sending = Sending(
            self._bench,
            self._outbox,
            Composing(self._bench, self._outbox, self._scanner, self._receivers),
            self.polling.log_in,
            self._full_mode.await_notifications,
        )
        for service in (
            self._mac_filter,
            self.receiving,
            self.polling,
            self._full_mode,
            self._sending,
        ):
            service.setServiceParent(self)

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
        mails = self._adopt_mails()
        self.device.observe(self._journal.observe)
        self._adopt_jobs(mails)
        self.device.observe(self._save)
        self.device.observe(self._log_job)
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
        self._scanner.stop()
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
        settings = self._layers.settings(self.configuration)
        try:
            self._keyring.check(settings)
        except ValueRefused as error:
            raise ConfigurationError(f"settings.{error}") from None
        self.device.settings = settings

    def _adopt_mails(self) -> list[Job]:
        """Return the jobs of the mails in memory.

        One that has none is given one: a crash came between the mail and its job.
        """
        memory = self._bench.memory
        known = {job.held_as or "": job for job in self._journal.jobs_in_memory()}
        forget = self.device.observe(self._journal.observe)
        names = dict.fromkeys(memory.names())
        for name in names:
            if name not in known:
                known[name] = self._bench.mail_kept(name, memory.beginning(name), "", None)
                mark = mark_in(name)
                if mark:
                    # Fetched, and perhaps not deleted on the server yet.
                    self._journal.remember_fetched(mark[: len(maildrop_mark("", ""))], mark)
        for name, job in known.items():
            if name not in names:
                self.device.job_changed(job, held_as=None, result="OK", ended=self.device.now())
        forget()
        return [known[name] for name in names]

    def _adopt_jobs(self, mails: list[Job]) -> None:
        """Go on with what is in the outbox, but for what had ended when the power failed."""
        entries = self._outbox.open_directory()
        for outgoing in entries:
            if outgoing.serial > self.device.last_serial:
                # Accepted, and not in the journal yet when the power failed.
                self.device.last_serial = outgoing.serial
                self.device.last_numbers["tx"] = outgoing.job.number
            # Those under way when the power failed are in no journal; their numbers stay theirs.
            self.device.last_session = max(self.device.last_session, 0, *outgoing.job.sessions)
        ended = self._journal.ended({one.serial for one in entries})
        over = [one for one in entries if one.awaited_until is None and one.serial in ended]
        for outgoing in over:
            self._outbox.remove(outgoing)
        left = [one for one in entries if one not in over]
        self._full_mode.adopt(left, mails)
        self._sending.adopt([one for one in left if one.awaited_until is None])

    def _log_job(self, event: Event) -> None:
        if isinstance(event, JobChanged) and event.job.ended is not None:
            job = event.job
            result = " ".join(filter(None, (job.result, job.code)))
            why = f" ({job.reason})" if job.reason else ""
            self.log.info(
                "Job {number}: {result}, {direction} {party}{why}",
                number=job.number,
                result=result,
                direction="to" if job.direction == "tx" else "from",
                party=job.party,
                why=why,
            )

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
        for key in ("way", "covers_panel"):
            if getattr(configuration.link, key) != getattr(self.configuration.link, key):
                self.log.warn("link.{key}: changes with the next start only", key=key)
        configuration = self._layers.for_model(configuration, self.device.model)
        settings = self._layers.settings(configuration)
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
        self._mac_filter.change_known(configuration.link.addresses)
        self.device.reset_settings(settings)
        self.log.info("Configuration and certificates were read again")
