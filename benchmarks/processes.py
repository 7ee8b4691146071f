"""Server processes: started on a free loopback port, waited for, ended by their pid."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

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


class Server:
    """One server process in the foreground, its output in a file."""

    def __init__(
        self,
        arguments: Sequence[str],
        port: int,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        also: Sequence[int] = (),
    ) -> None:
        """Start it; it has started when it listens on its port, and on the others named."""
        self.name = Path(arguments[0]).name
        self.port = port
        self._log = directory / "output"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                arguments,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        self.pid = self._process.pid
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


def run(
    arguments: Sequence[str],
    seconds: float,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    well: Sequence[int] = (0,),
) -> float:
    """Run a client to its end and return how long it took, in seconds; raise Failed."""
    name = Path(arguments[0]).name
    began = time.perf_counter()
    try:
        done = subprocess.run(
            arguments,
            cwd=directory,
            stdin=subprocess.DEVNULL,
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
