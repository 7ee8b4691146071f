"""`twistd irsend` as a process: what it refuses, says, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.trial import unittest

_TOP = str(Path(__file__).resolve().parent.parent)
_BENCH = """
state = "{state}"
[listen]
smtp = "tcp:0:interface=127.0.0.1"
panel = "tcp:0:interface=127.0.0.1"
[settings.email_ifax]
smtp_receive = true
"""


class _Process(ProcessProtocol):
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

    def processEnded(self, reason: Any) -> None:
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


class TapTests(unittest.TestCase):
    """The process, from its command line to its exit status."""

    timeout = 60

    def setUp(self) -> None:
        """Write a configuration of the test's own."""
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.file = self.directory / "irsend.toml"
        self.write(_BENCH)

    def write(self, text: str) -> None:
        """Write the configuration."""
        self.file.write_text(text.format(state=self.directory / "state"), "utf-8")

    def start(self, *arguments: str) -> _Process:
        """Start a process; it is ended with the test."""
        process = _Process()
        command = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "-n"]
        transport = reactor.spawnProcess(  # type: ignore[attr-defined]
            process,
            sys.executable,
            [*command, "--pidfile=", "irsend", "--config", str(self.file), *arguments],
            env={**os.environ, "PYTHONPATH": _TOP},
            path=str(self.directory),
        )
        self.pid = transport.pid

        def end() -> Deferred[int]:
            if process.running:
                transport.signalProcess("KILL")
            return process.ended

        self.addCleanup(end)
        return process

    @inlineCallbacks
    def refused(self, *arguments: str) -> Any:
        """Return what a start that is refused says; nothing of it may be a traceback."""
        process = self.start(*arguments)
        self.assertEqual((yield process.ended), 1, process.written)
        self.assertNotIn("Traceback", process.written)
        return process.written

    @inlineCallbacks
    def test_log(self) -> Any:
        """Model, addresses with their real ports and state directory each have their line."""
        process = self.start()
        yield process.wait_for(r"Panel: http://127\.0\.0\.1:[1-9][0-9]*/")
        self.assertRegex(process.written, r"Model: Canon imageRUNNER 2270 \(ir2270\)\n")
        self.assertRegex(process.written, r"SMTP: listening on 127\.0\.0\.1:[1-9][0-9]*\n")
        self.assertIn(f"State: {self.directory / 'state'}\n", process.written)

    @inlineCallbacks
    def test_sigterm(self) -> Any:
        """SIGTERM says 421 to who is connected, and ends with status 0 and without a traceback."""
        process = self.start()
        port = (yield process.wait_for(r"SMTP: listening on 127\.0\.0\.1:([0-9]+)"))[1]
        yield process.wait_for(r"Panel: ")
        client = smtplib.SMTP(timeout=10)
        yield deferToThread(client.connect, "127.0.0.1", int(port))
        os.kill(self.pid, signal.SIGTERM)
        said = yield deferToThread(client.getreply)
        self.assertEqual(said[0], 421)
        client.close()
        self.assertEqual((yield process.ended), 0, process.written)
        self.assertNotIn("Traceback", process.written)

    @inlineCallbacks
    def test_second_process(self) -> Any:
        """A second process on the same state directory is refused with a sentence."""
        process = self.start()
        yield process.wait_for("Panel: ")
        written = yield self.refused()
        self.assertIn(
            f"irsend: state: {self.directory / 'state'} is in use by another irsend", written
        )

    @inlineCallbacks
    def test_address_in_use(self) -> Any:
        """An address that is in use is refused with a sentence, and the state directory let go."""
        process = self.start()
        port = (yield process.wait_for(r"SMTP: listening on 127\.0\.0\.1:([0-9]+)"))[1]
        written = yield self.refused(
            "--state", str(self.directory / "other"), "--set", f"listen.smtp=tcp:{port}"
        )
        self.assertIn(f"irsend: cannot listen on *:{port}: Address already in use", written)

    @inlineCallbacks
    def test_wrong_endpoint(self) -> Any:
        """An endpoint string that is none is refused with a sentence."""
        for wrong in ("25", "tcp:x", "nothing:at=all", "tcp:99999"):
            written = yield self.refused("--set", f"listen.smtp={wrong}")
            self.assertIn("listen.smtp", written)
            self.assertIn(wrong, written)

    @inlineCallbacks
    def test_wrong_configuration(self) -> Any:
        """Each wrong key is refused with file, whole key, what was given and what is allowed."""
        self.write(_BENCH + "pop_interval = 100\ncolour = 'red'\n")
        written = yield self.refused()
        self.assertIn(
            f"irsend: {self.file}: settings.email_ifax.pop_interval: 100 is not allowed; "
            "allowed: a whole number from 0 to 99 (minutes)\n",
            written,
        )
        self.assertIn("settings.email_ifax.colour: there is no such setting", written)

    @inlineCallbacks
    def test_check(self) -> Any:
        """--check says what would be done, makes nothing, and ends with 0, or with 1 where it is wrong."""
        process = self.start("--check")
        self.assertEqual((yield process.ended), 0, process.written)
        self.assertIn("model: Canon imageRUNNER 2270 (ir2270)", process.written)
        self.assertFalse((self.directory / "state").exists())
        yield self.refused("--check", "--model", "ir9999")
        yield self.refused("--check", "--set", "listen.panel=nonsense")
        yield self.refused(
            "--check", "--set", "tls.key=/nowhere", "--set", "tls.certificate=/nowhere"
        )

    @inlineCallbacks
    def test_sighup(self) -> Any:
        """SIGHUP reads the configuration again; a wrong one changes nothing and is told in the log."""
        process = self.start()
        yield process.wait_for("Panel: ")
        self.write(_BENCH.replace("smtp_receive = true", "smtp_receive = 'maybe'"))
        os.kill(self.pid, signal.SIGHUP)
        yield process.wait_for(
            r"SIGHUP: nothing was changed: .*smtp_receive: 'maybe' is not allowed"
        )
        self.write(_BENCH.replace("smtp_receive = true", "smtp_receive = false"))
        os.kill(self.pid, signal.SIGHUP)
        yield process.wait_for(r"SMTP: not listening \(SMTP Receive is off\)")

    @inlineCallbacks
    def test_secrets(self) -> Any:
        """No secret of the configuration reaches the log or what the process prints."""
        self.write(
            _BENCH
            + "pop_password = 'marked-one'\n[settings.authent_encryption]\npassword = 'marked-two'\n"
            + "[panel]\npassword = 'marked-three'\n"
        )
        process = self.start()
        yield process.wait_for("Panel: ")
        os.kill(self.pid, signal.SIGTERM)
        yield process.ended
        self.assertNotIn("marked-", process.written)
        self.write(_BENCH + "pop_password = 'marked-four-which-is-far-too-long-for-this'\n")
        self.assertNotIn("marked-", (yield self.refused()))
