"""The ways to enforce a rule, best first: in the kernel, by the first frame, by the neighbour table.

`kernel` drops frames before TCP sees them, so that a peer gets no answer at all,
as on the machine. Where the kernel takes no filter from this process a connection
exists before the rule can be applied: the other two find the peer's address, and
reset the connection before a byte is written.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping

from zope.interface import Attribute, Interface, implementer

from irsend.errors import ConfigurationError
from irsend.link import neighbours, sockets
from irsend.link.admission import EVERYBODY, Admission
from irsend.link.bpf_program import program

_NOBODY = Admission(permits=True)


class IWay(Interface):
    """One way to find a peer's MAC address and to enforce the rule."""

    name: str = Attribute("Its name in the configuration and the status.")
    silent: bool = Attribute(
        "True where frames are dropped: open connections then fall silent without being closed."
    )

    def guard(
        sock: socket.socket,
        admission: Admission,
        known: Mapping[str, str],
        spares_loopback: bool,
    ) -> None:
        """Enforce the rule on what comes by a socket from now on; OSError."""

    def prepare_to_listen(sock: socket.socket) -> None:
        """Make `first_mac` work for connections that are accepted from here; OSError."""

    def first_mac(sock: socket.socket, address: str) -> str | None:
        """Return the MAC address of the peer that began a connection; None where it is not known."""


@implementer(IWay)
class Kernel:
    """A classic BPF program on every socket."""

    name = "kernel"
    silent = True

    def guard(
        self,
        sock: socket.socket,
        admission: Admission,
        known: Mapping[str, str],
        spares_loopback: bool,
    ) -> None:
        """Attach the program, or detach it where all pass; if the kernel refuses it, nobody passes."""
        if admission == EVERYBODY:
            sockets.detach_filter(sock)
            return
        try:
            sockets.attach_filter(
                sock, program(admission, known, spares_loopback=spares_loopback)
            )
        except OSError:
            with contextlib.suppress(OSError):
                sockets.attach_filter(sock, program(_NOBODY, spares_loopback=spares_loopback))
            raise

    def prepare_to_listen(self, sock: socket.socket) -> None:
        """Keep first frames where the kernel can: the journal has the peer's address from them."""
        with contextlib.suppress(OSError):
            sockets.keep_first_frames(sock)

    def first_mac(self, sock: socket.socket, address: str) -> str | None:
        """Read the first frame; where none was kept, look in the neighbour table."""
        return sockets.first_mac(sock) or neighbours.neighbour_mac(address)


@implementer(IWay)
class FirstFrame:
    """The frame that began a connection, which the kernel keeps."""

    name = "first-frame"
    silent = False

    def guard(
        self,
        sock: socket.socket,
        admission: Admission,
        known: Mapping[str, str],
        spares_loopback: bool,
    ) -> None:
        """Do nothing: a connection that may not be is reset when it is accepted."""

    def prepare_to_listen(self, sock: socket.socket) -> None:
        """Keep first frames."""
        sockets.keep_first_frames(sock)

    first_mac = Kernel.first_mac


@implementer(IWay)
class Neighbour:
    """The neighbour table, which forgets peers after a while, and can be spoofed."""

    name = "neighbour"
    silent = False

    guard = FirstFrame.guard

    def prepare_to_listen(self, sock: socket.socket) -> None:
        """Do nothing."""

    def first_mac(self, sock: socket.socket, address: str) -> str | None:
        """Look in the neighbour table."""
        return neighbours.neighbour_mac(address)


@implementer(IWay)
class Nothing:
    """No enforcement: only addresses that the configuration names are known."""

    name = "none"
    silent = False

    guard = FirstFrame.guard
    prepare_to_listen = Neighbour.prepare_to_listen

    def first_mac(self, sock: socket.socket, address: str) -> str | None:
        """Return None."""
        return None


WAYS = {one.name: one for one in (Kernel, FirstFrame, Neighbour, Nothing)}
"""By name, the best first."""
NAMES = (Kernel.name, FirstFrame.name, Neighbour.name)
"""The names that the configuration may have."""


def _why_not(name: str) -> str:
    match name:
        case Kernel.name:
            return sockets.filters_can_be_attached()
        case FirstFrame.name:
            return sockets.first_frames_can_be_kept()
        case Neighbour.name:
            return neighbours.can_be_asked()
    return ""


def choose_way(wanted: str = "auto") -> IWay:
    """Return the way of this name, for "auto" the best that this host has; ConfigurationError."""
    if wanted == "auto":
        return next(way() for name, way in WAYS.items() if not _why_not(name))
    why_not = _why_not(wanted)
    if why_not:
        there_are = ", ".join(["auto", *(name for name in NAMES if not _why_not(name))])
        raise ConfigurationError(
            f"link.way: {wanted!r} cannot be had here ({why_not}); allowed here: {there_are}"
        )
    return WAYS[wanted]()
