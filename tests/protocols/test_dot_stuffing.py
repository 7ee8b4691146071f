"""The dot-stuffed stream, against the RFC read line by line (RFC 5321 4.5.2, RFC 1939 3)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.protocols.dot_stuffing import DotStream, DotStuffing


def reference(text: bytes) -> tuple[bytes, bytes | None]:
    """Read a whole stream as the RFC says: line by line. Content, and what is behind the end."""
    content = b""
    while True:
        line, end, rest = text.partition(b"\r\n")
        if end and line == b".":
            return content, rest
        if line.startswith(b"."):
            line = line[1:]
        content += line + end
        if not end:
            return content, None
        text = rest


def read(pieces: Iterable[bytes]) -> tuple[bytes, bytes | None]:
    """Feed a stream in pieces; content, and what is behind the end with all that comes after it."""
    stream = DotStream()
    content, behind = b"", None
    for piece in pieces:
        if behind is None:
            given_out, behind = stream.feed(piece)
            content += b"".join(given_out)
        else:
            behind += piece
    return content, behind


def stuffed(pieces: Iterable[bytes]) -> bytes:
    """Prepare content that comes in pieces for the wire."""
    stuffing = DotStuffing()
    return b"".join([*(stuffing.feed(piece) for piece in pieces), stuffing.end()])


def split(text: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Cut a text into pieces."""
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[first:last] for first, last in pairwise(places)]


# What matters, more often than chance would bring it.
TEXT = st.lists(
    st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"a", b"..", b"\r\n.\r\n", b"\0", b"\xff"]),
    max_size=30,
).map(b"".join) | st.binary(max_size=60)
CUTS = st.lists(st.integers(0, 200), max_size=12)


class ExampleTests(SynchronousTestCase):
    """Streams that break a careless reader."""

    def check(self, text: bytes, content: bytes, behind: bytes | None) -> None:
        """Check a stream whole, octet by octet, and with each single cut."""
        expected = (content, behind)
        self.assertEqual(read([text]), expected)
        self.assertEqual(read(text[at : at + 1] for at in range(len(text))), expected)
        for cut in range(len(text) + 1):
            self.assertEqual(read([text[:cut], text[cut:]]), expected, cut)

    def test_end(self) -> None:
        """The end mark ends the content; the line end before it is content."""
        self.check(b"a\r\nb\r\n.\r\n", b"a\r\nb\r\n", b"")

    def test_empty(self) -> None:
        """A message may be nothing but its end mark."""
        self.check(b".\r\n", b"", b"")

    def test_behind(self) -> None:
        """What stands behind the end mark is not content, though it looks like an end mark too."""
        self.check(b"a\r\n.\r\nQUIT\r\n", b"a\r\n", b"QUIT\r\n")
        self.check(b".\r\n.\r\n", b"", b".\r\n")

    def test_stuffed(self) -> None:
        """A dot at a line's beginning is removed, one only, and not in the middle of a line."""
        self.check(b"..\r\n...\r\n.a\r\na.\r\n.\r\n", b".\r\n..\r\na\r\na.\r\n", b"")

    def test_smuggling(self) -> None:
        """No other form of an end mark ends anything: bare CR, bare LF and all their mixtures."""
        for false_end in (
            b"\n.\n",
            b"\n.\r\n",
            b"\r.\r",
            b"\r.\r\n",
            b"\r\n.\n",
            b"\r\n.\r",
            b"\n.\r",
            b"\r\n\0.\r\n",
            b"\r\n.\0\r\n",
            b"\r\r\n. \r\n",
            b"\r\n.\r\r\n",
        ):
            text = b"a" + false_end + b"MAIL FROM:<x@y>\r\n.\r\n"
            content, _ = reference(text)
            self.check(text, content, b"")
            self.assertIn(b"MAIL FROM:<x@y>\r\n", content)

    def test_not_ended(self) -> None:
        """Before the end comes, all that can only be content has been returned."""
        self.check(b"a\r\n", b"a\r\n", None)
        self.check(b"a\r\n.", b"a\r\n", None)
        stream = DotStream()
        stream.feed(b"a\r\n.\r")
        self.assertEqual(stream.feed(b"b"), ([b"\rb"], None))

    def test_segments_are_not_copied(self) -> None:
        """A segment without a dot at a line's beginning comes out as the same octets object."""
        stream = DotStream()
        stream.feed(b"begins a line")
        segment = b"a line. and\r\nanother line.\r\nand" * 100
        content, behind = stream.feed(segment)
        self.assertIsNone(behind)
        self.assertIs(content[0], segment)


class AnySplitTests(SynchronousTestCase):
    """Any stream, in any pieces."""

    @settings(deadline=None, max_examples=500)
    @given(TEXT, CUTS)
    @example(b"\r\n.\r\n", [1, 2, 3, 4])
    @example(b".\r\r\n.\r\n", [2])
    @example(b"..\r\n.\r\n", [1])
    def test_reference(self, text: bytes, cuts: list[int]) -> None:
        """Content and rest are those of reading line by line, for every split."""
        content, behind = read(split(text, cuts))
        expected, expected_behind = reference(text)
        self.assertEqual(behind, expected_behind)
        if behind is None:
            # What may yet become the end mark is held back: a dot, a CR behind it.
            self.assertTrue(expected.startswith(content))
            self.assertIn(expected[len(content) :], (b"", b"\r"))
        else:
            self.assertEqual(content, expected)

    @settings(deadline=None, max_examples=500)
    @given(TEXT, CUTS, CUTS)
    def test_round_trip(self, content: bytes, cuts: list[int], other_cuts: list[int]) -> None:
        """What is stuffed in any pieces comes out of the stream in any others, with nothing behind it."""
        wire = stuffed(split(content, cuts))
        whole = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
        self.assertEqual(read(split(wire, other_cuts)), (whole, b""))


class StuffingTests(SynchronousTestCase):
    """Content prepared for the wire."""

    def test_first_octet(self) -> None:
        """A dot at the very beginning is doubled, and one at the beginning of a piece (Twisted's hole)."""
        self.assertEqual(stuffed([b".a\r\n"]), b"..a\r\n.\r\n")
        self.assertEqual(stuffed([b"a\r\n", b".\r\n"]), b"a\r\n..\r\n.\r\n")
        self.assertEqual(stuffed([b"a\r", b"\n", b".", b"b"]), b"a\r\n..b\r\n.\r\n")

    def test_not_elsewhere(self) -> None:
        """A dot that begins a piece in the middle of a line is not doubled."""
        self.assertEqual(stuffed([b"a", b".b\r\n"]), b"a.b\r\n.\r\n")
        self.assertEqual(stuffed([b"a\r", b".b\n", b".c\r\n"]), b"a\r.b\n.c\r\n.\r\n")

    def test_end(self) -> None:
        """The end mark stands on a line of its own, whatever was before it."""
        self.assertEqual(stuffed([]), b".\r\n")
        self.assertEqual(stuffed([b""]), b".\r\n")
        self.assertEqual(stuffed([b"a"]), b"a\r\n.\r\n")
        self.assertEqual(stuffed([b"a\r\n", b""]), b"a\r\n.\r\n")

    @settings(deadline=None, max_examples=300)
    @given(TEXT, CUTS)
    def test_any_split(self, content: bytes, cuts: list[int]) -> None:
        """Any split of the content gives the same octets."""
        self.assertEqual(stuffed(split(content, cuts)), stuffed([content]))

    @settings(deadline=None, max_examples=300)
    @given(TEXT)
    def test_one_end(self, content: bytes) -> None:
        """Nothing in the content becomes an end mark."""
        self.assertEqual((b"\r\n" + stuffed([content])).count(b"\r\n.\r\n"), 1)
