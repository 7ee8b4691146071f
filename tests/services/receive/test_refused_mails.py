"""The job of a mail that was refused by SMTP: its sender, and the reason that its session has."""

from __future__ import annotations

from pathlib import Path

from twisted.trial import unittest

from irsend.device.jobs import Job
from irsend.device.sessions import Session
from tests.parts import Parts, make_parts
from tests.wire import Wire

_HELLO = b"EHLO scanner.bench.test\r\n"
_MAIL = b"MAIL FROM:<a@bench.test>\r\n"
_RCPT = b"RCPT TO:<ir@ir2270.bench.test>\r\n"


class RefusedMailTests(unittest.SynchronousTestCase):
    """One conversation each, with a machine of its own."""

    def refused(self, *said: bytes, capacity: int = 10_000_000, **settings: object) -> Job:
        """Say this to a machine and vanish; return the job, whose reason is its session's."""
        given: dict[str, object] = {"email_ifax.smtp_receive": True}
        given |= {name.replace("__", "."): value for name, value in settings.items()}
        self.parts: Parts = make_parts(
            Path(self.mktemp()), settings=given, capacity=capacity, message_size=1
        )
        wire = Wire(self.parts.smtp_listener()._session())
        wire.connect()
        for one in said:
            wire.deliver(one)
        wire.taken()
        wire.lose()
        (job,) = self.successResultOf(self.parts.journal.jobs(9))
        (session,) = self.successResultOf(self.parts.journal.sessions(9))
        assert isinstance(job, Job)
        assert isinstance(session, Session)
        self.assertEqual((job.result, session.result), ("NG", "NG"))
        self.assertEqual((job.reason, job.sessions), (session.reason, (session.id,)))
        return job

    def assert_refused(self, words: str, *said: bytes, **given: object) -> None:
        """Assert that the job has the sender of MAIL, and a reason with these words."""
        job = self.refused(*said, **given)  # type: ignore[arg-type]
        self.assertEqual(job.party, "a@bench.test")
        self.assertIn(words, job.reason)

    def test_plain_text(self) -> None:
        """Mail in plain text where TLS must be used: the sender is MAIL's, not the peer's address."""
        self.assert_refused(
            "plain text",
            _HELLO,
            _MAIL,
            authent_encryption__allow_ssl_smtp_receive="ssl",
        )

    def test_announced_size(self) -> None:
        """A mail whose SIZE is too large is refused before anything else of it is asked."""
        large = b"MAIL FROM:<a@bench.test> SIZE=2000000\r\n"
        self.assert_refused("exceeds", _HELLO, large, b"QUIT\r\n")

    def test_size(self) -> None:
        """A mail that turns out too large."""
        content = (b"x" * 98 + b"\r\n") * 11_000
        self.assert_refused(
            "exceeds", _HELLO, _MAIL, _RCPT, b"DATA\r\n", content, b".\r\n", b"QUIT\r\n"
        )

    def test_memory(self) -> None:
        """A mail for which memory has no room."""
        self.assert_refused("memory", _HELLO, _MAIL, b"QUIT\r\n", capacity=0)

    def test_recipient(self) -> None:
        """A mail for somebody else."""
        self.assert_refused(
            "does not relay", _HELLO, _MAIL, b"RCPT TO:<b@elsewhere.test>\r\n", b"QUIT\r\n"
        )

    def test_parameter(self) -> None:
        """A mail with a parameter that was not announced."""
        self.assert_refused("FOO", _HELLO, b"MAIL FROM:<a@bench.test> FOO=1\r\n", b"QUIT\r\n")

    def test_recipient_grammar(self) -> None:
        """A mail whose recipient is no address."""
        self.assert_refused("Syntax error", _HELLO, _MAIL, b"RCPT TO:ir 1\r\n", b"QUIT\r\n")

    def test_lost(self) -> None:
        """A mail that was being received when the connection was lost."""
        self.assert_refused("lost", _HELLO, _MAIL, _RCPT, b"DATA\r\n", b"Subject: x\r\n")

    def test_sender_grammar(self) -> None:
        """A sender that cannot be read leaves the peer's address; the reason says what is wrong."""
        job = self.refused(_HELLO, b"MAIL FROM:<a@>\r\n", b"QUIT\r\n")
        self.assertEqual(job.party, "192.0.2.7")
        self.assertIn("Syntax error", job.reason)
