"""A POP reception that leaves mails on the server says how many and why, once for each mail."""

from __future__ import annotations

from irsend.device.jobs import Job
from irsend.device.sessions import Session
from irsend.panel import serializers
from tests.services.maildrop import Maildrop, PollingCase

_MAIL = b"Subject: hello\r\n\r\ntext\r\n"
_LARGE = "larger than the machine takes (1 MB)"


class LeftMailsTests(PollingCase):
    """What session, job and answer say."""

    def start_with(self, drop: Maildrop, *too_large: bytes) -> None:
        """Poll this maildrop, of which LIST says that these mails are too large."""
        drop.sizes |= dict.fromkeys(too_large, 2_000_000)
        self.start_polling(drop)
        self.parts.configure("limits", message_size=1)

    def failed_jobs(self) -> list[Job]:
        """Return the jobs without a mail."""
        jobs: list[Job] = self.successResultOf(self.parts.journal.jobs(99))
        return [job for job in jobs if job.result == "NG"]

    def assert_says(self, session: Session, words: str) -> None:
        """Assert that session, answer and last job have this reason."""
        self.assertEqual((session.result, session.reason), ("NG", words))
        self.assertEqual(serializers.reception(session)["reason"], words)
        job = self.failed_jobs()[0]
        self.assertEqual((job.reason, job.sessions), (words, (session.id,)))

    def test_too_large(self) -> None:
        """Two mails that LIST calls too large make the reception NG, with their number and the limit."""
        drop = Maildrop({b"1": _MAIL, b"2": _MAIL, b"3": _MAIL})
        self.start_with(drop, b"1", b"3")
        session = self.receive(drop)
        self.assertEqual(session.messages, 1)
        self.assert_says(session, f"2 mails stay on the server: {_LARGE}")
        self.assertEqual(list(drop.messages), [b"1", b"3"])

    def test_once_for_each_mail(self) -> None:
        """Later receptions are OK and have no job, until another mail is left."""
        drop = Maildrop({b"1": _MAIL})
        self.start_with(drop, b"1")
        self.receive(drop)
        for _ in range(3):
            self.assertEqual(self.receive(drop).result, "OK")
        self.assertEqual(len(self.failed_jobs()), 1)
        drop.messages[b"2"] = _MAIL
        drop.sizes[b"2"] = 3_000_000
        self.assert_says(self.receive(drop), f"1 mail stays on the server: {_LARGE}")
        self.assertEqual(len(self.failed_jobs()), 2)

    def test_again_when_it_comes_again(self) -> None:
        """A mail that was taken from the server and comes again is reported again."""
        drop = Maildrop({b"1": _MAIL})
        self.start_with(drop, b"1")
        self.receive(drop)
        del drop.messages[b"1"]
        self.receive(drop)
        drop.messages[b"1"] = _MAIL
        self.assert_says(self.receive(drop), f"1 mail stays on the server: {_LARGE}")

    def test_without_uidl(self) -> None:
        """Without UIDL mails are told apart by their sizes."""
        drop = Maildrop({b"1": _MAIL, b"2": _MAIL, b"3": _MAIL})
        drop.refused_commands = {b"UIDL"}
        self.start_with(drop, b"1", b"2")
        self.assert_says(self.receive(drop), f"2 mails stay on the server: {_LARGE}")
        self.assertEqual(self.receive(drop).result, "OK")

    def test_broken_off(self) -> None:
        """A mail that broke a session off, and is passed over for the others, is reported."""
        drop = Maildrop({b"1": _MAIL, b"2": b"Subject: x\r\n\r\n\r\n.\r\nrest\r\n"})
        self.start_polling(drop)
        self.assertEqual(self.receive(drop).code, "#810")
        session = self.receive(drop)
        self.assert_says(
            session,
            "1 mail stays on the server: reception broke off before; the next session tries again",
        )

    def test_refused(self) -> None:
        """Of mails that the server refuses, the reason names the first and counts the others."""
        drop = Maildrop({b"1": _MAIL, b"2": _MAIL})
        drop.refused_commands = {b"RETR"}
        self.start_polling(drop)
        self.assert_says(
            self.receive(drop), "the server refused: message 1: unknown command (and 1 more)"
        )

    def test_two_reasons(self) -> None:
        """Mails that are left for two reasons make one reception with both."""
        drop = Maildrop({b"1": _MAIL, b"2": _MAIL})
        drop.refused = b"2"
        self.start_with(drop, b"1")
        self.assert_says(
            self.receive(drop),
            "the server refused: message 2: cannot be read; "
            f"1 mail stays on the server: {_LARGE}",
        )

    def test_memory_full(self) -> None:
        """Where memory has no room for the next mails, the reason has how many they are."""
        drop = Maildrop({b"1": _MAIL, b"2": _MAIL, b"3": _MAIL})
        drop.sizes |= dict.fromkeys((b"2", b"3"), 500_000)
        self.start_with(drop)
        self.parts.capacity = 400_000
        self.assert_says(
            self.receive(drop),
            "the memory is full: no further mail is fetched (2 on the server)",
        )
