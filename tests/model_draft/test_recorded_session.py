"""Transcripts in each form that is known, and octets as they came."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.model_draft.recorded_session import (
    NoSession,
    RecordedSession,
    Said,
    read_transcript,
    session_of,
)

FORMS = {
    "irsend": "# a session\nkind: send\nS: 220 mx\nC: EHLO a\nS: 250 mx\n-- TLS 1.2 X\nC: QUIT\n",
    "irsendctl": "S: 220 mx\nC: EHLO a\nS: 250 mx\n-- TLS 1.2 X\nC: QUIT\n-- closed\n",
    "swaks": "=== Trying\n=== Connected\n<-  220 mx\n -> EHLO a\n<-  250 mx\n -> QUIT\n",
    "swaks, TLS": "<-  220 mx\n -> EHLO a\n<~  250 mx\n=== TLS started\n ~> QUIT\n",
    "curl": "* Connected\n< 220 mx\n> EHLO a\n< 250 mx\n> QUIT\n",
    "msmtp": "<-- 220 mx\n--> EHLO a\n<-- 250 mx\n--> QUIT\n",
    "a server's log": "=> 220 mx\n<= EHLO a\n=> 250 mx\n<= QUIT\n",
    "another server's": "--> 220 mx\n<-- EHLO a\n--> 250 mx\n<-- QUIT\n",
}


class TranscriptTests(SynchronousTestCase):
    """The forms of text."""

    def test_forms(self) -> None:
        """Each form is read as the same session, whichever side has written it."""
        for form, text in FORMS.items():
            session = read_transcript(text)
            self.assertEqual(
                [(one.by_client, one.text) for one in session.lines],
                [(False, "220 mx"), (True, "EHLO a"), (False, "250 mx"), (True, "QUIT")],
                form,
            )

    def test_notes(self) -> None:
        """Notes of the recording program are kept apart."""
        self.assertEqual(read_transcript(FORMS["irsend"]).notes, ("TLS 1.2 X",))
        self.assertEqual(read_transcript(FORMS["swaks, TLS"]).notes, ("TLS started",))

    def test_line_ends(self) -> None:
        r"""A \n at the end of a line shows a bare LF, \r\n the standard's end, and nothing nothing."""
        session = read_transcript("S: 220 a\nC: NOOP\\n\nC: NOOP\\r\\n\nC: NOOP\nC:\n")
        self.assertEqual(
            session.lines[1:],
            (
                Said(True, "NOOP", "\n"),
                Said(True, "NOOP", "\r\n"),
                Said(True, "NOOP"),
                Said(True, ""),
            ),
        )

    def test_none(self) -> None:
        """A file without a greeting is refused with the forms that are allowed."""
        for text in ("", "hello\n", "S: +OK ready\nC: CAPA\n", "\0\xff\n"):
            said = str(self.assertRaises(NoSession, read_transcript, text))
            self.assertIn("no line of a server's begins with 220; allowed: ", said)

    @given(st.text())
    def test_anything(self, text: str) -> None:
        """Any text is read or refused."""
        try:
            self.assertIsInstance(read_transcript(text), RecordedSession)
        except NoSession:
            return


class OctetTests(SynchronousTestCase):
    """Octets of a connection."""

    @given(st.lists(st.integers(1, 6)))
    def test_any_split(self, sizes: list[int]) -> None:
        """However the octets were split into segments, the lines and their ends are the same."""
        spoken = [(False, b"220 a\r\n"), (True, b"EHLO b\n"), (False, b"250 a\r\n")]
        segments = []
        for by_client, octets in spoken:
            rest = octets
            for size in sizes:
                segments.append((by_client, rest[:size]))
                rest = rest[size:]
            segments.append((by_client, rest))
        self.assertEqual(
            session_of(segments).lines,
            (
                Said(False, "220 a", "\r\n"),
                Said(True, "EHLO b", "\n"),
                Said(False, "250 a", "\r\n"),
            ),
        )
