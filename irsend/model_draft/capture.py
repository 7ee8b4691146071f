"""A packet capture: the ClientHello of a machine, and its session as octets where nothing hides them.

The packets are read by dpkt, which the extra `irsend[pcap]` installs. The first TCP
connection in which a server greets, or in which TLS begins, is the machine's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from attrs import define, field, frozen

from irsend.errors import IrsendError
from irsend.extras import PCAP
from irsend.model_draft.recorded_session import NoSession, RecordedSession, session_of
from irsend.protocols.tls_hello import Hello, read_hello

if TYPE_CHECKING:
    import dpkt

_HELLO = re.compile(rb"\x16\x03[\x00-\x04](..)\x01\x00", re.S)
_NULL, _ETHERNET, _RAW, _LINUX_COOKED, _LINUX_COOKED_2 = 0, 1, 101, 113, 276
_RAW_TOO = (12, 14)
"""Link types (tcpdump.org/linktypes.html)."""


class NoCapture(IrsendError):
    """The file is no packet capture."""


@frozen
class Capture:
    """What a capture has of a machine."""

    hello: Hello | None
    record_version: int
    """In the record around the hello: the oldest version that the machine speaks, mostly."""
    session: RecordedSession | None
    """None where no server greets in plain text."""

    @property
    def implicit(self) -> bool:
        """Whether TLS began with the connection."""
        return self.hello is not None and self.session is None


@define(eq=False)
class _Connection:
    """The segments of a TCP connection in their order, each once."""

    client: tuple[bytes, int]
    segments: list[tuple[bool, bytes]] = field(factory=list)
    _next: dict[bool, int] = field(factory=dict)
    _early: dict[bool, dict[int, bytes]] = field(factory=lambda: {True: {}, False: {}})

    def take(self, by_client: bool, number: int, octets: bytes, *, begins: bool) -> None:
        """Take a segment with its sequence number."""
        if begins:
            number = (number + 1) % 2**32
            self._next[by_client] = number
        if not octets:
            return
        self._next.setdefault(by_client, number)
        self._early[by_client][number] = octets
        while (next_one := self._early[by_client].pop(self._next[by_client], None)) is not None:
            self.segments.append((by_client, next_one))
            self._next[by_client] = (self._next[by_client] + len(next_one)) % 2**32


def read_capture(path: Path) -> Capture:
    """Return what a capture has; NoCapture where it is none, has no mail session, or dpkt is missing."""
    missing = PCAP.lacks("reading a packet capture")
    if missing:
        raise NoCapture(missing)
    import dpkt

    connections: dict[frozenset[tuple[bytes, int]], _Connection] = {}
    try:
        with path.open("rb") as file:
            for source, target, tcp in _packets(file):
                ends = frozenset((source, target))
                if ends not in connections:
                    answers = bool(tcp.flags & dpkt.tcp.TH_ACK and tcp.flags & dpkt.tcp.TH_SYN)
                    connections[ends] = _Connection(target if answers else source)
                connection = connections[ends]
                begins = bool(tcp.flags & dpkt.tcp.TH_SYN)
                by_client = source == connection.client
                connection.take(by_client, tcp.seq, bytes(tcp.data), begins=begins)
    except OSError as error:
        raise NoCapture(f"{path}: {error.strerror or error}") from None
    except (ValueError, dpkt.Error) as error:
        raise NoCapture(f"{path} is no packet capture: {error}") from None
    for connection in connections.values():
        found = _found_in(connection.segments)
        if found is not None:
            return found
    raise NoCapture(f"{path}: in none of its connections a mail server greets or TLS begins")


def _found_in(segments: list[tuple[bool, bytes]]) -> Capture | None:
    if segments and segments[0][1].startswith(b"220"):
        # Captured without its beginning, the server spoke first.
        segments = [(by_client != segments[0][0], octets) for by_client, octets in segments]
    said = b"".join(octets for by_client, octets in segments if by_client)
    for begin in _HELLO.finditer(said):
        try:
            hello = read_hello(said[begin.start() :])
        except IndexError:
            continue
        if hello is not None and hello.of_client and hello.all_suites:
            version = int.from_bytes(said[begin.start() + 1 : begin.start() + 3], "big")
            return Capture(hello, version, _plain(segments, begin.start()))
    session = _plain(segments, len(said))
    return Capture(None, 0, session) if session is not None else None


def _plain(segments: list[tuple[bool, bytes]], octets: int) -> RecordedSession | None:
    """Return the session up to so many octets of the client's: what follows is TLS."""
    before: list[tuple[bool, bytes]] = []
    for by_client, segment in segments:
        if by_client:
            if not octets and before:
                break
            before.append((True, segment[:octets]))
            octets -= len(before[-1][1])
        else:
            before.append((False, segment))
    try:
        return session_of(before)
    except NoSession:
        return None


def _packets(
    file: IO[bytes],
) -> Iterator[tuple[tuple[bytes, int], tuple[bytes, int], dpkt.tcp.TCP]]:
    """Give both ends and the TCP segment of each packet that has one."""
    import dpkt

    reader = dpkt.pcap.UniversalReader(file)
    link = reader.datalink()
    for _, octets in reader:
        try:
            ip = _internet_packet(link, octets)
            if isinstance(ip, (dpkt.ip.IP, dpkt.ip6.IP6)) and isinstance(ip.data, dpkt.tcp.TCP):
                tcp = ip.data
                yield (bytes(ip.src), tcp.sport), (bytes(ip.dst), tcp.dport), tcp
        except (dpkt.Error, IndexError):
            # Cut off, or of another protocol.
            continue


def _internet_packet(link: int, octets: bytes) -> object:
    import dpkt

    if link == _ETHERNET:
        return dpkt.ethernet.Ethernet(octets).data
    if link == _LINUX_COOKED:
        return dpkt.sll.SLL(octets).data
    offset = {_NULL: 4, _RAW: 0, _LINUX_COOKED_2: 20, **dict.fromkeys(_RAW_TOO, 0)}.get(link)
    if offset is None:
        raise ValueError(f"link type {link} is not known")
    octets = octets[offset:]
    return dpkt.ip6.IP6(octets) if octets[:1] >= b"\x60" else dpkt.ip.IP(octets)
