"""Socket options and neighbours: what is read of the kernel, and what follows from it."""

from __future__ import annotations

import asyncio
import socket

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from irsend.addresses import NO_MAC
from irsend.errors import ConfigurationError
from irsend.link import sockets
from irsend.link.admission import EVERYBODY
from irsend.link.bpf_program import program
from irsend.link.enforcement import NAMES, WAYS, choose_way
from irsend.link.neighbours import neighbour_mac

_ETHERNET = bytes.fromhex("000085000001 000085123456")


class FrameTests(SynchronousTestCase):
    """The first frame of a connection."""

    def test_ip(self) -> None:
        """The source address of a frame that holds IPv4 or IPv6 is returned."""
        for rest in (b"\x08\x00\x45", b"\x86\xdd\x60"):
            self.assertEqual(sockets.mac_in(_ETHERNET + rest), "00:00:85:12:34:56")

    def test_none(self) -> None:
        """A frame without Ethernet header, or with another content, has none."""
        for frame in (
            b"",
            _ETHERNET,
            _ETHERNET + b"\x08\x00",
            _ETHERNET + b"\x08\x06\x00",
            _ETHERNET + b"\x08\x00\x60",
            b"\x45" + bytes(59),
        ):
            self.assertIsNone(sockets.mac_in(frame), frame)

    @given(st.binary(max_size=60))
    def test_any(self, frame: bytes) -> None:
        """Reading any frame raises nothing."""
        sockets.mac_in(frame)


class SocketTests(SynchronousTestCase):
    """Real sockets, as far as this kernel allows."""

    def test_filter_is_replaced_and_taken_off(self) -> None:
        """A filter is set, replaced and removed; removing it twice raises nothing."""
        if sockets.filters_can_be_attached():
            raise SkipTest("this kernel takes no filters from this user")
        with socket.socket() as sock:
            sockets.detach_filter(sock)
            for _ in range(2):
                sockets.attach_filter(sock, program(EVERYBODY))
            sockets.detach_filter(sock)
            self.assertEqual(sockets.dropped(sock), 0)

    def test_no_first_frame(self) -> None:
        """A connection whose first frame was not kept has none."""
        with (
            socket.create_server(("127.0.0.1", 0)) as listening,
            socket.create_connection(listening.getsockname()),
            listening.accept()[0] as sock,
        ):
            self.assertIsNone(sockets.first_mac(sock))


class NeighbourTests(SynchronousTestCase):
    """The MAC address behind an IP address."""

    def test_own(self) -> None:
        """Addresses of loopback have a MAC address of zeros; what is no address has none."""
        self.assertEqual(neighbour_mac("127.0.0.9"), NO_MAC)
        self.assertEqual(neighbour_mac("::1"), NO_MAC)
        for nobody in ("", "x", "example.com"):
            self.assertIsNone(neighbour_mac(nobody))

    def test_scope(self) -> None:
        """An address whose scope is no device of this host has none."""
        self.assertIsNone(neighbour_mac("fe80::1%nothing"))

    def test_within_asyncio(self) -> None:
        """The table can be read where asyncio runs, as it does beneath Twisted's asyncio reactor."""

        async def ask() -> str | None:
            return neighbour_mac("192.0.2.1")

        asyncio.run(ask())


class ChoiceTests(SynchronousTestCase):
    """The choice of a way."""

    def test_best(self) -> None:
        """Auto is the first way that this host has."""
        had = []
        for name in NAMES:
            try:
                had.append(choose_way(name).name)
            except ConfigurationError as error:
                self.assertIn(f"link.way: {name!r} cannot be had here (", str(error))
        self.assertEqual(choose_way().name, (*had, "none")[0])
        self.assertEqual(list(WAYS), [*NAMES, "none"])
