"""A program beside a machine of its own: its environment, its signals, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from irsend.errors import IrsendError

if TYPE_CHECKING:
    from irsend.testing.machines import Machine

_NOT_FOUND, _CANNOT_BE_RUN, _BY_SIGNAL = 127, 126, 128
"""The exit statuses of shells for these ends."""
_OWN = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 what listens everywhere
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_VARIABLES = (
    "IRSEND_SMTP_HOST",
    "IRSEND_SMTP_PORT",
    "IRSEND_URL",
    "IRSEND_MAILHOST_SMTP_PORT",
    "IRSEND_MAILHOST_POP3_PORT",
    "IRSEND_CA_FILE",
)


class CannotRun(IrsendError):
    """The program cannot be run."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


def run(machine: Machine, program: Sequence[str]) -> int:
    """Run a program to its end; return its exit status as a shell counts it; CannotRun."""
    with tempfile.TemporaryDirectory(prefix="irsend-") as directory:
        environment = _environment(machine, Path(directory))
        try:
            running = subprocess.Popen(program, env=environment)  # noqa: S603 it is asked for
        except FileNotFoundError:
            raise CannotRun(f"{program[0]}: there is no such command.", _NOT_FOUND) from None
        except OSError as error:
            raise CannotRun(
                f"{program[0]}: it cannot be run: {error.strerror}", _CANNOT_BE_RUN
            ) from None
        with _signals_passed_on(running):
            status = running.wait()
    return status if status >= 0 else _BY_SIGNAL - status


def failure(name: str, status: int, transcripts: Sequence[str]) -> str:
    """Return how a program has failed, with what was said on the wire."""
    if not transcripts:
        return f"{name} ended with {status}; there was no session with the machine."
    whole = "\n\n".join(transcripts)
    return f"{name} ended with {status}. Sessions of the machine:\n\n{whole}"


def _environment(machine: Machine, directory: Path) -> dict[str, str]:
    """Return the environment, with the addresses of what listens, and of nothing else."""
    environment = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    with suppress(AssertionError):
        host, port = machine.smtp
        environment["IRSEND_SMTP_HOST"] = _OWN.get(host, host)
        environment["IRSEND_SMTP_PORT"] = str(port)
    with suppress(AssertionError):
        environment["IRSEND_URL"] = machine.url
    with suppress(AssertionError):
        environment["IRSEND_MAILHOST_SMTP_PORT"] = str(machine.mailhost.smtp.port)
    with suppress(AssertionError):
        environment["IRSEND_MAILHOST_POP3_PORT"] = str(machine.mailhost.pop3.port)
    certificates = machine.ca_pem
    if certificates:
        file = directory / "ca.pem"
        file.write_text(certificates, "ascii")
        environment["IRSEND_CA_FILE"] = str(file)
    return environment


@contextmanager
def _signals_passed_on(running: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass on the signals that end a program, and wait for its end instead of our own."""

    def pass_on(number: int, _: object) -> None:
        # A terminal sends Ctrl-C to the program, too.
        if number != signal.SIGINT or not _in_foreground():
            running.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_foreground() -> bool:
    """Say whether a terminal sends its signals to this process."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
