"""A worker process that decodes what came from outside: told in lines of JSON, and answering in them.

Nothing of a file is decoded in the machine's own process. What a worker is told,
and what becomes of its answers, is said by `scanner` and `print_pool`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IProcessTransport, IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

import irsend

_LONGEST_LINE = 1_000_000
_LONGEST_ERROR_OUTPUT = 2000


class Worker(ProcessProtocol):
    """One process, from its start to its end."""

    transport: IProcessTransport

    def __init__(self) -> None:
        self._said = b""
        self._error_output = b""
        self.exited: Deferred[None] = Deferred()
        """Fires when the process has ended, and writes nothing any more."""

    def start(self, reactor: IReactorProcess, module: str) -> None:
        """Run a module, from a checkout too, with nothing else of the machine's surroundings; OSError."""
        where = [str(Path(irsend.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
        reactor.spawnProcess(
            self,
            sys.executable,
            [sys.executable, "-m", module],
            env={"PYTHONPATH": os.pathsep.join(filter(None, where)), "LC_ALL": "C.UTF-8"},
        )

    def send(self, message: Mapping[str, object]) -> None:
        """Tell it something."""
        self.transport.write(json.dumps(message).encode("ascii") + b"\n")

    def message_received(self, message: dict[str, Any]) -> None:
        """Hear what it says; errors of reading what is no answer may come out."""
        raise NotImplementedError

    def message_unreadable(self) -> None:
        """Hear that it said what cannot be understood."""
        raise NotImplementedError

    def worker_exited(self, reason: Failure) -> None:
        """Hear that it has ended."""
        raise NotImplementedError

    def kill(self) -> None:
        """End it at once; twice does no harm."""
        if self.transport is not None and self.transport.pid is not None:
            self.transport.signalProcess("KILL")

    @property
    def error_output(self) -> str:
        """The end of what it wrote to its log."""
        return self._error_output.decode("utf-8", "replace")

    def outReceived(self, data: bytes) -> None:
        """Take what it says, line by line."""
        *lines, self._said = (self._said + data).split(b"\n")
        if len(self._said) > _LONGEST_LINE:
            self.message_unreadable()
        for line in lines:
            try:
                self.message_received(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                self.message_unreadable()

    def errReceived(self, data: bytes) -> None:
        """Keep the end of its complaints, for the log."""
        self._error_output = (self._error_output + data)[-_LONGEST_ERROR_OUTPUT:]

    def processEnded(self, reason: Failure) -> None:
        """Tell that it is gone."""
        self.exited.callback(None)
        self.worker_exited(reason)


AnyWorker = TypeVar("AnyWorker", bound=Worker)


def when_exited(worker: Worker) -> Deferred[None]:
    """Return a Deferred of one's own that fires when a worker is gone."""
    mine: Deferred[None] = Deferred()

    def tell(gone: None) -> None:
        mine.callback(gone)

    worker.exited.addCallback(tell)
    return mine


def end_all(workers: Iterable[AnyWorker], end: Callable[[AnyWorker], None]) -> Deferred[None]:
    """End these workers, each by `end`; fires when they are gone."""
    workers = list(workers)
    gone = DeferredList([when_exited(worker) for worker in workers])
    for worker in workers:
        end(worker)
    return gone.addCallback(lambda _: None)
