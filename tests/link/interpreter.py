"""A classic BPF machine, as far as the filter's programs go: what the kernel does with a frame.

Standards: Linux Documentation/networking/filter.rst.
"""

from __future__ import annotations

from attrs import frozen

from irsend.link import program
from irsend.link.program import Instruction


@frozen(kw_only=True)
class Frame:
    """A frame as a socket's filter sees it."""

    link: bytes
    """The Ethernet header; empty where the device has none."""
    network: bytes
    """From the IP header on."""
    hardware_type: int = program.ETHERNET


class Fault(Exception):
    """The program is none that the kernel would take."""


def run(instructions: list[Instruction], frame: Frame) -> int:
    """Return how many octets of a frame are kept; 0 where it is dropped, also by a load out of bounds."""
    if not 0 < len(instructions) <= program.MOST_INSTRUCTIONS:
        raise Fault("its length")
    memory: dict[int, int] = {}
    accumulator, at = 0, 0
    while True:
        one = instructions[at]
        if not (0 <= one.jt < 256 and 0 <= one.jf < 256 and 0 <= one.k < 1 << 32):
            raise Fault(f"instruction {at}: {one}")
        at += 1
        match one.code:
            case program.LD_W | program.LD_H | program.LD_B:
                size = {program.LD_W: 4, program.LD_H: 2, program.LD_B: 1}[one.code]
                loaded = _load(frame, one.k, size)
                if loaded is None:
                    return 0
                accumulator = loaded
            case program.ST:
                memory[one.k] = accumulator
            case program.LD_MEM:
                accumulator = memory[one.k]
            case program.RSH:
                accumulator >>= one.k
            case program.JEQ:
                at += one.jt if accumulator == one.k else one.jf
            case program.JA:
                at += one.k
            case program.RET:
                return one.k
            case _:
                raise Fault(f"instruction {at}: what is {one.code:#x}?")


def _load(frame: Frame, k: int, size: int) -> int | None:
    if k == program.HARDWARE_TYPE:
        return frame.hardware_type
    where, offset = (
        (frame.link + frame.network, k - program.LINK)
        if k < program.NETWORK
        else (frame.network, k - program.NETWORK)
    )
    octets = where[offset : offset + size]
    return int.from_bytes(octets, "big") if len(octets) == size else None
