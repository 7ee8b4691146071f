"""Which process listens at an address, where Linux tells it in /proc; elsewhere nothing is known."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import sys
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from attrs import frozen

_PROC = Path("/proc")
THIS_PROCESS = "this irsend itself"
"""What this process is called in place of its name."""
_LISTENS = "0A"
"""TCP_LISTEN in /proc/net/tcp."""


@frozen
class _Socket:
    """A listening socket: its inode, and the user that it belongs to where the file says so."""

    inode: str
    uid: int | None = None


def process_at_port(host: str, port: int, proc: Path = _PROC) -> str:
    """Return the program that listens at a TCP port of an address; empty where the system does not tell.

    An empty host means every address.
    """
    return _name_of_owner(list(_tcp_sockets(host, port, proc)), proc)


def process_at_path(path: str, proc: Path = _PROC) -> str:
    """Return the program that listens at the path of a UNIX socket; empty where the system does not tell."""
    rows = (row for row in _rows(proc, "unix") if len(row) > 7 and row[7] == path)
    return _name_of_owner([_Socket(row[6]) for row in rows], proc)


def _tcp_sockets(host: str, port: int, proc: Path) -> Iterator[_Socket]:
    wanted = _address_of(host)
    for row in [*_rows(proc, "tcp"), *_rows(proc, "tcp6")]:
        address, _, its_port = row[1].rpartition(":")
        if row[3] != _LISTENS or int(its_port, 16) != port:
            continue
        listening = _address(address)
        if listening == wanted or listening.is_unspecified or wanted.is_unspecified:
            yield _Socket(row[9], int(row[7]))


def _address_of(host: str) -> IPv4Address | IPv6Address:
    """Return the address of a host; of a name that has none, and of no host, the unspecified one."""
    with contextlib.suppress(OSError, ValueError):
        return ip_address(host) if ":" in host else ip_address(socket.gethostbyname(host))
    return IPv4Address(0)


def _address(digits: str) -> IPv4Address | IPv6Address:
    """Read an address of /proc/net/tcp: 32-bit words in the host's own order."""
    octets = bytes.fromhex(digits)
    if sys.byteorder == "little":
        octets = b"".join(octets[at : at + 4][::-1] for at in range(0, len(octets), 4))
    address = ip_address(octets)
    return getattr(address, "ipv4_mapped", None) or address


def _rows(proc: Path, name: str) -> list[list[str]]:
    """Return the rows of a file of net/ below its heading; none where there is no such file."""
    try:
        text = (proc / "net" / name).read_text("utf-8", "surrogateescape")
    except OSError:
        return []
    return [line.split(None, 7 if name == "unix" else -1) for line in text.splitlines()[1:]]


def _name_of_owner(sockets: list[_Socket], proc: Path) -> str:
    links = {f"socket:[{one.inode}]" for one in sockets}
    for pid in _processes(proc) if links else ():
        if links.isdisjoint(_open_files(proc / str(pid))):
            continue
        if pid == os.getpid():
            return THIS_PROCESS
        with contextlib.suppress(OSError):
            name = (proc / str(pid) / "comm").read_text("utf-8", "replace").strip()
            return f"{name} (process {pid})"
    # Only root sees the open files of other users' processes.
    for uid in (one.uid for one in sockets if one.uid is not None):
        with contextlib.suppress(KeyError):
            return f"a program of the user {pwd.getpwuid(uid).pw_name}"
    return ""


def _processes(proc: Path) -> list[int]:
    """Return every process id, a parent usually before its children."""
    with contextlib.suppress(OSError):
        return sorted(int(one) for one in os.listdir(proc) if one.isdigit())
    return []


def _open_files(process: Path) -> Iterable[str]:
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                yield os.readlink(descriptor)
