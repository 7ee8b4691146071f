"""Where the mail host keeps mail, and what a maildrop shows of it."""

from __future__ import annotations

import io
import stat

from twisted.mail.interfaces import IMailboxPOP3
from twisted.trial import unittest
from zope.interface.verify import verifyObject

from irsend.interfaces import Envelope, Mailbox
from irsend.mailhost.maildirs import Maildirs, read_envelope
from irsend.mailhost.maildrop import Maildrop, Maildrops
from irsend.message.trace import smtp_trace
from irsend.protocols.pop3_server import MaildropInUse
from irsend.store.group_commit import GroupCommit
from tests.mailhost.hosts import make_maildirs, put
from tests.parts import AT, at_once

POSTMASTER = Mailbox(b"postmaster", b"")


class MaildirsTests(unittest.TestCase):
    """The directories."""

    def test_directories(self) -> None:
        """Each account has a Maildir that only the mail host's user can read."""
        _accounts, maildirs = make_maildirs(self)
        maildir = maildirs.of_account("second@bench.test").directory
        self.assertEqual(maildir.name, "second@bench.test")
        self.assertEqual({part.name for part in maildir.iterdir()}, {"tmp", "new", "cur"})
        self.assertEqual(stat.S_IMODE(maildir.stat().st_mode), 0o700)

    def test_no_way_out(self) -> None:
        """A slash in an address makes no other directory."""
        _accounts, of_others = make_maildirs(self)
        directory = of_others.queue.directory.parent / "sub"
        directory.mkdir()
        maildirs = Maildirs(directory, ["../x@y.test"], GroupCommit(at_once), lambda: AT)
        maildirs.open_directories()
        self.assertEqual(maildirs.of_account("../x@y.test").directory.parent, directory)
        self.assertEqual(maildirs.of_account("../x@y.test").directory.name, "..%2Fx@y.test")

    def test_envelope(self) -> None:
        """The envelope is read, and the next read follows it."""
        recipients = (Mailbox(b"p", b"m.test"), Mailbox(b"x y", b"[192.0.2.1]"), POSTMASTER)
        for sender in (None, Mailbox(b"a", b"b.test"), Mailbox(b'a"> \\b', b"c.test")):
            with self.subTest(sender=sender):
                trace = smtp_trace(
                    Envelope(
                        sender=sender, recipients=recipients, helo=b"me", protocol=b"SMTP"
                    ),
                    peer="192.0.2.1",
                    host=b"localhost",
                    at=AT,
                )
                mail = io.BytesIO(trace + b"Delivered-To: forged@m.test\r\n")
                self.assertEqual(read_envelope(mail), (sender, list(recipients)))
                self.assertTrue(mail.read().startswith(b"Received: from me"))

    def test_no_envelope(self) -> None:
        """A mail that does not begin with an envelope has none, and neither has one without a recipient."""
        self.assertIsNone(read_envelope(io.BytesIO(b"Subject: x\r\n\r\n")))
        self.assertIsNone(read_envelope(io.BytesIO(b"Return-Path: <>\r\n\r\n")))
        self.assertIsNone(read_envelope(io.BytesIO(b"")))
        self.assertIsNone(read_envelope(io.BytesIO(b"Return-Path: <x\r\nDelivered-To: y\r\n")))


class MaildropTests(unittest.TestCase):
    """The maildrop of POP3."""

    def setUp(self) -> None:
        _accounts, self.maildirs = make_maildirs(self)
        self.memory = self.maildirs.of_account("ir@bench.test")
        self.names = [put(self.memory, b"Subject: %d\r\n" % number) for number in range(3)]

    def test_interface(self) -> None:
        """Maildrop provides Twisted's IMailboxPOP3."""
        verifyObject(IMailboxPOP3, Maildrop(self.memory))

    def test_contents(self) -> None:
        """Size, content and unique name are those of the file, oldest first."""
        maildrop = Maildrop(self.memory)
        with maildrop.getMessage(0) as mail:
            content = mail.read()
        self.assertEqual(content, b"Return-Path: <>\r\nSubject: 0\r\n")
        self.assertEqual(maildrop.listMessages(), [len(content)] * 3)
        self.assertEqual(maildrop.getUidl(0), self.names[0].encode())
        self.assertEqual(len({maildrop.getUidl(index) for index in range(3)}), 3)
        for wrong in (-1, 3):
            self.assertRaises(ValueError, maildrop.listMessages, wrong)

    def test_what_comes_meanwhile(self) -> None:
        """A mail that arrives during a session is not in it."""
        maildrop = Maildrop(self.memory)
        put(self.memory, b"x\r\n")
        self.assertEqual(len(maildrop.listMessages()), 3)
        self.assertEqual(len(Maildrop(self.memory).listMessages()), 4)

    def test_deletion(self) -> None:
        """A marked mail is there until `sync`, and deleted by it."""
        maildrop = Maildrop(self.memory)
        maildrop.deleteMessage(1)
        self.assertRaises(ValueError, maildrop.deleteMessage, 1)
        self.assertEqual(maildrop.listMessages(1), 0)
        self.assertEqual(len(self.memory.names()), 3)
        maildrop.undeleteMessages()
        maildrop.deleteMessage(2)
        maildrop.sync()
        self.assertEqual(self.memory.names(), self.names[:2])
        self.assertIsNone(self.memory.path(self.names[2]))

    def test_mail_tools(self) -> None:
        """A mail that a mail tool has read is still there; one that it has deleted is not listed."""
        for name in self.names[:2]:
            path = self.memory.path(name)
            assert path is not None
            path.rename(self.memory.directory / "cur" / (name + ":2,S"))
        (self.memory.directory / "cur" / (self.names[1] + ":2,S")).unlink()
        maildrop = Maildrop(self.memory)
        self.assertEqual(
            [maildrop.getUidl(index) for index in range(len(maildrop.listMessages()))],
            [self.names[0].encode(), self.names[2].encode()],
        )

    def test_one_session_at_a_time(self) -> None:
        """A maildrop in use is refused to others until it is released; other maildrops are not."""
        realm = Maildrops(self.maildirs)
        _, _, let_go = realm.requestAvatar(b"ir@bench.test", None, IMailboxPOP3)
        self.assertRaises(
            MaildropInUse, realm.requestAvatar, b"ir@bench.test", None, IMailboxPOP3
        )
        realm.requestAvatar(b"second@bench.test", None, IMailboxPOP3)
        let_go()
        realm.requestAvatar(b"ir@bench.test", None, IMailboxPOP3)
