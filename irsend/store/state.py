"""The state directory: made at the first start, closed to others, one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from irsend.errors import StateError

IN_RAM = Path(":memory:")
"""What SQLite calls a database in RAM."""
_PARTS = ("memory", "mails", "tray", "sessions", "keys", "outbox")
_OWN_NAMES = {*_PARTS, "lock", "journal.sqlite", "settings.toml"}


class StateDirectory:
    """A state directory; this process has its lock from `acquire` to `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def memory(self) -> Path:
        """The Maildir of mail that was received and is not printed yet."""
        return self.path / "memory"

    @property
    def mails(self) -> Path:
        """The Maildir of mail that was printed and is kept."""
        return self.path / "mails"

    @property
    def tray(self) -> Path:
        """The printed documents."""
        return self.path / "tray"

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / "journal.sqlite"

    @property
    def sessions(self) -> Path:
        """The transcripts."""
        return self.path / "sessions"

    @property
    def keys(self) -> Path:
        """The machine's key and certificate."""
        return self.path / "keys"

    @property
    def outbox(self) -> Path:
        """The messages accepted for sending that are not sent or given up."""
        return self.path / "outbox"

    @property
    def receivers(self) -> Path:
        """The features of I-Fax receivers."""
        return self.path / "receivers.json"

    @property
    def settings(self) -> Path:
        """The settings that were changed at the machine."""
        return self.path / "settings.toml"

    def acquire(self) -> None:
        """Make the directory where it is missing, and lock it; StateError says why it cannot."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            there = {entry.name for entry in self.path.iterdir()}
            if there and not there & _OWN_NAMES:
                raise StateError(
                    f"state: {self.path} holds other things; name an empty directory, or a new one"
                )
            self.path.chmod(0o700)
            for part in _PARTS:
                (self.path / part).mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(f"state: {self.path} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
            os.close(lock)
            raise StateError(
                f"state: {self.path} is in use by another irsend (process {holder or 'unknown'}); "
                "end that one, or give this one another directory with --state"
            ) from None
        self._lock = lock

    def write_pid(self) -> None:
        """Write the process's id into the lock, after twistd has become a daemon."""
        assert self._lock is not None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Unlock the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class MemoryDirectory(StateDirectory):
    """A state directory in RAM, which is gone when it is released. Nobody else knows its name."""

    def __init__(self) -> None:
        # /dev/shm is RAM on Linux; elsewhere it is a directory for temporary files.
        ram = Path("/dev/shm")  # noqa: S108
        where = ram if ram.is_dir() else Path(tempfile.gettempdir())
        super().__init__(where / f"irsend-{os.getpid()}-{secrets.token_hex(8)}")

    @property
    def journal(self) -> Path:
        """In RAM, too."""
        return IN_RAM

    def acquire(self) -> None:
        """Make the directory; StateError."""
        try:
            self.path.mkdir(mode=0o700)
            for part in _PARTS:
                (self.path / part).mkdir()
        except OSError as error:
            raise StateError(f"state: {self.path} cannot be used: {error.strerror}") from None

    def write_pid(self) -> None:
        """Do nothing: there is no lock."""

    def release(self) -> None:
        """Delete the directory with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def write_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a small file as a whole: after a crash it is the old one or the new one. OSError."""
    with _named(path):
        fresh = _write_beside(path, content, mode)
        try:
            fresh.rename(path)
        except OSError:
            _remove(fresh)
            raise
        sync_directory(path.parent)


def replace_files(contents: Mapping[Path, bytes | None]) -> None:
    """Replace or delete (None) small files, all or none: OSError where each is what it was before."""
    fresh: dict[Path, Path] = {}
    before: dict[Path, Path] = {}
    changed: list[Path] = []
    try:
        for path, content in contents.items():
            with _named(path):
                if content is not None:
                    fresh[path] = _write_beside(path, content)
                if path.exists():
                    link = path.with_name(path.name + ".old")
                    link.unlink(missing_ok=True)
                    os.link(path, link)
                    before[path] = link
        for path in contents:
            with _named(path):
                changed.append(path)
                if path in fresh:
                    fresh[path].rename(path)
                else:
                    path.unlink(missing_ok=True)
        for directory in {path.parent for path in contents}:
            sync_directory(directory)
    except OSError:
        for path in changed:
            # A rename onto a link to the same file does nothing, and leaves both.
            with contextlib.suppress(OSError):
                if path in before:
                    before[path].replace(path)
                else:
                    path.unlink(missing_ok=True)
        raise
    finally:
        for left in (*fresh.values(), *before.values()):
            _remove(left)


def _write_beside(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Write what a file is to be replaced by, synced; return where it is."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        try:
            os.fchmod(descriptor, mode)
            # A full disk takes a part first, and fails only at the next write.
            written = 0
            while written < len(content):
                written += os.write(descriptor, content[written:])
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        _remove(fresh)
        raise
    return fresh


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give an OSError of this block the path: fsync and write know a number only."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a crash."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _named(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
