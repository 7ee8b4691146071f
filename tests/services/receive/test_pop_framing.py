"""Receiving by POP from servers that break the protocol: which mails are whole, and which are kept."""

from __future__ import annotations

from irsend.device.jobs import Job
from irsend.device.sessions import Session
from tests.parts import mails_in
from tests.services.maildrop import Maildrop, PollingCase

_MAIL = b"Subject: hello\r\n\r\ntext\r\n"
_REST = b"".join(b"%03d: the second half of the mail\r\n" % line for line in range(200))
_UNSTUFFED = b"Subject: whole\r\n\r\nthe first half\r\n.\r\n" + _REST
"""The maildrop gives it as it is, as a server that does not stuff dots does."""


class FramingTests(PollingCase):
    """What comes behind the end mark of a mail decides whether the machine has it whole."""

    def jobs(self) -> list[Job]:
        """Return the jobs, newest first."""
        return self.successResultOf(self.parts.journal.jobs(99))

    def remembered(self) -> set[str]:
        """Return the marks of the mails that count as fetched."""
        self.successResultOf(self.parts.journal.flush())
        rows = self.parts.journal.query(
            lambda db: {mark for (mark,) in db.execute("SELECT mark FROM fetched")}
        )
        return self.successResultOf(rows)

    def assert_nothing_kept(self, drop: Maildrop, session: Session) -> None:
        """Assert that the mail is neither printed nor remembered, and is still on the server."""
        self.assertEqual((session.result, session.code, session.messages), ("NG", "#810", 0))
        self.assertEqual(mails_in(self.parts), [])
        self.assertEqual(self.parts.memory.used, 0)
        self.assertEqual([job.result for job in self.jobs() if job.mail_file], [])
        self.assertEqual(self.remembered(), set())
        self.assertIn(b"one", drop.messages)

    def test_dots_not_stuffed(self) -> None:
        """Of a mail that its server ends early and goes on with, nothing is kept, at each poll."""
        drop = Maildrop({b"one": _UNSTUFFED})
        self.start_polling(drop)
        for _ in range(3):
            session = self.receive(drop)
            self.assert_nothing_kept(drop, session)
            self.assertIn(
                "message 1 stays on the server, since it is not whole", session.reason
            )

    def test_dots_not_stuffed_and_size_not_known(self) -> None:
        """The same holds where LIST says a size that tells nothing."""
        drop = Maildrop({b"one": _UNSTUFFED})
        drop.sizes[b"one"] = 1
        self.start_polling(drop)
        for _ in range(2):
            self.assert_nothing_kept(drop, self.receive(drop))

    def test_rest_like_a_reply(self) -> None:
        """A mail far shorter than LIST said is not whole where one reply seems to follow it."""
        drop = Maildrop({b"one": b"Subject: x\r\n\r\nhalf\r\n.\r\n+OK so he said\r\n" + _REST})
        self.start_polling(drop)
        self.assert_nothing_kept(drop, self.receive(drop))

    def test_rest_without_a_line_end(self) -> None:
        """Octets that never become a line are no reply: the mail before them is not kept."""
        drop = Maildrop({b"one": _MAIL})
        self.start_polling(drop)
        drop.silent_to = b"RETR"
        answer = self.poller.receive()
        drop.serve()
        assert drop.wire is not None
        drop.wire.deliver(b"+OK\r\n" + drop.messages[b"one"] + b".\r\nthe rest of it")
        drop.wire.taken()
        drop.wire.lose()
        self.assert_nothing_kept(drop, self.successResultOf(answer))

    def test_rest_comes_later(self) -> None:
        """Also where the rest comes only when the mail is synced and DELE is given."""
        drop = Maildrop({b"one": _MAIL})
        self.start_polling(drop)
        drop.silent_to = b"DELE"
        answer = self.poller.receive()
        drop.serve()
        self.assertEqual(drop.count(b"DELE"), 1)
        assert drop.wire is not None
        drop.wire.deliver(b"the rest of it\r\n.\r\n")
        drop.wire.taken()
        self.assert_nothing_kept(drop, self.successResultOf(answer))

    def test_mended_server(self) -> None:
        """When the server sends the mail whole, it is fetched once and deleted."""
        drop = Maildrop({b"one": _UNSTUFFED})
        self.start_polling(drop)
        self.assert_nothing_kept(drop, self.receive(drop))
        drop.messages[b"one"] = _UNSTUFFED.replace(b"\r\n.", b"\r\n..")
        session = self.receive(drop)
        self.assertEqual((session.result, session.messages), ("OK", 1))
        (mail,) = mails_in(self.parts)
        self.assertTrue(mail.endswith(_UNSTUFFED))
        self.assertEqual(drop.messages, {})

    def test_others_are_fetched(self) -> None:
        """A mail that breaks the session off holds up no other mail for more than one session."""
        for capabilities in ([b"UIDL"], [b"UIDL", b"PIPELINING"]):
            drop = Maildrop({b"0": _MAIL, b"one": _UNSTUFFED, b"2": _MAIL, b"3": _MAIL})
            drop.capabilities = capabilities
            self.start_polling(drop)
            session = self.receive(drop)
            self.assertEqual((session.result, session.messages), ("NG", 1))
            for _ in range(4):
                self.receive(drop)
            self.assertEqual(list(drop.messages), [b"one"])
            self.assertEqual(len(mails_in(self.parts)), 3)
            self.assertEqual(len([job for job in self.jobs() if job.mail_file]), 3)

    def test_harmless_lies(self) -> None:
        """A mail of another size than LIST said is whole where a reply follows it."""
        for size in (1, 30, 10_000):
            drop = Maildrop({b"one": _MAIL})
            drop.sizes[b"one"] = size
            self.start_polling(drop)
            session = self.receive(drop)
            self.assertEqual((session.result, session.messages), ("OK", 1), size)
            self.assertEqual(drop.messages, {})

    def test_lost_behind_the_mail(self) -> None:
        """A connection that is lost behind the end mark leaves the mail whole; it is fetched once."""
        drop = Maildrop({b"one": _MAIL})
        self.start_polling(drop)
        drop.silent_to = b"DELE"
        answer = self.poller.receive()
        drop.serve()
        assert drop.wire is not None
        drop.wire.lose()
        self.assertEqual(self.successResultOf(answer).messages, 1)
        drop.silent_to = b""
        self.assertEqual(self.receive(drop).messages, 0)
        self.assertEqual((len(mails_in(self.parts)), drop.messages), (1, {}))

    def test_without_uidl(self) -> None:
        """One mail that is too large leaves the others where the server has no UIDL."""
        drop = Maildrop({b"1": b"x" * 1_500_000 + b"\r\n", b"2": _MAIL})
        drop.refused_commands = {b"UIDL"}
        drop.sizes[b"1"] = 10
        self.start_polling(drop)
        self.parts.configure("limits", message_size=1)
        self.receive(drop)
        self.assertEqual(self.receive(drop).messages, 1)
        self.assertEqual(list(drop.messages), [b"1"])

    def test_not_forgotten_before_quit(self) -> None:
        """A mail whose DELE no QUIT confirmed, since memory was full, is not fetched again."""
        drop = Maildrop({b"1": _MAIL, b"2": b"x" * 20_000 + b"\r\n"})
        drop.sizes[b"2"] = 10
        self.start_polling(drop)
        self.parts.capacity = 10_000
        self.assertIn("full", self.receive(drop).reason)
        self.assertEqual(len(drop.messages), 2)
        self.receive(drop)
        self.assertEqual((drop.count(b"RETR"), len(mails_in(self.parts))), (3, 1))
