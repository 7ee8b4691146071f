"""What arrives and is no command or reply: in the transcript as hex with its name, NG with a sentence."""

from __future__ import annotations

import contextlib
from pathlib import Path

from OpenSSL import SSL
from twisted.trial import unittest

from irsend.device.sessions import Session
from tests.parts import Parts, make_parts
from tests.services.maildrop import Maildrop, PollingCase
from tests.wire import Wire, old_tls


def client_hello() -> bytes:
    """Return what a client says that begins with TLS."""
    client = SSL.Connection(old_tls(), None)
    client.set_connect_state()
    with contextlib.suppress(SSL.WantReadError):
        client.do_handshake()
    return client.bio_read(10_000)


_HTTP = b"GET / HTTP/1.1\r\nHost: ir2270.bench.test\r\n\r\n"
_SOCKS_4 = b"\x04\x01\x00\x19\x7f\x00\x00\x01\x00"


class ClientTests(unittest.SynchronousTestCase):
    """On the plain port of the machine's SMTP server."""

    def said(self, octets: bytes, *, piecewise: bool = False) -> tuple[Session, str, Parts]:
        """Say this and vanish; return the session, and its transcript."""
        settings: dict[str, object] = {"email_ifax.smtp_receive": True}
        parts = make_parts(Path(self.mktemp()), settings=settings)
        wire = Wire(parts.smtp_listener()._session())
        wire.connect()
        wire.deliver(octets, piecewise=piecewise)
        wire.taken()
        if not wire.closed:
            wire.lose()
        (session,) = self.successResultOf(parts.journal.sessions(9))
        lines = self.successResultOf(parts.journal.transcript(session.id))
        return session, "\n".join(map(str, lines)), parts

    def test_each_kind(self) -> None:
        """Each is named, shown as hex, and the reason of session and job."""
        for octets, name in (
            (client_hello(), "a TLS ClientHello"),
            (_HTTP, "an HTTP request"),
            (b"CONNECT mail.bench.test:25 HTTP/1.1\r\n\r\n", "an HTTP request"),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "an HTTP/2 preface"),
            (_SOCKS_4, "a SOCKS 4 request"),
            (b"\x05\x01\x00", "a SOCKS 5 greeting"),
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", "a PROXY protocol header"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "an SSH greeting"),
            (b"hello there", "text without a line end"),
            (b"EHLO a.bench.test\nQUIT\n", "text whose lines do not end in CR LF"),
            (b"\x00\x01\x02\x03", "octets of no protocol that is known"),
        ):
            for piecewise in (False, True):
                session, transcript, parts = self.said(octets, piecewise=piecewise)
                self.assertEqual(session.result, "NG", name)
                self.assertIn(f"what came is no SMTP command: {name}", session.reason)
                self.assertIn(f"-- not understood: {name}, ", transcript)
                self.assertIn(octets[:3].hex(" "), transcript)
                (job,) = self.successResultOf(parts.journal.jobs(9))
                self.assertEqual((job.result, job.reason), ("NG", session.reason))

    def test_not_waited_for(self) -> None:
        """A client that begins with TLS waits for a reply in vain: the session ends at once."""
        parts = make_parts(Path(self.mktemp()), settings={"email_ifax.smtp_receive": True})
        wire = Wire(parts.smtp_listener()._session())
        wire.connect()
        wire.deliver(client_hello())
        wire.taken()
        self.assertTrue(wire.closed)

    def test_timed_out(self) -> None:
        """What a client left behind that fell silent is named too."""
        parts = make_parts(Path(self.mktemp()), settings={"email_ifax.smtp_receive": True})
        wire = Wire(parts.smtp_listener()._session())
        wire.connect()
        wire.deliver(b"EHLO a.bench.test\r\nMAIL FROM:<a@")
        parts.clock.advance(300)
        wire.taken()
        (session,) = self.successResultOf(parts.journal.sessions(9))
        self.assertIn("timed out; what came is no SMTP command: text without", session.reason)

    def test_beside_a_mail(self) -> None:
        """A session that brought a mail is OK, whatever stands behind it."""
        session, _, _ = self.said(
            b"EHLO a.bench.test\r\nMAIL FROM:<a@bench.test>\r\n"
            b"RCPT TO:<ir@ir2270.bench.test>\r\nDATA\r\n\r\n.\r\nQUIT"
        )
        self.assertEqual((session.result, session.messages), ("OK", 1))

    def test_secret(self) -> None:
        """A login that never ends in a line end is not shown."""
        _, transcript, _ = self.said(b"EHLO a.bench.test\r\nAUTH PLAIN bWFya2Vk")
        self.assertNotIn("bWFya2Vk", transcript)
        self.assertNotIn(b"bWFya2Vk".hex(" "), transcript)


class ServerTests(PollingCase):
    """At the port where a POP server is expected."""

    def answered(self, octets: bytes) -> tuple[Session, str]:
        """Answer CAPA with this and vanish; return the session, and its transcript."""
        drop = Maildrop()
        drop.silent_to = b"CAPA"
        self.start_polling(drop)
        answer = self.poller.receive()
        drop.serve()
        assert drop.wire is not None
        drop.wire.deliver(octets)
        drop.wire.taken()
        if not drop.wire.closed:
            drop.wire.lose()
        session: Session = self.successResultOf(answer)
        lines = self.successResultOf(self.parts.journal.transcript(session.id))
        return session, "\n".join(map(str, lines))

    def test_each_kind(self) -> None:
        """What is no reply of POP3 is named in the reason, and shown as hex."""
        for octets, name in (
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", "an HTTP response"),
            (b"\x15\x03\x01\x00\x02\x02\x46", "a TLS alert"),
            (b"* OK IMAP4rev1 ready\r\n", "the greeting of an IMAP server"),
            (b"220 smtp.bench.test ESMTP\r\n", "the greeting of an SMTP or FTP server"),
            (b"+OK but no", "the greeting of a POP3 server"),
            (b"welcome", "text without a line end"),
        ):
            session, transcript = self.answered(octets)
            self.assertEqual((session.result, session.code), ("NG", "#810"))
            self.assertIn(name, session.reason)
            self.assertIn(f"-- not understood: {name}, ", transcript)
            self.assertIn(octets[:3].hex(" "), transcript)
