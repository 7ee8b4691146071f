"""The transcript of a session, and that no secret is in it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from irsend.interfaces import ITranscript, TranscriptLine
from irsend.protocols.transcript import MASK, Transcript, masked_command


class TranscriptTests(SynchronousTestCase):
    """The lines of a session."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.transcript = Transcript(self.clock.seconds, most=5)

    def text(self, said: bytes) -> str:
        """How a line is shown."""
        self.transcript.client(said)
        return self.transcript.lines()[-1].text

    def test_interface(self) -> None:
        """Transcript provides ITranscript."""
        verifyObject(ITranscript, self.transcript)

    def test_lines(self) -> None:
        """Lines come in order, with their times and their speakers."""
        self.transcript.server(b"220 ready")
        self.clock.advance(1)
        self.transcript.client(b"QUIT")
        self.clock.advance(1)
        self.transcript.note("closed")
        self.assertEqual(
            self.transcript.lines(),
            [
                TranscriptLine(0, "S", "220 ready"),
                TranscriptLine(1, "C", "QUIT"),
                TranscriptLine(2, "-", "closed"),
            ],
        )

    def test_as_the_files_have_it(self) -> None:
        """A line reads as tests/transcripts have it."""
        self.transcript.server(b"220 ready")
        self.transcript.client(b"")
        self.transcript.note("TLS 1.0 AES128-SHA")
        self.assertEqual(
            [str(line) for line in self.transcript.lines()],
            ["S: 220 ready", "C: ", "-- TLS 1.0 AES128-SHA"],
        )

    def test_readable(self) -> None:
        """Whatever the wire held is shown as one line of printable text."""
        for said, shown in (
            ("Grüße".encode(), "Grüße"),
            (b"a\xffb", "a\\xffb"),
            (b"a\r\nb\tc\0\x1b[31m", "a\\x0d\\x0ab\\x09c\\x00\\x1b[31m"),
            ("a\u2028b".encode(), "a\\x2028b"),
        ):
            self.setUp()
            self.assertEqual(self.text(said), shown)

    @settings(deadline=None)
    @given(st.binary())
    def test_anything(self, said: bytes) -> None:
        """Any line is shown as printable text that UTF-8 can write."""
        self.setUp()
        shown = self.text(said)
        self.assertTrue(shown == "" or shown.isprintable())
        shown.encode("utf-8")

    def test_bounded(self) -> None:
        """Of a session over the bound the first lines are kept, with a note that not all are."""
        for number in range(1000):
            self.transcript.client(b"NOOP %d" % number)
            self.transcript.server(b"250 OK")
        texts = [line.text for line in self.transcript.lines()]
        self.assertEqual(texts[:-1], ["NOOP 0", "250 OK", "NOOP 1", "250 OK", "NOOP 2"])
        self.assertIn("not all is kept", texts[-1])

    def test_all(self) -> None:
        """A session that just fits has no such note."""
        for number in range(5):
            self.transcript.client(b"NOOP %d" % number)
        self.assertEqual(len(self.transcript.lines()), 5)

    def test_long_lines(self) -> None:
        """Of very long lines fewer are kept: what a session costs in memory is bounded."""
        transcript = Transcript(self.clock.seconds, most=100)
        for _ in range(100):
            transcript.client(b"x" * 2000)
        lines = transcript.lines()
        self.assertLess(sum(len(line.text) for line in lines), 20_000)
        self.assertIn("not all is kept", lines[-1].text)

    def test_notes_behind_the_bound(self) -> None:
        """What happened at the end of such a session is kept, up to a number too."""
        for _ in range(10):
            self.transcript.client(b"NOOP")
        self.transcript.note("the connection was lost")
        self.assertIn(
            "the connection was lost", [line.text for line in self.transcript.lines()]
        )
        for _ in range(1000):
            self.transcript.note("again")
        self.assertLess(len(self.transcript.lines()), 200)

    def test_so_far(self) -> None:
        """The lines so far can be read while the session goes on."""
        self.transcript.client(b"a")
        before = self.transcript.lines()
        self.transcript.client(b"b")
        self.assertEqual((len(before), len(self.transcript.lines())), (1, 2))


class MaskTests(SynchronousTestCase):
    """Commands that carry secrets."""

    def test_masked(self) -> None:
        """Passwords, digests and SASL responses are masked; user names and mechanisms are not."""
        for command, shown in (
            (b"PASS hunter2", f"PASS {MASK}"),
            (b"pass hunter2", f"pass {MASK}"),
            (b"PASS two words", f"PASS {MASK}"),
            (b"APOP tim c4c9334bac560ecc979e58001b3e22fb", f"APOP tim {MASK}"),
            (b"apop tim x", f"apop tim {MASK}"),
            (b"AUTH PLAIN AHRpbQB0YW5zdGFhZg==", f"AUTH PLAIN {MASK}"),
            (b"auth plain =", f"auth plain {MASK}"),
            (b"AUTH LOGIN", "AUTH LOGIN"),
            (b"AUTH", "AUTH"),
            (b"USER tim", "USER tim"),
            (b"EHLO PASS hunter2", "EHLO PASS hunter2"),
            (b"", ""),
        ):
            self.assertEqual(masked_command(command).decode(), shown)

    def test_no_form_shows_it(self) -> None:
        """However a command is written, wrong or right, its secret is not shown."""
        for command in (
            b" PASS hunter2",
            b"PASS\thunter2",
            b"PASS  hunter2",
            b"\tpass hunter2",
            b"AUTH\tPLAIN\thunter2",
            b"AUTH PLAIN\thunter2",
            b" AUTH PLAIN hunter2",
            b"APOP\ttim\thunter2",
            b"APOP tim\thunter2",
            b"APOP  tim hunter2",
            b"AUTH  PLAIN  hunter2",
        ):
            self.assertNotIn(b"hunter2", masked_command(command), command)
