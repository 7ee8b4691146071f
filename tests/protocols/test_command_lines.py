"""Command lines out of segments, with a session that writes down what it is to run."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.trial import unittest
from zope.interface import implementer

from irsend.protocols.command_lines import CommandLines

_LONGEST = 20


@implementer(IPushProducer)
class _Transport:
    """Knows whether it is paused."""

    paused = False

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def stopProducing(self) -> None:
        raise NotImplementedError


class _Session:
    """Runs WAIT, which needs an answer, and DATA, whose content ends with an octet of zero."""

    def __init__(self) -> None:
        self.transport: IPushProducer = _Transport()
        self.lines = CommandLines(self)
        self.events: list[str] = []
        self.answer: Deferred[str] = Deferred()

    def resetTimeout(self) -> None:
        pass

    def longest_line(self) -> int:
        return _LONGEST

    def lineReceived(self, line: bytes) -> None:
        self.events.append(line.decode("latin-1"))
        if line == b"WAIT":
            self.answer = Deferred()
            self.lines.ask(lambda: self.answer, then=self.events.append)
        elif line == b"DATA":
            self.lines.begin_content(self._take)
        elif line == b"QUIT":
            self.lines.end()

    def _take(self, segment: bytes) -> None:
        content, end, rest = segment.partition(b"\0")
        self.events += ["content"] * len(content)
        if end:
            self.lines.end_content(rest)
            self.lines.run()

    def line_too_long(self, *, endless: bool) -> None:
        self.events.append("endless" if endless else "too long")
        if endless:
            self.lines.end()

    def answer_failed(self) -> None:
        self.events.append("failed")

    def answer_given(self) -> None:
        self.events.append("given")

    def replies_not_taken(self) -> None:
        self.events.append("not taken")


class CommandLinesTests(unittest.SynchronousTestCase):
    """The order of commands, their limits, and content between them."""

    def setUp(self) -> None:
        self.session = _Session()
        self.lines = self.session.lines

    @given(st.lists(st.integers(0, 60)))
    def test_any_split(self, cuts: list[int]) -> None:
        """However the octets are split, the same commands are run and the same content is taken."""
        octets = b"NOOP\r\n" + b"x" * 30 + b"\r\nDATA\r\nabc\r\n\0a\rb\nc\r\nQUIT\r\nNOOP\r\n"
        at = sorted({0, *(cut for cut in cuts if cut < len(octets)), len(octets)})
        session = _Session()
        for start, end in pairwise(at):
            session.lines.feed(octets[start:end])
        self.assertEqual(
            session.events,
            ["NOOP", "too long", "DATA", *["content"] * 5, "a\rb\nc", "QUIT"],
        )

    def test_commands_wait(self) -> None:
        """Commands behind one that needs an answer are run after it."""
        self.lines.feed(b"WAIT\r\nNOOP\r\n")
        self.assertEqual(self.session.events, ["WAIT"])
        self.session.answer.callback("answer")
        self.assertEqual(self.session.events, ["WAIT", "answer", "given", "NOOP"])

    def test_peer_waits(self) -> None:
        """A peer that sends more than 64 KiB behind such a command is paused until the answer."""
        transport = self.session.transport
        assert isinstance(transport, _Transport)
        self.lines.feed(b"WAIT\r\n")
        self.lines.feed(b"NOOP\r\n" * 10_000)
        self.assertFalse(transport.paused)
        self.lines.feed(b"NOOP\r\n" * 1000)
        self.assertTrue(transport.paused)
        self.session.answer.callback("answer")
        self.assertFalse(transport.paused)
        self.assertEqual(self.session.events.count("NOOP"), 11_000)

    def test_failed_answer(self) -> None:
        """An answer that fails is a local error, logged, and the next command is run."""
        self.lines.feed(b"WAIT\r\nNOOP\r\n")
        self.session.answer.errback(OSError())
        self.assertEqual(self.session.events, ["WAIT", "failed", "given", "NOOP"])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_answer_behind_the_end(self) -> None:
        """An answer that comes when the session has ended is not used."""
        self.lines.feed(b"WAIT\r\n")
        self.lines.end()
        self.session.answer.callback("answer")
        self.assertEqual(self.session.events, ["WAIT", "given"])

    def test_endless_line(self) -> None:
        """Of a line without an end a million octets are read, and no more."""
        for _ in range(200):
            self.lines.feed(b"x" * 10_000)
        self.assertEqual(self.session.events, ["endless"])
