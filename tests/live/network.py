"""A small office network of the test's own: hosts in network namespaces, on one bridge.

Each host has its own MAC address, and addresses of both families. What a test
does at a host is done by a thread that enters its namespace, or by a program
started there.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.live.case import LiveTestCase

T = TypeVar("T")
_NEW_NET = 0x40000000  # CLONE_NEWNET
_ALL_FRAMES = 0x0003  # ETH_P_ALL
_libc = ctypes.CDLL(None, use_errno=True)


def ip(*arguments: str) -> str:
    """Run `ip`; return what it says."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


class Host:
    """One host: a namespace with a cable to the bridge."""

    def __init__(self, namespace: str, mac: str, v4: str, v6: str) -> None:
        self.namespace = namespace
        self.mac = mac
        self.v4, self.v6 = v4, v6

    @property
    def prefix(self) -> tuple[str, ...]:
        """What stands before a command that is to run here."""
        return ("ip", "netns", "exec", self.namespace)

    def do(self, work: Callable[[], T]) -> T:
        """Do something in this namespace, and wait for it."""
        outcome: list[Any] = []

        def enter() -> None:
            try:
                with Path(f"/run/netns/{self.namespace}").open("rb") as where:
                    if _libc.setns(where.fileno(), _NEW_NET):
                        raise OSError(ctypes.get_errno(), "setns")
                outcome.append((True, work()))
            except BaseException as error:
                outcome.append((False, error))

        # A thread of its own: it never comes back out of the namespace.
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        done, result = outcome[0]
        if not done:
            raise result
        value: T = result
        return value

    def start(self, work: Callable[[], T]) -> Deferred[T]:
        """Do something in this namespace while the test goes on."""
        return deferToThread(self.do, work)

    def address(self, family: int) -> str:
        """Return its address of a family."""
        return self.v6 if family == socket.AF_INET6 else self.v4


class Network:
    """The bridge and its hosts; gone when the test ends."""

    def __init__(self, test: LiveTestCase) -> None:
        self._name = f"irsend{os.getpid()}"
        self._hosts = 0
        ip("netns", "add", self._name)
        test.addCleanup(ip, "netns", "delete", self._name)
        self._test = test
        self._in(self._name, "link", "add", "br0", "type", "bridge")
        self._in(self._name, "link", "set", "br0", "up")

    def _in(self, namespace: str, *arguments: str) -> None:
        ip("-n", namespace, *arguments)

    def namespace(self) -> str:
        """Make a namespace."""
        self._hosts += 1
        name = f"{self._name}h{self._hosts}"
        ip("netns", "add", name)
        self._test.addCleanup(ip, "netns", "delete", name)
        self._in(name, "link", "set", "lo", "up")
        return name

    def host(self, mac: str) -> Host:
        """Add a host with this MAC address."""
        return self.cable(self.namespace(), "eth0", mac, "198.51.100", "2001:db8:1::")

    def cable(self, namespace: str, device: str, mac: str, v4: str, v6: str) -> Host:
        """Plug a namespace into the bridge; return it as the host it is there."""
        number = self._hosts + 10
        port = f"p{number}{device[-1]}"
        self._in(self._name, "link", "add", port, "type", "veth", "peer", "name", device,
                 "address", mac, "netns", namespace)  # fmt: skip
        self._in(self._name, "link", "set", port, "master", "br0", "up")
        host = Host(namespace, mac, f"{v4}.{number}", f"{v6}{number:x}")
        self._in(namespace, "addr", "add", f"{host.v4}/24", "dev", device)
        self._in(namespace, "addr", "add", f"{host.v6}/64", "dev", device, "nodad")
        self._in(namespace, "link", "set", device, "up")
        return host

    def introduce(self, to: Host, address: str, mac: str) -> None:
        """Have a host know the MAC address of an IP address that answers no questions."""
        self._in(to.namespace, "neigh", "add", address, "lladdr", mac, "dev", "eth0")

    def behind(self, router: Host, mac: str, printer: Host) -> Host:
        """Add a host behind a router, and the way between it and the printer."""
        namespace = self.namespace()
        far = Host(namespace, mac, "203.0.113.2", "2001:db8:3::2")
        self._in(router.namespace, "link", "add", "eth1", "type", "veth", "peer", "name", "eth0",
                 "address", mac, "netns", namespace)  # fmt: skip
        for where, device, v4 in (
            (router.namespace, "eth1", "203.0.113.1"),
            (namespace, "eth0", far.v4),
        ):
            self._in(where, "addr", "add", f"{v4}/24", "dev", device)
            self._in(where, "link", "set", device, "up")
        self._in(namespace, "route", "add", "default", "via", "203.0.113.1")
        self._in(printer.namespace, "route", "add", "203.0.113.0/24", "via", router.v4)
        router.do(lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1"))
        return far


class Capture:
    """What comes in at a host from somebody, as frames."""

    def __init__(self, host: Host) -> None:
        self._sock = host.do(
            lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_FRAMES))
        )
        self._sock.setblocking(False)

    def close(self) -> None:
        """Look no more."""
        self._sock.close()

    def segments_from(self, mac: str) -> int:
        """Count the TCP segments that came from this MAC address until now."""
        count = 0
        while True:
            try:
                frame, (_, _, kind, _, _) = self._sock.recvfrom(65_536)
            except BlockingIOError:
                return count
            outgoing = kind == socket.PACKET_OUTGOING  # type: ignore[attr-defined]
            if not outgoing and frame[6:12].hex(":") == mac and _is_tcp(frame):
                count += 1


def _is_tcp(frame: bytes) -> bool:
    match frame[12:14]:
        case b"\x08\x00":
            return frame[23] == socket.IPPROTO_TCP
        case b"\x86\xdd":
            return frame[20] == socket.IPPROTO_TCP
        case b"\x81\x00":
            return _is_tcp(frame[:12] + frame[16:])
    return False


def try_to_connect(address: str, port: int, says: bytes = b"", within: float = 3.0) -> str:
    """Connect, say something, hear an answer; return its beginning, "reset" or "timeout"."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        sock.settimeout(within)
        try:
            sock.connect((address, port))
            sock.sendall(says)
            return sock.recv(100).decode("ascii")[:4] or "closed"
        except ConnectionResetError:
            return "reset"
        except TimeoutError:
            return "timeout"
