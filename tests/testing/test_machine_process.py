"""The process that runs the machines of tests: how it is found, what ends it, and what that is like."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from irsend.testing import MachineGone, machine
from irsend.testing.machine_process import machine_process

_REPOSITORY = Path(__file__).parents[2]
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(_REPOSITORY)}


def run(directory: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Python's in a directory."""
    directory.mkdir(exist_ok=True)
    return subprocess.run(
        # -X dev: what is left open is a warning.
        [sys.executable, "-X", "dev", "-c", program],
        cwd=directory,
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def machines_of(process: int) -> list[Path]:
    """Return the directories in RAM of a process's machines."""
    return list(Path("/dev/shm").glob(f"irsend-{process}-*"))


class MachineProcessTests(SynchronousTestCase):
    """Machines by `irsend.testing.machine`, from processes of all kinds."""

    def test_without_twisted(self) -> None:
        """A process that tests with machines imports nothing of Twisted; they share one process."""
        ended = run(
            Path(self.mktemp()),
            "import irsend.testing, sys\n"
            "assert not [one for one in sys.modules if one.startswith('irsend.testing.')]\n"
            "with irsend.testing.machine() as one, irsend.testing.machine() as other:\n"
            "    assert one._process is other._process\n"
            "    print(one.smtp.port != other.smtp.port)\n"
            "print([one for one in sys.modules if one.partition('.')[0] == 'twisted'])\n",
        )
        self.assertEqual((ended.stdout, ended.stderr), ("True\n[]\n", ""))

    def test_module_of_the_tests(self) -> None:
        """A module beside the tests that is called as one of Python's own does not reach the machine."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "twisted.py").write_text("raise SystemExit('the wrong one')\n")
        ended = run(
            directory,
            "import irsend.testing\nwith irsend.testing.machine() as m: print(m.status == '')\n",
        )
        self.assertEqual((ended.stdout, ended.stderr), ("True\n", ""))

    def test_directory(self) -> None:
        """Paths are relative to the directory in which the test runs when it starts the machine."""
        model = _REPOSITORY / "irsend" / "device" / "models" / "ir2200.toml"
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "own.toml").write_text(model.read_text("utf-8"), "utf-8")
        before = Path.cwd()
        with machine():
            os.chdir(directory)
            try:
                with machine(model="./own.toml") as m:
                    self.assertEqual(m.status, "")
            finally:
                os.chdir(before)

    def test_deleted_directory(self) -> None:
        """A test whose directory was deleted can start a machine all the same."""
        ended = run(
            Path(self.mktemp()),
            "import os, irsend.testing\nos.rmdir(os.getcwd())\n"
            "with irsend.testing.machine() as m: print(m.status == '')\n",
        )
        self.assertEqual((ended.stdout, ended.stderr), ("True\n", ""))

    def test_fork(self) -> None:
        """A process that was forked cannot call the machine of its parent, and can have its own."""
        ended = run(
            Path(self.mktemp()),
            "import os, sys, irsend.testing\n"
            "with irsend.testing.machine() as m:\n"
            "    child = os.fork()\n"
            "    if child == 0:\n"
            "        try: m.status\n"
            "        except irsend.testing.MachineGone as error: print(error)\n"
            "        with irsend.testing.machine() as own: print(own.status == '')\n"
            "        sys.exit()\n"
            "    print(os.waitpid(child, 0)[1], m.status == '', flush=True)\n",
        )
        lines = ended.stdout.splitlines()
        self.assertEqual(len(lines), 3, ended)
        self.assertRegex(lines[0], r"^The machine belongs to process \d+; a process that was")
        self.assertEqual((lines[1:], ended.stderr), (["True", "0 True"], ""))

    def test_left_running(self) -> None:
        """A machine that nobody has stopped ends with the process, and leaves no file."""
        ended = run(
            Path(self.mktemp()),
            "import irsend.testing\nm = irsend.testing.start_machine()\n"
            "print(m._process._process.pid, m.smtp.port)\n",
        )
        process, port = map(int, ended.stdout.split())
        self.assertEqual(ended.stderr, "")
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", port))
        self.assertRaises(ProcessLookupError, os.kill, process, 0)
        self.assertEqual(machines_of(process), [])

    def test_error_of_its_own(self) -> None:
        """An error that irsend does not raise on purpose reaches the test, with its traceback."""
        with machine() as m:
            error = self.assertRaises(RuntimeError, m._ask, "no_such_thing")
            self.assertIn("irsend failed:\nTraceback", str(error))
            self.assertEqual(m.status, "")

    def test_what_cannot_be_sent(self) -> None:
        """A value that cannot be sent to the machine fails the call, and no other."""
        with machine() as m:
            error = self.assertRaises(TypeError, m.set, pop=lambda: None)
            self.assertIn("set: an argument cannot be sent to the machine: ", str(error))
            self.assertEqual(m.status, "")


class EndsTests(TestCase):
    """Ends that are not in order."""

    def test_machines_process_dies(self) -> None:
        """Where the machines' process dies each call says so, and the next machine has a new one."""
        with machine() as m:
            process = machine_process()
            os.kill(process._process.pid, signal.SIGKILL)
            error = self.assertRaises(MachineGone, m.wait_for_mail)
            self.assertIn("The process that runs the machine has ended.", str(error))
            self.assertRaises(MachineGone, lambda: m.status)
        self.assertIn("has ended", m.transcripts()[0])
        process.stop()
        for left in machines_of(process._process.pid):
            subprocess.run(["rm", "-r", str(left)], check=True)
        with machine() as m:
            self.assertEqual(m.status, "")

    async def test_killed(self) -> None:
        """Where the test's process is killed the machines' ends, and leaves no file."""
        with subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import irsend.testing\nm = irsend.testing.start_machine()\n"
                "print(m._process._process.pid, flush=True)\ninput()\n",
            ],
            env=_ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as test:
            assert test.stdout is not None
            process = int(test.stdout.readline())
            self.assertEqual(len(machines_of(process)), 1)
            test.kill()
        while machines_of(process):
            await deferLater(reactor, 0.05)  # type: ignore[arg-type]

    test_killed.timeout = 60  # type: ignore[attr-defined]
