"""The process in which the machines of blocking tests run: one for each test process, started by the first.

Calls may come from any thread. Nothing of Twisted is imported here: whatever reactor,
event loop, patch of the clock or of sockets the test process has, the machines do not see it.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import BinaryIO, cast

import irsend
from irsend.testing.calls import Call, frame, read_answer
from irsend.testing.errors import MachineGone, NotInTime

_TO_END = 10
"""Seconds that the process may take to switch its machines off."""
_SHOWN = 4000
"""Characters of its last words that an error shows."""

_lock = threading.Lock()
_current: MachineProcess | None = None


def machine_process() -> MachineProcess:
    """Return this process's own, started where there is none that runs."""
    global _current
    with _lock:
        if _current is None or not _current.usable:
            _current = MachineProcess()
        return _current


def _after_fork() -> None:
    # The other end belongs to the parent.
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


class MachineProcess:
    """One process. It ends with this one, however this one ends."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._socket, other_end = socket.socketpair()
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 open as long as the process runs
        package = str(Path(irsend.__file__).parent.parent)
        paths = [package, os.environ.get("PYTHONPATH", "")]
        with other_end:
            self._process = subprocess.Popen(  # noqa: S603 it is our own
                # -P: a module of the tests must not stand in for one of Python's own.
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "irsend.testing.process_server",
                    str(other_end.fileno()),
                ],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                stdin=subprocess.DEVNULL,
                stdout=self._last_words,
                stderr=self._last_words,
                pass_fds=[other_end.fileno()],
                # Ctrl-C is for the tests; this process learns of their end.
                start_new_session=True,
            )
        self._sending = threading.Lock()
        self._numbers = itertools.count(1)
        self._machines = itertools.count(1)
        self._waiting: dict[int, Future[object]] = {}
        self._ended = False
        self._gone = MachineGone("The process that runs the machine has ended.")
        self._reader = threading.Thread(target=self._read_answers, name="irsend", daemon=True)
        self._reader.start()
        atexit.register(self.stop)

    @property
    def usable(self) -> bool:
        """Whether it runs, and belongs to this process and not to its parent."""
        return not self._ended and self._owner == os.getpid()

    def new_machine(self) -> int:
        """Return the number of a machine that can be started."""
        return next(self._machines)

    def call(
        self,
        machine: int,
        name: str,
        arguments: tuple[object, ...],
        words: dict[str, object],
        *,
        answer_within: float,
    ) -> object:
        """Return what a call gives, or raise what it raises; NotInTime, MachineGone."""
        __tracebackhide__ = True
        if self._owner != os.getpid():
            raise MachineGone(
                f"The machine belongs to process {self._owner}; a process that was forked from it "
                "cannot call it, and can start one of its own."
            )
        future: Future[object] = Future()
        number = next(self._numbers)
        framed = frame(Call(number, machine, name, arguments, words))
        with self._sending:
            if self._ended:
                raise self._gone
            self._waiting[number] = future
            try:
                self._socket.sendall(framed)
            except OSError:
                raise self._gone from None
        try:
            return future.result(answer_within)
        except TimeoutError:
            if future.done():
                raise
            raise NotInTime(f"Waited {answer_within:g} s for the end of {name!r}.") from None

    def _read_answers(self) -> None:
        try:
            with cast(BinaryIO, self._socket.makefile("rb")) as stream:
                while (answer := read_answer(stream)) is not None:
                    future = self._waiting.pop(answer.number)
                    if answer.error is not None:
                        future.set_exception(answer.error)
                    else:
                        future.set_result(answer.value)
        except (OSError, EOFError):
            pass
        finally:
            with self._last_words as words, self._sending:
                words.seek(0)
                said = words.read().decode("utf-8", "replace")[-_SHOWN:].strip()
                if said:
                    self._gone = MachineGone(f"{self._gone} It said:\n{said}")
                self._ended = True
            for future in self._waiting.values():
                future.set_exception(self._gone)
            self._waiting.clear()

    def stop(self) -> None:
        """End it, and wait for its end."""
        atexit.unregister(self.stop)
        if self._owner != os.getpid():
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(_TO_END)
        self._socket.close()
        try:
            self._process.wait(_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
