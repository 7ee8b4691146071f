"""The rule as a classic BPF program: the kernel runs it on each frame before TCP sees the segment.

The program returns the octets to keep of a frame: none drops it, and TCP never
answers. It reads the source address of the Ethernet header, which stands in front
of the segment at `SKF_LL_OFF`; `known` IP addresses, whose MAC address is
configured for benches on loopback, are compared before.

Standards: Linux Documentation/networking/filter.rst (classic BPF, its ancillary offsets);
RFC 791, RFC 8200 (where the source address stands).
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Mapping

from attrs import frozen

from irsend.link.admission import Admission

MOST_INSTRUCTIONS = 4096
"""What the kernel takes (BPF_MAXINSNS)."""

# Operations, of linux/bpf_common.h.
LD_W, LD_H, LD_B = 0x20, 0x28, 0x30  # A = packet[k], of 4, 2 or 1 octets
LD_MEM, ST = 0x60, 0x02  # A = M[k], M[k] = A
RSH = 0x74  # A >>= k
JEQ, JA = 0x15, 0x05  # jump by jt where A == k, else by jf; jump by k
RET = 0x06  # keep k octets

# Ancillary offsets, of linux/filter.h.
LINK = 0x1_0000_0000 - 0x200000
"""SKF_LL_OFF: from here on the Ethernet header."""
NETWORK = 0x1_0000_0000 - 0x100000
"""SKF_NET_OFF: from here on the IP header."""
HARDWARE_TYPE = 0x1_0000_0000 - 0x1000 + 28
"""SKF_AD_OFF + SKF_AD_HATYPE: what kind of device the frame came by."""
ETHERNET, LOOPBACK = 1, 772
"""ARPHRD_ETHER, ARPHRD_LOOPBACK: the kinds whose frames have an Ethernet header."""

PASS, DROP = 0xFFFF_FFFF, 0
_SOURCE_HIGH, _SOURCE_LOW = LINK + 6, LINK + 8
# Where in M the source address is kept while it is compared.
_HIGH, _LOW = 0, 1


@frozen
class Instruction:
    """One instruction (struct sock_filter)."""

    code: int
    k: int = 0
    jt: int = 0
    jf: int = 0


def program(
    admission: Admission,
    known: Mapping[str, str] | None = None,
    *,
    spares_loopback: bool = False,
) -> list[Instruction]:
    """Return the program for a rule.

    `known` gives the MAC address of IP addresses. With `spares_loopback` the
    frames of this host itself pass, whatever the rule is.
    """
    instructions: list[Instruction] = []
    if spares_loopback:
        instructions += [
            Instruction(LD_W, HARDWARE_TYPE),
            Instruction(JEQ, LOOPBACK, 0, 1),
            Instruction(RET, PASS),
        ]
    if known:
        instructions += _by_ip_address(admission, known)
    return instructions + _by_source(admission)


def packed(instructions: Iterable[Instruction]) -> bytes:
    """Return a program as the kernel reads it."""
    return b"".join(
        struct.pack("=HBBI", one.code, one.jt, one.jf, one.k) for one in instructions
    )


def _verdict(admission: Admission, mac: str | None) -> Instruction:
    return Instruction(RET, PASS if admission.passes(mac) else DROP)


def _by_ip_address(admission: Admission, known: Mapping[str, str]) -> list[Instruction]:
    of_version: dict[int, list[Instruction]] = {4: [], 6: []}
    for text, mac in known.items():
        address = ipaddress.ip_address(text)
        words = struct.unpack(f">{len(address.packed) // 4}I", address.packed)
        source = NETWORK + (12 if address.version == 4 else 8)
        for number, word in enumerate(words):
            # To the next address, over what is left of this one.
            left = 2 * (len(words) - number - 1) + 1
            of_version[address.version] += [
                Instruction(LD_W, source + 4 * number),
                Instruction(JEQ, word, 0, left),
            ]
        of_version[address.version].append(_verdict(admission, mac))
    return [
        instruction
        for version, block in of_version.items()
        if block
        for instruction in (
            Instruction(LD_B, NETWORK),
            Instruction(RSH, 4),
            Instruction(JEQ, version, 1, 0),
            Instruction(JA, len(block)),
            *block,
        )
    ]


def _by_source(admission: Admission) -> list[Instruction]:
    instructions = [
        # Other devices, such as tunnels, have no such header: their peers have no address.
        Instruction(LD_W, HARDWARE_TYPE),
        Instruction(JEQ, ETHERNET, 2, 0),
        Instruction(JEQ, LOOPBACK, 1, 0),
        _verdict(admission, None),
        Instruction(LD_H, _SOURCE_HIGH),
        Instruction(ST, _HIGH),
        Instruction(LD_W, _SOURCE_LOW),
        Instruction(ST, _LOW),
    ]
    for mac in sorted(admission.listed):
        high, low = struct.unpack(">HI", bytes.fromhex(mac.replace(":", "")))
        instructions += [
            Instruction(JEQ, low, 0, 4),
            Instruction(LD_MEM, _HIGH),
            Instruction(JEQ, high, 0, 1),
            _verdict(admission, mac),
            Instruction(LD_MEM, _LOW),
        ]
    # Addresses that are not on the list.
    return [*instructions, _verdict(admission, None)]
