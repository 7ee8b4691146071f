"""The transcripts of sessions that have ended: a text file each, readable as it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from irsend.errors import NoSuchRecord
from irsend.interfaces import TranscriptLine

_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"
_LINE = re.compile(rf"({_TIME}) (?:([CS]): ?|-- ?)(.*)")


# Octets of all transcripts together; beyond it the oldest are deleted, down to the
# share below, so that the directory is not read again at each.
_CAPACITY = 500_000_000
_PRUNED_TO = 0.9


class Transcripts:
    """The directory of transcripts."""

    def __init__(self, directory: Path, capacity: int = _CAPACITY) -> None:
        self.directory = directory
        self._capacity = capacity
        self._used: int | None = None

    def _path(self, session: int) -> Path:
        return self.directory / f"{session:09d}.txt"

    def write(self, session: int, lines: list[TranscriptLine]) -> None:
        """Keep the lines of a session, each behind its time."""
        text = "".join(f"{_time_text(line.at)} {line}\n" for line in lines)
        if self._used is None:
            self._used = sum(size for _, size in self._sizes())
        self._used += self._path(session).write_bytes(text.encode("utf-8"))
        if self._used > self._capacity:
            self._prune()

    def _sizes(self) -> list[tuple[int, int]]:
        found = [path for path in self.directory.glob("*.txt") if path.stem.isdigit()]
        return [(int(path.stem), path.stat().st_size) for path in found]

    def _prune(self) -> None:
        sizes = sorted(self._sizes())
        self._used = sum(size for _, size in sizes)
        for session, size in sizes:
            if self._used <= self._capacity * _PRUNED_TO:
                return
            self._path(session).unlink(missing_ok=True)
            self._used -= size

    def read(self, session: int) -> list[TranscriptLine]:
        """Return the lines of a session; NoSuchRecord."""
        try:
            text = self._path(session).read_text("utf-8")
        except FileNotFoundError:
            raise NoSuchRecord(f"There is no transcript of session {session}.") from None
        lines = []
        for line in text.split("\n"):
            match = _LINE.fullmatch(line)
            if match is not None:
                at = datetime.fromisoformat(match[1]).timestamp()
                lines.append(TranscriptLine(at, match[2] or "-", match[3]))
        return lines

    def delete_up_to(self, session: int) -> None:
        """Delete the transcripts of this session and all before it."""
        for path in self.directory.glob("*.txt"):
            if path.stem.isdigit() and int(path.stem) <= session:
                path.unlink(missing_ok=True)


def _time_text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
