"""Files that are uploaded: read up to the size that they had when opened, and counted."""

from __future__ import annotations

import os
from collections.abc import Callable

from attrs import define

from irsend.ctl.errors import FileChanged
from irsend.ctl.input_files import OpenOriginal


@define(eq=False)
class UploadCounter:
    """Counts the octets that are read of all files of an upload."""

    total: int
    progress: Callable[[int, int], None]
    """Called with the octets that have gone, and their total."""
    gone: int = 0

    def add(self, octets: int) -> None:
        """Count that many more octets."""
        self.gone += octets
        self.progress(self.gone, self.total)


@define(eq=False)
class UploadedFile:
    """A file for httpx, of the size that it had when it was opened."""

    original: OpenOriginal
    counter: UploadCounter
    _at: int = 0

    def read(self, most: int = -1) -> bytes:
        """Return the next octets; FileChanged where the file became shorter."""
        left = self.original.size - self._at
        wanted = left if most < 0 else min(most, left)
        name = self.original.name
        try:
            octets = self.original.file.read(wanted)
        except OSError as error:
            raise FileChanged(f"{name}: {error.strerror or error}") from None
        if len(octets) < wanted:
            raise FileChanged(f"{name} became shorter while it was sent.")
        self._at += len(octets)
        self.counter.add(len(octets))
        return octets

    def tell(self) -> int:
        """Return the position in it."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to its beginning, or to its end, as httpx does to learn its size."""
        self._at = offset + (self.original.size if whence == os.SEEK_END else 0)
        self.original.file.seek(self._at)
        return self._at
