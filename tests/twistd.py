"""Processes of `twistd irsend` for tests, each with a configuration of its own."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial import unittest

TOP = str(Path(__file__).resolve().parent.parent)
BENCH = """
state = "{state}"
[listen]
smtp = "tcp:0:interface=127.0.0.1"
panel = "tcp:0:interface=127.0.0.1"
[settings.email_ifax]
smtp_receive = true
"""


class MachineProcess(ProcessProtocol):
    """A `twistd irsend`, and all that it wrote."""

    def __init__(self) -> None:
        self.written = ""
        self.running = True
        self.ended: Deferred[int] = Deferred()
        self._awaited: list[tuple[str, Deferred[re.Match[str]]]] = []

    def outReceived(self, octets: bytes) -> None:
        self.written += octets.decode("utf-8", "replace")
        for waiting in list(self._awaited):
            match = re.search(waiting[0], self.written)
            if match:
                self._awaited.remove(waiting)
                waiting[1].callback(match)

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        self.running = False
        status = reason.value.exitCode if reason.check(ProcessTerminated) else 0
        for _, waiting in self._awaited:
            waiting.errback(AssertionError(f"it ended instead ({status}):\n{self.written}"))
        self.ended.callback(status)

    def wait_for(self, pattern: str) -> Deferred[re.Match[str]]:
        """Fire with the match once this is in what it wrote."""
        waiting: Deferred[re.Match[str]] = Deferred()
        self._awaited.append((pattern, waiting))
        self.outReceived(b"")
        return waiting


class TapCase(unittest.TestCase):
    """A test with a configuration of its own."""

    timeout = 60

    def setUp(self) -> None:
        """Write the configuration."""
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.file = self.directory / "irsend.toml"
        self.write(BENCH)

    def write(self, text: str) -> None:
        """Write it anew."""
        self.file.write_text(text.format(state=self.directory / "state"), "utf-8")


class ProcessCase(TapCase):
    """A test of processes."""

    command = ("from twisted.scripts.twistd import run; run()", "-n", "--pidfile=", "irsend")
    """What Python runs, and the arguments of it before those of irsend."""
    python = sys.executable

    def start(self, *arguments: str, config: bool = True) -> MachineProcess:
        """Start a process; it is ended with the test."""
        process = MachineProcess()
        file = ["--config", str(self.file)] if config else []
        transport = reactor.spawnProcess(  # type: ignore[attr-defined]
            process,
            self.python,
            [self.python, "-c", *self.command, *file, *arguments],
            env={**os.environ, "PYTHONPATH": TOP},
            path=str(self.directory),
        )
        self.pid = transport.pid

        def end() -> Deferred[int]:
            if process.running:
                transport.signalProcess("KILL")
            return process.ended

        self.addCleanup(end)
        return process

    def start_without_file(self, *arguments: str) -> MachineProcess:
        """Start a process without --config, on free ports."""
        ports = (
            f"{key}=tcp:0:interface=127.0.0.1"
            for key in ("listen.smtp", "listen.panel", "mailhost.smtp", "mailhost.pop3")
        )
        sets = [word for assignment in ports for word in ("--set", assignment)]
        return self.start(*sets, *arguments, config=False)

    async def refused(self, *arguments: str) -> str:
        """Return the output of a start that is refused; it may have no traceback."""
        process = self.start(*arguments)
        self.assertEqual(await process.ended, 1, process.written)
        self.assertNotIn("Traceback", process.written)
        return process.written
