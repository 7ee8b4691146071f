"""A program that a test has started: what it said, how it ended, and a way to end it."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol

from tests.live.waiting import wait_until

_WHERE_DAEMONS_ARE = "/usr/local/sbin:/usr/sbin:/sbin"


def path_of(name: str) -> str | None:
    """Return where a program is, the directories of daemons included; None where it is not."""
    return shutil.which(
        name, path=os.environ.get("PATH", os.defpath) + ":" + _WHERE_DAEMONS_ARE
    )


# Below the ports that Linux gives to whoever connects or asks for any: until a server is
# there nobody else is given its port. Tests that run side by side draw different ones.
_PORTS = range(10_000, 32_000)
_next_port = itertools.cycle(random.sample(_PORTS, len(_PORTS)))


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    for port in _next_port:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("all ports are taken")


class Program(ProcessProtocol):
    """One process, standard output and standard error kept together as they came."""

    def __init__(
        self,
        reactor: Any,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        directory: str | None = None,
    ) -> None:
        self._reactor = reactor
        self._output: list[bytes] = []
        self.status: int | None = None
        """The exit status, or minus the signal that ended it; None while it runs."""
        self.transport: Any
        reactor.spawnProcess(
            self,
            path_of(arguments[0]) or arguments[0],
            list(arguments),
            env={**os.environ, **(environment or {})},
            path=directory,
        )
        self.pid: int = self.transport.pid

    @property
    def output(self) -> str:
        """Everything said so far."""
        return b"".join(self._output).decode("utf-8", "replace")

    def write(self, content: bytes) -> None:
        """Put this on the program's standard input."""
        self.transport.write(content)

    def close_input(self) -> None:
        """End the program's standard input."""
        self.transport.closeStdin()

    def send_signal(self, name: str) -> None:
        """Send it a signal, such as "KILL"; nothing happens where it has ended."""
        if self.status is None:
            os.kill(self.pid, getattr(signal, f"SIG{name}"))

    async def end(self, within: float = 60.0) -> int:
        """Wait for its end and return its status."""
        await wait_until(
            self._reactor, lambda: self.status is not None, "the end of the program", within
        )
        assert self.status is not None
        return self.status

    async def stop(self) -> None:
        """Ask it to end; make it end when it does not listen."""
        self.send_signal("TERM")
        try:
            await self.end(within=10)
        except AssertionError:
            self.send_signal("KILL")
            await self.end(within=10)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Keep what it says."""
        self._output.append(data)

    def processEnded(self, reason: Any) -> None:
        """Keep how it ended."""
        if reason.check(ProcessDone):
            self.status = 0
        elif reason.check(ProcessTerminated) and reason.value.signal:
            self.status = -reason.value.signal
        else:
            self.status = reason.value.exitCode


async def run(
    reactor: Any,
    arguments: Sequence[str],
    *,
    given: bytes = b"",
    environment: Mapping[str, str] | None = None,
    within: float = 60.0,
) -> Program:
    """Run a program to its end, with `given` on its standard input."""
    program = Program(reactor, arguments, environment=environment)
    program.write(given)
    program.close_input()
    await program.end(within)
    return program
