"""A file that arrives in pieces: gathered, written in large steps, and renamed when it is complete.

Small mails stay in RAM until they are committed, so that the committing thread
makes and writes their files, and not the reactor's.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

# Octets, and pieces of one writev(), that are gathered before they are written:
# enough for few system calls a mail, little enough for many mails at a time.
_GATHER = 262_144
_PIECES = 512
FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says where a disk is full."""


class ArrivingFile:
    """A file under a temporary name until `finish`. Not for two threads at once."""

    def __init__(
        self,
        unfinished: str,
        finished: str,
        make_room: Callable[[int], bool] = lambda _: False,
    ) -> None:
        """`make_room` is asked for octets where the disk is full, and says whether it has freed any."""
        self.unfinished = unfinished
        self.finished = finished
        self._make_room = make_room
        self._descriptor = -1
        self._pieces: list[bytes] = []
        self._gathered = 0

    def write(self, content: bytes) -> None:
        """Take the next octets; OSError where they cannot be written."""
        self._pieces.append(content)
        self._gathered += len(content)
        if self._gathered >= _GATHER or len(self._pieces) >= _PIECES:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered; OSError."""
        pieces, self._pieces, self._gathered = self._pieces, [], 0
        while True:
            try:
                self._write(pieces)
                return
            except OSError as error:
                if error.errno not in FULL or not self._make_room(sum(map(len, pieces))):
                    raise

    def _write(self, pieces: list[bytes]) -> None:
        """Write pieces; each leaves the list when it is written."""
        if self._descriptor < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(self.unfinished, flags, 0o600)
        while pieces:
            written = os.writev(self._descriptor, pieces)
            while pieces and written >= len(pieces[0]):
                written -= len(pieces.pop(0))
            if written:
                pieces[0] = pieces[0][written:]

    def begin_sync(self) -> None:
        """Begin to write it to the disk, without waiting."""
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def finish(self) -> None:
        """Sync its content, close it, and give it its name; the name is not synced yet. OSError."""
        descriptor, self._descriptor = self._descriptor, -1
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(self.unfinished, self.finished)

    def discard(self) -> None:
        """Close and delete it."""
        self._pieces, self._gathered = [], 0
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        with contextlib.suppress(OSError):
            Path(self.unfinished).unlink()
