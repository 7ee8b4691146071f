"""Assertions about transcripts, and how their failures show them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from irsend.testing.transcript_assertions import assert_not_said, assert_said

FIRST = "session 1: smtp-receive with 192.0.2.1, OK\nC: ehlo a\nS: 250 SIZE\nC: mail FROM:<>"
SECOND = "session 2: smtp-receive with 192.0.2.1, OK\nC: HELO a\nS: 250 b\nC: QUIT"


class AssertSaidTests(SynchronousTestCase):
    """`assert_said` and `assert_not_said`."""

    def failure(self, *said: str) -> str:
        """Return how `assert_said` fails."""
        return str(self.assertRaises(AssertionError, assert_said, [FIRST, SECOND], *said))

    def test_said(self) -> None:
        """A text in any line of any session was said, in capitals or small letters."""
        assert_said([FIRST, SECOND], "C: EHLO a")
        assert_said([FIRST, SECOND], "quit")

    def test_in_order(self) -> None:
        """Several texts must be in one session, in this order, and not in one line."""
        assert_said([FIRST, SECOND], "C: EHLO", "250", "MAIL from")
        for said in (("MAIL", "EHLO"), ("EHLO", "QUIT"), ("QUIT", "C: QUIT")):
            self.failure(*said)

    def test_nearest_line(self) -> None:
        """What was not said at all is shown with the line that is most like it."""
        self.assertEqual(
            self.failure("C: HELO b"),
            "'C: HELO b' was not said; the line most like it is marked.\n\n"
            "  session 1: smtp-receive with 192.0.2.1, OK\n  C: ehlo a\n  S: 250 SIZE\n"
            "  C: mail FROM:<>\n\n"
            "  session 2: smtp-receive with 192.0.2.1, OK\n> C: HELO a\n  S: 250 b\n  C: QUIT",
        )

    def test_no_line_is_near(self) -> None:
        """Where no line is like it none is marked."""
        failure = self.failure("-- TLS 1.2")
        self.assertTrue(
            failure.startswith("'-- TLS 1.2' was not said.\n\n  session 1"), failure
        )
        self.assertNotIn("\n> ", failure)

    def test_marks_what_was_found(self) -> None:
        """Of several texts those that were said are marked, in the session that has most of them."""
        failure = self.failure("C: helo", "S: 250", "C: MAIL")
        self.assertIn("'C: MAIL' was not said after 'S: 250'.\n", failure)
        marked = [line for line in failure.splitlines() if line.startswith("> ")]
        self.assertEqual(marked, ["> C: HELO a", "> S: 250 b"])

    def test_no_session(self) -> None:
        """Without a session there is nothing to show."""
        error = self.assertRaises(AssertionError, assert_said, [], "C: EHLO")
        self.assertEqual(str(error), "'C: EHLO' was not said: there was no session.")

    def test_not_said(self) -> None:
        """A text that no line has was not said; each line that has one is marked."""
        assert_not_said([FIRST, SECOND], "AUTH", "STARTTLS")
        assert_not_said([], "AUTH")
        error = self.assertRaises(
            AssertionError, assert_not_said, [FIRST, SECOND], "AUTH", "s: 250", "quit"
        )
        self.assertTrue(str(error).startswith("'s: 250' and 'quit' was said.\n\n"))
        marked = [line for line in str(error).splitlines() if line.startswith("> ")]
        self.assertEqual(marked, ["> S: 250 SIZE", "> S: 250 b", "> C: QUIT"])

    def test_nothing_asked(self) -> None:
        """No text, and an empty one, is refused: it would always hold."""
        for said in ((), ("",), (250,)):
            for function in (assert_said, assert_not_said):
                error = self.assertRaises(ValueError, function, [FIRST], *said)
                self.assertIn("allowed: texts such as", str(error))
