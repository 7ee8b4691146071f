"""Processes: servers on a free loopback port, workers that answer lines, programs run to their end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from benchmarks.bench import Failed

_MB = 1_000_000
_CHECKOUT = str(Path(__file__).resolve().parent.parent)
# For Python programs: this checkout first, whatever else is installed.
IMPORTS_FROM_HERE = {
    "PYTHONPATH": os.pathsep.join(filter(None, (_CHECKOUT, os.environ.get("PYTHONPATH"))))
}


def free_port() -> int:
    """Return a loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Process:
    """A process in the foreground, what it says beside its answers in a file."""

    def __init__(
        self,
        arguments: Sequence[str],
        directory: Path,
        environment: Mapping[str, str] | None,
        *,
        answers: bool,
    ) -> None:
        self.name = Path(arguments[0]).name
        self._log = directory / "output"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                arguments,
                cwd=directory,
                stdin=subprocess.PIPE if answers else subprocess.DEVNULL,
                stdout=subprocess.PIPE if answers else output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        self.pid = self._process.pid

    def last_words(self) -> str:
        """Return the end of what the process has written."""
        return _end_of(self._log.read_text("utf-8", "replace"))

    def end(self) -> None:
        """End the process; whoever does not go within 10 s is killed."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
                self._process.wait()


class Server(_Process):
    """One server process."""

    def __init__(
        self,
        arguments: Sequence[str],
        port: int,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        also: Sequence[int] = (),
    ) -> None:
        """Start it; it has started when it listens on its port, and on the others named."""
        super().__init__(arguments, directory, environment, answers=False)
        self.port = port
        try:
            for one in (port, *also):
                self._wait_until_listening(one, 30)
        except Failed:
            self.end()
            raise

    def _wait_until_listening(self, port: int, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise Failed(
                    f"{self.name} ended with {self._process.returncode}: {self.last_words()}"
                )
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), 5),
            ):
                return
            time.sleep(0.05)
        words = self.last_words()
        raise Failed(f"{self.name} does not listen on {port} after {seconds:.0f} s: {words}")

    def hold(self) -> None:
        """Stop it from running: who connects waits until `let_go`."""
        os.kill(self.pid, signal.SIGSTOP)

    def let_go(self) -> None:
        """Let it run again; it may be running."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)


class Worker(_Process):
    """One process that is told by lines what to do, and answers in lines: mostly one to one."""

    def __init__(
        self,
        arguments: Sequence[str],
        directory: Path,
        environment: Mapping[str, str] | None = None,
        *,
        greets: bool = True,
    ) -> None:
        """Start it; one that greets has started when it has said a first line."""
        super().__init__(arguments, directory, environment, answers=True)
        self._heard = b""
        try:
            if greets:
                self.answer(30)
        except Failed:
            self.end()
            raise

    def ask(self, line: str, seconds: float) -> str:
        """Tell it something and return its answer; raise Failed."""
        assert self._process.stdin
        # Where it has ended, the answer that does not come tells why.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        return self.answer(seconds)

    def answer(self, seconds: float) -> str:
        """Return the next line that it says; raise Failed."""
        assert self._process.stdout
        said = self._process.stdout.fileno()
        end = time.monotonic() + seconds
        while b"\n" not in self._heard:
            ready, _, _ = select.select([said], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise Failed(f"{self.name} has no answer after {seconds:.0f} s")
            more = os.read(said, 65_536)
            if not more:
                raise Failed(f"{self.name} has ended: {self.last_words()}")
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode().strip()

    def end(self) -> None:
        """End the process, and the pipes to it."""
        super().end()
        assert self._process.stdin
        assert self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()


def run(
    arguments: Sequence[str],
    seconds: float,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    well: Sequence[int] = (0,),
    given: IO[bytes] | None = None,
) -> float:
    """Run a client to its end and return how long it took, in seconds; raise Failed.

    `given` is its standard input, from where it stands.
    """
    name = Path(arguments[0]).name
    began = time.perf_counter()
    try:
        done = subprocess.run(
            arguments,
            cwd=directory,
            stdin=given or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{name} was not done after {seconds:.0f} s") from None
    took = time.perf_counter() - began
    if done.returncode not in well:
        words = _end_of(done.stdout.decode("utf-8", "replace"))
        raise Failed(f"{name} ended with {done.returncode}: {words}")
    return took


def _end_of(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= 300 else "... " + words[-300:]


def memory_now(pid: int) -> float:
    """Return what a process has in memory now, in MB, and begin its peak anew from there."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _status(pid, "VmRSS")


def memory_peak(pid: int) -> float:
    """Return the most that a process has had in memory since `memory_now`, in MB."""
    return _status(pid, "VmHWM")


def _status(pid: int, key: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024 / _MB
    raise Failed(f"/proc/{pid}/status has no {key}")
