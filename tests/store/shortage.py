"""What a machine may be short of: room on the disk, files it can open."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path


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


class SmallDisk:
    """A file system of eight megabytes at a directory, to be filled up; it needs root."""

    possible = os.geteuid() == 0 and Path("/proc/self/mounts").exists()

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        mount = ("mount", "-t", "tmpfs", "-o", "size=8m", "irsend-test", str(directory))
        self.mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0

    def fill(self) -> None:
        """Leave no room for an octet."""
        descriptor = os.open(self.directory / "filling", os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(descriptor, bytes(4096))
        except OSError:
            pass
        finally:
            os.close(descriptor)

    def empty(self) -> None:
        """Make room again."""
        (self.directory / "filling").unlink()

    def unmount(self) -> None:
        """Take it away; what is open there stays open."""
        subprocess.run(("umount", "-l", str(self.directory)), check=False)
