"""The transcripts of sessions that have ended."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.errors import NoSuchRecord
from irsend.interfaces import TranscriptLine
from irsend.protocols.transcript import MASK, Transcript
from irsend.store.transcripts import Transcripts

AT = 1_234_567_890.5


class Case(SynchronousTestCase):
    """A directory of transcripts."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.transcripts = Transcripts(self.directory)

    def round_trip(self, lines: list[TranscriptLine]) -> list[TranscriptLine]:
        """What is read of what is written."""
        self.transcripts.write(1, lines)
        return self.transcripts.read(1)


class CapacityTests(Case):
    """All transcripts together are bounded."""

    def test_oldest_go(self) -> None:
        """When they are too many octets the oldest go, and the newest is always there."""
        transcripts = Transcripts(self.directory, capacity=10_000)
        for session in range(1, 51):
            transcripts.write(session, [TranscriptLine(AT, "C", "x" * 1000)])
        files = sorted(path.name for path in self.directory.iterdir())
        self.assertLessEqual(len(files), 10)
        self.assertEqual(files[-1], "000000050.txt")
        again = Transcripts(self.directory, capacity=3000)
        again.write(51, [TranscriptLine(AT, "C", "x")])
        self.assertLessEqual(len(list(self.directory.iterdir())), 3)


class RoundTripTests(Case):
    """Written and read."""

    def test_lines(self) -> None:
        """Each line comes back with its time, its speaker and its text."""
        lines = [
            TranscriptLine(AT, "S", "220 ready"),
            TranscriptLine(AT + 0.125, "C", "EHLO x"),
            TranscriptLine(AT + 1, "-", "TLS 1.0 AES128-SHA"),
            TranscriptLine(AT + 2, "C", ""),
            TranscriptLine(AT + 2, "S", "  two blanks first, two last  "),
            TranscriptLine(AT + 2, "C", f"PASS {MASK}"),
            TranscriptLine(AT + 3, "C", "S: not the server"),
            TranscriptLine(AT + 3, "-", "-- a note"),
            TranscriptLine(AT + 3, "-", "C: not the client"),
            TranscriptLine(AT + 3, "C", "Grüße \\x0a \\\\ スキャン 🖨"),
        ]
        self.assertEqual(self.round_trip(lines), lines)

    def test_form(self) -> None:
        """The file is readable text: time, speaker, line."""
        self.round_trip([TranscriptLine(AT, "C", "QUIT"), TranscriptLine(AT, "-", "closed")])
        (path,) = self.directory.iterdir()
        self.assertEqual(path.name, "000000001.txt")
        self.assertEqual(
            path.read_text("utf-8"),
            "2009-02-13T23:31:30.500+00:00 C: QUIT\n2009-02-13T23:31:30.500+00:00 -- closed\n",
        )

    def test_empty(self) -> None:
        """A session without lines has an empty transcript."""
        self.assertEqual(self.round_trip([]), [])

    def test_milliseconds(self) -> None:
        """Times are kept to the millisecond."""
        (line,) = self.round_trip([TranscriptLine(AT + 0.0009, "C", "x")])
        self.assertAlmostEqual(line.at, AT, delta=0.001)

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from("CS-"),
                st.binary() | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode),
            )
        )
    )
    def test_anything(self, said: list[tuple[str, bytes]]) -> None:
        """Whatever the wire held, what a session wrote down comes back line for line."""
        session = Transcript(lambda: AT)
        for speaker, text in said:
            if speaker == "C":
                session.client(text)
            elif speaker == "S":
                session.server(text)
            else:
                session.note(text.decode("utf-8", "replace"))
        lines = session.lines()
        self.assertEqual(len(lines), len(said))
        directory = Path(self.mktemp())
        directory.mkdir()
        transcripts = Transcripts(directory)
        transcripts.write(1, lines)
        self.assertEqual(transcripts.read(1), lines)


class FilesTests(Case):
    """One file for each session."""

    def test_none(self) -> None:
        """One that does not exist is NoSuchRecord."""
        error = self.assertRaises(NoSuchRecord, self.transcripts.read, 7)
        self.assertEqual(str(error), "There is no transcript of session 7.")

    def test_delete_up_to(self) -> None:
        """Deleted are a session's and all before it, and nothing that is no transcript."""
        for session in (1, 9, 10, 11, 1_234_567_890):
            self.transcripts.write(session, [])
        (self.directory / "notes.txt").write_text("mine")
        self.transcripts.delete_up_to(10)
        self.assertEqual(
            sorted(path.name for path in self.directory.iterdir()),
            ["000000011.txt", "1234567890.txt", "notes.txt"],
        )

    def test_spoilt(self) -> None:
        """Lines that were spoilt are passed over; the others are read."""
        self.transcripts.write(1, [TranscriptLine(AT, "C", "x")])
        with (self.directory / "000000001.txt").open("a") as file:
            file.write("half a li\n\nyesterday C: x\n")
        self.assertEqual([line.text for line in self.transcripts.read(1)], ["x"])
