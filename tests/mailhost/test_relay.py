"""The mail host's relay: whose mail it takes, and where it keeps it."""

from __future__ import annotations

import base64
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial import unittest
from zope.interface.verify import verifyObject

from irsend.interfaces import IMailReceiver, IMessageSink, IReception
from irsend.mailhost.queue import Queue
from irsend.mailhost.relay import Copies, Relay, RelayReception
from irsend.store.group_commit import GroupCommit
from tests.mailhost.hosts import StandInMachine, mails_in, make_maildirs
from tests.parts import AT, at_once, server_tls
from tests.wire import Wire, old_tls


class RelayTests(unittest.TestCase):
    """Sessions with the relay; the queue does not run."""

    def setUp(self) -> None:
        self.accounts, self.maildirs = make_maildirs(self)
        self.clock = Clock()
        self.gone: list[Any] = []
        machine = StandInMachine()
        verifyObject(IMailReceiver, machine)
        self.queue = Queue(
            self.maildirs, self.accounts, machine, self.clock, lambda: AT, at_once
        )
        self.relay = Relay(
            host=b"localhost",
            accounts=self.accounts,
            maildirs=self.maildirs,
            queue=self.queue,
            machine=machine,
            tls=server_tls,
            clock=self.clock,
            now=lambda: AT,
        )
        self.wire = Wire(self.relay.session(self.gone.append))
        self.wire.connect()
        self.wire.taken()

    def say(self, *lines: bytes) -> list[bytes]:
        self.wire.deliver(b"".join(line + b"\r\n" for line in lines))
        return self.wire.taken().split(b"\r\n")[:-1]

    def send(self, *recipients: bytes, sender: bytes = b"x@y.test") -> bytes:
        self.say(b"EHLO me", b"MAIL FROM:<" + sender + b">")
        self.say(*(b"RCPT TO:<" + recipient + b">" for recipient in recipients), b"DATA")
        return self.say(b"Subject: hello", b"", b"..dot", b".")[-1]

    def in_account(self, account: str) -> list[bytes]:
        return mails_in(self.maildirs.of_account(account))

    def test_interfaces(self) -> None:
        """RelayReception provides IReception, and Copies IMessageSink."""
        verifyObject(IReception, RelayReception(self.relay, "192.0.2.1", lambda: None))
        verifyObject(IMessageSink, Copies([]))

    def test_for_an_account(self) -> None:
        """Mail for an account, in whatever case, is in its Maildir with its envelope and trace."""
        self.assertEqual(self.send(b"IR@Bench.Test"), b"250 2.6.0 Message accepted")
        mail = self.in_account("ir@bench.test")[0]
        self.assertTrue(
            mail.startswith(
                b"Return-Path: <x@y.test>\r\nDelivered-To: IR@Bench.Test\r\n"
                b"Received: from me ([192.0.2.7])\r\n\tby localhost with ESMTP;\r\n"
            )
        )
        self.assertTrue(mail.endswith(b"\r\nSubject: hello\r\n\r\n.dot\r\n"))
        self.assertEqual(mails_in(self.maildirs.queue), [])

    def test_for_several(self) -> None:
        """Mail for two accounts and the machine is with each, and names only its own recipients."""
        self.send(
            b"ir@bench.test", b"p1@machine.test", b"second@bench.test", b"p2@machine.test"
        )
        self.assertIn(
            b"Delivered-To: ir@bench.test\r\nRec", self.in_account("ir@bench.test")[0]
        )
        self.assertIn(
            b"Delivered-To: second@bench.test\r\nRec", self.in_account("second@bench.test")[0]
        )
        (queued,) = mails_in(self.maildirs.queue)
        self.assertIn(
            b"\r\nDelivered-To: p1@machine.test\r\nDelivered-To: p2@machine.test\r\nRec", queued
        )
        self.assertEqual(self.queue.pending, 1)

    def test_twice_the_same(self) -> None:
        """A recipient who is named twice has one copy."""
        self.send(b"ir@bench.test", b"IR@bench.test")
        self.assertEqual(len(self.in_account("ir@bench.test")), 1)

    def test_relaying(self) -> None:
        """Mail for anybody else is refused, from strangers and from those who are logged in."""
        self.say(b"EHLO me")
        for login in (False, True):
            with self.subTest(login=login):
                if login:
                    plain = base64.b64encode(b"\0ir@bench.test\0bench")
                    self.assertIn(b"235 ", self.say(b"AUTH PLAIN " + plain)[0])
                self.say(b"MAIL FROM:<ir@bench.test>")
                answer = self.say(b"RCPT TO:<x@example.com>")[0]
                self.assertTrue(answer.startswith(b"550 5.7.1 Relay refused"))
                self.assertIn(b"not on the Internet", answer)
                self.say(b"RSET")

    def test_login(self) -> None:
        """Each mechanism logs in with the right password, and with no other."""
        self.assertIn(
            b"250 AUTH SCRAM-SHA-256 DIGEST-MD5 CRAM-MD5 LOGIN PLAIN", self.say(b"EHLO me")
        )
        encode = base64.b64encode
        self.assertIn(b"535 ", self.say(b"AUTH PLAIN " + encode(b"\0ir@bench.test\0x"))[0])
        self.assertEqual(self.say(b"AUTH LOGIN")[0], b"334 " + encode(b"Username:"))
        self.say(encode(b"ir@bench.test"))
        self.assertIn(b"235 ", self.say(encode(b"bench"))[0])

    def test_starttls(self) -> None:
        """Behind STARTTLS the trace names what was negotiated."""
        self.say(b"EHLO me")
        self.say(b"STARTTLS")
        self.assertTrue(self.wire.peer_begins_tls(old_tls()))
        self.send(b"ir@bench.test")
        self.assertIn(
            b"\tby localhost with ESMTPS (TLS 1.", self.in_account("ir@bench.test")[0]
        )

    def test_all_copies_or_no_250(self) -> None:
        """The 250 waits for the slowest copy, and does not come when one cannot be kept."""
        waiting: list[Deferred[Any]] = []

        def later(_work: Any) -> Deferred[Any]:
            waiting.append(Deferred())
            return waiting[-1]

        errors: list[str] = []
        self.maildirs.queue._commits = GroupCommit(
            later, lambda error, _: errors.append(str(error))
        )
        self.say(b"EHLO me", b"MAIL FROM:<>", b"RCPT TO:<ir@bench.test>")
        self.say(b"RCPT TO:<p@machine.test>", b"DATA")
        self.assertEqual(self.say(b"x", b"."), [])
        waiting[0].errback(OSError("the disk is gone"))
        self.assertIn(b"451 ", self.say()[0])
        self.assertEqual(errors, ["the disk is gone"])

    def test_no_room(self) -> None:
        """A Maildir that is full refuses the whole mail, and keeps no copy of it."""
        self.maildirs.queue._capacity = lambda: 5
        self.say(b"EHLO me", b"MAIL FROM:<>", b"RCPT TO:<ir@bench.test>")
        self.say(b"RCPT TO:<p@machine.test>", b"DATA")
        self.assertIn(b"452 ", self.say(b"x", b".")[0])
        self.assertEqual(self.in_account("ir@bench.test"), [])
        self.assertEqual(self.maildirs.of_account("ir@bench.test").used, 0)

    def test_gone(self) -> None:
        """A session that is closed is forgotten."""
        self.say(b"QUIT")
        self.assertEqual(len(self.gone), 1)
