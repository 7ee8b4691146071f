"""Every conversation in tests/transcripts, played whole and octet by octet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twisted.trial import unittest

from tests.playing import Play

_FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


class TranscriptTests(unittest.SynchronousTestCase):
    """The machine says, line for line, what the files have."""


def _played(file: Path, *, piecewise: bool) -> Callable[[unittest.TestCase], None]:
    title = file.read_text("utf-8").partition("\n")[0].removeprefix("# ")

    def play(self: unittest.TestCase) -> None:
        Play(self, file, piecewise=piecewise).perform()

    play.__doc__ = f"{title} ({'octet by octet' if piecewise else 'whole'})"
    return play


for _file in _FILES:
    _name = _file.stem.replace("-", "_")
    setattr(TranscriptTests, f"test_{_name}", _played(_file, piecewise=False))
    if "\nplayed: whole" not in _file.read_text("utf-8"):
        setattr(TranscriptTests, f"test_{_name}_piecewise", _played(_file, piecewise=True))
