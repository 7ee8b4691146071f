"""The machine: the one place that knows all the parts, and puts them together.

From a configuration it makes device, store and services; it is what the panel
asks (`IMachine`). It speaks no protocol and decides nothing about mail.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from irsend.configuration import Configuration
from irsend.device import codes
from irsend.device.device import Device
from irsend.device.events import Event, SettingsChanged
from irsend.device.jobs import Job
from irsend.device.sessions import Session
from irsend.device.status import StatusEntry
from irsend.device.windows import Settings
from irsend.errors import (
    CannotCancel,
    ConfigurationError,
    KeyMaterialError,
    SettingsRefused,
    ValueRefused,
)
from irsend.interfaces import IMachine, TranscriptLine
from irsend.services.bench import Bench
from irsend.services.keyring import Keyring
from irsend.services.polling import Polling
from irsend.services.receiving import Receiving
from irsend.store.group_commit import GroupCommit
from irsend.store.journal import Journal
from irsend.store.memory import Memory, maildrop_mark, mark_in
from irsend.store.saved_settings import SavedSettings
from irsend.store.state import StateDirectory
from irsend.store.transcripts import Transcripts

_MB = 1_000_000


@implementer(IMachine)
class Machine(MultiService):
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
        self._scribe = ThreadPool(1, 1, "journal")  # one: it does things in order
        limits = configuration.limits
        memory = Memory(
            self.state.memory, limits.memory * _MB, GroupCommit(self._on(self._disk)), now
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
        )
        self._saved = SavedSettings(self.state.settings)
        self._keyring = Keyring(self._bench, self.state.keys, configuration.tls)
        self.receiving = Receiving(self._bench, configuration.listen.smtp)
        self.polling = Polling(self._bench)
        self.receiving.setServiceParent(self)
        self.polling.setServiceParent(self)

    def _on(self, pool: ThreadPool) -> Callable[[Callable[[], Any]], Deferred[Any]]:
        return lambda work: deferToThreadPool(self._reactor, pool, work)

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
        self._adopt_mails()
        self.device.observe(self._journal.observe)
        self.device.observe(self._save)
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
            maybeDeferred(MultiService.stopService, self).addBoth(
                lambda _: quiet.callback(None)
            )
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
        """Put the layers together: model, file, changed at the machine, --set (the last wins)."""
        settings = self._layers(self.configuration, self._saved.load())
        try:
            self._keyring.check(settings)
        except ValueRefused as error:
            raise ConfigurationError(f"settings.{error}") from None
        self.device.settings = settings

    def _layers(self, configuration: Configuration, saved: dict[str, object]) -> Settings:
        usable: dict[str, Any] = {}
        for key, value in saved.items():
            # Saved by another model or another release, perhaps: that is no reason not to start.
            try:
                usable.update(configuration.model.read_settings({key: value}))
            except SettingsRefused as error:
                self.log.warn("Saved setting not used: {error}", error=str(error))
        settings = configuration.model.initial_settings()
        for layer in (configuration.settings, usable, configuration.overrides):
            settings = settings.replace(layer)
        return settings

    def _adopt_mails(self) -> None:
        """Give a job to each mail in memory that has none: a crash came between the mail and its job."""
        memory = self._bench.memory
        known = {job.held_as or "": job for job in self._journal.jobs_in_memory()}
        forget = self.device.observe(self._journal.observe)
        names = dict.fromkeys(memory.names())
        for name in names:
            if name not in known:
                self._bench.mail_kept(name, memory.beginning(name), "", None)
                mark = mark_in(name)
                if mark:
                    # Fetched, and perhaps not deleted on the server yet.
                    self._journal.remember_fetched(mark[: len(maildrop_mark("", ""))], mark)
        for name, job in known.items():
            if name not in names:
                self.device.job_changed(job, held_as=None, result="OK", ended=self.device.now())
        forget()

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
        configuration = attrs.evolve(
            configuration,
            model=self.device.model,
            settings=self._that_it_has(configuration.settings),
            overrides=self._that_it_has(configuration.overrides),
        )
        settings = self._layers(configuration, self._saved.load())
        try:
            use_key = self._keyring.prepare(configuration.tls, settings)
        except (KeyMaterialError, ValueRefused) as error:
            raise ConfigurationError(str(error)) from None
        use_key()
        self.configuration = configuration
        self._bench.limits = configuration.limits
        self._bench.memory.capacity = configuration.limits.memory * _MB
        self._bench.names = configuration.tls.hostnames
        self._bench.trust = configuration.tls.trust
        self.device.reset_settings(settings)
        self.log.info("Configuration and certificates were read again")

    def _that_it_has(self, values: dict[str, Any]) -> dict[str, Any]:
        has_item = self.device.model.has_item
        return {key: value for key, value in values.items() if has_item(key)}

    # -- key and certificate ----------------------------------------------------

    def key_description(self) -> dict[str, Any] | None:
        """Return what is known of the certificate in use."""
        return self._keyring.describe()

    def generate_key(self) -> Deferred[dict[str, Any]]:
        """Make and use a new key."""
        return self._keyring.generate(self.configuration.tls.hostnames, self._on(self._disk))

    def import_key(self, certificate: bytes, key: bytes) -> dict[str, Any]:
        """Keep and use another key from the next session on."""
        return self._keyring.take(certificate, key)

    @property
    def mails(self) -> Memory:
        """The memory, with what was received and is not printed yet."""
        return self._bench.memory

    # -- what the panel asks ------------------------------------------------------

    def memory(self) -> tuple[int, int]:
        """Return octets in use and capacity."""
        return self._bench.memory.used, self._bench.memory.capacity

    def change_settings(self, given: dict[str, object]) -> dict[str, Any]:
        """Change items at the machine."""
        return self.device.change_settings(given)

    def factory_reset(self) -> None:
        """Forget what was changed at the machine; what the configuration says holds again."""
        settings = self._layers(self.configuration, {})
        try:
            self._keyring.check(settings)
        except ValueRefused as error:
            raise SettingsRefused([error]) from None
        self._saved.forget()
        self.device.reset_settings(settings)

    def receive(self) -> Deferred[Session]:
        """Fetch from the POP server now."""
        return self.polling.receive()

    def next_login(self) -> float | None:
        """Ask the polling."""
        return self.polling.next_login

    def status_history(self, limit: int = 100) -> Deferred[list[StatusEntry]]:
        """Ask the journal."""
        return self._journal.status_history(limit)

    def sessions(
        self,
        limit: int = 100,
        before: int | None = None,
        kind: str | None = None,
        peer: str | None = None,
        result: str | None = None,
        code: str | None = None,
    ) -> Deferred[list[Session]]:
        """Put those under way before those of the journal."""
        filters = {"kind": kind, "peer": peer, "result": result, "code": code}
        wanted = {name: value for name, value in filters.items() if value}

        # Before the journal is asked: who ends in between is in both, not in neither.
        under_way = [
            session
            for session in self.device.sessions.values()
            if (before is None or session.id < before)
            and all(getattr(session, name) == value for name, value in wanted.items())
        ]

        def together(ended: list[Session]) -> list[Session]:
            by_id = {session.id: session for session in (*under_way, *ended)}
            return sorted(by_id.values(), key=lambda session: -session.id)[:limit]

        return self._journal.sessions(limit, before, **wanted).addCallback(together)

    @inlineCallbacks
    def session(self, id: int) -> Any:
        """Look among those under way, then in the journal."""
        under_way = self.device.sessions.get(id)
        return under_way if under_way is not None else (yield self._journal.session(id))

    @inlineCallbacks
    def transcript(self, id: int) -> Any:
        """Look among those under way, then in the state directory."""
        under_way = self._bench.transcripts.get(id)
        lines: list[TranscriptLine] = (
            under_way.lines() if under_way is not None else (yield self._journal.transcript(id))
        )
        return lines

    def jobs(self, limit: int = 100) -> Deferred[list[Job]]:
        """Ask the journal."""
        return self._journal.jobs(limit)

    def job(self, number: str) -> Deferred[Job]:
        """Ask the journal."""
        return self._journal.job(number)

    @inlineCallbacks
    def cancel_job(self, number: str) -> Any:
        """Cancel a mail that waits: it leaves the memory unprinted (#995)."""
        job: Job = yield self._journal.job(number)
        if job.held_as is None:
            raise CannotCancel(
                f"Job {number} has ended ({job.result}); only one that waits can be cancelled."
            )
        # The journal holds its UIDL by now; so it is not fetched again.
        yield self._journal.flush()
        self._bench.memory.delete(job.held_as)
        return self.device.job_changed(
            job, result="NG", code=codes.CANCELLED, ended=self.device.now(), held_as=None
        )
