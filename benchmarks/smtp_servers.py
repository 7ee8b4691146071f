"""Those who are sent mail: us, and the peers' servers, each on a port of its own."""

from __future__ import annotations

import abc
import importlib.util
import os
import shutil
import sys

from benchmarks.bench import Bench, Failed, empty, files_below
from benchmarks.machine import Machine
from benchmarks.processes import IMPORTS_FROM_HERE, Server, free_port, run

_PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


class SMTPServer(abc.ABC):
    """A server to send mail to."""

    name: str
    keeps = "thrown away"

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.port = 0
        self.server: Server | None = None

    def missing(self) -> str:
        """Return what is missing for it."""
        return ""

    @abc.abstractmethod
    def start(self) -> None:
        """Start it on a free port."""

    def stop(self) -> None:
        """End it."""
        if self.server:
            self.server.end()
            self.server = None

    @property
    def pid(self) -> int:
        """Return its process id."""
        assert self.server
        return self.server.pid

    def clear(self) -> None:  # noqa: B027 - most keep nothing
        """Delete what it has kept."""

    def kept(self) -> int | None:
        """Count what it has kept; None where that is nothing by design."""
        return None


class _Program(SMTPServer):
    """A server that is one command."""

    def start(self) -> None:
        """Start it on a free port, where it finds this package."""
        self.port = free_port()
        self.server = Server(
            self.command(), self.port, self.bench.place("smtp"), IMPORTS_FROM_HERE
        )

    @abc.abstractmethod
    def command(self) -> list[str]:
        """Return the command line that serves on `self.port` in the foreground."""


class Us(SMTPServer):
    """The machine."""

    name = "irsend"
    keeps = Machine.keeps

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._machine = Machine(bench)

    def start(self) -> None:
        """Start the machine."""
        self._machine.start()
        self.port = self._machine.smtp_port

    def stop(self) -> None:
        """End the machine."""
        self._machine.stop()

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._machine.pid

    def clear(self) -> None:
        """Empty the memory."""
        self._machine.empty_memory()

    def kept(self) -> int | None:
        """Count the mails in memory."""
        return self._machine.received()


class SMTPSink(_Program):
    """Postfix's test server, in C."""

    name = "smtp-sink"

    def missing(self) -> str:
        """Return what is missing for it."""
        return "" if _program("smtp-sink") else "smtp-sink is missing (Debian: postfix)"

    def command(self) -> list[str]:
        """Serve without an artificial limit; root has to name somebody else."""
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        return [str(_program("smtp-sink")), *user, f"127.0.0.1:{self.port}", "1000"]

    def hold(self) -> None:
        """Have it say nothing: who connects waits for the greeting until `let_go`."""
        assert self.server
        self.server.hold()

    def let_go(self) -> None:
        """Have it go on."""
        if self.server:
            self.server.let_go()


class Aiosmtpd(_Program):
    """The usual server of Python's asyncio."""

    name = "aiosmtpd"

    def missing(self) -> str:
        """Return what is missing for it."""
        there = importlib.util.find_spec("aiosmtpd")
        return "" if there else "aiosmtpd is missing (pip install aiosmtpd)"

    def command(self) -> list[str]:
        """Serve by asyncio."""
        return [sys.executable, "-m", "benchmarks.sinks.with_aiosmtpd", str(self.port)]


class TwistedESMTP(_Program):
    """The class ours is made from, as it is."""

    name = "Twisted ESMTP"

    def command(self) -> list[str]:
        """Serve by Twisted."""
        return [sys.executable, "-m", "benchmarks.sinks.with_twisted", str(self.port)]


class PostfixSMTPD(SMTPServer):
    """Postfix's real server, in an instance of its own: into the queue and no further.

    Every mail is put on hold, which is the least that Postfix can do with a mail
    that it has answered for: no queue manager reads it, nothing tries to deliver it.
    """

    name = "Postfix smtpd"
    keeps = "synced, in the queue"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._directory = bench.place("postfix")
        self._queue = self._directory / "queue"

    def missing(self) -> str:
        """Return what is missing for it."""
        if not _program("postfix"):
            return "postfix is missing (Debian: postfix)"
        return "" if os.getuid() == 0 else "Postfix needs root"

    def start(self) -> None:
        """Lay out the instance and start its master."""
        self.port = free_port()
        (self._directory / "main.cf").write_text(self._main())
        (self._directory / "master.cf").write_text(self._master())
        self._directory.chmod(0o755)
        self._queue.mkdir(exist_ok=True)
        self._queue.chmod(0o755)
        owned = self._directory / "lib"
        owned.mkdir(exist_ok=True)
        shutil.chown(owned, "postfix")
        self._postfix("check", 30)
        self.server = Server(
            [str(_program("postfix")), "-c", str(self._directory), "start-fg"],
            self.port,
            self._directory,
        )

    def _main(self) -> str:
        return f"""\
compatibility_level = 3.6
queue_directory = {self._queue}
data_directory = {self._directory}/lib
maillog_file = {self._directory}/mail.log
maillog_file_prefixes = {self._directory}
myhostname = localhost
mydestination = localhost
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
local_recipient_maps =
alias_maps =
message_size_limit = 0
mailbox_size_limit = 0
smtpd_recipient_restrictions = check_recipient_access static:HOLD, permit_mynetworks, reject
smtpd_relay_restrictions =
"""

    def _master(self) -> str:
        return f"""\
127.0.0.1:{self.port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
error unix - - n - - error
retry unix - - n - - error
defer unix - - n - 0 bounce
bounce unix - - n - 0 bounce
trace unix - - n - 0 bounce
local unix - n n - - local
"""

    def _postfix(self, word: str, seconds: float) -> None:
        run(
            [str(_program("postfix")), "-c", str(self._directory), word],
            seconds,
            self._directory,
        )

    def stop(self) -> None:
        """End the master, and it its children."""
        if self.server:
            try:
                self._postfix("stop", 20)
            except Failed as failure:
                self.bench.say(str(failure))
        super().stop()

    def clear(self) -> None:
        """Delete what is on hold."""
        empty(self._queue / "hold")

    def kept(self) -> int | None:
        """Count what is on hold."""
        return files_below(self._queue / "hold")


def _program(name: str) -> str | None:
    return shutil.which(name, path=_PATH)
