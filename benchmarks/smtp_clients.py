"""Those who send mail by SMTP: us, msmtp and aiosmtplib.

The mail is in a file, and each reads it anew whenever it sends it.
"""

from __future__ import annotations

import abc
import importlib.util
import shutil
import sys

from benchmarks.bench import Bench, Failed
from benchmarks.mail import RECIPIENT, SENDER, mail
from benchmarks.processes import IMPORTS_FROM_HERE, Worker, run
from benchmarks.smtp_servers import SMTPServer


class SMTPClient(abc.ABC):
    """A program, or a process of our own with a library in it, that sends one mail many times."""

    name: str
    keeps = "read from its file"

    def __init__(self, bench: Bench, server: SMTPServer, size: int) -> None:
        self.server = server
        self.directory = bench.place(self.name)
        self.content = self.directory / "mail"
        self.content.write_bytes(mail(size))

    def missing(self) -> str:
        """Return what is missing for it."""
        return ""

    @abc.abstractmethod
    def start(self) -> None:
        """Make ready what stays from round to round; the server listens already."""

    def prepare(self, count: int) -> None:  # noqa: B027 - most have nothing to prepare
        """Make ready for a round of so many mails; not measured."""

    @abc.abstractmethod
    def send(self, count: int, sessions: int, seconds: float) -> float:
        """Send so many mails in so many sessions, one after the other; return the seconds they took."""

    def stop(self) -> None:  # noqa: B027 - a program has ended by itself
        """End it."""


class _Library(SMTPClient):
    """A library in a process of its own, which runs before the first round and goes on."""

    module: str

    def __init__(self, bench: Bench, server: SMTPServer, size: int) -> None:
        super().__init__(bench, server, size)
        self._worker: Worker | None = None

    def start(self) -> None:
        """Start its process; it has loaded all that it needs."""
        module = f"benchmarks.senders.{self.module}"
        self._worker = Worker(
            [sys.executable, "-m", module, str(self.server.port), str(self.content)],
            self.directory,
            IMPORTS_FROM_HERE,
        )

    def send(self, count: int, sessions: int, seconds: float) -> float:
        """Have it send; return what it has measured itself."""
        assert self._worker
        return float(self._worker.ask(f"{count} {sessions}", seconds))

    def stop(self) -> None:
        """End the process."""
        if self._worker:
            self._worker.end()


class Us(_Library):
    """Our sending class by itself."""

    name, module = "irsend", "with_irsend"


class Aiosmtplib(_Library):
    """The usual client of Python's asyncio."""

    name, module = "aiosmtplib", "with_aiosmtplib"

    def missing(self) -> str:
        """Return what is missing for it."""
        there = importlib.util.find_spec("aiosmtplib")
        return "" if there else "aiosmtplib is missing (pip install aiosmtplib)"


class Msmtp(SMTPClient):
    """msmtp, in C: started for each mail, as it is by whoever uses it."""

    name = "msmtp"

    def missing(self) -> str:
        """Return what is missing for it."""
        return "" if shutil.which("msmtp") else "msmtp is missing (Debian: msmtp)"

    def start(self) -> None:
        """Write its configuration."""
        configuration = self.directory / "configuration"
        configuration.touch(0o600)
        configuration.write_text(f"""\
account bench
host 127.0.0.1
port {self.server.port}
domain localhost
auth off
tls off
""")

    def prepare(self, count: int) -> None:
        """Measure what its start alone takes, to take it off: our process runs already."""
        took = (run(["msmtp", "--version"], 30, self.directory) for _ in range(count))
        self._starts = sum(took)

    def send(self, count: int, sessions: int, seconds: float) -> float:
        """Send each mail in a session of its own, which is its only way."""
        if sessions != count:
            raise Failed("msmtp has a session for each mail")
        command = ["msmtp", "-C", "configuration", "-a", "bench", "-f", SENDER, "--", RECIPIENT]
        took = 0.0
        for _ in range(count):
            with self.content.open("rb") as content:
                took += run(command, seconds - took, self.directory, given=content)
        return took - self._starts
