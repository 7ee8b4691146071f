"""The queue for the machine: delivery, retries, and mail that the machine refuses."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial import unittest

from irsend.mailhost.queue import PAUSES, Queue
from tests.mailhost.hosts import StandInMachine, mails_in, make_maildirs, put
from tests.parts import AT, at_once, server_tls
from tests.wire import PullWire

TRACE = b"Return-Path: <ir@bench.test>\r\nDelivered-To: p@machine.test\r\n"
MAIL = b"Received: from me\r\nSubject: hello\r\n\r\nbody\r\n"


class QueueTests(unittest.TestCase):
    """The queue against a machine whose part the test plays."""

    def setUp(self) -> None:
        self.accounts, self.maildirs = make_maildirs(self)
        self.reactor: Any = MemoryReactorClock()
        self.machine = StandInMachine()
        self.make_queue()

    def make_queue(self) -> None:
        self.queue = Queue(
            self.maildirs, self.accounts, self.machine, self.reactor, lambda: AT, at_once
        )

    def put(self, trace: bytes = TRACE) -> str:
        return put(self.maildirs.queue, MAIL, trace=trace)

    def start(self, trace: bytes = TRACE) -> None:
        """Start with one mail in the queue, as far as the connection."""
        self.put(trace)
        self.queue.startService()
        self.reactor.advance(0)

    def connect(self) -> None:
        """Let the machine be reached, up to the answer to EHLO."""
        host, port, factory, _timeout, _bind = self.reactor.tcpClients[-1]
        self.assertEqual((host, port), ("127.0.0.1", 2525))
        self.wire = PullWire(
            factory.buildProtocol(IPv4Address("TCP", host, port)), protocol_is_client=True
        )
        self.wire.connect()
        self.say(b"220 machine\r\n")
        self.said = self.say(b"250 machine\r\n")

    def say(self, *answers: bytes) -> bytes:
        said = b""
        for answer in answers:
            self.wire.deliver(answer)
            said += self.wire.taken()
        return said

    def refuse_connection(self) -> None:
        factory = self.reactor.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(error.ConnectionRefusedError()))

    def pause(self) -> float:
        (call,) = self.reactor.getDelayedCalls()
        return float(call.getTime() - self.reactor.seconds())

    def undelivered(self) -> list[Path]:
        return list((self.maildirs.queue.directory.parent / "undelivered" / "new").iterdir())

    def test_handed_on(self) -> None:
        """The machine gets the envelope by SMTP, and the mail without the queue's own lines."""
        self.start()
        self.connect()
        self.assertEqual(self.said, b"MAIL FROM:<ir@bench.test>\r\n")
        said = self.say(b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n")
        self.assertEqual(said, b"RCPT TO:<p@machine.test>\r\nDATA\r\n" + MAIL + b".\r\n")
        self.assertEqual(len(self.maildirs.queue.names()), 1)
        self.assertEqual(self.say(b"250 taken\r\n"), b"QUIT\r\n")
        self.say(b"221 bye\r\n")
        self.assertEqual(self.maildirs.queue.names(), [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_starttls_where_offered(self) -> None:
        """STARTTLS is used where the machine offers it, down to TLS 1.0."""
        self.start()
        factory = self.reactor.tcpClients[-1][2]
        self.wire = PullWire(factory.buildProtocol(None), protocol_is_client=True)
        self.wire.connect()
        self.say(b"220 machine\r\n")
        self.assertEqual(self.say(b"250-machine\r\n250 STARTTLS\r\n"), b"STARTTLS\r\n")
        self.wire.deliver(b"220 go\r\n")
        old = server_tls("TLS 1.0", "TLS 1.0").context
        self.assertTrue(self.wire.peer_begins_tls(old, server=True))
        self.assertEqual(self.wire.taken(), b"EHLO localhost\r\n")
        self.wire.lose()
        self.assertEqual(self.queue.pending, 1)
        self.queue.stopService()

    def test_several_in_one_session(self) -> None:
        """Mails that wait go in one session, the oldest first."""
        self.put()
        self.start(TRACE.replace(b"p@", b"q@"))
        self.connect()
        self.say(b"250 OK\r\n")
        self.say(b"250 OK\r\n", b"354 go\r\n")
        self.assertEqual(self.say(b"250 taken\r\n"), b"MAIL FROM:<ir@bench.test>\r\n")
        self.assertEqual(self.say(b"250 OK\r\n"), b"RCPT TO:<q@machine.test>\r\n")
        self.say(b"250 OK\r\n", b"354 go\r\n", b"250 taken\r\n", b"221 bye\r\n")
        self.assertEqual(self.queue.pending, 0)

    def test_one_that_cannot_be_read(self) -> None:
        """A mail that cannot be read is tried again alone; those behind it are delivered."""
        broken = self.put()
        self.start(TRACE.replace(b"p@", b"q@"))
        path = self.maildirs.queue.path(broken)
        assert path is not None
        path.unlink()
        path.mkdir()
        self.connect()
        self.assertEqual(self.said, b"MAIL FROM:<ir@bench.test>\r\n")
        self.assertEqual(self.say(b"250 OK\r\n"), b"RCPT TO:<q@machine.test>\r\n")
        self.say(b"250 OK\r\n", b"354 go\r\n", b"250 taken\r\n", b"221 bye\r\n")
        self.assertEqual(self.queue.pending, 1)
        self.assertEqual(self.pause(), 1)
        self.queue.stopService()

    def test_undelivered_is_full(self) -> None:
        """Where undelivered/ is full a refused mail stays in the queue, which is bounded."""
        self.maildirs.undelivered._capacity = lambda: 10
        self.put(b"")
        self.queue.startService()
        self.reactor.advance(0)
        self.connect()
        self.assertEqual((self.undelivered(), self.queue.pending), ([], 1))
        self.queue.stopService()

    def test_growing_pauses(self) -> None:
        """A machine that is not there is tried after 1, 2, 5, 10, 30 and 60 s, and then every 60 s."""
        self.start()
        pauses = []
        for _ in range(8):
            self.refuse_connection()
            pauses.append(self.pause())
            self.reactor.advance(pauses[-1])
        self.assertEqual(pauses, [*PAUSES, 60, 60])
        self.assertEqual(len(self.maildirs.queue.names()), 1)
        self.refuse_connection()
        self.queue.stopService()

    def test_machine_that_does_not_listen(self) -> None:
        """While the machine takes no mail nothing connects to it, and it is tried again."""
        self.machine.address = None
        self.start()
        self.assertEqual(self.reactor.tcpClients, [])
        self.assertEqual(self.pause(), 1)
        self.machine.address = ("127.0.0.1", 2525)
        self.reactor.advance(1)
        self.assertEqual(len(self.reactor.tcpClients), 1)
        self.connect()
        self.queue.stopService()

    def test_memory_full(self) -> None:
        """A 452 leaves the mail in the queue, and it is tried again."""
        self.start()
        self.connect()
        self.assertEqual(self.say(b"452 Insufficient memory\r\n"), b"QUIT\r\n")
        self.say(b"221 bye\r\n")
        self.assertEqual(self.pause(), 1)
        self.reactor.advance(1)
        self.connect()
        self.say(b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n", b"250 taken\r\n", b"221 bye\r\n")
        self.assertEqual(self.maildirs.queue.names(), [])

    def test_lost_before_the_answer(self) -> None:
        """A connection lost before the machine's 250 leaves the mail in the queue."""
        self.start()
        self.connect()
        self.say(b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n")
        self.wire.lose()
        self.assertEqual(self.pause(), 1)
        self.assertEqual(len(self.maildirs.queue.names()), 1)
        self.queue.stopService()

    def test_only_who_has_it_not(self) -> None:
        """A recipient with a 250 is left out when the one with a 4xx is tried again."""
        self.start(TRACE + b"Delivered-To: q@machine.test\r\n")
        self.connect()
        self.say(
            b"250 OK\r\n", b"250 OK\r\n", b"450 later\r\n", b"354 go\r\n", b"250 taken\r\n"
        )
        self.say(b"221 bye\r\n")
        self.reactor.advance(1)
        self.connect()
        said = self.say(b"250 OK\r\n")
        self.assertEqual(said, b"RCPT TO:<q@machine.test>\r\n")
        self.say(b"250 OK\r\n", b"354 go\r\n", b"250 taken\r\n", b"221 bye\r\n")
        self.assertEqual(self.maildirs.queue.names(), [])
        self.assertEqual(mails_in(self.maildirs.of_account("ir@bench.test")), [])

    def test_bounce(self) -> None:
        """A mail refused with a 5xx is returned to an account by a report of RFC 3464."""
        self.start()
        self.connect()
        self.say(b"250 OK\r\n", b"550-5.7.1 Not an\r\n550 address\r\n", b"221 bye\r\n")
        self.assertEqual(self.maildirs.queue.names(), [])
        (mail,) = mails_in(self.maildirs.of_account("ir@bench.test"))
        self.assertNotIn(b"\n", mail.replace(b"\r\n", b""))
        bounce: Any = email.message_from_bytes(mail, policy=email.policy.default)
        self.assertEqual(bounce["Return-Path"], "<>")
        self.assertEqual(bounce["Delivered-To"], "ir@bench.test")
        self.assertEqual(bounce.get_content_type(), "multipart/report")
        self.assertEqual(bounce.get_param("report-type"), "delivery-status")
        text, status, head = bounce.iter_parts()
        self.assertIn("<p@machine.test>: 550 5.7.1 Not an address", text.get_content())
        _about_all, about_one = status.get_payload()
        self.assertEqual(about_one["Final-Recipient"], "rfc822; p@machine.test")
        self.assertEqual(about_one["Action"], "failed")
        self.assertEqual(about_one["Status"], "5.7.1")
        self.assertEqual(about_one["Diagnostic-Code"], "smtp; 550 5.7.1 Not an address")
        self.assertEqual(head.get_content_type(), "text/rfc822-headers")
        self.assertIn("Subject: hello", head.get_payload())
        self.assertEqual(self.undelivered(), [])

    def test_never_a_bounce_for_a_bounce(self) -> None:
        """A refused mail of the null sender, or of a stranger, is kept in `undelivered`."""
        for sender in (b"", b"x@y.test"):
            with self.subTest(sender=sender):
                self.start(TRACE.replace(b"ir@bench.test", sender))
                self.connect()
                self.say(b"554 no\r\n", b"221 bye\r\n")
                self.assertEqual(self.maildirs.queue.names(), [])
                self.queue.stopService()
        kept = [path.read_bytes() for path in self.undelivered()]
        self.assertEqual(len(kept), 2)
        self.assertTrue(all(mail.endswith(MAIL) for mail in kept))
        self.assertEqual(mails_in(self.maildirs.of_account("ir@bench.test")), [])

    def test_no_room_for_the_bounce(self) -> None:
        """Where the sender's Maildir is full the mail is kept in `undelivered`."""
        self.maildirs.of_account("ir@bench.test")._capacity = lambda: 10
        self.start()
        self.connect()
        self.say(b"554 no\r\n", b"221 bye\r\n")
        self.assertEqual(len(self.undelivered()), 1)
        self.assertEqual(self.maildirs.of_account("ir@bench.test").used, 0)

    def test_somebody_else_s_file(self) -> None:
        """A file without an envelope is set aside, and the queue goes on."""
        self.start(b"Subject: no envelope\r\n")
        self.connect()
        self.assertEqual(self.said, b"QUIT\r\n")
        self.assertEqual(len(self.undelivered()), 1)

    def test_taken_away(self) -> None:
        """A mail that a mail tool has deleted from the queue is forgotten."""
        self.put()
        path = self.maildirs.queue.path(self.maildirs.queue.names()[0])
        self.queue.startService()
        assert path is not None
        path.unlink()
        self.reactor.advance(0)
        self.connect()
        self.assertEqual(self.said, b"QUIT\r\n")
        self.assertEqual(self.queue.pending, 0)

    def test_stopped_inside_a_message(self) -> None:
        """Stopping ends what is under way; the mail is there at the next start."""
        self.start()
        self.connect()
        self.say(b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n")
        stopped = self.queue.stopService()
        self.wire.deliver(b"")
        assert stopped is not None
        self.assertIsNone(self.successResultOf(stopped))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.make_queue()
        self.queue.startService()
        self.assertEqual(self.queue.pending, 1)

    def test_stopped_while_connecting(self) -> None:
        """Stopping does not wait for a machine that cannot be reached."""
        self.start()
        stopped = self.queue.stopService()
        assert stopped is not None
        self.refuse_connection()
        self.assertIsNone(self.successResultOf(stopped))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
