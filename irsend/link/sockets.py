"""Socket options of the kernel: the filter, the first frame, the drops.

Linux only; elsewhere each of these fails with OSError.

Standards: Linux Documentation/networking/filter.rst; tcp(7) and socket(7); TCP_SAVE_SYN with 2
(the link-layer header too) is Linux 5.10's.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from collections.abc import Callable

from irsend.link.admission import EVERYBODY
from irsend.link.bpf_program import Instruction, packed, program

_ATTACH_FILTER, _DETACH_FILTER = 26, 27  # SO_ATTACH_FILTER, SO_DETACH_FILTER
_MEMORY_INFO = 55  # SO_MEMINFO
_SAVE_SYN, _SAVED_SYN = 27, 28  # TCP_SAVE_SYN, TCP_SAVED_SYN
_WITH_LINK_HEADER = 2
# SK_MEMINFO_DROPS: the ninth of nine words.
_DROPS_AT, _MEMORY_WORDS = 8, 9
_ETHERNET_HEADER = 14
# EtherType, and the version in the first octet behind it.
_IP = {b"\x08\x00": 4, b"\x86\xdd": 6}
_LONGEST_HEADERS = 512


def attach_filter(sock: socket.socket, instructions: list[Instruction]) -> None:
    """Make the kernel run a program on each frame for this socket, instead of the one before; OSError.

    Sockets accepted from a listening socket inherit its program.
    """
    code = ctypes.create_string_buffer(packed(instructions))
    # struct sock_fprog: the number of instructions, and where they stand.
    described = struct.pack("HP", len(instructions), ctypes.addressof(code))
    sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, described)


def detach_filter(sock: socket.socket) -> None:
    """Remove the program; a socket without one stays as it is."""
    with contextlib.suppress(FileNotFoundError):
        sock.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)


def keep_first_frames(sock: socket.socket) -> None:
    """Make a listening socket keep the first frame of each connection, for `first_mac`; OSError."""
    sock.setsockopt(socket.IPPROTO_TCP, _SAVE_SYN, _WITH_LINK_HEADER)


def first_mac(sock: socket.socket) -> str | None:
    """Return the source address of the frame that began an accepted connection; None where none was kept.

    It can be read once: the kernel forgets the frame then.
    """
    try:
        frame = sock.getsockopt(socket.IPPROTO_TCP, _SAVED_SYN, _LONGEST_HEADERS)
    except OSError:
        return None
    return mac_in(frame)


def mac_in(frame: bytes) -> str | None:
    """Return the source address of an Ethernet frame that holds IP; None for anything else."""
    version = _IP.get(frame[12:_ETHERNET_HEADER])
    if version is None or len(frame) <= _ETHERNET_HEADER:
        return None
    return frame[6:12].hex(":") if frame[_ETHERNET_HEADER] >> 4 == version else None


def dropped(sock: socket.socket) -> int:
    """Return how many frames for this socket were dropped, by its filter or for want of room."""
    try:
        words = sock.getsockopt(socket.SOL_SOCKET, _MEMORY_INFO, 4 * _MEMORY_WORDS)
        return int(struct.unpack(f"={_MEMORY_WORDS}I", words)[_DROPS_AT])
    except (OSError, struct.error):
        return 0


def filters_can_be_attached() -> str:
    """Return why the kernel takes no filter from this process; empty where it does."""
    return _tried(lambda sock: attach_filter(sock, program(EVERYBODY)))


def first_frames_can_be_kept() -> str:
    """Return why the kernel keeps no first frames; empty where it does."""
    return _tried(keep_first_frames)


def _tried(setting: Callable[[socket.socket], None]) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            setting(sock)
        except OSError as error:
            return error.strerror or str(error)
    return ""
