"""The state directory, and small files replaced as a whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from irsend.errors import StateError
from irsend.store.state import StateDirectory, write_durably
from tests.store.shortage import no_file_larger_than


def mode(path: Path) -> int:
    """The permissions of a file or directory."""
    return path.stat().st_mode & 0o777


class Case(SynchronousTestCase):
    """Works on a directory that is not there yet."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        # What a user's umask lets through, so that the modes are our own doing.
        self.addCleanup(os.umask, os.umask(0))


class HoldTests(Case):
    """One process at a time."""

    def held(self, path: Path | None = None) -> StateDirectory:
        """Hold a directory until the test ends."""
        state = StateDirectory(path or self.path)
        state.acquire()
        self.addCleanup(state.release)
        return state

    def refused(self, path: Path) -> str:
        """The sentence that a directory is refused with."""
        return str(self.assertRaises(StateError, StateDirectory(path).acquire))

    def test_of_others(self) -> None:
        """A directory with other things in it is refused, and its mode is not changed."""
        home = Path(self.mktemp())
        home.mkdir(mode=0o755)
        (home / "letter.txt").write_text("x", "utf-8")
        before = home.stat().st_mode
        self.assertIn("holds other things", self.refused(home))
        self.assertEqual(home.stat().st_mode, before)

    def test_made(self) -> None:
        """It is made with its parts, closed to others; only the lock is a file yet."""
        state = self.held(self.path / "a" / "b")
        made = {entry.name: mode(entry) for entry in state.path.iterdir()}
        self.assertEqual(
            made,
            {
                **dict.fromkeys(
                    ("memory", "mails", "tray", "sessions", "keys", "outbox"), 0o700
                ),
                "lock": 0o600,
            },
        )
        self.assertEqual(mode(state.path), 0o700)

    def test_parts(self) -> None:
        """The parts stand where the contract says."""
        state = StateDirectory(self.path)
        self.assertEqual(
            [state.memory, state.journal, state.sessions, state.keys, state.settings],
            [
                self.path / name
                for name in ("memory", "journal.sqlite", "sessions", "keys", "settings.toml")
            ],
        )

    def test_closed_again(self) -> None:
        """A state directory that somebody opened to others is closed at the next start."""
        self.held().release()
        self.path.chmod(0o755)
        self.held()
        self.assertEqual(mode(self.path), 0o700)

    def test_second(self) -> None:
        """A second one is refused with a sentence that names the directory and the process that has it."""
        first = self.held()
        self.assertEqual(
            self.refused(self.path),
            f"state: {self.path} is in use by another irsend (process unknown); "
            "end that one, or give this one another directory with --state",
        )
        first.write_pid()
        self.assertIn(f"(process {os.getpid()})", self.refused(self.path))

    def test_longer_id_before(self) -> None:
        """Of the id of a process that had it before, nothing remains."""
        first = self.held()
        (self.path / "lock").write_text("123456789012\n")
        first.write_pid()
        self.assertEqual((self.path / "lock").read_text(), f"{os.getpid()}\n")

    def test_released(self) -> None:
        """Released, it can be had again; to release it twice is no error."""
        first = self.held()
        first.release()
        first.release()
        self.held()

    def test_other_process(self) -> None:
        """A process that ended, however, holds it no longer; one that runs does."""
        script = (
            "import os, pathlib, signal, sys\n"
            "from irsend.store.state import StateDirectory\n"
            "state = StateDirectory(pathlib.Path(sys.argv[1]))\n"
            "state.acquire(); state.write_pid()\n"
            "print('held', flush=True)\n"
            "sys.stdin.read()\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        self.assertEqual(process.stdout.readline(), b"held\n")
        self.assertIn(f"(process {process.pid})", self.refused(self.path))
        process.stdin.close()
        process.wait()
        self.held()

    def test_not_a_directory(self) -> None:
        """A file at its place is refused in words."""
        self.path.write_bytes(b"")
        self.assertEqual(
            self.refused(self.path), f"state: {self.path} cannot be used: File exists"
        )
        self.assertEqual(
            self.refused(self.path / "x"),
            f"state: {self.path / 'x'} cannot be used: Not a directory",
        )


class WriteDurablyTests(Case):
    """Old or new, never half."""

    def setUp(self) -> None:
        super().setUp()
        self.path.mkdir()
        self.file = self.path / "file"

    def test_new(self) -> None:
        """A file is written with its content, closed to others."""
        write_durably(self.file, b"new")
        self.assertEqual((self.file.read_bytes(), mode(self.file)), (b"new", 0o600))

    def test_mode(self) -> None:
        """Another mode can be asked for."""
        write_durably(self.file, b"", 0o644)
        self.assertEqual(mode(self.file), 0o644)

    def test_replaced(self) -> None:
        """A file is replaced whole, and one that was open to others is closed."""
        self.file.write_bytes(b"a longer one, from before")
        self.file.chmod(0o644)
        write_durably(self.file, b"new")
        self.assertEqual((self.file.read_bytes(), mode(self.file)), (b"new", 0o600))

    def test_leftover(self) -> None:
        """What a crash left of an earlier attempt is no hindrance, nor its mode."""
        leftover = self.path / "file.new"
        leftover.write_bytes(b"half of a much longer one")
        leftover.chmod(0o644)
        write_durably(self.file, b"new")
        self.assertEqual((self.file.read_bytes(), mode(self.file)), (b"new", 0o600))
        self.assertEqual([entry.name for entry in self.path.iterdir()], ["file"])

    def test_no_room(self) -> None:
        """When only a part of it can be written, the old one stays whole and nothing else remains."""
        self.file.write_bytes(b"old")
        with no_file_larger_than(1000):
            self.assertRaises(OSError, write_durably, self.file, b"x" * 1001)
            write_durably(self.path / "other", b"x" * 1000)
        self.assertEqual(self.file.read_bytes(), b"old")
        self.assertEqual(sorted(entry.name for entry in self.path.iterdir()), ["file", "other"])

    def test_no_directory(self) -> None:
        """Without its directory nothing is written, and the error says so."""
        self.assertRaises(FileNotFoundError, write_durably, self.path / "x" / "y", b"")
