"""A classic BPF machine, as far as the filter's programs go: what the kernel does with a frame.

Standards: Linux Documentation/networking/filter.rst.
"""

from __future__ import annotations

from attrs import frozen

from irsend.link import bpf_program
from irsend.link.bpf_program import Instruction


@frozen(kw_only=True)
class Frame:
    """A frame as a socket's filter sees it."""

    link: bytes
    """The Ethernet header; empty where the device has none."""
    network: bytes
    """From the IP header on."""
    hardware_type: int = bpf_program.ETHERNET


class Fault(Exception):
    """The program is none that the kernel would take."""


def run(instructions: list[Instruction], frame: Frame) -> int:
    """Return how many octets of a frame are kept; 0 where it is dropped, also by a load out of bounds."""
    if not 0 < len(instructions) <= bpf_program.MOST_INSTRUCTIONS:
        raise Fault("its length")
    memory: dict[int, int] = {}
    accumulator, at = 0, 0
    while True:
        one = instructions[at]
        if not (0 <= one.jt < 256 and 0 <= one.jf < 256 and 0 <= one.k < 1 << 32):
            raise Fault(f"instruction {at}: {one}")
        at += 1
        match one.code:
            case bpf_program.LD_W | bpf_program.LD_H | bpf_program.LD_B:
                size = {bpf_program.LD_W: 4, bpf_program.LD_H: 2, bpf_program.LD_B: 1}[one.code]
                loaded = _load(frame, one.k, size)
                if loaded is None:
                    return 0
                accumulator = loaded
            case bpf_program.ST:
                memory[one.k] = accumulator
            case bpf_program.LD_MEM:
                accumulator = memory[one.k]
            case bpf_program.RSH:
                accumulator >>= one.k
            case bpf_program.JEQ:
                at += one.jt if accumulator == one.k else one.jf
            case bpf_program.JA:
                at += one.k
            case bpf_program.RET:
                return one.k
            case _:
                raise Fault(f"instruction {at}: what is {one.code:#x}?")


def _load(frame: Frame, k: int, size: int) -> int | None:
    if k == bpf_program.HARDWARE_TYPE:
        return frame.hardware_type
    where, offset = (
        (frame.link + frame.network, k - bpf_program.LINK)
        if k < bpf_program.NETWORK
        else (frame.network, k - bpf_program.NETWORK)
    )
    octets = where[offset : offset + size]
    return int.from_bytes(octets, "big") if len(octets) == size else None
