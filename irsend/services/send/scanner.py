"""Scanning: originals are read by a worker process, which makes of them what a mail carries.

The machine's own process decodes no file. Where a worker takes too long, dies, or
writes what is no message, the scan is refused. However a scan ends, its worker
has exited before, and writes no more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.errors import MemoryFull, ScanRefused
from irsend.extras import PRINTING
from irsend.services.error_text import SWITCHED_OFF
from irsend.services.reactor import IReactor
from irsend.services.timer import Timer
from irsend.services.worker_process import Worker, end_all, when_exited

DOES_NOT_FIT = (
    "The scan is larger than what is left of the machine's memory; "
    "print or delete what waits in it, or scan at a lower resolution."
)
_AT_ONCE = 2


@frozen(kw_only=True)
class ScanFile:
    """An original, and its name in sentences for people."""

    path: Path
    name: str


@frozen(kw_only=True)
class ScanOrder:
    """What is to be scanned, and in which form."""

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
    """The greatest size of all files together."""


@frozen(kw_only=True)
class Scan:
    """The files that a scan has made."""

    files: tuple[Path, ...]
    type: str
    """Their MIME type."""
    pages: int


class Scanner:
    """Runs workers, a few at a time. `timeout` gives the seconds that each may take."""

    log = Logger()

    def __init__(self, reactor: IReactor, *, timeout: Callable[[], float]) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._turns = DeferredSemaphore(_AT_ONCE)
        self._workers: set[_ScanWorker] = set()
        self._stopped = False

    def scan(self, order: ScanOrder, progress: Callable[[int, int], None]) -> Deferred[Scan]:
        """Scan; `progress` is called with each page and their number.

        Fails with ScanRefused, MemoryFull, NotInstalled.

        May be cancelled: the worker is killed, and it fires when that has exited.
        """
        scanned: Deferred[Scan] = self._turns.run(self._run, order, progress)
        return scanned

    async def _run(self, order: ScanOrder, progress: Callable[[int, int], None]) -> Scan:
        PRINTING.require("Scanning what is sent")
        if self._stopped:
            raise ScanRefused(SWITCHED_OFF)
        worker = self._begin(order, progress)
        try:
            return await worker.done
        except CancelledError:
            # Its directory is removed next: it must not write into it any more.
            await when_exited(worker)
            raise

    def _begin(self, order: ScanOrder, progress: Callable[[int, int], None]) -> _ScanWorker:
        timeout = self._timeout()
        worker = _ScanWorker(self._reactor, order, progress, timeout)
        worker.start(self._reactor, "irsend.imaging.scan_worker")
        self._workers.add(worker)
        worker.exited.addCallback(lambda _: self._workers.discard(worker))
        worker.limit.start(timeout, worker.take_too_long)
        return worker

    def stop(self) -> Deferred[None]:
        """Kill all workers; fires when they have exited."""
        self._stopped = True
        return end_all(self._workers, lambda worker: worker.refuse(SWITCHED_OFF))


class _ScanWorker(Worker):
    """The worker of one scan."""

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        order: ScanOrder,
        progress: Callable[[int, int], None],
        timeout: float,
    ) -> None:
        super().__init__()
        self._order = order
        self._progress = progress
        self._timeout = timeout
        self._outcome: Scan | None = None
        self._refusal: ScanRefused | MemoryFull | None = None
        self.limit = Timer(clock)
        self.done: Deferred[Scan] = Deferred(lambda _: self.kill())

    def connectionMade(self) -> None:
        """Send the order, and no more."""
        order = self._order
        self.send(
            {
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
        )
        self.transport.closeStdin()

    def message_received(self, message: dict[str, Any]) -> None:
        """Pass on a page that is done, or note the result."""
        if "page" in message:
            self._progress(int(message["page"]), int(message["of"]))
        elif "refused" in message:
            self._refusal = self._refusal or ScanRefused(str(message["refused"]))
        elif "full" in message:
            self._refusal = self._refusal or MemoryFull(DOES_NOT_FIT)
        else:
            made = [self._order.into / Path(name).name for name in message["made"]]
            self._outcome = Scan(
                files=tuple(made), type=str(message["type"]), pages=int(message["pages"])
            )

    def message_unreadable(self) -> None:
        """Kill it: what it writes later cannot be trusted."""
        self.refuse("the scanner talks nonsense")

    def take_too_long(self) -> None:
        """Kill it: its time is up."""
        self.refuse(f"reading {self._names} takes longer than {self._timeout:.0f} seconds")

    def refuse(self, why: str) -> None:
        """Kill it; the scan is refused for this reason."""
        self._refusal = self._refusal or ScanRefused(why)
        self.kill()

    @property
    def _names(self) -> str:
        names = [one.name for one in self._order.files]
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

    def worker_exited(self, reason: Failure) -> None:
        """Fire with the scan, or fail with the reason."""
        self.limit.cancel()
        if self.done.called:
            return
        if self._refusal:
            self.done.errback(self._refusal)
        elif self._outcome is not None and reason.check(ProcessDone):
            self.done.callback(self._outcome)
        else:
            self.log.error("The scanner failed: {error_output}", error_output=self.error_output)
            self.done.errback(
                ScanRefused(f"reading {self._names} failed, or took too much memory or time")
            )
