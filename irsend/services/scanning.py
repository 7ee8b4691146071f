"""Scanning: originals are read by a worker process, which makes of them what a mail carries.

Nothing of a file is decoded in the machine's own process. A worker that takes
too long, dies or talks nonsense is a scan that is refused. However a scan ends,
its worker has ended before, and writes nothing any more.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, inlineCallbacks
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

import irsend
from irsend.errors import MemoryFull, ScanRefused

DOES_NOT_FIT = (
    "The scan is larger than what is left of the machine's memory; "
    "print or delete what waits in it, or scan at a lower resolution."
)
_AT_ONCE = 2
_LONGEST_LINE = 1_000_000
_LONGEST_COMPLAINT = 2000


@frozen(kw_only=True)
class ScanFile:
    """An original, and what people call it."""

    path: Path
    name: str


@frozen(kw_only=True)
class ScanOrder:
    """What is to be scanned, and into what."""

    files: tuple[ScanFile, ...]
    into: Path
    """An empty directory."""
    format: str
    resolution: str
    paper: str
    profile: str = ""
    """S, F or C for an I-Fax."""
    most_pages: int
    most_octets: int
    """How large the files may be, all together."""


@frozen(kw_only=True)
class Scan:
    """What came of it."""

    files: tuple[Path, ...]
    type: str
    """Their MIME type."""
    pages: int


class Scanner:
    """Runs workers, a few at a time. `timeout` is in seconds, for each."""

    log = Logger()

    def __init__(self, reactor: Any, *, timeout: float) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._turns = DeferredSemaphore(_AT_ONCE)
        self._workers: set[_Worker] = set()
        self._stopped = False

    def scan(self, order: ScanOrder, progress: Callable[[int, int], None]) -> Deferred[Scan]:
        """Scan; `progress` hears of each page, and of how many. Fails with ScanRefused, MemoryFull.

        May be cancelled: the worker is killed then, and it fires when that is gone.
        """
        scanned: Deferred[Scan] = self._turns.run(self._run, order, progress)
        return scanned

    @inlineCallbacks
    def _run(
        self, order: ScanOrder, progress: Callable[[int, int], None]
    ) -> Generator[Deferred[Any], Any, Scan]:
        if self._stopped:
            raise ScanRefused("the machine was switched off")
        worker = self._begin(order, progress)
        try:
            scan: Scan = yield worker.ended
        except CancelledError:
            # Dead or not yet: whoever removes its directory must come after it.
            gone: Deferred[None] = Deferred()
            worker.gone.addCallback(lambda _: gone.callback(None))
            yield gone
            raise
        return scan

    def _begin(self, order: ScanOrder, progress: Callable[[int, int], None]) -> _Worker:
        worker = _Worker(order, progress, self._timeout)
        # From a checkout too, and with nothing else of the machine's surroundings.
        where = [str(Path(irsend.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
        self._reactor.spawnProcess(
            worker,
            sys.executable,
            [sys.executable, "-m", "irsend.imaging"],
            env={"PYTHONPATH": os.pathsep.join(filter(None, where)), "LC_ALL": "C.UTF-8"},
        )
        self._workers.add(worker)
        worker.gone.addCallback(lambda _: self._workers.discard(worker))
        worker.limit = self._reactor.callLater(self._timeout, worker.take_too_long)
        return worker

    def stop(self) -> Deferred[None]:
        """Kill what runs; fires when it is gone."""
        self._stopped = True
        gone: Deferred[None] = Deferred()
        if not self._workers:
            gone.callback(None)
        for worker in list(self._workers):
            worker.gone.addCallback(
                lambda _: None if self._workers or gone.called else gone.callback(None)
            )
            worker.refuse("the machine was switched off")
        return gone


class _Worker(ProcessProtocol):
    """One worker, from its order to its end."""

    log = Logger()
    transport: Any

    def __init__(
        self, order: ScanOrder, progress: Callable[[int, int], None], timeout: float
    ) -> None:
        self._order = order
        self._progress = progress
        self._timeout = timeout
        self._said = b""
        self._complaint = b""
        self._outcome: Scan | None = None
        self._refusal: ScanRefused | MemoryFull | None = None
        self.limit: Any = None
        self.ended: Deferred[Scan] = Deferred(lambda _: self._kill())
        self.gone: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """Give it the order."""
        order = self._order
        words = {
            "originals": [(str(one.path), one.name) for one in order.files],
            "into": str(order.into),
            "most_pages": order.most_pages,
            "most_octets": order.most_octets,
            "seconds": max(1, int(self._timeout)),
            "form": {
                "format": order.format,
                "resolution": order.resolution,
                "paper": order.paper,
                "profile": order.profile,
            },
        }
        self.transport.write(json.dumps(words).encode("ascii"))
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        """Take what it says, line by line."""
        *lines, self._said = (self._said + data).split(b"\n")
        if len(self._said) > _LONGEST_LINE:
            self.refuse("the scanner talks nonsense")
        for line in lines:
            try:
                self._heard(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                self.refuse("the scanner talks nonsense")

    def errReceived(self, data: bytes) -> None:
        """Keep the end of its complaints, for the log."""
        self._complaint = (self._complaint + data)[-_LONGEST_COMPLAINT:]

    def _heard(self, words: dict[str, Any]) -> None:
        if "page" in words:
            self._progress(int(words["page"]), int(words["of"]))
        elif "refused" in words:
            self._refusal = self._refusal or ScanRefused(str(words["refused"]))
        elif "full" in words:
            self._refusal = self._refusal or MemoryFull(DOES_NOT_FIT)
        else:
            made = [self._order.into / Path(name).name for name in words["made"]]
            self._outcome = Scan(
                files=tuple(made), type=str(words["type"]), pages=int(words["pages"])
            )

    def take_too_long(self) -> None:
        """Give up on it."""
        self.refuse(f"reading {self._names} takes longer than {self._timeout:.0f} seconds")

    def refuse(self, why: str) -> None:
        """Kill it, for this reason."""
        self._refusal = self._refusal or ScanRefused(why)
        self._kill()

    def _kill(self) -> None:
        if self.transport is not None and self.transport.pid is not None:
            self.transport.signalProcess("KILL")

    @property
    def _names(self) -> str:
        names = [one.name for one in self._order.files]
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

    def processEnded(self, reason: Failure) -> None:
        """Tell what came of it."""
        if self.limit is not None and self.limit.active():
            self.limit.cancel()
        self.gone.callback(None)
        if self.ended.called:
            return
        if self._refusal:
            self.ended.errback(self._refusal)
        elif self._outcome is not None and reason.check(ProcessDone):
            self.ended.callback(self._outcome)
        else:
            complaint = self._complaint.decode("utf-8", "replace")
            self.log.error("The scanner failed: {complaint}", complaint=complaint)
            self.ended.errback(
                ScanRefused(f"reading {self._names} failed, or took too much memory or time")
            )
