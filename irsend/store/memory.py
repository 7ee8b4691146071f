"""Memory: the Maildir of mail that was received and is not printed yet.

A mail is written to tmp/ as it arrives, synced, and renamed into new/: from the
rename on the machine is responsible for it. Files in tmp/ when the machine starts
never got their 250 and are deleted. A mail fetched by POP has the mark of its
UIDL in its name, so that one rename both keeps the mail and remembers that it
was fetched.

Lines keep their ends, CR LF. `group_commit` syncs the files.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import itertools
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.errors import MemoryFull, MessageTooLarge, StateError
from irsend.interfaces import IMessageSink
from irsend.message.summary import LONGEST_HEAD
from irsend.store.arriving_file import FULL, ArrivingFile
from irsend.store.group_commit import GroupCommit
from irsend.store.state import sync_directory

_HOST = socket.gethostname().replace("/", r"\057").replace(":", r"\072") or "localhost"


def maildrop_mark(server: str, user: str) -> str:
    """Return the prefix that the marks of all UIDLs of this maildrop have."""
    return hashlib.sha256(server.lower().encode() + b"\0" + user.encode()).hexdigest()[:8]


def uidl_mark(server: str, user: str, uidl: bytes) -> str:
    """Return the mark that a mail with this UIDL has in its file's name; it never changes."""
    return maildrop_mark(server, user) + hashlib.sha256(uidl).hexdigest()[:24]


class Memory:
    """The machine's memory: a capacity in octets, and one Maildir."""

    def __init__(
        self,
        directory: Path,
        capacity: Callable[[], int],
        commits: GroupCommit,
        now: Callable[[], float],
    ) -> None:
        self.directory = directory
        self._capacity = capacity
        self.used = 0
        """Octets of the mails kept, and of those arriving."""
        self._commits = commits
        self._now = now
        self._count = itertools.count(1)
        self._sizes: dict[str, int] = {}
        self.make_room: Callable[[int], bool] = lambda _: False
        """Frees octets where the disk is full (any thread); says whether it has."""

    def open_directory(self) -> None:
        """Make the Maildir where it is missing, and read its list of mails; StateError."""
        try:
            for part in ("tmp", "new", "cur"):
                (self.directory / part).mkdir(mode=0o700, exist_ok=True)
            for unfinished in (self.directory / "tmp").iterdir():
                unfinished.unlink()
            for part in ("new", "cur"):
                for entry in os.scandir(self.directory / part):
                    self.remember(entry.name.partition(":")[0], entry.stat().st_size)
        except OSError as error:
            raise StateError(f"memory: {error.filename}: {error.strerror}") from None

    @property
    def capacity(self) -> int:
        """How many octets it has room for."""
        return self._capacity()

    @property
    def full(self) -> bool:
        """True when no further mail is taken."""
        return self.used >= self.capacity

    def names(self) -> list[str]:
        """Return the names of all mails kept, oldest first."""
        return sorted(self._sizes)

    def size(self, name: str) -> int:
        """Return how many octets a mail takes; 0 where there is none of this name."""
        return self._sizes.get(name, 0)

    def paths(self) -> set[str]:
        """Return the names of the mails whose files exist, in one pass over the directory."""
        return {
            entry.name.partition(":")[0]
            for part in ("new", "cur")
            for entry in os.scandir(self.directory / part)
        }

    def path(self, name: str) -> Path | None:
        """Return where a mail is: a mail program may have moved it to cur/."""
        fresh = self.directory / "new" / name
        if fresh.exists():
            return fresh
        seen = self.directory / "cur"
        if (seen / name).exists():
            return seen / name
        # Its flags follow a colon.
        return next(seen.glob(glob.escape(name) + ":*"), None)

    def read_head(self, name: str) -> bytes:
        """Return the first octets of a mail, enough for its head."""
        path = self.path(name)
        if path is None:
            return b""
        with path.open("rb") as mail:
            return mail.read(LONGEST_HEAD)

    def delete(self, name: str) -> None:
        """Delete a mail, and free its octets."""
        path = self.path(name)
        if path is not None:
            path.unlink(missing_ok=True)
        self.forget([name])

    def delete_durably(self, names: Sequence[str]) -> Deferred[None]:
        """Delete mails, and free what they take; fires when none can come back after a crash. OSError."""
        return self._commits.in_thread(lambda: self.unlink(names)).addCallback(
            lambda _: self.forget(names)
        )

    def unlink(self, names: Sequence[str]) -> None:
        """Delete the files of mails durably (in a thread); `forget` frees their octets."""
        parents = set()
        for name in names:
            path = self.path(name)
            if path is not None:
                path.unlink(missing_ok=True)
                parents.add(path.parent)
        for parent in parents:
            sync_directory(parent)

    def forget(self, names: Sequence[str]) -> None:
        """Free the octets of mails whose files are deleted."""
        for name in names:
            self.used -= self._sizes.pop(name, 0)

    def open_message(
        self,
        trace: bytes,
        *,
        on_stored: Callable[[StoredMessage], None],
        mark: str = "",
        most: int | None = None,
    ) -> StoredMessage:
        """Begin a mail with its trace; `on_stored` is called once it will survive a crash.

        MemoryFull when there is no room. `most` is the largest size in octets.
        """
        now = self._now()
        name = f"{int(now)}.M{int(now % 1 * 1e6):06d}P{os.getpid()}Q{next(self._count)}.{_HOST}"
        if mark:
            name += f",U={mark}"
        if self.full:
            raise MemoryFull
        return StoredMessage(self, self._commits, name, trace, on_stored, most)

    def new_file(self, name: str) -> ArrivingFile:
        """Return the file that a mail of this name arrives in."""
        directory = str(self.directory)
        unfinished, finished = (os.path.join(directory, part, name) for part in ("tmp", "new"))
        return ArrivingFile(unfinished, finished, self.make_room)

    def remember(self, name: str, size: int) -> None:
        """Count a mail that is kept from now on."""
        self._sizes[name] = size
        self.used += size


@implementer(IMessageSink)
class StoredMessage:
    """A mail that is arriving."""

    def __init__(
        self,
        memory: Memory,
        commits: GroupCommit,
        name: str,
        trace: bytes,
        on_stored: Callable[[StoredMessage], None],
        most: int | None = None,
    ) -> None:
        self.name = name
        self._most = most
        self.size = 0
        self.head_octets = b""
        """The first octets, with its head."""
        self._memory = memory
        self._commits = commits
        self._on_stored = on_stored
        self._trace = trace
        self._file = memory.new_file(name)

    def write(self, content: bytes) -> None:
        """Take the next octets; MemoryFull or MessageTooLarge where they are not taken."""
        if self._most is not None and self.size + len(content) > self._most:
            raise MessageTooLarge
        if self._trace:
            content, self._trace = self._trace + content, b""
        if len(self.head_octets) < LONGEST_HEAD:
            self.head_octets += content[: LONGEST_HEAD - len(self.head_octets)]
        if self._memory.used + len(content) > self._memory.capacity:
            raise MemoryFull
        self._memory.used += len(content)
        self.size += len(content)
        try:
            self._file.write(content)
        except OSError as error:
            error.filename = error.filename or self._file.unfinished
            self._commits.on_disk_error(error, Path(self._file.unfinished).parent)
            raise _write_error(error) from None

    def commit(self) -> Deferred[None]:
        """Fire when file and name will survive a crash."""
        if self._trace:
            # The mail is empty: only its trace is written.
            try:
                self.write(b"")
            except (MemoryFull, OSError):
                self.abort()
                return fail()

        def stored(_: None) -> None:
            self._memory.used -= self.size
            self._memory.remember(self.name, self.size)
            self._on_stored(self)

        def lost(failure: Failure) -> None:
            self._release()
            error = failure.value
            if isinstance(error, OSError):
                raise _write_error(error)
            failure.raiseException()

        return self._commits.commit(self._file).addCallbacks(stored, lost)

    def abort(self) -> None:
        """Delete what has arrived of it."""
        self._file.discard()
        self._release()

    def _release(self) -> None:
        self._memory.used -= self.size
        self.size = 0


def mark_in(name: str) -> str:
    """Return the mark of the UIDL in a mail's name; empty for one that came by SMTP."""
    return name.partition(",U=")[2]


def _write_error(error: OSError) -> Exception:
    """Return the error that a failed write means: a full disk is a full memory."""
    if error.errno in (*FULL, errno.EFBIG):
        return MemoryFull()
    return error
