"""Receiving by SMTP: who is admitted, what a 250 means, what the journal says (docs/fidelity)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial import unittest

from irsend.services.receive.smtp_listener import SMTPListener
from tests.parts import Parts, mails_in, make_parts
from tests.wire import Wire

_ENVELOPE = (
    b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<fax@ir2270.bench.test>\r\nDATA\r\n"
)


class _HeldDisk:
    """Holds what is to be done in a thread until `sync`."""

    def __init__(self) -> None:
        self._held: list[tuple[Any, Deferred[Any]]] = []

    def __call__(self, work: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self._held.append((work, done))
        return done

    def sync(self) -> None:
        """Do the one thing that waits."""
        work, done = self._held.pop()
        done.callback(work())


class SMTPListenerTests(unittest.SynchronousTestCase):
    """The service, with clients in memory."""

    parts: Parts

    def listener(self, **given: Any) -> SMTPListener:
        """Return a listener that is switched on."""
        self.parts = make_parts(
            Path(self.mktemp()), settings={"email_ifax.smtp_receive": True}, **given
        )
        listener = self.parts.smtp_listener("")
        listener.startService()
        return listener

    def client(self, listener: SMTPListener) -> Wire:
        """Connect a client."""
        wire = Wire(listener._session())
        wire.connect()
        return wire

    def last_session(self) -> Any:
        """Return the newest session of the journal."""
        return self.successResultOf(self.parts.journal.sessions(1))[0]

    def test_answer_behind_sync(self) -> None:
        """The 250 comes when the mail is synced, not before, and commands behind it wait for it."""
        disk = _HeldDisk()
        wire = self.client(self.listener(in_thread=disk))
        wire.deliver(_ENVELOPE)
        wire.taken()
        wire.deliver(b"text\r\n.\r\nNOOP\r\n")
        self.assertEqual(wire.taken(), b"")
        self.assertEqual(list((self.parts.memory.directory / "new").iterdir()), [])
        disk.sync()
        self.assertEqual(wire.taken(), b"250 2.6.0 Message accepted\r\n250 2.0.0 OK\r\n")
        self.assertEqual(len(mails_in(self.parts)), 1)

    def test_switched_off_during_sync(self) -> None:
        """A mail that is being synced when the machine is switched off gets its 250, then comes the 421."""
        disk = _HeldDisk()
        listener = self.listener(in_thread=disk)
        wire = self.client(listener)
        wire.deliver(_ENVELOPE + b"text\r\n.\r\n")
        wire.taken()
        stopped: Any = listener.stopService()
        disk.sync()
        self.assertEqual([line[:3] for line in wire.taken().splitlines()], [b"250", b"421"])
        self.successResultOf(stopped)

    def test_switched_off(self) -> None:
        """Sessions under way hear 421; one that does not go is cut after three seconds."""
        listener = self.listener()
        polite, stuck = self.client(listener), self.client(listener)
        self.patch(stuck, "loseConnection", lambda: None)
        for wire in (polite, stuck):
            wire.taken()
        stopped: Any = listener.stopService()
        self.assertEqual(polite.taken()[:3], b"421")
        self.assertNoResult(stopped)
        self.parts.clock.advance(3)
        stuck.taken()
        self.successResultOf(stopped)
        self.parts.clock.advance(1)
        self.assertEqual(self.parts.clock.getDelayedCalls(), [])

    def test_switched_off_during_handshake(self) -> None:
        """A handshake that the machine itself breaks off brings nothing on the status line."""
        listener = self.listener()
        self.parts.device.change_settings({"authent_encryption.allow_ssl_smtp_receive": "on"})
        wire = self.client(listener)
        wire.deliver(b"EHLO c\r\n")
        wire.deliver(b"STARTTLS\r\n")
        stopped: Any = listener.stopService()
        wire.taken()
        self.successResultOf(stopped)
        self.assertEqual(self.parts.device.status.text, "")

    def test_client_lost_during_sync(self) -> None:
        """A session whose client vanishes while its mail is synced has received that mail."""
        disk = _HeldDisk()
        wire = self.client(self.listener(in_thread=disk))
        wire.deliver(_ENVELOPE + b"text\r\n.\r\n")
        wire.lose()
        self.assertEqual(len(self.parts.device.sessions), 1)
        disk.sync()
        self.assertEqual((self.last_session().messages, self.parts.device.sessions), (1, {}))

    def test_slow_sync(self) -> None:
        """A sync that takes longer than the idle time is no reason to send the client away."""
        disk = _HeldDisk()
        wire = self.client(self.listener(in_thread=disk))
        wire.deliver(_ENVELOPE)
        wire.taken()
        wire.deliver(b"text\r\n.\r\n")
        self.parts.clock.advance(1000)
        disk.sync()
        self.assertEqual(wire.taken()[:3], b"250")

    def test_replies_never_read(self) -> None:
        """After a thousand commands without a mail the session ends: replies are not kept without end."""
        wire = self.client(self.listener())
        wire.deliver(b"EHLO c\r\n" * 1001)
        self.assertEqual(wire.taken().splitlines()[-1][:3], b"421")
        self.assertTrue(wire.closed)

    def test_last_word_not_read(self) -> None:
        """A client that says QUIT and does not go is cut after half a minute, and was an OK session."""
        wire = self.client(self.listener())
        self.patch(wire, "loseConnection", lambda: None)
        wire.deliver(b"EHLO c\r\nQUIT\r\n")
        wire.taken()
        self.parts.clock.advance(30)
        wire.taken()
        self.assertTrue(wire.closed)
        self.assertEqual(self.last_session().result, "OK")

    def test_responses_behind_refused_auth(self) -> None:
        """Base64 behind an AUTH that was refused may be a password: the transcript masks it."""
        wire = self.client(self.listener())
        wire.deliver(
            b"EHLO c\r\nAUTH LOGIN\r\ndXNlcg==\r\nbWFya2Vk\r\nNOOP\r\nWHAT\r\nQUIT\r\n"
        )
        wire.taken()
        lines = self.successResultOf(self.parts.journal.transcript(1))
        said = [line.text for line in lines if line.speaker == "C"]
        self.assertEqual(
            said, ["EHLO c", "AUTH LOGIN", "••••••", "••••••", "NOOP", "WHAT", "QUIT"]
        )

    def test_name_in_the_trace(self) -> None:
        """A client's name with other octets than printable ASCII, or overlong, is refused."""
        wire = self.client(self.listener())
        wire.taken()
        for name in (b"a\x1b[31m", b"\xff", b"a\tb", b"x" * 256):
            wire.deliver(b"EHLO " + name + b"\r\n")
            self.assertEqual(wire.taken()[:3], b"501")

    def test_envelope_is_kept(self) -> None:
        """What the sender asked of delivery notifications stands in the trace (RFC 3461)."""
        wire = self.client(self.listener())
        wire.deliver(
            b"EHLO c\r\nMAIL FROM:<a@b.test> RET=HDRS ENVID=x+2By\r\n"
            b"RCPT TO:<fax@ir2270.bench.test> NOTIFY=NEVER ORCPT=rfc822;fax@ir2270.bench.test\r\n"
            b"RCPT TO:<ir@ir2270.bench.test> ORCPT=rfc822;x@elsewhere.test\r\nDATA\r\n.\r\n"
        )
        (mail,) = mails_in(self.parts)
        self.assertIn(b"X-Envelope-DSN: RET=HDRS ENVID=x+2By\r\n", mail)
        self.assertIn(b"X-Envelope-DSN: <fax@ir2270.bench.test> NOTIFY=NEVER\r\n", mail)
        self.assertIn(
            b"X-Envelope-DSN: <ir@ir2270.bench.test> ORCPT=rfc822;x@elsewhere.test\r\n", mail
        )

    def test_sessions_of_a_peer(self) -> None:
        """One session too many of a peer is sent away with 421, and the next is taken when one has gone."""
        listener = self.listener(sessions_per_peer=2)
        wires = [self.client(listener) for _ in range(3)]
        self.assertEqual([wire.taken()[:3] for wire in wires], [b"220", b"220", b"421"])
        self.assertIn("Too many sessions", self.last_session().reason)
        wires[0].deliver(b"QUIT\r\n")
        wires[0].taken()
        self.assertEqual(self.client(listener).taken()[:3], b"220")

    def test_sessions(self) -> None:
        """One session too many altogether is sent away with 421."""
        listener = self.listener(sessions=1, sessions_per_peer=100)
        wires = [self.client(listener) for _ in range(2)]
        self.assertEqual([wire.taken()[:3] for wire in wires], [b"220", b"421"])

    def test_mail_is_kept_whole(self) -> None:
        """Behind Return-Path, Delivered-To and Received the mail stands octet for octet."""
        wire = self.client(self.listener())
        wire.deliver(_ENVELOPE + b"Subject: x\r\n\r\n..dot\r\nbare\nlf\r\n.\r\n")
        (mail,) = mails_in(self.parts)
        head, _, rest = mail.partition(b"Subject: x")
        self.assertEqual(rest, b"\r\n\r\n.dot\r\nbare\nlf\r\n")
        self.assertEqual(
            head.decode().replace("\r\n\t", " ").splitlines(),
            [
                "Return-Path: <a@b.test>",
                "Delivered-To: fax@ir2270.bench.test",
                "Received: from c.test ([192.0.2.7]) by ir2270.bench.test with ESMTP; "
                + head.decode().splitlines()[-1].strip(),
            ],
        )

    def test_job(self) -> None:
        """A mail has a job that waits, with sender, subject and session; numbers begin at 5001."""
        wire = self.client(self.listener())
        wire.deliver(_ENVELOPE + b"Subject: =?utf-8?q?h=C3=A9?=\r\n\r\n.\r\n")
        wire.deliver(b"QUIT\r\n")
        wire.taken()
        (job,) = self.successResultOf(self.parts.journal.jobs(9))
        self.assertEqual(
            (job.number, job.direction, job.party, job.subject, job.result, job.sessions),
            ("5001", "rx", "a@b.test", "hé", "waiting", (1,)),
        )

    def test_failed_reception_is_reported(self) -> None:
        """A session that brought no mail because it was refused has a line in the report, as NG."""
        wire = self.client(self.listener())
        wire.deliver(
            b"EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<x@elsewhere.test>\r\nQUIT\r\n"
        )
        wire.taken()
        (job,) = self.successResultOf(self.parts.journal.jobs(9))
        self.assertEqual((job.number, job.party, job.result), ("5001", "a@b.test", "NG"))
        self.assertEqual(self.last_session().result, "NG")

    def test_visit_is_no_failure(self) -> None:
        """A client that says nothing of a mail is an OK session without a job."""
        wire = self.client(self.listener())
        wire.deliver(b"EHLO c\r\nQUIT\r\n")
        wire.taken()
        self.assertEqual(self.last_session().result, "OK")
        self.assertEqual(self.successResultOf(self.parts.journal.jobs(9)), [])

    def test_lost_in_message(self) -> None:
        """A connection lost inside a message leaves nothing in memory, and frees what it took."""
        wire = self.client(self.listener())
        wire.deliver(_ENVELOPE + b"x" * 100_000)
        self.assertGreater(self.parts.memory.used, 100_000)
        wire.lose()
        self.assertEqual(self.parts.memory.used, 0)
        self.assertEqual(list((self.parts.memory.directory / "tmp").iterdir()), [])
        self.assertIn("inside a message", self.last_session().reason)

    def test_disk_fails(self) -> None:
        """A disk that fails is 451 for the client, and the session goes on."""
        wire = self.client(self.listener())
        wire.deliver(_ENVELOPE)
        wire.taken()
        (self.parts.memory.directory / "new").rename(self.parts.memory.directory / "gone")
        wire.deliver(b"text\r\n.\r\nNOOP\r\n")
        self.assertEqual([line[:3] for line in wire.taken().splitlines()], [b"451", b"250"])
        self.assertEqual(self.parts.memory.used, 0)
        self.flushLoggedErrors()

    def test_status_of_a_later_success(self) -> None:
        """A reception that succeeds takes off the line what a reception brought there."""
        listener = self.listener()
        self.parts.device.change_settings({"authent_encryption.allow_ssl_smtp_receive": "ssl"})
        wire = self.client(listener)
        wire.deliver(b"EHLO c\r\nMAIL FROM:<a@b.test>\r\n")
        wire.taken()
        self.assertEqual(self.parts.device.status.text, "SSL Error (SMTP RX Reject)")
        self.parts.device.change_settings({"authent_encryption.allow_ssl_smtp_receive": "on"})
        visit = self.client(listener)
        visit.deliver(b"EHLO c\r\nQUIT\r\n")
        visit.taken()
        self.assertEqual(self.parts.device.status.text, "SSL Error (SMTP RX Reject)")
        mail = self.client(listener)
        mail.deliver(_ENVELOPE + b".\r\nQUIT\r\n")
        mail.taken()
        self.assertEqual(self.parts.device.status.text, "")

    def test_ports(self) -> None:
        """At port 25 the bench listens where [listen] smtp says; any other port is taken as it is."""
        self.listener()
        listener = self.parts.smtp_listener("tcp:2525:interface=127.0.0.1")
        self.assertEqual(listener.listening_endpoint(), "tcp:2525:interface=127.0.0.1")
        self.parts.device.change_settings({"service_mode.smtp_rx_port": 2530})
        self.assertEqual(listener.listening_endpoint(), "tcp:2530:interface=127.0.0.1")
        other = self.parts.smtp_listener("tcp:interface=127.0.0.1:port=2525")
        self.assertEqual(other.listening_endpoint(), "tcp:interface=127.0.0.1:port=2530")
        self.parts.device.change_settings({"email_ifax.smtp_receive": False})
        self.assertEqual(listener.listening_endpoint(), "")
