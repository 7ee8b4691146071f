"""A handshake that fails, in words: what each side offered, who ended it and by which alert."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

from OpenSSL import SSL
from twisted.trial import unittest

from irsend.device.sessions import Session
from irsend.store.keys import generate_key_material, read_key_material
from tests.parts import make_parts
from tests.services.maildrop import Maildrop, PollingCase
from tests.wire import Wire, old_tls


@cache
def _key_of(bits: int) -> tuple[bytes, bytes]:
    return generate_key_material(("pop.bench.test",), bits, time.time())


def _context(oldest: int, newest: int, *, bits: int = 2048) -> SSL.Context:
    """Return what a peer with these versions shakes hands with."""
    context = old_tls(newest=newest)
    context.set_min_proto_version(oldest)
    material = read_key_material(*_key_of(bits))
    context.use_certificate(material.certificate)
    context.use_privatekey(material.key)
    return context


class ServerOfPOPTests(PollingCase):
    """Against a POP server; its side is OpenSSL's."""

    def fetched(
        self, context: SSL.Context, model: str = "ir2270", **settings: object
    ) -> Session:
        """Fetch from a server with this context; return the session, which its job agrees with."""
        drop = Maildrop()
        drop.tls = context
        self.start_polling(drop, model, authent_encryption__allow_ssl_pop=True, **settings)
        session = self.receive(drop)
        (job,) = self.successResultOf(self.parts.journal.jobs(9))
        self.assertEqual((job.result, job.reason), ("NG", session.reason))
        lines = self.successResultOf(self.parts.journal.transcript(session.id))
        self.assertTrue(any(line.text.startswith(session.reason) for line in lines))
        return session

    def test_old_machine(self) -> None:
        """A machine with TLS 1.0 at a server without: both, and the server's alert, are named."""
        session = self.fetched(_context(SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION))
        self.assertIn(
            "the machine speaks TLS 1.0 only; "
            "the server ended the handshake with alert protocol_version",
            session.reason,
        )

    def test_old_server(self) -> None:
        """A machine with TLS 1.2 at a server with TLS 1.0: the machine's own alert is named."""
        session = self.fetched(_context(SSL.TLS1_VERSION, SSL.TLS1_VERSION), "iradvance")
        self.assertIn("the machine speaks TLS 1.2 to TLS 1.3", session.reason)
        self.assertRegex(session.reason, "alert protocol_version|the server chose TLS 1.0")

    def test_small_key(self) -> None:
        """A certificate with a key that is too small is refused in words, and by an alert's name."""
        session = self.fetched(
            _context(SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION, bits=1024),
            "iradvance",
            authent_encryption__verify_pop=True,
        )
        self.assertRegex(session.reason, "too small")
        self.assertNotIn("OpenSSL's error", session.reason)
        self.assertIn("the machine ended the handshake with alert", session.reason)

    def test_no_tls(self) -> None:
        """A server that goes on in plain text where TLS was agreed on: its octets are named."""
        drop = Maildrop()
        drop.silent_to = b"STLS"
        self.start_polling(drop, authent_encryption__allow_ssl_pop=True)
        answer = self.poller.receive()
        drop.serve()
        assert drop.wire is not None
        drop.wire.deliver(b"+OK\r\n")
        drop.wire.taken()
        drop.wire.protocol.dataReceived(b"HTTP/1.1 400 Bad Request\r\n")
        drop.wire.taken()
        session = self.successResultOf(answer)
        self.assertIn("the server sent what is no TLS: an HTTP response", session.reason)


class ClientOfSMTPTests(unittest.SynchronousTestCase):
    """The machine as an SMTP server."""

    def brought(self, context: SSL.Context, model: str) -> str:
        """Let a client begin TLS; return the reason of session and job."""
        settings: dict[str, object] = {
            "email_ifax.smtp_receive": True,
            "authent_encryption.allow_ssl_smtp_receive": "on",
        }
        parts = make_parts(Path(self.mktemp()), model=model, settings=settings)
        wire = Wire(parts.smtp_listener()._session())
        wire.connect()
        wire.deliver(b"EHLO a.bench.test\r\nSTARTTLS\r\n")
        wire.taken()
        self.assertFalse(wire.peer_begins_tls(context))
        wire.lose()
        (session,) = self.successResultOf(parts.journal.sessions(9))
        (job,) = self.successResultOf(parts.journal.jobs(9))
        self.assertEqual(job.reason, session.reason)
        return str(session.reason)

    def test_new_client(self) -> None:
        """A client without TLS 1.0 at a machine with nothing else: what it offered is named."""
        context = old_tls("ECDHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0", newest=SSL.TLS1_2_VERSION)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        reason = self.brought(context, "ir2270")
        self.assertIn("the machine speaks TLS 1.0 only", reason)
        self.assertRegex(
            reason,
            "the machine ended the handshake with alert (protocol_version|handshake_fail)",
        )
        self.assertIn("TLS 1.2 with ECDHE-RSA-AES256-GCM-SHA384", reason)

    def test_alert_in_a_record_of_another_version(self) -> None:
        """A client's alert is named also where OpenSSL does not come to read it."""
        context = old_tls(newest=SSL.TLS1_2_VERSION)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        self.assertIn(
            "the machine speaks TLS 1.0 only; "
            "the client ended the handshake with alert protocol_version; "
            "the client offered up to TLS 1.2 with ",
            self.brought(context, "ir2270"),
        )

    def test_other_ciphers(self) -> None:
        """A client with ciphers that the machine does not have: they are named."""
        context = old_tls("DHE-RSA-AES256-SHA:@SECLEVEL=0", newest=SSL.TLS1_2_VERSION)
        reason = self.brought(context, "iradvance")
        self.assertIn("DHE-RSA-AES256-SHA", reason)
        self.assertIn("alert handshake_failure", reason)

    def test_certificate_refused(self) -> None:
        """A client that does not trust the machine's certificate says so by an alert's name."""
        context = old_tls()
        context.set_verify(SSL.VERIFY_PEER, lambda *_: False)
        reason = self.brought(context, "ir2270")
        self.assertRegex(
            reason, "the client ended the handshake with alert (unknown_ca|bad_certificate)"
        )
