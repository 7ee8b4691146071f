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

from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.usage import UsageError

from irsend.configuration import read_configuration
from irsend.device.model import model_names
from irsend.store.state import StateDirectory
from irsend.tap import Options
from tests.twistd import BENCH, TOP, ProcessCase, TapCase

_WRONG = BENCH + "pop_interval = 100\ncolour = 'red'\n"
_WRONG_INTERVAL = (
    "irsend: {file}: settings.email_ifax.pop_interval: 100 is not allowed; "
    "allowed: a whole number from 0 to 99 (minutes)\n"
)


class OptionsTests(TapCase):
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
        self.assertIn(f"configuration: {self.file}\n", said)
        self.assertIn("model: Canon imageRUNNER 2270 (ir2270)", said)
        self.assertFalse((self.directory / "state").exists())
        self.refused("--check", "--model", "ir9999")
        self.refused("--check", "--set", "listen.panel=nonsense")
        self.refused(
            "--check", "--set", "tls.key=/nowhere", "--set", "tls.certificate=/nowhere"
        )

    def test_bench(self) -> None:
        """Without --config it is what etc/irsend.toml makes, with every model and every option."""
        for options in (
            [],
            *(["--model", name] for name in model_names()),
            ["--state", "elsewhere", "--set", "settings.email_ifax.pop=off"],
        ):
            without, shipped = Options(), Options()
            without.parseOptions(options)
            shipped.parseOptions(["--config", f"{TOP}/etc/irsend.toml", *options])
            self.assertEqual(without.configuration, shipped.configuration)
            self.assertTrue(without.configuration.mailhost.enabled)

    def test_bench_on_a_lesser_model(self) -> None:
        """A model that lacks a setting of the bench runs it without that setting."""
        lesser = self.directory / "lesser.toml"
        lesser.write_text('name = "lesser"\nlacks = ["email_ifax.pop"]\n', "utf-8")
        options = Options()
        options.parseOptions(["--model", str(lesser)])
        self.assertNotIn("email_ifax.pop", options.configuration.settings)
        self.assertEqual(options.configuration.settings["email_ifax.smtp_receive"], True)

    def test_bare(self) -> None:
        """--bare is every default of the code, and nothing of the bench."""
        options = Options()
        options.parseOptions(
            [
                "--bare",
                "--model",
                "iradvance",
                "--state",
                "elsewhere",
                "--set",
                "limits.errors=3",
            ]
        )
        usual = read_configuration(
            model="iradvance", state="elsewhere", sets=["limits.errors=3"]
        )
        self.assertEqual(options.configuration, usual)
        self.assertEqual(options.configuration.settings, {})
        self.assertFalse(options.configuration.mailhost.enabled)

    def test_bare_with_file(self) -> None:
        """--bare beside --config is a usage error that names both."""
        error = self.assertRaises(
            UsageError, Options().parseOptions, ["--bare", "--config", str(self.file)]
        )
        self.assertEqual(
            str(error),
            "--bare and --config exclude each other: --bare is the factory state, without a file",
        )

    def test_check_says_which(self) -> None:
        """--check names the bench and the factory state as such."""
        for options, source in (
            (["--check"], "the bench of `irsendctl sample` (no --config)"),
            (["--check", "--bare"], "the factory state (--bare)"),
        ):
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                end = self.assertRaises(SystemExit, Options().parseOptions, options)
            self.assertEqual(end.code, 0)
            self.assertEqual(said.getvalue().splitlines()[0], f"configuration: {source}")

    def test_argument(self) -> None:
        """An argument that is no option is a usage error that names it."""
        error = self.assertRaises(UsageError, Options().parseOptions, ["etc/irsend.toml"])
        self.assertIn("'etc/irsend.toml' is not allowed", str(error))

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
        self.write(BENCH + "pop_password = 'marked-four-which-is-far-too-long-for-this'\n")
        said = self.refused()
        self.assertIn("pop_password", said)
        self.assertNotIn("marked-", said)


class TapTests(ProcessCase):
    """The process, from its command line to its exit status."""

    async def test_log(self) -> None:
        """Model, addresses with their real ports and state directory each have their line."""
        process = self.start()
        await process.wait_for(r"Panel: http://127\.0\.0\.1:[1-9][0-9]*/")
        self.assertRegex(process.written, r"Model: Canon imageRUNNER 2270 \(ir2270\)\n")
        self.assertRegex(process.written, r"SMTP: listening on 127\.0\.0\.1:[1-9][0-9]*\n")
        self.assertIn(f"State: {self.directory / 'state'}\n", process.written)

    async def test_first_start(self) -> None:
        """The first start fits 24 rows of 80 columns, and ends with what to do next; a later one does not."""
        process = self.start_without_file()
        panel = (await process.wait_for(r"Panel: (http://\S+)/\n"))[1]
        await process.wait_for("Try next: .*\n")
        lines = process.written.splitlines()
        self.assertLessEqual(sum(-(-len(line) // 80) for line in lines), 24, process.written)
        port = re.search(r"\bSMTP: listening on (\S+)\n", process.written)
        assert port, process.written
        for line, said in zip(
            lines[-3:],
            (
                f"[irsend] Panel: {panel}/",
                f"[irsend] Mail in: SMTP {port[1]}, for ir@bench.test",
                f"[irsend] Try next: irsendctl --url {panel} status",
            ),
            strict=True,
        ):
            self.assertEqual(line.partition(" ")[2], said)
        os.kill(self.pid, signal.SIGTERM)
        await process.ended
        again = self.start_without_file()
        await again.wait_for("Panel: ")
        os.kill(self.pid, signal.SIGTERM)
        await again.ended
        self.assertNotIn("Try next", again.written)

    async def test_first_start_bare(self) -> None:
        """Where SMTP Receive is off, the first start says how it is turned on."""
        process = self.start_without_file("--bare")
        await process.wait_for("Mail in: off; irsendctl set email_ifax.smtp_receive=on\n")
        await process.wait_for("Try next: irsendctl --url ")

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

    async def test_without_file(self) -> None:
        """Without --config it receives, polls and has a mail host, which SIGHUP does not change."""
        process = self.start_without_file()
        await process.wait_for("Panel: ")
        for line in (
            r"Configuration: the bench of `irsendctl sample` \(no --config\)\n",
            r"SMTP: listening on 127\.0\.0\.1:[1-9]",
            r"Mail host SMTP: listening on 127\.0\.0\.1:[1-9]",
            r"Mail host POP3: listening on 127\.0\.0\.1:[1-9]",
        ):
            self.assertRegex(process.written, line)
        os.kill(self.pid, signal.SIGHUP)
        await process.wait_for("Configuration and certificates were read again")
        os.kill(self.pid, signal.SIGTERM)
        self.assertEqual(await process.ended, 0, process.written)
        self.assertNotIn("SMTP: not listening", process.written)
        self.assertEqual(os.listdir(self.directory / "var"), ["irsend"])

    async def test_bare(self) -> None:
        """With --bare nothing is received, and there is no mail host."""
        process = self.start_without_file("--bare")
        await process.wait_for("Panel: ")
        self.assertIn("Configuration: the factory state (--bare)\n", process.written)
        self.assertIn("SMTP: not listening (SMTP Receive is off)", process.written)
        self.assertNotIn("Mail host", process.written)

    async def test_mail_host_address_in_use(self) -> None:
        """A port of the mail host that is in use is refused with its holder, and all that is to change."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            written = await self.refused(
                *("--set", "mailhost.enabled=on"),
                *("--set", "mailhost.smtp=tcp:0:interface=127.0.0.1"),
                *("--set", f"mailhost.pop3=tcp:{port}:interface=127.0.0.1"),
                *("--set", f"settings.service_mode.pop3_port={port}"),
            )
        self.assertIn(f"(process {os.getpid()}) listens there\n", written)
        match = re.search(
            r"--set mailhost\.pop3=tcp:([0-9]+):interface=127\.0\.0\.1\n", written
        )
        assert match, written
        self.assertIn(f"--set settings.service_mode.pop3_port={match[1]}\n", written)

    async def test_panel_address_in_use(self) -> None:
        """A port of the panel that is in use is refused with the URL that irsendctl needs then."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            written = await self.refused(
                "--set", f"listen.panel=tcp:{port}:interface=127.0.0.1"
            )
        match = re.search(r"--set listen\.panel=tcp:([0-9]+):interface=127\.0\.0\.1\n", written)
        assert match, written
        self.assertIn(f"--url http://127.0.0.1:{match[1]}\n", written)

    async def test_address_in_use(self) -> None:
        """An address that is in use is refused with a sentence, and the state directory let go."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            written = await self.refused("--set", f"listen.smtp=tcp:{port}")
        self.assertIn(f"irsend: cannot listen on *:{port}: Address already in use", written)
        state = StateDirectory(self.directory / "state")
        state.acquire()
        state.release()

    async def test_refused_in_the_background(self) -> None:
        """Without -n twistd ends with 1 where the start is refused, says why, and leaves no pid file."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            _, said, status = await getProcessOutputAndValue(
                sys.executable,
                [
                    *("-c", self.command[0], "--pidfile=pid", "--logfile=log"),
                    *("irsend", "--config", str(self.file), "--set", f"listen.smtp=tcp:{port}"),
                ],
                env={**os.environ, "PYTHONPATH": TOP},
                path=str(self.directory),
            )
        self.assertEqual(status, 1)
        self.assertIn(f"cannot listen on *:{port}: Address already in use", said.decode())
        self.assertNotIn("Traceback", said.decode())
        self.assertFalse((self.directory / "pid").exists())
        log = (self.directory / "log").read_text("utf-8")
        self.assertRegex(log, r"choose another port: --set listen\.smtp=tcp:[0-9]+\n")
        self.assertNotIn("Traceback", log)

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
            env={**os.environ, "PYTHONPATH": TOP},
        )
        self.assertEqual((status, err), (0, b""))
        self.assertIn("--check", out.decode())
        self.assertEqual(out.decode().splitlines()[-1], "[]")

    async def test_sighup(self) -> None:
        """SIGHUP reads the configuration again; a wrong one changes nothing and is logged."""
        process = self.start()
        await process.wait_for("Panel: ")
        self.write(BENCH.replace("smtp_receive = true", "smtp_receive = 'maybe'"))
        os.kill(self.pid, signal.SIGHUP)
        await process.wait_for(
            r"SIGHUP: nothing was changed: .*smtp_receive: 'maybe' is not allowed"
        )
        self.write(BENCH.replace("smtp_receive = true", "smtp_receive = false"))
        os.kill(self.pid, signal.SIGHUP)
        await process.wait_for(r"SMTP: not listening \(SMTP Receive is off\)")

    async def test_secrets(self) -> None:
        """No secret of the configuration reaches the output of the process."""
        self.write(
            BENCH
            + "pop_password = 'marked-one'\n[settings.authent_encryption]\npassword = 'marked-two'\n"
            + "[panel]\npassword = 'marked-three'\n"
        )
        process = self.start()
        await process.wait_for("Panel: ")
        os.kill(self.pid, signal.SIGTERM)
        await process.ended
        self.assertNotIn("marked-", process.written)


class MachineProgramTests(ProcessCase):
    """`irsend-machine`, run where no twistd is on the path."""

    command = ("from irsend.machine_program import main; main()",)

    async def run_to_end(self, *arguments: str) -> tuple[str, str, int]:
        """Run it to its end; return its output, its errors and its exit status."""
        out, err, status = await getProcessOutputAndValue(
            sys.executable,
            ["-c", *self.command, *arguments],
            env={"PYTHONPATH": TOP, "PATH": ""},
            path=str(self.directory),
        )
        return out.decode(), err.decode(), status

    async def test_help(self) -> None:
        """--help begins with the program's own name, and names every option."""
        said, errors, status = await self.run_to_end("--help")
        self.assertEqual((errors, status), ("", 0))
        self.assertEqual(said.splitlines()[0], "Usage: irsend-machine [options]")
        for option in ("--bare", "--check", "--config=", "--model=", "--set=", "--state="):
            self.assertIn(f"  {option}", said)

    async def test_wrong_use(self) -> None:
        """What is no option is refused with 1, one sentence on stderr and nothing else."""
        for wrong in ("--nonsense", "nonsense", "--model"):
            said, errors, status = await self.run_to_end(wrong)
            self.assertEqual((said, status), ("", 1))
            self.assertRegex(errors, r"^irsend: .*; irsend-machine --help lists the options\n$")
            self.assertIn(wrong.lstrip("-"), errors)

    async def test_check(self) -> None:
        """--check says what would be done and ends with 0, or with 1 where it is wrong."""
        said, errors, status = await self.run_to_end("--check", "--config", str(self.file))
        self.assertEqual((errors, status), ("", 0))
        self.assertIn(f"configuration: {self.file}\n", said)
        said, errors, status = await self.run_to_end("--check", "--set", "limits.errors=0")
        self.assertEqual((said, status), ("", 1))
        self.assertRegex(
            errors, r"^irsend: --set: limits\.errors: '0' is not allowed; allowed: .*\n$"
        )

    async def test_address_in_use(self) -> None:
        """An address that is in use is refused with 1, its holder and the option."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            written = await self.refused("--set", f"listen.smtp=tcp:{port}")
        self.assertIn(f"(process {os.getpid()}) listens there", written)
        self.assertRegex(written, r"--set listen\.smtp=tcp:[0-9]+\n")

    async def test_signals(self) -> None:
        """SIGHUP has it read its file again; SIGTERM ends it with 0."""
        process = self.start()
        await process.wait_for(r"SMTP: listening on 127\.0\.0\.1:[1-9][0-9]*\n(?s:.*)Panel: ")
        self.write(BENCH.replace("smtp_receive = true", "smtp_receive = false"))
        os.kill(self.pid, signal.SIGHUP)
        await process.wait_for(r"SMTP: not listening \(SMTP Receive is off\)")
        os.kill(self.pid, signal.SIGTERM)
        self.assertEqual(await process.ended, 0, process.written)
        self.assertNotIn("Traceback", process.written)

    async def test_leaves_nothing(self) -> None:
        """Ended by Ctrl-C it leaves the state directory and no other file where it was started."""
        before = set(os.listdir(self.directory))
        process = self.start()
        await process.wait_for("Panel: ")
        os.kill(self.pid, signal.SIGINT)
        self.assertEqual(await process.ended, 0, process.written)
        self.assertEqual(set(os.listdir(self.directory)) - before, {"state"})

    async def test_closed_output(self) -> None:
        """A reader of --help that has seen enough causes no traceback."""
        out, err, _ = await getProcessOutputAndValue(
            "/bin/sh",
            ["-c", f'"{sys.executable}" -c "{self.command[0]}" --help | true'],
            env={"PYTHONPATH": TOP, "PATH": os.defpath},
        )
        self.assertEqual((out, err), (b"", b""))
