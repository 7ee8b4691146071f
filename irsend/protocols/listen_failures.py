"""Why an address cannot be listened on, and the option that changes it, in sentences for users."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import shlex
import socket
from pathlib import Path

from twisted.internet.error import CannotListenError

from irsend.protocols.listening_processes import THIS_PROCESS, process_at_path, process_at_port

_FIRST_UNPRIVILEGED = 1024
_ABOVE_PRIVILEGED = 2500
"""What a port below 1024 becomes where it is not allowed: 25 becomes 2525."""
_STEP = 100
"""The distance of another port from the one that is taken."""


class CannotListen(CannotListenError):
    """An endpoint cannot be listened on: where, why, and what to change."""

    def __init__(self, key: str, description: str, error: CannotListenError) -> None:
        super().__init__(error.interface, error.port, error.socketError)
        self.key = key
        """The configuration's key of the endpoint, or a setting whose value is its port."""
        self.another_port: int | None = None
        """The port of the remedy; None where the remedy is no other port."""
        self.remedy = ""
        number = getattr(error.socketError, "errno", None)
        self.reason = getattr(error.socketError, "strerror", None) or str(error.socketError)
        if isinstance(error.port, int):
            host, port = error.interface or "", error.port
            self.where = _host_and_port(host, port)
            self._explain_port(host, port, number, description)
        else:
            self.where = os.fsdecode(error.port)
            self._explain_path(number, description)

    def __str__(self) -> str:
        """Return the reason on one line, the remedy on the next."""
        return "\n".join(
            filter(None, [f"cannot listen on {self.where}: {self.reason}", self.remedy])
        )

    def _explain_port(self, host: str, port: int, number: int | None, description: str) -> None:
        if number == errno.EADDRINUSE:
            owner = process_at_port(host, port)
            advice = self._blame(owner, "choose another port")
            self.another_port = _free_port(host, port, _STEP)
        elif number == errno.EACCES and port < _FIRST_UNPRIVILEGED:
            self.reason += ": ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
            advice = (
                "grant the capability (systemd: AmbientCapabilities=), or choose another port"
            )
            self.another_port = _free_port(host, port, _ABOVE_PRIVILEGED)
        elif number == errno.EADDRNOTAVAIL:
            self.reason += f": no network interface of this host has {host}"
            self.remedy = f'name an address of this host with "interface=" in {self.key}'
            return
        else:
            return
        if self.key.startswith("settings."):
            value = str(self.another_port)
        else:
            value = re.sub(rf"\b{port}\b", str(self.another_port), description, count=1)
        self.remedy = f"{advice}: --set {shlex.quote(f'{self.key}={value}')}"

    def _blame(self, owner: str, advice: str) -> str:
        """Name the program that has the address; return the advice, to end that program first."""
        if not owner:
            return advice
        self.reason += f": {owner} listens there"
        return advice if owner == THIS_PROCESS else f"end that program, or {advice}"

    def _explain_path(self, number: int | None, description: str) -> None:
        path = Path(self.where)
        advice = "choose another path"
        # Twisted's lock beside the socket is held: its listener has no errno to say so.
        if number in (errno.EADDRINUSE, None):
            self.reason = os.strerror(errno.EADDRINUSE)
            if owner := process_at_path(self.where):
                advice = self._blame(owner, advice)
            else:
                advice = f"delete that file if no program needs it, or {advice}"
        elif number == errno.ENOENT:
            self.reason += f": {path.parent}"
            advice = f"make that directory, or {advice}"
        another = str(path.with_stem(f"{path.stem}-2"))
        value = description.replace(self.where, another)
        self.remedy = f"{advice}: --set {shlex.quote(f'{self.key}={value}')}"


def _host_and_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"


def _free_port(host: str, port: int, step: int) -> int:
    """Return a port above that can be had, or below where there is none above."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    above = range(port + step, 65_536, _STEP)
    below = range(port - _STEP, _FIRST_UNPRIVILEGED, -_STEP)
    for another in itertools.chain(above, below):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, another))
            # Two sockets with SO_REUSEADDR may be bound to one port; only one may listen.
            probe.listen()
            return another
    # The system chooses one.
    return 0
