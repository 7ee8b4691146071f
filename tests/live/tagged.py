"""A TCP client of raw frames that carry a VLAN tag: none of the host's own TCP is in it.

The tag has VLAN 0, which is only a priority: every host takes such frames,
whether it has tagged devices or not.

Standards: IEEE 802.1Q 6.9 (priority-tagged frames); RFC 791, RFC 9293.
"""

from __future__ import annotations

import socket
import struct
import time

from attrs import define, field

from tests.live.network import Host

_TAG = b"\x81\x00\xe0\x00"  # 802.1Q, priority 7, VLAN 0
_IPV4 = b"\x08\x00"
_FIN, _SYN, _RST, _PSH, _ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_PORT = 40_000
_ALL_FRAMES = 0x0003  # ETH_P_ALL


@define(eq=False)
class TaggedClient:
    """Connects from an address that is nobody's, with the MAC address of a host."""

    host: Host
    to: Host
    source: str
    _sock: socket.socket = field(init=False)

    def connect(self, port: int, within: float = 3.0) -> str:
        """Shake hands and hear the greeting; return its beginning, "reset" or "timeout"."""
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_FRAMES))
        with self._sock:
            self._sock.bind(("eth0", 0))
            self._sock.settimeout(0.1)
            end = time.monotonic() + within
            self._send(port, 1000, 0, _SYN)
            while time.monotonic() < end:
                heard = self._heard(port)
                if heard is None:
                    continue
                sequence, flags, content = heard
                if flags & _RST:
                    return "reset"
                if flags & _SYN:
                    self._send(port, 1001, sequence + 1, _ACK)
                elif content:
                    self._send(port, 1001, sequence + len(content), _RST | _ACK)
                    return content[:4].decode("ascii")
            return "timeout"

    def _send(self, port: int, sequence: int, acknowledged: int, flags: int) -> None:
        segment = struct.pack(
            ">HHIIBBHHH", _PORT, port, sequence, acknowledged, 5 << 4, flags, 65_535, 0, 0
        )
        ends = socket.inet_aton(self.source) + socket.inet_aton(self.to.v4)
        pseudo = ends + struct.pack(">BBH", 0, socket.IPPROTO_TCP, len(segment))
        segment = segment[:16] + _checksum(pseudo + segment) + segment[18:]
        head = struct.pack(
            ">BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0, 64, socket.IPPROTO_TCP, 0
        )
        head = head[:10] + _checksum(head + ends) + ends
        macs = bytes.fromhex((self.to.mac + self.host.mac).replace(":", ""))
        self._sock.send(macs + _TAG + _IPV4 + head + segment)

    def _heard(self, port: int) -> tuple[int, int, bytes] | None:
        try:
            frame, (_, _, kind, _, _) = self._sock.recvfrom(65_536)
        except TimeoutError:
            return None
        ip = frame[14:]
        if kind == socket.PACKET_OUTGOING or frame[12:14] != _IPV4:  # type: ignore[attr-defined]
            return None
        if ip[9] != socket.IPPROTO_TCP or ip[16:20] != socket.inet_aton(self.source):
            return None
        length = struct.unpack_from(">H", ip, 2)[0]
        segment = ip[(ip[0] & 15) * 4 : length]
        source, _, sequence, _, offset, flags = struct.unpack_from(">HHIIBB", segment)
        if source != port:
            return None
        return sequence, flags, segment[(offset >> 4) * 4 :]


def _checksum(octets: bytes) -> bytes:
    """Return the Internet checksum (RFC 1071)."""
    octets += bytes(len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~total & 0xFFFF)
