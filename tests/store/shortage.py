"""What a machine may be short of: room on the disk, files it can open."""

from __future__ import annotations

import os
import resource


def open_files() -> int:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd"))


class no_file_larger_than:  # noqa: N801
    """Lets this process write no file larger than so many octets: a disk that is full."""

    def __init__(self, octets: int) -> None:
        self._octets = octets

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._octets, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)
