"""The ways to enforce a rule, best first: in the kernel, by the first frame, by the neighbour table.

`kernel` drops frames before TCP sees them, so that a peer gets no answer at all,
as on the machine. Where the kernel takes no filter from this process a
connection is there before anything can be said about it: the other two find out
who has made it, and reset it before a byte is written.
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
    """How it is found out who is there, and who is kept off."""

    name: str = Attribute("What the configuration and the status call it.")
    silent: bool = Attribute(
        "True where frames are dropped: then connections that are open fall silent of themselves."
    )

    def guard(
        sock: socket.socket,
        admission: Admission,
        known: Mapping[str, str],
        spares_loopback: bool,
    ) -> None:
        """Have the rule hold for what comes by a socket from now on; OSError."""

    def prepare_to_listen(sock: socket.socket) -> None:
        """See to it that `first_mac` has an answer for what is accepted from here; OSError."""

    def first_mac(sock: socket.socket, address: str) -> str | None:
        """Return the MAC address of who has begun an accepted connection; None where it is not known."""


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
        """Attach the program, or take it off where everybody passes; one that is not taken lets in nobody."""
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
        """Keep first frames where the kernel can: they tell the journal who was there."""
        with contextlib.suppress(OSError):
            sockets.keep_first_frames(sock)

    def first_mac(self, sock: socket.socket, address: str) -> str | None:
        """Read the first frame; one that came before any was kept is asked of the table."""
        return sockets.first_mac(sock) or neighbours.neighbour_mac(address)


@implementer(IWay)
class FirstFrame:
    """The frame that a connection began with, which the kernel keeps."""

    name = "first-frame"
    silent = False

    def guard(
        self,
        sock: socket.socket,
        admission: Admission,
        known: Mapping[str, str],
        spares_loopback: bool,
    ) -> None:
        """Do nothing: who is not to be there is sent away at the door."""

    def prepare_to_listen(self, sock: socket.socket) -> None:
        """Keep first frames."""
        sockets.keep_first_frames(sock)

    first_mac = Kernel.first_mac


@implementer(IWay)
class Neighbour:
    """The neighbour table, which has forgotten who is long gone, and can be lied to."""

    name = "neighbour"
    silent = False

    guard = FirstFrame.guard

    def prepare_to_listen(self, sock: socket.socket) -> None:
        """Do nothing."""

    def first_mac(self, sock: socket.socket, address: str) -> str | None:
        """Ask the table."""
        return neighbours.neighbour_mac(address)


@implementer(IWay)
class Nothing:
    """None of them: only addresses that the configuration names are known."""

    name = "none"
    silent = False

    guard = FirstFrame.guard
    prepare_to_listen = Neighbour.prepare_to_listen

    def first_mac(self, sock: socket.socket, address: str) -> str | None:
        """Know nobody."""
        return None


WAYS = {one.name: one for one in (Kernel, FirstFrame, Neighbour, Nothing)}
"""By name, the best first."""
NAMES = (Kernel.name, FirstFrame.name, Neighbour.name)
"""Those that can be asked for."""


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
    """Return the way that is wanted, for "auto" the best that this host has; ConfigurationError."""
    if wanted == "auto":
        return next(way() for name, way in WAYS.items() if not _why_not(name))
    why_not = _why_not(wanted)
    if why_not:
        there_are = ", ".join(["auto", *(name for name in NAMES if not _why_not(name))])
        raise ConfigurationError(
            f"link.way: {wanted!r} cannot be had here ({why_not}); allowed here: {there_are}"
        )
    return WAYS[wanted]()
