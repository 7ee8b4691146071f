"""A file that comes in pieces."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.store.arriving_file import ArrivingFile
from tests.store.shortage import no_file_larger_than, open_files


class ArrivingFileTests(SynchronousTestCase):
    """Gathered, written in large steps, and moved to its name when it is whole."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.before = open_files()
        self.unfinished, self.finished = self.directory / "half", self.directory / "whole"
        self.file = ArrivingFile(str(self.unfinished), str(self.finished))

    def finish(self) -> bytes:
        """Finish the file and return its content."""
        self.file.flush()
        self.file.begin_sync()
        self.file.finish()
        return self.finished.read_bytes()

    def test_whole(self) -> None:
        """Its content is all that came, in order; it is closed to others, and alone."""
        for piece in (b"a", b"", b"bc", b"\0\xff"):
            self.file.write(piece)
        self.assertEqual(self.finish(), b"abc\0\xff")
        self.assertEqual(self.finished.stat().st_mode & 0o777, 0o600)
        self.assertEqual(list(self.directory.iterdir()), [self.finished])
        self.assertEqual(open_files(), self.before)

    def test_empty(self) -> None:
        """A file to which nothing came is empty."""
        self.assertEqual(self.finish(), b"")

    def test_many_pieces(self) -> None:
        """More pieces than one system call takes come out whole, and so do pieces of any size."""
        pieces = [b"%d," % number for number in range(5000)] + [b"x" * 300_000, b"y"]
        for piece in pieces:
            self.file.write(piece)
        self.assertEqual(self.finish(), b"".join(pieces))

    def test_large_steps(self) -> None:
        """A small one is not on the disk before it is flushed; of a large one little is not."""
        self.file.write(b"x" * 1000)
        self.assertFalse(self.unfinished.exists())
        for _ in range(1000):
            self.file.write(b"x" * 1000)
        self.assertGreater(self.unfinished.stat().st_size, 700_000)
        self.file.discard()

    def test_discarded(self) -> None:
        """Of a file that was discarded nothing is left, written or not; twice is no error."""
        self.file.discard()
        self.file.write(b"x" * 1_000_000)
        self.file.discard()
        self.file.discard()
        self.assertEqual(list(self.directory.iterdir()), [])
        self.assertEqual(open_files(), self.before)

    def test_never_over_another(self) -> None:
        """A file that is there already is not written over."""
        self.unfinished.write_bytes(b"another's")
        self.file.write(b"x")
        self.assertRaises(FileExistsError, self.file.flush)
        self.assertEqual(self.unfinished.read_bytes(), b"another's")

    def test_no_room(self) -> None:
        """What the disk has no room for is an error, at the write or at the flush, and is discarded."""
        self.file.write(b"x" * 2000)
        with no_file_larger_than(1000):
            self.assertRaises(OSError, self.file.flush)
            large = ArrivingFile(str(self.directory / "large"), str(self.finished))
            self.assertRaises(OSError, large.write, b"x" * 1_000_000)
        for file in (self.file, large):
            file.discard()
        self.assertEqual(list(self.directory.iterdir()), [])

    @settings(deadline=None, max_examples=30)
    @given(st.lists(st.tuples(st.integers(0, 300_000), st.booleans()), max_size=12))
    def test_any_pieces(self, steps: list[tuple[int, bool]]) -> None:
        """Pieces of any sizes, flushed at any time, come out whole."""
        self.setUp()
        whole = b""
        for number, (size, flush) in enumerate(steps):
            piece = bytes([number]) * size
            whole += piece
            self.file.write(piece)
            if flush:
                self.file.flush()
        self.assertEqual(self.finish(), whole)
