"""Why an address cannot be listened on: which program has it, and the option that changes it."""

from __future__ import annotations

import errno
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from irsend.protocols.listen_failures import CannotListen
from irsend.protocols.listening_processes import (
    THIS_PROCESS,
    process_at_path,
    process_at_port,
)
from irsend.protocols.server_endpoints import listen, server_endpoint

KEYS = ("listen.smtp", "listen.panel", "mailhost.smtp", "mailhost.pop3")

_HOLDER = """
import socket, sys
family, address = socket.AF_UNIX, sys.argv[1]
if sys.argv[1].startswith("tcp"):
    family = socket.AF_INET6 if sys.argv[1] == "tcp6" else socket.AF_INET
    address = (sys.argv[2], 0)
held = socket.socket(family)
held.bind(address)
held.listen()
print(held.getsockname()[1] if address != sys.argv[1] else 0, flush=True)
sys.stdin.read()
"""


class Case(SynchronousTestCase):
    """Has another program listen, and tries to listen there too."""

    def holder(self, *address: str) -> tuple[int, int]:
        """Start a program that listens at an address until the test ends; return its port and id."""
        program = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, *address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def end() -> None:
            program.communicate()

        self.addCleanup(end)
        assert program.stdout
        return int(program.stdout.readline()), program.pid

    def failure(self, key: str, description: str) -> CannotListen:
        """Return the error of listening there."""
        error: CannotListen = self.assertRaises(
            CannotListen, listen, reactor, key, description, Factory()
        )
        return error

    def value_of(self, error: CannotListen) -> str:
        """Return what the remedy sets, as a shell hands it on; check that the key is the error's."""
        *_, option, assignment = shlex.split(error.remedy)
        self.assertEqual(option, "--set")
        key, _, value = assignment.partition("=")
        self.assertEqual(key, error.key)
        return value


class TakenPortTests(Case):
    """A port at which another program listens."""

    def taken(self, kind: str, host: str, description: str, key: str = "listen.smtp") -> None:
        """Check what is said of a port that another program has at this host."""
        try:
            port, pid = self.holder(kind, host)
        except ValueError:
            raise SkipTest(f"this host has no address {host}") from None
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        error = self.failure(key, description.format(port))
        self.assertIn(
            f":{port}: Address already in use: {name} (process {pid}) listens there", str(error)
        )
        self.assertIn("end that program, or choose another port", error.remedy)
        another = self.value_of(error)
        self.assertEqual(another, description.format(error.another_port))
        server_endpoint(reactor, key, another)

    def test_each_endpoint(self) -> None:
        """Of each of the four endpoints the program, its process id and the option are named."""
        for key in KEYS:
            self.taken("tcp", "127.0.0.1", "tcp:{}:interface=127.0.0.1", key)

    def test_forms(self) -> None:
        """The option keeps the form of the endpoint string, and changes its port alone."""
        self.taken("tcp", "127.0.0.1", "tcp:port={}:interface=127.0.0.1:backlog=20")
        self.taken("tcp", "127.0.0.1", "tcp:{}")

    def test_every_address(self) -> None:
        """A program that listens on every address is found from a single one."""
        self.taken("tcp", "0.0.0.0", "tcp:{}:interface=127.0.0.1")

    def test_ipv6(self) -> None:
        """A program is found at an IPv6 address, whose colons the option escapes as Twisted asks."""
        self.taken("tcp6", "::1", r"tcp6:{}:interface=\:\:1")
        self.taken("tcp6", "::", "tcp6:{}")

    def test_next_port(self) -> None:
        """The port proposed is 100 above; where that is taken too, 100 above that."""
        port, _ = self.holder("tcp", "127.0.0.1")
        while port + 300 > 65_535:
            port, _ = self.holder("tcp", "127.0.0.1")
        with socket.create_server(("127.0.0.1", port + 100)):
            error = self.failure("listen.smtp", f"tcp:{port}:interface=127.0.0.1")
        self.assertGreaterEqual(error.another_port or 0, port + 200)
        self.assertEqual((error.another_port or 0) % 100, port % 100)

    def test_port_of_a_setting(self) -> None:
        """Where a setting says the port, the option sets that setting to a port."""
        port, _ = self.holder("tcp", "127.0.0.1")
        key = "settings.service_mode.smtp_rx_port"
        error = self.failure(key, f"tcp:{port}:interface=127.0.0.1")
        self.assertEqual(self.value_of(error), str(error.another_port))

    def test_own(self) -> None:
        """A port that irsend has taken itself is called its own, and no program is to be ended."""
        with socket.create_server(("127.0.0.1", 0)) as own:
            error = self.failure(
                "listen.panel", f"tcp:{own.getsockname()[1]}:interface=127.0.0.1"
            )
        self.assertIn(f"Address already in use: {THIS_PROCESS} listens there", str(error))
        self.assertNotIn("end that program", error.remedy)


class OtherReasonsTests(Case):
    """Addresses that cannot be listened on though no program has them."""

    def test_privileged(self) -> None:
        """A port that needs a privilege is refused with that privilege and a port above 1024."""
        for port, another in ((25, 2525), (110, 2610), (587, 3087)):
            with self.subTest(port=port):
                refused = OSError(errno.EACCES, os.strerror(errno.EACCES))
                error = CannotListen(
                    "listen.smtp",
                    f"tcp:{port}:interface=127.0.0.1",
                    CannotListenError("127.0.0.1", port, refused),
                )
                self.assertIn(f"127.0.0.1:{port}: Permission denied: ports below", str(error))
                self.assertIn("CAP_NET_BIND_SERVICE", error.reason)
                self.assertEqual(((error.another_port or 0) - another) % 100, 0)
                self.assertGreaterEqual(error.another_port or 0, another)

    def test_address_of_another_host(self) -> None:
        """An address that no interface has is refused with that address."""
        error = self.failure("listen.smtp", "tcp:0:interface=192.0.2.77")
        self.assertIn("no network interface of this host has 192.0.2.77", error.reason)
        self.assertIn("listen.smtp", error.remedy)


class SocketPathTests(Case):
    """UNIX sockets."""

    def setUp(self) -> None:
        # A UNIX socket's path is at most 107 octets long.
        self.path = os.path.relpath(self.mktemp())

    def test_taken(self) -> None:
        """A path at which another program listens is refused with the program and another path."""
        _, pid = self.holder(self.path)
        error = self.failure("listen.panel", f"unix:{self.path}")
        self.assertIn(f"{self.path}: Address already in use: ", str(error))
        self.assertIn(f"(process {pid}) listens there", error.reason)
        self.assertEqual(self.value_of(error), f"unix:{self.path}-2")

    def test_left_over(self) -> None:
        """A socket that a program has left behind may be deleted, says the sentence."""
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(self.path)
        error = self.failure("listen.panel", f"unix:{self.path}")
        self.assertIn("delete that file if no program needs it", error.remedy)

    def test_no_directory(self) -> None:
        """A path in a directory that there is not is refused with the directory."""
        for form in ("unix:{}", "unix:address={}:mode=600", "unix:{}:lockfile=0"):
            error = self.failure("listen.panel", form.format(f"{self.path}/panel.sock"))
            self.assertIn(f"{self.path}/panel.sock: No such file or directory", str(error))
            self.assertEqual(self.value_of(error), form.format(f"{self.path}/panel-2.sock"))


class ProcTests(SynchronousTestCase):
    """What /proc tells of programs whose open files are hidden, and where there is no /proc."""

    def setUp(self) -> None:
        self.proc = Path(self.mktemp())
        (self.proc / "net").mkdir(parents=True)

    def write(self, name: str, row: str) -> None:
        """Write a file of /proc/net with this row."""
        (self.proc / "net" / name).write_text(f"heading\n{row}\n")

    def test_user(self) -> None:
        """Of a program of another user, which only root can look into, the user is named."""
        loopback = "0100007F" if sys.byteorder == "little" else "7F000001"
        self.write("tcp", f"0: {loopback}:09DD 00000000:0000 0A 0:0 00:0 0 0 0 4711 1 0")
        found = process_at_port("127.0.0.1", 2525, self.proc)
        self.assertEqual(found, "a program of the user root")
        self.assertEqual(process_at_port("127.0.0.2", 2525, self.proc), "")
        self.assertEqual(process_at_port("127.0.0.1", 2526, self.proc), "")

    def test_connected(self) -> None:
        """A connection from that port is no listener."""
        self.write("tcp", "0: 00000000:09DD 00000000:0050 01 0:0 00:0 0 0 0 4711 1 0")
        self.assertEqual(process_at_port("", 2525, self.proc), "")

    def test_nothing_known(self) -> None:
        """Where the system tells nothing, nothing is said."""
        nowhere = self.proc / "nowhere"
        self.assertEqual(process_at_port("127.0.0.1", 2525, nowhere), "")
        self.assertEqual(process_at_path("panel.sock", nowhere), "")
