"""irsendctl called by tests: in this process, or in one of its own."""

from __future__ import annotations

import contextlib
import io
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.trial.unittest import SynchronousTestCase

from irsend.ctl.program import run
from tests.ctl.stand_in import StandIn

PATIENCE = 20.0
"""Seconds until a test gives up on a process."""

_ROOT = str(Path(__file__).parents[2])


@frozen
class Ended:
    """A call that has ended."""

    status: int
    out: str
    err: str


class CallCase(SynchronousTestCase):
    """A test with a stand-in for the machine, that calls irsendctl."""

    def setUp(self) -> None:
        """Start the stand-in."""
        self.machine = StandIn()
        self.machine.start()
        self.addCleanup(self.machine.stop)

    def call(
        self, *arguments: str, stdin: str = "", url: str | None = None, **env: str
    ) -> Ended:
        """Call irsendctl in this process."""
        for name in ("COLUMNS", "IRSEND_URL", "IRSEND_PASSWORD", "NO_COLOR", "FORCE_COLOR"):
            self._patch_environment(name, env.get(name))
        self._patch_environment("IRSEND_URL", url or env.get("IRSEND_URL") or self.machine.url)
        out, err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdin", io.StringIO(stdin))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(list(arguments))
        return Ended(status, out.getvalue(), err.getvalue())

    def start(self, *arguments: str, **env: str) -> Running:
        """Start irsendctl in a process of its own; it is ended with the test."""
        running = Running(arguments, environment(self.machine.url, **env))
        self.addCleanup(running.end)
        return running

    def _patch_environment(self, name: str, value: str | None) -> None:
        before = os.environ.get(name)
        _set(name, value)
        self.addCleanup(_set, name, before)


@define(eq=False)
class Running:
    """An irsendctl that runs, and its lines as they come."""

    arguments: tuple[str, ...]
    env: dict[str, str]
    process: subprocess.Popen[str] = field(init=False)
    _lines: queue.Queue[str] = field(factory=queue.Queue)

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
        threading.Thread(target=self._read, daemon=True).start()

    def line(self) -> str:
        """Wait for the next line of its output."""
        return self._lines.get(timeout=PATIENCE).rstrip("\n")

    def line_with(self, text: str) -> str:
        """Wait for a line of its output that has this text in it."""
        while text not in (line := self.line()):
            pass
        return line

    def interrupt(self) -> Ended:
        """Press Ctrl-C, and wait for its end."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> Ended:
        """Wait for its end; `out` is what no `line` has taken."""
        status = self.process.wait(PATIENCE)
        assert self.process.stderr is not None
        err = self.process.stderr.read()
        return Ended(status, "".join(self._lines.queue), err)

    def end(self) -> None:
        """End it in any case."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError):
            for line in self.process.stdout:
                self._lines.put(line)


def command(*arguments: str) -> list[str]:
    """Return the command line of irsendctl."""
    return [sys.executable, "-m", "irsend.ctl", *arguments]


def environment(url: str, **env: str) -> dict[str, str]:
    """Return an environment that names a machine."""
    kept = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")
    }
    return {**kept, "PYTHONPATH": _ROOT, "IRSEND_URL": url, **env}


def process(*arguments: str, url: str, **more: Any) -> Ended:
    """Call irsendctl in a process of its own and wait for its end."""
    env = environment(url, **more.pop("env", {}))
    ended = subprocess.run(
        command(*arguments),
        env=env,
        cwd=_ROOT,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
        **more,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
