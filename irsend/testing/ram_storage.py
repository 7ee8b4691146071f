"""The storage of a machine in memory: no file, no directory, no thread.

Mails, transcripts and the outbox are octets of the process; the journal is SQLite's
database in RAM. Nothing can be printed or scanned: workers read and write files.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from twisted.internet.defer import Deferred, execute, succeed

from irsend.configuration_sections import MB
from irsend.device.items import Value
from irsend.errors import NoSuchRecord
from irsend.interfaces import TranscriptLine
from irsend.message.summary import LONGEST_HEAD
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.machine.storage import Storage
from irsend.services.reactor import IReactor
from irsend.store.arriving_file import ArrivingFile
from irsend.store.group_commit import GroupCommit
from irsend.store.journal import Journal
from irsend.store.kept_mails import KeptMails
from irsend.store.mail_index import MailIndex
from irsend.store.memory import Memory
from irsend.store.outbox import Outbox, Outgoing
from irsend.store.receiver_features import ReceiverFeatures
from irsend.store.saved_settings import SavedSettings
from irsend.store.state import IN_RAM, StateDirectory
from irsend.store.transcripts import Transcripts
from irsend.store.tray import PrintedMails, Tray

_NOWHERE = Path("/nonexistent/irsend")
"""Stands for a directory where a path is asked for; nothing is ever made there."""


class RAMStorage(Storage):
    """The parts of `Storage`, in RAM."""

    memory: RAMMemory

    def __init__(
        self, configuration: LiveConfiguration, reactor: IReactor, now: Callable[[], float]
    ) -> None:
        super().__init__(configuration, reactor, now)
        self.state = _NoDirectory(_NOWHERE)
        self.memory = RAMMemory(
            _NOWHERE, lambda: configuration.current.limits.memory * MB, _Commits(execute), now
        )
        self.kept_mails = _NoKeptMails(_NOWHERE, self.memory, execute)
        self.journal = Journal(
            IN_RAM,
            _RAMTranscripts(_NOWHERE),
            execute,
            reactor,
            sessions_kept=lambda: configuration.current.limits.sessions_kept,
        )
        self.mail_index = MailIndex(self.journal)
        self.outbox = _RAMOutbox(_NOWHERE)
        self.tray = _NoTray(_NOWHERE, execute)
        self.saved_settings = _RAMSettings(_NOWHERE)
        self.receiver_features = _RAMFeatures(_NOWHERE)


class _NoDirectory(StateDirectory):
    def acquire(self) -> None:
        """Do nothing."""

    def write_pid(self) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""


class _Octets(ArrivingFile):
    """A mail that arrives in RAM."""

    def __init__(self, name: str, contents: dict[str, bytes]) -> None:
        super().__init__(name, name)
        self._contents = contents

    def flush(self) -> None:
        """Keep the pieces."""

    def begin_sync(self) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Put it among the mails that are kept."""
        self._contents[self.finished] = b"".join(self._pieces)

    def discard(self) -> None:
        """Forget it."""
        self._pieces = []


class _Commits(GroupCommit):
    """Finishes each file at once."""

    def commit(self, file: ArrivingFile) -> Deferred[None]:
        """Finish a file."""
        file.finish()
        return succeed(None)


class RAMMemory(Memory):
    """The machine's memory, as octets by name."""

    def __init__(
        self,
        directory: Path,
        capacity: Callable[[], int],
        commits: GroupCommit,
        now: Callable[[], float],
    ) -> None:
        super().__init__(directory, capacity, commits, now)
        self.contents: dict[str, bytes] = {}
        """The mails, by name."""

    def open_directory(self) -> None:
        """Do nothing: it begins empty."""

    def new_file(self, name: str) -> ArrivingFile:
        """Return what a mail of this name arrives in."""
        return _Octets(name, self.contents)

    def paths(self) -> set[str]:
        """Return the names of the mails."""
        return set(self.contents)

    def path(self, name: str) -> Path | None:
        """Return None: there is no file."""

    def read_head(self, name: str) -> bytes:
        """Return the first octets of a mail."""
        return self.contents.get(name, b"")[:LONGEST_HEAD]

    def delete(self, name: str) -> None:
        """Delete a mail, and free its octets."""
        self.unlink([name])
        self.forget([name])

    def unlink(self, names: Sequence[str]) -> None:
        """Delete mails."""
        for name in names:
            self.contents.pop(name, None)


class _NoKeptMails(KeptMails):
    def open_directory(self) -> None:
        """Do nothing: no mail is printed, so none is kept."""

    def path(self, name: str) -> Path | None:
        """Return None."""

    def remove(self, names: Sequence[str]) -> Deferred[None]:
        """Do nothing: there is none."""
        return succeed(None)

    def move(self, names: Sequence[str]) -> dict[str, int]:
        """Delete what is kept on a disk: reports about jobs that are not printed."""
        self._memory.unlink(names)
        return {}


class _RAMTranscripts(Transcripts):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._lines: dict[int, list[TranscriptLine]] = {}

    def write(self, session: int, lines: list[TranscriptLine]) -> None:
        """Keep the lines of a session."""
        self._lines[session] = lines

    def read(self, session: int) -> list[TranscriptLine]:
        """Return the lines of a session; NoSuchRecord."""
        if session not in self._lines:
            raise NoSuchRecord(f"There is no transcript of session {session}.")
        return self._lines[session]

    def delete_up_to(self, session: int) -> None:
        """Delete the transcripts of this session and all before it."""
        self._lines = {one: lines for one, lines in self._lines.items() if one > session}


class _RAMOutbox(Outbox):
    def __init__(self, directory: Path) -> None:
        super().__init__(directory, execute)
        self._messages: dict[int, tuple[bytes, bytes]] = {}

    def open_directory(self) -> list[Outgoing]:
        """Return nothing: it begins empty."""
        return []

    def new_directory(self) -> Path:
        """Return the name of a directory that is never made."""
        return self.directory

    def accept(
        self, write: Callable[[IO[bytes]], tuple[Outgoing, bytes]]
    ) -> Deferred[Outgoing]:
        """Call `write` with a stream for the message; fires once it is kept."""

        def make() -> Outgoing:
            message = io.BytesIO()
            outgoing, eight_bit_head = write(message)
            self._messages[outgoing.serial] = (message.getvalue(), eight_bit_head)
            self._sizes[outgoing.serial] = len(message.getvalue())
            self.used += self._sizes[outgoing.serial]
            return outgoing

        return execute(make)

    def update(self, outgoing: Outgoing) -> Deferred[None]:
        """Do nothing: the record is in the queue."""
        return succeed(None)

    def open_message(self, outgoing: Outgoing) -> IO[bytes]:
        """Return the message in 7 bit."""
        return io.BytesIO(self._messages[outgoing.serial][0])

    def eight_bit_head(self, outgoing: Outgoing) -> bytes:
        """Return the head in 8 bit; empty where there is none."""
        return self._messages[outgoing.serial][1]

    def drop_message(self, outgoing: Outgoing) -> Deferred[None]:
        """Delete a message that has been sent."""
        return self.remove(outgoing)

    def remove(self, outgoing: Outgoing) -> Deferred[None]:
        """Delete the message of a job."""
        self._count_out(outgoing.serial)
        self._messages.pop(outgoing.serial, None)
        return succeed(None)


class _NoTray(Tray):
    def open_directory(self) -> list[PrintedMails]:
        """Return nothing: nothing is printed."""
        return []


class _RAMSettings(SavedSettings):
    def load(self) -> dict[str, object]:
        """Return nothing: nothing was changed before."""
        return {}

    def save(self, changes: Mapping[str, Value]) -> None:
        """Do nothing: the device has them."""

    def forget(self) -> None:
        """Do nothing."""


class _RAMFeatures(ReceiverFeatures):
    def open(self) -> None:
        """Do nothing: no receiver is known."""

    def learn(self, address: str, features: str) -> None:
        """Remember the features of a receiver."""
        self._features[address.lower()] = features
