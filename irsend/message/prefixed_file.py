"""A message in two pieces, read as one file: a head in RAM, then a stretch of a file."""

from __future__ import annotations

from typing import IO


class PrefixedFile:
    """Reads `head`, then `length` octets of `content` from `start` on."""

    def __init__(self, head: bytes, content: IO[bytes], start: int, length: int) -> None:
        content.seek(start)
        self._head = head
        self._content = content
        self._left = length
        self.size = len(head) + length
        """Octets of the whole."""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` octets, without `size` all that is left; none at the end.

        OSError where the file is shorter than the stretch.
        """
        if size < 0:
            size = len(self._head) + self._left
        piece, self._head = self._head[:size], self._head[size:]
        wanted = min(size - len(piece), self._left)
        if wanted:
            stretch = self._content.read(wanted)
            if not stretch:
                raise OSError(f"{self._left} octets are missing at its end")
            self._left -= len(stretch)
            piece += stretch
        return piece

    def close(self) -> None:
        """Close the file."""
        self._content.close()
