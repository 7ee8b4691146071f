"""The storage of one machine: all that it stores, and the threads that write it.

On disk that is a state directory. With `state = ":memory:"` it is a directory in
RAM, deleted when the machine is switched off: no thread, no sync, no lock.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import execute
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from irsend.configuration_sections import IN_MEMORY, MB
from irsend.device.device import Device
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.reactor import IReactor
from irsend.store.disk_health import DiskHealth
from irsend.store.group_commit import GroupCommit, InThread
from irsend.store.journal import Journal
from irsend.store.kept_mails import KeptMails
from irsend.store.mail_index import MailIndex
from irsend.store.memory import Memory
from irsend.store.outbox import Outbox
from irsend.store.receiver_features import ReceiverFeatures
from irsend.store.saved_settings import SavedSettings
from irsend.store.state import MemoryDirectory, StateDirectory
from irsend.store.transcripts import Transcripts
from irsend.store.tray import Tray

_DISK_THREADS = 4


class Storage:
    """Holds the parts of `irsend.store` for one machine, and opens and closes them."""

    def __init__(
        self, configuration: LiveConfiguration, reactor: IReactor, now: Callable[[], float]
    ) -> None:
        state = configuration.current.state
        self.in_memory = state == IN_MEMORY
        self._threads: list[ThreadPool] = []
        self._configuration = configuration
        self.state: StateDirectory
        if self.in_memory:
            self.state = MemoryDirectory()
            self.on_disk: InThread = execute
            in_journal_thread: InThread = execute
        else:
            self.state = StateDirectory(Path(state).absolute())
            self.on_disk = self._thread_pool(reactor, "disk", 0, _DISK_THREADS)
            # One thread, so that writes stay in order.
            in_journal_thread = self._thread_pool(reactor, "journal", 1, 1)
        self._device: Device | None = None
        self.disk_health = health = DiskHealth(
            reactor,
            self.on_disk,
            flush=lambda: self.journal.flush(),
            report=self._report_disk,
            make_room=lambda: self.kept_mails.make_room(),
        )
        self.memory = Memory(
            self.state.memory,
            self._capacity,
            GroupCommit(health.watched(self.on_disk, self.state.memory), health.failed),
            now,
        )
        self.kept_mails = KeptMails(
            self.state.mails, self.memory, health.watched(self.on_disk, self.state.mails)
        )
        self.memory.make_room = self.kept_mails.make_room
        self.journal = Journal(
            self.state.journal,
            Transcripts(self.state.sessions),
            in_journal_thread,
            reactor,
            sessions_kept=lambda: configuration.current.limits.sessions_kept,
            on_disk_error=health.failed,
        )
        self.mail_index = MailIndex(self.journal)
        self.outbox = Outbox(self.state.outbox, health.watched(self.on_disk, self.state.outbox))
        self.tray = Tray(self.state.tray, health.watched(self.on_disk, self.state.tray))
        self.saved_settings = SavedSettings(self.state.settings)
        self.receiver_features = ReceiverFeatures(self.state.receivers)

    def _thread_pool(self, reactor: IReactor, name: str, least: int, most: int) -> InThread:
        pool = ThreadPool(least, most, name)
        self._threads.append(pool)
        return lambda work: deferToThreadPool(reactor, pool, work)

    def _capacity(self) -> int:
        full = self._device is not None and self._device.memory_full
        return 0 if full else self._configuration.current.limits.memory * MB

    def _report_disk(self, reason: str) -> None:
        if self._device is not None:
            self._device.disk_changed(reason)

    def acquire(self) -> None:
        """Make the state directory where it is missing, and lock it; StateError."""
        self.state.acquire()

    def open(self, device: Device) -> None:
        """Read what is kept, and let the device go on where it was; StateError."""
        self._device = device
        self.memory.open_directory()
        self.kept_mails.open_directory()
        self.journal.open(device)
        self.receiver_features.open()
        device.observe(self.journal.observe)
        self.journal.keep_settings(device.settings)

    def start_threads(self) -> None:
        """Start the threads; work that they were given before is done now."""
        for pool in self._threads:
            pool.start()

    async def close(self) -> None:
        """Write what is pending, and release the state directory. Nothing may use it any more."""
        try:
            await self.journal.close()
        except OSError:
            # It was told. What the journal lacks it gets at the next start, from mails and records.
            pass
        finally:
            self.disk_health.stop()
            self._release()

    def abort_start(self) -> None:
        """Release everything at once, after a start that failed."""
        self.disk_health.stop()
        self.journal.abort_start()
        self._release()

    def _release(self) -> None:
        for pool in self._threads:
            if pool.started:
                pool.stop()
        self.state.release()
