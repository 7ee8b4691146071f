"""The machine: the one place that knows all the parts, and puts them together.

From a configuration it makes device, store and services; it is what the panel
asks (`IMachine`). It speaks no protocol and decides nothing about mail.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, inlineCallbacks
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
from irsend.device.windows import Settings, SSLPolicy
from irsend.errors import (
    CannotCancel,
    ConfigurationError,
    KeyMaterialError,
    SettingsRefused,
    ValueRefused,
)
from irsend.interfaces import IMachine, TranscriptLine
from irsend.protocols.tls import ServerTLS
from irsend.services.bench import Bench
from irsend.services.polling import Polling
from irsend.services.receiving import Receiving
from irsend.store.group_commit import GroupCommit
from irsend.store.journal import Journal
from irsend.store.keys import KeyMaterial, KeyStore, generate_key_material
from irsend.store.memory import Memory
from irsend.store.saved_settings import SavedSettings
from irsend.store.state import StateDirectory
from irsend.store.transcripts import Transcripts

_MB = 1_000_000
_POLICY = "authent_encryption.allow_ssl_smtp_receive"


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
        # Syncing has few threads, the journal one: it does things in order.
        self._disk = ThreadPool(0, 4, "disk")
        self._scribe = ThreadPool(1, 1, "journal")
        limits = configuration.limits
        memory = Memory(
            self.state.memory, limits.memory * _MB, GroupCommit(self._on(self._disk)), now
        )
        self._transcripts = Transcripts(self.state.sessions)
        self._journal = Journal(
            self.state.journal,
            self._transcripts,
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
        self._keys = KeyStore(
            self.state.keys, configuration.tls.certificate, configuration.tls.key
        )
        self._key: KeyMaterial | None = None
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
        self._load_key()
        self._load_settings()
        self._bench.memory.open_directory()
        self._journal.open(self.device)
        self._adopt_mails()
        self.device.observe(self._journal.observe)
        self.device.observe(self._save)
        self.device.checks.append(self._check_key)
        self._disk.start()
        self._scribe.start()
        self.device.running = True
        self.log.info("Model: {title} ({name})", title=self._model.title, name=self._model.name)
        self.log.info("State: {path}", path=self.state.path)
        MultiService.startService(self)

    def abandon(self) -> None:
        """Let go of everything after a start that failed."""
        self._stop_threads()
        self.state.release()

    def _stop_threads(self) -> None:
        for pool in (self._disk, self._scribe):
            if pool.started:
                pool.stop()

    @inlineCallbacks
    def stopService(self) -> Any:
        """Switch off: end what is under way, write what is to be written, let go of the state directory."""
        yield MultiService.stopService(self)
        self.device.running = False
        yield self._journal.close()
        # Both are idle now: what they did has been waited for.
        self._stop_threads()
        self.state.release()

    @property
    def _model(self) -> Any:
        return self.configuration.model

    def _load_settings(self) -> None:
        """Put the layers together: model, file, changed at the machine, --set (the last wins)."""
        settings = self._layers(self.configuration, self._saved.load())
        try:
            self._check_key(settings, {_POLICY: settings.value(_POLICY)})
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
        for name in memory.names():
            if name not in known:
                self._bench.mail_kept(name, memory.beginning(name), "", None)
        for name, job in known.items():
            if name not in memory.names():
                self.device.job_changed(job, held_as=None, result="OK", ended=self.device.now())
        forget()

    def _save(self, event: Event) -> None:
        if isinstance(event, SettingsChanged) and event.at_machine:
            self._saved.save(event.changes)

    def reload(self, configuration: Configuration) -> None:
        """Take another configuration while running: settings, limits and certificates.

        Model, state directory and listening addresses stay until the next start.
        """
        keys = KeyStore(self.state.keys, configuration.tls.certificate, configuration.tls.key)
        self._keys, before = keys, self._keys
        try:
            self._load_key()
        except KeyMaterialError:
            self._keys = before
            raise
        self.configuration = configuration
        self._bench.limits = configuration.limits
        self._bench.memory.capacity = configuration.limits.memory * _MB
        self._bench.names = configuration.tls.hostnames
        self._bench.trust = configuration.tls.trust
        self.device.reset_settings(self._layers(configuration, self._saved.load()))
        self.log.info("Configuration and certificates were read again")

    # -- key and certificate ----------------------------------------------------

    def _load_key(self) -> None:
        """Make the key at the first start; take what is there, as far as it can be used."""
        tls = self._model.tls
        if tls is None or not self._model.has_item(_POLICY):
            return
        try:
            key = self._keys.load_or_generate(
                self.configuration.tls.hostnames, tls.key_bits, self.device.now()
            )
            self._use_key(key)
        except KeyMaterialError as error:
            self._key = self._bench.server_tls = None
            self.log.warn("No encrypted SMTP reception: {error}", error=str(error))

    def _use_key(self, key: KeyMaterial) -> None:
        tls = self._model.tls
        try:
            self._bench.server_tls = ServerTLS.build(
                key.certificates,
                key.key,
                oldest=tls.oldest,
                newest=tls.newest,
                ciphers=tls.ciphers,
            )
        except (SSL.Error, ValueError) as error:
            raise KeyMaterialError(f"the key cannot be used by this model: {error}") from None
        self._key = key

    def _check_key(self, settings: Settings, values: dict[str, Any]) -> None:
        """Refuse encrypted reception without a valid key and certificate in the machine (device.md 1)."""
        if values.get(_POLICY, SSLPolicy.OFF) is SSLPolicy.OFF:
            return
        try:
            self._keys.load().check_valid(self.device.now())
        except KeyMaterialError as error:
            raise ValueRefused(
                _POLICY,
                f"{values[_POLICY].value} needs a valid key and certificate in the machine: {error}",
            ) from None

    def key_description(self) -> dict[str, Any] | None:
        """Return what is known of the certificate in use."""
        return self._key.describe() if self._key else None

    def generate_key(self) -> Deferred[dict[str, Any]]:
        """Make a new key, in a thread: it takes a while."""
        tls = self._model.tls
        if tls is None:
            raise KeyMaterialError(f"the {self._model.title} has no TLS")
        names, now = self.configuration.tls.hostnames, self.device.now()
        made = self._on(self._disk)(lambda: generate_key_material(names, tls.key_bits, now))
        return made.addCallback(lambda pair: self.import_key(*pair))

    def import_key(self, certificate: bytes, key: bytes) -> dict[str, Any]:
        """Keep and use another key from the next session on."""
        if self._model.tls is None:
            raise KeyMaterialError(f"the {self._model.title} has no TLS")
        material = self._keys.save(certificate, key)
        self._use_key(material)
        return material.describe()

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
        self._saved.forget()
        self.device.reset_settings(self._layers(self.configuration, {}))

    def receive(self) -> Deferred[Session]:
        """Fetch from the POP server now."""
        return self.polling.receive()

    def next_login(self) -> float | None:
        """When the POP server lets the machine log in again."""
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

        def together(ended: list[Session]) -> list[Session]:
            under_way = [
                session
                for session in self.device.sessions.values()
                if (before is None or session.id < before)
                and all(getattr(session, name) == value for name, value in wanted.items())
            ]
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


def check_key(configuration: Configuration) -> None:
    """Raise ConfigurationError where the key and certificate that the configuration names cannot be used."""
    tls = configuration.tls
    if not tls.certificate and not tls.key:
        return
    try:
        KeyStore(Path(), tls.certificate, tls.key).load()
    except KeyMaterialError as error:
        raise ConfigurationError(f"tls: {error}") from None
