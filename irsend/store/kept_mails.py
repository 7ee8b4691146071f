"""Kept mails: the Maildir of received mail that was printed, within the limits of `[printing]`.

A mail comes here from memory by one rename, under the same name. Nothing depends on
it: where the disk is full the oldest are deleted first.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from twisted.internet.defer import Deferred

from irsend.errors import StateError
from irsend.store.group_commit import InThread
from irsend.store.memory import Memory
from irsend.store.state import sync_directory

_DAY = 86_400
# So many octets are freed at once where the disk is full.
_ROOM = 16_000_000
_SEEN = ":2,S"


class KeptMails:
    """The Maildir of one state directory."""

    def __init__(self, directory: Path, memory: Memory, in_thread: InThread) -> None:
        self.directory = directory
        self.size = 0
        """Octets of all of them."""
        self._memory = memory
        self._in_thread = in_thread
        self._sizes: dict[str, int] = {}
        """Oldest first."""
        self._lock = threading.Lock()
        self._deleted: deque[str] = deque()

    def open_directory(self) -> None:
        """Make the Maildir where it is missing, and read its list of mails; StateError."""
        found: dict[str, int] = {}
        try:
            for part in ("tmp", "new", "cur"):
                (self.directory / part).mkdir(mode=0o700, parents=True, exist_ok=True)
                for entry in os.scandir(self.directory / part):
                    found[entry.name.partition(":")[0]] = entry.stat().st_size
        except OSError as error:
            raise StateError(f"kept mails: {error.filename}: {error.strerror}") from None
        self._sizes = {name: found[name] for name in sorted(found)}
        self.size = sum(found.values())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._sizes)

    def __contains__(self, name: str) -> bool:
        """Say whether a mail of this name is kept."""
        return name in self._sizes

    def path(self, name: str) -> Path | None:
        """Return where a mail is: a mail program may have changed its flags."""
        # A mail that is being moved is here before it is counted.
        usual = self.directory / "cur" / (name + _SEEN)
        if usual.exists():
            return usual
        if name not in self._sizes:
            return None
        for part in ("cur", "new"):
            for entry in os.scandir(self.directory / part):
                if entry.name.partition(":")[0] == name:
                    return Path(entry.path)
        return None

    def keep(self, names: Sequence[str]) -> Deferred[set[str]]:
        """Move mails here from memory; fires with the names of those kept, once that will survive a crash.

        A mail whose file is gone is not kept. Fails with OSError: then they are in memory, or here.
        """
        return self._in_thread(lambda: self.move(names)).addCallback(self._moved, names)

    def move(self, names: Sequence[str]) -> dict[str, int]:
        """Move the files of mails durably (in a thread); return the sizes of those that are here."""
        moved: dict[str, int] = {}
        parents = set()
        for name in names:
            path = self._memory.path(name)
            if path is not None:
                kept = self.directory / "cur" / (name + _SEEN)
                size = path.stat().st_size
                path.rename(kept)
                moved[name] = size
                parents.add(path.parent)
        # First where they are, then where they are no longer: none is lost.
        for directory in (self.directory / "cur", *parents) if moved else ():
            sync_directory(directory)
        return moved

    def _moved(self, moved: dict[str, int], names: Sequence[str]) -> set[str]:
        self._memory.forget(names)
        self.remember(moved)
        return set(moved)

    def remember(self, sizes: dict[str, int]) -> None:
        """Count mails whose files are here now."""
        with self._lock:
            for name, size in sizes.items():
                self.size += size - self._sizes.pop(name, 0)
                self._sizes[name] = size

    def remove(self, names: Sequence[str]) -> Deferred[None]:
        """Delete mails; fires when none can come back after a crash. OSError."""

        def remove() -> None:
            self._delete(names)
            sync_directory(self.directory / "cur")

        return self._in_thread(remove)

    def _delete(self, names: Sequence[str]) -> None:
        for name in names:
            path = self.path(name)
            if path is not None:
                path.unlink(missing_ok=True)
            with self._lock:
                self.size -= self._sizes.pop(name, 0)

    def beyond_limits(self, now: float, *, most: int, days: int, octets: int) -> list[str]:
        """Return the names of the mails beyond the limits, oldest first; 0 days is any age."""
        left, size = len(self._sizes), self.size
        found = []
        for name, of_mail in self._sizes.items():
            old = bool(days) and now - _arrival(name) > days * _DAY
            if not (old or left > most or size > octets):
                break
            found.append(name)
            left, size = left - 1, size - of_mail
        return found

    def make_room(self, octets: int = 0) -> bool:
        """Delete the oldest mails, since the disk is full; return whether that freed anything. Any thread."""
        with self._lock:
            oldest: list[str] = []
            freed = 0
            for name, size in self._sizes.items():
                if freed >= max(octets, _ROOM):
                    break
                oldest.append(name)
                freed += size
        with contextlib.suppress(OSError):
            self._delete(oldest)
        self._deleted.extend(oldest)
        return bool(oldest)

    def deleted_for_room(self) -> list[str]:
        """Return the names of the mails that `make_room` has deleted since the last call."""
        names = []
        while self._deleted:
            names.append(self._deleted.popleft())
        return names


def _arrival(name: str) -> float:
    """Return when a mail came, which its name says; 0 for a name of another program's."""
    stamp = name.partition(".")[0]
    return float(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) < 15 else 0.0
