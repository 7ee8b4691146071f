"""The disk's health: a disk that fails is told once, with path and cause, and once more when it works again.

Whatever of the store cannot write reports it here. Meanwhile the same directories are tried
again and again, for nothing else may be written for a long time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.store.arriving_file import FULL
from irsend.store.group_commit import InThread
from irsend.store.state import write_durably

T = TypeVar("T")

PAUSE = 5
"""Seconds between two tries."""
_PROBE = bytes(65_536)


class DiskHealth:
    """Of one state directory. Used in the reactor's thread only."""

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        in_thread: InThread,
        *,
        flush: Callable[[], Deferred[None]],
        report: Callable[[str], None],
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        """`flush` writes the journal; `report` is called with the reason, and with "" when it is over.

        `make_room` is called, in a thread, where the disk is full.
        """
        self.reason = ""
        """Path and cause of what failed first; empty while the disk works."""
        self._clock = clock
        self._in_thread = in_thread
        self._flush = flush
        self._report = report
        self._make_room = make_room
        self._failing: set[Path] = set()
        self._timer: IDelayedCall | None = None
        self._stopped = False

    def failed(self, error: OSError, directory: Path) -> None:
        """Take note that nothing can be written into a directory."""
        self._failing.add(directory)
        if self.reason or self._stopped:
            return
        self.reason = f"{error.filename or directory}: {error.strerror or error}"
        self.log.error("The disk fails: {reason}", reason=self.reason)
        self._report(self.reason)
        self._try_later()

    def watched(self, in_thread: InThread, directory: Path) -> InThread:
        """Return what does work in a thread, and reports each OSError of it."""

        def failed(failure: Failure) -> Failure:
            if isinstance(failure.value, OSError):
                self.failed(failure.value, directory)
            return failure

        def watch(work: Callable[[], T]) -> Deferred[T]:
            return in_thread(work).addErrback(failed)

        return watch

    def stop(self) -> None:
        """Try nothing any more."""
        self._stopped = True
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _try_later(self) -> None:
        if not self._stopped:
            self._timer = self._clock.callLater(PAUSE, self.try_now)

    def try_now(self) -> Deferred[None]:
        """Try to write what could not be written; fires when that was tried."""
        self._cancel()
        tried = Deferred.fromCoroutine(self._try())
        # An OSError is what is expected; it was told.
        return tried.addErrback(_told).addCallback(self._tried)

    async def _try(self) -> None:
        failing = set(self._failing)

        def write() -> None:
            for directory in failing:
                try:
                    _probe(directory)
                except OSError as error:
                    if error.errno not in FULL or not self._make_room():
                        raise
                    _probe(directory)

        await self._in_thread(write)
        await self._flush()
        self._failing -= failing

    def _tried(self, _: None) -> None:
        if self._failing:
            self._try_later()
        elif self.reason and not self._stopped:
            self.log.info("The disk works again (it failed with {reason})", reason=self.reason)
            self.reason = ""
            self._report("")


def _told(failure: Failure) -> None:
    failure.trap(OSError)


def _probe(directory: Path) -> None:
    """Write, sync and rename a file, and sync its name, as each part of the store does; OSError."""
    path = directory / ".probe"
    try:
        write_durably(path, _PROBE)
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
