"""irsendctl called by tests: in this process, in a thread of it, or in a process of its own."""

from __future__ import annotations

import contextlib
import io
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from attrs import define, field, frozen
from twisted.trial.unittest import SynchronousTestCase

from irsend.ctl.program import run
from tests.ctl.stand_in import StandIn, problem

PATIENCE = 20.0
"""Seconds until a test gives up on a call."""

_ROOT = str(Path(__file__).parents[2])
_VARIABLES = (
    "COLUMNS",
    "IRSEND_URL",
    "IRSEND_PASSWORD",
    "IRSEND_SECRET",
    "IRSEND_SMTP_PASSWORD",
    "IRSEND_UTC",
    "NO_COLOR",
    "FORCE_COLOR",
)
"""Variables that irsendctl reads; a call in this process has only those that it is given."""


@frozen
class Ended:
    """A call that has ended."""

    status: int
    out: str
    err: str


@contextlib.contextmanager
def surroundings(
    url: str, stdin: TextIO, stdout: TextIO, stderr: TextIO, env: dict[str, str]
) -> Iterator[None]:
    """Give irsendctl in this process an environment and streams of its own."""
    given: dict[str, str | None] = {
        **dict.fromkeys(_VARIABLES),
        "IRSEND_URL": url,
        **env,
    }
    environment_before = {name: os.environ.get(name) for name in given}
    streams_before = sys.stdin, sys.stdout, sys.stderr
    try:
        for name, value in given.items():
            _set(name, value)
        sys.stdin, sys.stdout, sys.stderr = stdin, stdout, stderr
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams_before
        for name, value in environment_before.items():
            _set(name, value)


def call(
    *arguments: str,
    url: str,
    stdin: str = "",
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
    **env: str,
) -> Ended:
    """Call irsendctl in this process; the result has no output of a stream that is given."""
    out, err = io.StringIO(), io.StringIO()
    with surroundings(url, io.StringIO(stdin), stdout or out, stderr or err, env):
        status = run(list(arguments))
    return Ended(status, out.getvalue(), err.getvalue())


class CallCase(SynchronousTestCase):
    """A test with a stand-in for the machine, that calls irsendctl."""

    def setUp(self) -> None:
        """Start the stand-in."""
        self.machine = StandIn()
        self.machine.start()
        self.addCleanup(lambda: self.machine.stop())

    def call(self, *arguments: str, url: str | None = None, **given: Any) -> Ended:
        """Call irsendctl in this process."""
        return call(*arguments, url=url or self.machine.url, **given)

    def start(self, *arguments: str, **env: str) -> Running:
        """Start irsendctl in a thread; it is ended with the test."""
        running = RunningInThread(arguments, {"IRSEND_URL": self.machine.url, **env})
        self.addCleanup(running.end)
        self.addCleanup(self._refuse_events)
        return running

    def start_process(self, *arguments: str, **env: str) -> RunningProcess:
        """Start irsendctl in a process of its own; it is ended with the test."""
        running = RunningProcess(arguments, environment(self.machine.url, **env))
        self.addCleanup(running.end)
        return running

    def restart(self, **given: Any) -> StandIn:
        """Put another stand-in at the place of this one."""
        self.machine.stop()
        self.machine = StandIn(port=self.machine.port, **given)
        self.machine.start()
        return self.machine

    def _refuse_events(self) -> None:
        # A call in a thread hears no signal; this ends one that follows the machine.
        self.restart(answers={"GET /api/events": problem(403, "The test has ended")})


@define(eq=False)
class Running:
    """An irsendctl that runs, and its lines as they come through a pipe."""

    arguments: tuple[str, ...]
    env: dict[str, str]
    _lines: queue.Queue[str] = field(factory=queue.Queue)
    _reader: threading.Thread = field(init=False)

    def line(self) -> str:
        """Wait for the next line of its output."""
        return self._lines.get(timeout=PATIENCE).rstrip("\n")

    def line_with(self, text: str) -> str:
        """Wait for a line of its output that has this text in it."""
        while text not in (line := self.line()):
            pass
        return line

    def wait(self) -> Ended:
        """Wait for its end; `out` has the lines that `line` has not returned."""
        status, err = self._wait()
        self._reader.join(PATIENCE)
        return Ended(status, "".join(self._lines.queue), err)

    def end(self) -> None:
        """Make sure that it has ended."""
        raise NotImplementedError

    def _wait(self) -> tuple[int, str]:
        raise NotImplementedError

    def _read(self, output: TextIO) -> None:
        def read() -> None:
            with contextlib.suppress(ValueError):
                for line in output:
                    self._lines.put(line)

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()


@define(eq=False)
class RunningInThread(Running):
    """One in a thread of this process, which waits a tenth of the time where a machine is gone."""

    _out: TextIO = field(init=False)
    _err: io.StringIO = field(factory=io.StringIO)
    _status: queue.Queue[int] = field(factory=queue.Queue)
    _thread: threading.Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        reading, writing = os.pipe()
        self._out = open(reading, encoding="utf-8")  # noqa: SIM115 - closed by end
        self._read(self._out)
        self._thread = threading.Thread(target=self._run, args=(writing,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Wait for its end, after its event stream was refused."""
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            raise AssertionError(f"irsendctl {' '.join(self.arguments)} does not end")
        self._reader.join(PATIENCE)
        self._out.close()

    def _run(self, writing: int) -> None:
        env = dict(self.env)
        with (
            open(writing, "w", encoding="utf-8") as out,
            surroundings(env.pop("IRSEND_URL"), io.StringIO(), out, self._err, env),
        ):
            self._status.put(
                run(list(self.arguments), pause=lambda wait: time.sleep(wait / 10))
            )

    def _wait(self) -> tuple[int, str]:
        return self._status.get(timeout=PATIENCE), self._err.getvalue()


@define(eq=False)
class RunningProcess(Running):
    """One in a process of its own."""

    process: subprocess.Popen[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.process = subprocess.Popen(
            command(*self.arguments),
            env=self.env,
            cwd=_ROOT,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self._read(self.process.stdout)

    def interrupt(self) -> Ended:
        """Press Ctrl-C, and wait for its end."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def end(self) -> None:
        """End it in any case."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _wait(self) -> tuple[int, str]:
        status = self.process.wait(PATIENCE)
        assert self.process.stderr is not None
        return status, self.process.stderr.read()


def command(*arguments: str) -> list[str]:
    """Return the command line of irsendctl."""
    return [sys.executable, "-m", "irsend.ctl", *arguments]


def environment(url: str, **env: str) -> dict[str, str]:
    """Return an environment that names a machine."""
    kept = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")
    }
    return {**kept, "PYTHONPATH": _ROOT, "IRSEND_URL": url, **env}


def process(
    *arguments: str, url: str, stdout: int | None = None, env: dict[str, str] | None = None
) -> Ended:
    """Call irsendctl in a process of its own; `out` is empty where a stdout is given."""
    ended = subprocess.run(
        command(*arguments),
        env=environment(url, **(env or {})),
        cwd=_ROOT,
        encoding="utf-8",
        errors="replace",
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout or "", ended.stderr)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
