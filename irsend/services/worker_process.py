"""A worker process that decodes files from outside; messages in both directions are lines of JSON.

The machine's own process decodes no file. `scanner` and `print_pool` know the
messages.
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
        self._received = b""
        self._error_output = b""
        self.exited: Deferred[None] = Deferred()
        """Fires when the process has ended, and writes no more."""

    def start(self, reactor: IReactorProcess, module: str) -> None:
        """Run a module of irsend in an environment of its own; OSError."""
        where = [str(Path(irsend.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
        reactor.spawnProcess(
            self,
            sys.executable,
            [sys.executable, "-m", module],
            env={"PYTHONPATH": os.pathsep.join(filter(None, where)), "LC_ALL": "C.UTF-8"},
        )

    def send(self, message: Mapping[str, object]) -> None:
        """Write a message to its standard input, as a line of JSON."""
        self.transport.write(json.dumps(message).encode("ascii") + b"\n")

    def message_received(self, message: dict[str, Any]) -> None:
        """Handle a message; an error of reading it (KeyError, TypeError) makes it unreadable."""
        raise NotImplementedError

    def message_unreadable(self) -> None:
        """Handle output that is no message."""
        raise NotImplementedError

    def worker_exited(self, reason: Failure) -> None:
        """Handle the end of the process; `reason` is Twisted's."""
        raise NotImplementedError

    def kill(self) -> None:
        """Kill it; once it has ended this does nothing."""
        if self.transport is not None and self.transport.pid is not None:
            self.transport.signalProcess("KILL")

    @property
    def error_output(self) -> str:
        """The end of its standard error."""
        return self._error_output.decode("utf-8", "replace")

    def outReceived(self, data: bytes) -> None:
        """Split its output into messages."""
        *lines, self._received = (self._received + data).split(b"\n")
        if len(self._received) > _LONGEST_LINE:
            self.message_unreadable()
        for line in lines:
            try:
                self.message_received(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                self.message_unreadable()

    def errReceived(self, data: bytes) -> None:
        """Keep the end of its standard error, for the log."""
        self._error_output = (self._error_output + data)[-_LONGEST_ERROR_OUTPUT:]

    def processEnded(self, reason: Failure) -> None:
        """Fire `exited`, then have the end handled."""
        self.exited.callback(None)
        self.worker_exited(reason)


AnyWorker = TypeVar("AnyWorker", bound=Worker)


def when_exited(worker: Worker) -> Deferred[None]:
    """Return a new Deferred for each caller, which fires when the worker has exited."""
    mine: Deferred[None] = Deferred()

    def fire(_: None) -> None:
        mine.callback(None)

    worker.exited.addCallback(fire)
    return mine


def end_all(workers: Iterable[AnyWorker], end: Callable[[AnyWorker], None]) -> Deferred[None]:
    """Call `end` with each of these workers; fires when they have exited."""
    workers = list(workers)
    exited = DeferredList([when_exited(worker) for worker in workers])
    for worker in workers:
        end(worker)
    return exited.addCallback(lambda _: None)
