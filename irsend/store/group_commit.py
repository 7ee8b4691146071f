"""Group commit: all mails that wait are synced together, in a thread, and confirmed after their sync.

While one group is being synced the next one gathers, so that a busy machine
syncs large groups and an idle one confirms at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.store.arriving_file import ArrivingFile
from irsend.store.state import sync_directory

T = TypeVar("T")


class InThread(Protocol):
    """Runs work in a thread; in tests and for a state in RAM, at once."""

    def __call__(self, work: Callable[[], T], /) -> Deferred[T]:
        """Fire with what the work returns, or fail with what it raises."""


OnDiskError = Callable[[OSError, Path], None]
"""Called, in the reactor's thread, with what failed and the directory that could not be written."""

_log = Logger()


def log_disk_error(error: OSError, directory: Path) -> None:
    """Log an error of the disk, where nothing else tells of it."""
    where = error.filename or directory
    _log.error("{where} cannot be written: {why}", where=where, why=error.strerror or error)


@define(eq=False)
class _Waiting:
    file: ArrivingFile
    done: Deferred[None] = field(factory=Deferred)
    error: OSError | None = None


class GroupCommit:
    """Syncs files, and moves each to its final name."""

    def __init__(
        self, in_thread: InThread, on_disk_error: OnDiskError = log_disk_error
    ) -> None:
        self.in_thread = in_thread
        self.on_disk_error = on_disk_error
        self._waiting: list[_Waiting] = []
        self._syncing = False

    def commit(self, file: ArrivingFile) -> Deferred[None]:
        """Finish a file; fires when its content and name will survive a crash.

        Fails with OSError; the file is deleted then. The caller does not touch it any more.
        """
        one = _Waiting(file)
        self._waiting.append(one)
        if not self._syncing:
            self._sync_group()
        return one.done

    def _sync_group(self) -> None:
        group, self._waiting = self._waiting, []
        self._syncing = True

        def synced(outcome: object) -> None:
            self._syncing = False
            if self._waiting:
                self._sync_group()
            for one in group:
                error = outcome if isinstance(outcome, Failure) else one.error
                if error is None:
                    one.done.callback(None)
                    continue
                cause = error.value if isinstance(error, Failure) else error
                if isinstance(cause, OSError):
                    self.on_disk_error(cause, Path(one.file.unfinished).parent)
                one.done.errback(error)

        self.in_thread(lambda: _sync(group)).addBoth(synced)


def _sync(group: list[_Waiting]) -> None:
    def each(step: Callable[[ArrivingFile], None]) -> None:
        for one in group:
            if one.error is None:
                try:
                    step(one.file)
                except OSError as error:
                    # A sync knows the number of the file only.
                    error.filename = error.filename or one.file.unfinished
                    one.error = error
                    one.file.discard()

    each(ArrivingFile.flush)
    if len(group) > 1:
        # The disk writes all of them before the first is waited for.
        each(ArrivingFile.begin_sync)
    each(ArrivingFile.finish)
    for directory in {Path(one.file.finished).parent for one in group if one.error is None}:
        try:
            sync_directory(directory)
        except OSError as error:
            # Their names may not survive a crash, so none of these mails was received: all are deleted.
            for one in group:
                finished = Path(one.file.finished)
                if one.error is None and finished.parent == directory:
                    one.error = error
                    with contextlib.suppress(OSError):
                        finished.unlink()
