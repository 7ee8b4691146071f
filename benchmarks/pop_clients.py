"""Those who fetch mail by POP3: us, mpop, getmail6 and fetchmail.

Each takes all mails, keeps them in a Maildir or a file and deletes them on the
server. Certificates are not checked: the server's is its own.
"""

from __future__ import annotations

import abc
import os
import shutil
import time

from benchmarks.bench import Bench, empty, files_below
from benchmarks.dovecot import PASSWORD, USER, Dovecot
from benchmarks.machine import Machine
from benchmarks.processes import run


class POPClient(abc.ABC):
    """A program that fetches mail."""

    name: str
    keeps: str
    program = ""
    package = ""

    def __init__(self, bench: Bench, dovecot: Dovecot, tls: bool) -> None:
        self.dovecot, self.tls = dovecot, tls
        self.directory = bench.place(self.program or "pop")
        self.box = self.directory / "box"

    def missing(self) -> str:
        """Return what is missing for it."""
        if shutil.which(self.program):
            return ""
        return f"{self.program} is missing (Debian: {self.package})"

    def start(self) -> None:
        """Write its configuration; Dovecot listens already."""
        for name in ("new", "cur", "tmp"):
            (self.box / name).mkdir(parents=True, exist_ok=True)
        configuration = self.directory / "configuration"
        configuration.touch(0o600)
        configuration.write_text(self.configuration())

    @abc.abstractmethod
    def configuration(self) -> str:
        """Return what is written in its configuration file."""

    @abc.abstractmethod
    def command(self) -> list[str]:
        """Return the command line that fetches all mails once."""

    def fetch(self, seconds: float) -> float:
        """Fetch all mails; return the seconds it took, the program's start included."""
        # fetchmail asks for no file of the person's own only where it is told another home.
        home = {"HOME": str(self.directory), "FETCHMAILHOME": str(self.directory)}
        return run(self.command(), seconds, self.directory, home)

    def clear(self) -> None:
        """Delete what was fetched."""
        empty(self.box)

    def kept(self) -> int | None:
        """Count the mails that are here; None where they are in one file."""
        return files_below(self.box)

    def stop(self) -> None:  # noqa: B027 - a client has ended by itself
        """End it."""


class Us(POPClient):
    """The machine: one press of a key, from the request to its answer."""

    name = "irsend"
    keeps = Machine.keeps

    def __init__(self, bench: Bench, dovecot: Dovecot, tls: bool) -> None:
        super().__init__(bench, dovecot, tls)
        self._bench = bench
        self.machine: Machine | None = None

    def missing(self) -> str:
        """Nothing: we are here."""
        return ""

    def start(self) -> None:
        """Start the machine with this POP server in its window."""
        self.machine = Machine(self._bench, self.dovecot.port, self.tls)
        self.machine.start()

    def configuration(self) -> str:
        """Not used: `Machine` writes its own."""
        return ""

    def command(self) -> list[str]:
        """Not used: the machine runs already."""
        return []

    def fetch(self, seconds: float) -> float:
        """Ask for one reception; return the seconds until it was over."""
        assert self.machine
        began = time.perf_counter()
        self.machine.receive(seconds)
        return time.perf_counter() - began

    def clear(self) -> None:
        """Empty the memory."""
        assert self.machine
        self.machine.empty_memory()

    def kept(self) -> int | None:
        """Count the mails in memory."""
        assert self.machine
        return self.machine.received()

    def stop(self) -> None:
        """End the machine."""
        if self.machine:
            self.machine.stop()


class Mpop(POPClient):
    """mpop, in C."""

    name = program = package = "mpop"
    keeps = "synced, in a Maildir"

    def command(self) -> list[str]:
        """Fetch the one account."""
        return ["mpop", "-q", "-C", str(self.directory / "configuration"), "bench"]

    def configuration(self) -> str:
        """Write an account with STLS, or without."""
        tls = "tls on\ntls_starttls on\ntls_certcheck off\n" if self.tls else "tls off\n"
        return f"""\
account bench
host 127.0.0.1
port {self.dovecot.port}
auth user
user {USER}
password {PASSWORD}
{tls}keep off
received_header off
uidls_file {self.directory}/uidls
delivery maildir {self.box}
"""


class Getmail(POPClient):
    """getmail6, in Python. It knows no STLS: under TLS it speaks to the POP3S port."""

    name, program, package = "getmail6", "getmail", "getmail6"
    keeps = "synced, in a Maildir"

    def command(self) -> list[str]:
        """Fetch by its one file."""
        directory = str(self.directory)
        return ["getmail", "-q", "--getmaildir", directory, "--rcfile", "configuration"]

    def start(self) -> None:
        """Give the Maildir to somebody: for root itself getmail delivers nothing."""
        super().start()
        if os.getuid() == 0:
            self.directory.chmod(0o711)
            for path in (self.box, *self.box.iterdir()):
                shutil.chown(path, "nobody")

    def configuration(self) -> str:
        """Write a retriever and a Maildir."""
        kind, port = "SimplePOP3Retriever", self.dovecot.port
        if self.tls:
            kind, port = "SimplePOP3SSLRetriever", self.dovecot.tls_port
        user = "user = nobody\n" if os.getuid() == 0 else ""
        return f"""\
[retriever]
type = {kind}
server = 127.0.0.1
port = {port}
username = {USER}
password = {PASSWORD}
timeout = 120
[destination]
type = Maildir
path = {self.box}/
{user}[options]
read_all = true
delete = true
delivered_to = false
received = false
"""


class Fetchmail(POPClient):
    """fetchmail, in C, with its plainest delivery: one file that grows."""

    name = program = package = "fetchmail"
    keeps = "written, in one file"

    def command(self) -> list[str]:
        """Fetch once, in the foreground."""
        return [
            *("fetchmail", "--silent", "--nodetach", "--nosyslog"),
            *("-f", str(self.directory / "configuration")),
            *("--bsmtp", str(self.box / "mails")),
        ]

    def configuration(self) -> str:
        """Write a poll with STLS, or without."""
        tls = "sslproto 'TLS1.2+' no sslcertck" if self.tls else "sslproto ''"
        return f"""\
poll 127.0.0.1 protocol pop3 port {self.dovecot.port} auth password
  user "{USER}" password "{PASSWORD}" {tls} fetchall nokeep no rewrite
"""

    def kept(self) -> int | None:
        """Nothing to count: all are in one file."""
        return None
