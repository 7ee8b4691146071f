"""`twistd irsend`: its command line, its log, its signals and its exit status.

The command line is read in this process; the rest needs processes of twistd.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import smtplib
import socket
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure
from twisted.trial import unittest

from irsend.store.state import StateDirectory
from irsend.tap import Options

_TOP = str(Path(__file__).resolve().parent.parent)
_BENCH = """
state = "{state}"
[listen]
smtp = "tcp:0:interface=127.0.0.1"
panel = "tcp:0:interface=127.0.0.1"
[settings.email_ifax]
smtp_receive = true
"""
_WRONG = _BENCH + "pop_interval = 100\ncolour = 'red'\n"
_WRONG_INTERVAL = (
    "irsend: {file}: settings.email_ifax.pop_interval: 100 is not allowed; "
    "allowed: a whole number from 0 to 99 (minutes)\n"
)


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


class _TapCase(unittest.TestCase):
    """A test with a configuration of its own."""

    timeout = 60

    def setUp(self) -> None:
        """Write the configuration."""
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.file = self.directory / "irsend.toml"
        self.write(_BENCH)

    def write(self, text: str) -> None:
        """Write it anew."""
        self.file.write_text(text.format(state=self.directory / "state"), "utf-8")


class OptionsTests(_TapCase):
    """The command line, read in this process."""

    def read(self, *arguments: str) -> tuple[int, str]:
        """Read a command line that ends the process; return its exit status and output."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            end = self.assertRaises(
                SystemExit, Options().parseOptions, ["--config", str(self.file), *arguments]
            )
        return end.code, said.getvalue()

    def refused(self, *arguments: str) -> str:
        """Return the output of a command line that is refused."""
        status, said = self.read(*arguments)
        self.assertEqual(status, 1, said)
        return said

    def test_wrong_endpoint(self) -> None:
        """An endpoint string that is none is refused with a sentence."""
        for wrong in ("25", "tcp:x", "nothing:at=all", "tcp:99999"):
            said = self.refused("--set", f"listen.smtp={wrong}")
            self.assertIn("listen.smtp", said)
            self.assertIn(wrong, said)

    def test_wrong_keys(self) -> None:
        """Each wrong key is refused with file, whole key, what was given and what is allowed."""
        self.write(_WRONG)
        said = self.refused()
        self.assertIn(_WRONG_INTERVAL.format(file=self.file), said)
        self.assertIn("settings.email_ifax.colour: there is no such setting", said)

    def test_check(self) -> None:
        """--check prints what would be done, makes nothing, and ends with 0, or with 1 where it is wrong."""
        status, said = self.read("--check")
        self.assertEqual(status, 0, said)
        self.assertIn("model: Canon imageRUNNER 2270 (ir2270)", said)
        self.assertFalse((self.directory / "state").exists())
        self.refused("--check", "--model", "ir9999")
        self.refused("--check", "--set", "listen.panel=nonsense")
        self.refused(
            "--check", "--set", "tls.key=/nowhere", "--set", "tls.certificate=/nowhere"
        )

    def test_old_key(self) -> None:
        """--check says which new key an old one is, and ends with 0."""
        status, said = self.read("--check", "--set", "sending.helo=bare")
        self.assertEqual(status, 0, said)
        self.assertIn(
            "warning: --set: sending.helo is called quirks.helo_name now; "
            'write quirks.helo_name = "bare"',
            said,
        )

    def test_secret(self) -> None:
        """A secret that is refused is not in the sentence that refuses it."""
        self.write(_BENCH + "pop_password = 'marked-four-which-is-far-too-long-for-this'\n")
        said = self.refused()
        self.assertIn("pop_password", said)
        self.assertNotIn("marked-", said)


class TapTests(_TapCase):
    """The process, from its command line to its exit status."""

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

    async def refused(self, *arguments: str) -> str:
        """Return the output of a start that is refused; it may have no traceback."""
        process = self.start(*arguments)
        self.assertEqual(await process.ended, 1, process.written)
        self.assertNotIn("Traceback", process.written)
        return process.written

    async def test_log(self) -> None:
        """Model, addresses with their real ports and state directory each have their line."""
        process = self.start()
        await process.wait_for(r"Panel: http://127\.0\.0\.1:[1-9][0-9]*/")
        self.assertRegex(process.written, r"Model: Canon imageRUNNER 2270 \(ir2270\)\n")
        self.assertRegex(process.written, r"SMTP: listening on 127\.0\.0\.1:[1-9][0-9]*\n")
        self.assertIn(f"State: {self.directory / 'state'}\n", process.written)

    async def test_sigterm(self) -> None:
        """SIGTERM sends 421 to clients, and ends with status 0 and without a traceback."""
        process = self.start()
        port = (await process.wait_for(r"SMTP: listening on 127\.0\.0\.1:([0-9]+)"))[1]
        await process.wait_for(r"Panel: ")
        client = smtplib.SMTP(timeout=10)
        await deferToThread(client.connect, "127.0.0.1", int(port))
        os.kill(self.pid, signal.SIGTERM)
        said = await deferToThread(client.getreply)
        self.assertEqual(said[0], 421)
        client.close()
        self.assertEqual(await process.ended, 0, process.written)
        self.assertNotIn("Traceback", process.written)

    async def test_second_process(self) -> None:
        """A second process on the same state directory is refused with a sentence."""
        process = self.start()
        await process.wait_for("Panel: ")
        written = await self.refused()
        self.assertIn(
            f"irsend: state: {self.directory / 'state'} is in use by another irsend", written
        )

    async def test_address_in_use(self) -> None:
        """An address that is in use is refused with a sentence, and the state directory let go."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            written = await self.refused("--set", f"listen.smtp=tcp:{port}")
        self.assertIn(f"irsend: cannot listen on *:{port}: Address already in use", written)
        state = StateDirectory(self.directory / "state")
        state.acquire()
        state.release()

    async def test_wrong_configuration(self) -> None:
        """A wrong configuration ends the process before anything is made."""
        self.write(_WRONG)
        self.assertIn(_WRONG_INTERVAL.format(file=self.file), await self.refused())
        self.assertFalse((self.directory / "state").exists())

    async def test_check(self) -> None:
        """With --check the process ends with 0."""
        process = self.start("--check")
        self.assertEqual(await process.ended, 0, process.written)
        self.assertIn("model: Canon imageRUNNER 2270 (ir2270)", process.written)

    async def test_help_is_light(self) -> None:
        """For --help nothing of the machine is imported, nor OpenSSL, SQLite or Pillow."""
        heavy = (
            *("irsend.assembly", "irsend.configuration", "irsend.services", "irsend.device"),
            *("irsend.protocols", "irsend.store", "irsend.panel", "irsend.imaging"),
            *("OpenSSL", "cryptography", "sqlite3", "PIL", "reportlab", "pypdfium2"),
            *("twisted.mail", "twisted.web", "twisted.internet.reactor"),
        )
        code = (
            "import sys\nfrom twisted.scripts.twistd import run\n"
            "try:\n    run()\nfinally:\n"
            f"    print([name for name in {heavy} if name in sys.modules])"
        )
        out, err, status = await getProcessOutputAndValue(
            sys.executable,
            ["-c", code, "irsend", "--help"],
            env={**os.environ, "PYTHONPATH": _TOP},
        )
        self.assertEqual((status, err), (0, b""))
        self.assertIn("--check", out.decode())
        self.assertEqual(out.decode().splitlines()[-1], "[]")

    async def test_sighup(self) -> None:
        """SIGHUP reads the configuration again; a wrong one changes nothing and is logged."""
        process = self.start()
        await process.wait_for("Panel: ")
        self.write(_BENCH.replace("smtp_receive = true", "smtp_receive = 'maybe'"))
        os.kill(self.pid, signal.SIGHUP)
        await process.wait_for(
            r"SIGHUP: nothing was changed: .*smtp_receive: 'maybe' is not allowed"
        )
        self.write(_BENCH.replace("smtp_receive = true", "smtp_receive = false"))
        os.kill(self.pid, signal.SIGHUP)
        await process.wait_for(r"SMTP: not listening \(SMTP Receive is off\)")

    async def test_secrets(self) -> None:
        """No secret of the configuration reaches the output of the process."""
        self.write(
            _BENCH
            + "pop_password = 'marked-one'\n[settings.authent_encryption]\npassword = 'marked-two'\n"
            + "[panel]\npassword = 'marked-three'\n"
        )
        process = self.start()
        await process.wait_for("Panel: ")
        os.kill(self.pid, signal.SIGTERM)
        await process.ended
        self.assertNotIn("marked-", process.written)
