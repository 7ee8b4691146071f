"""The trace of a received mail (RFC 5321 4.4)."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.interfaces import Envelope, Mailbox
from irsend.message.trace import mailbox_text, pop_trace, smtp_trace

AT = 1_234_567_890.0
ANNA = Mailbox(b"anna", b"bench.test")
IR = Mailbox(b"ir", b"ir2270.bench.test")


def trace(**changes: Any) -> bytes:
    """The trace of a mail by SMTP."""
    about = {"peer": "192.0.2.7", "host": b"ir2270.bench.test", "at": AT, "cipher": ""}
    envelope = {
        "sender": ANNA,
        "recipients": (IR,),
        "helo": b"scanner.bench.test",
        "protocol": b"ESMTP",
    }
    for key, value in changes.items():
        (about if key in about else envelope)[key] = value
    return smtp_trace(Envelope(**envelope), **about)


def parsed(octets: bytes) -> EmailMessage:
    """The trace as a mail program reads it."""
    return email.message_from_bytes(octets + b"\r\n", policy=email.policy.default)  # type: ignore[return-value]


class SmtpTests(SynchronousTestCase):
    """A mail that came by SMTP."""

    def test_whole(self) -> None:
        """Return path, recipients and the Received field stand above the mail, in this form."""
        lines = trace().split(b"\r\n")
        self.assertEqual(
            lines[:4],
            [
                b"Return-Path: <anna@bench.test>",
                b"Delivered-To: ir@ir2270.bench.test",
                b"Received: from scanner.bench.test ([192.0.2.7])",
                b"\tby ir2270.bench.test with ESMTP;",
            ],
        )
        self.assertEqual(parsedate_to_datetime(lines[4].decode()).timestamp(), AT)
        self.assertEqual(lines[5:], [b""])

    def test_ipv6(self) -> None:
        """An IPv6 peer is written as its literal (RFC 5321 4.1.3)."""
        self.assertIn(
            b"Received: from scanner.bench.test ([IPv6:2001:db8::7])\r\n",
            trace(peer="2001:db8::7"),
        )

    def test_null_sender(self) -> None:
        """The null sender is the empty return path."""
        self.assertTrue(trace(sender=None).startswith(b"Return-Path: <>\r\n"))

    def test_tls(self) -> None:
        """Version and cipher stand behind the protocol's name where TLS was in use."""
        self.assertIn(
            b"\tby ir2270.bench.test with ESMTPS (TLS 1.0 AES128-SHA);\r\n",
            trace(protocol=b"ESMTPS", cipher="TLS 1.0 AES128-SHA"),
        )

    def test_recipients(self) -> None:
        """Each recipient has its line, in the order of the envelope."""
        octets = trace(recipients=(IR, ANNA, Mailbox(b"postmaster", b"")))
        self.assertEqual(
            parsed(octets).get_all("Delivered-To"),
            ["ir@ir2270.bench.test", "anna@bench.test", "postmaster"],
        )

    def test_quoted_local_part(self) -> None:
        """A local part that needs quotes has them in the return path, as it had on the wire."""
        octets = trace(sender=Mailbox(b'a "b\\ c', b"bench.test"))
        self.assertTrue(
            octets.startswith(b'Return-Path: <"a \\"b\\\\ c"@bench.test>\r\n'), octets
        )

    @settings(deadline=None, max_examples=50)
    @given(
        st.binary(max_size=40).filter(
            lambda octets: b"\r" not in octets and b"\n" not in octets
        ),
        st.text(alphabet=[chr(n) for n in range(0x20, 0x7F)], max_size=40),
    )
    def test_always_a_head(self, helo: bytes, local: str) -> None:
        """Whatever the client calls itself, the trace is these five lines, each ended by CR LF."""
        octets = trace(helo=helo, sender=Mailbox(local.encode(), b"bench.test"))
        self.assertEqual(octets.count(b"\r\n"), 5)
        self.assertEqual(octets.count(b"\n"), 5)
        self.assertEqual(octets.count(b"\r"), 5)


class PopTests(SynchronousTestCase):
    """A mail that was fetched."""

    def test_whole(self) -> None:
        """Server and maildrop stand in its Received field."""
        octets = pop_trace(server="pop.bench.test", user="ir", host=b"ir2270.bench.test", at=AT)
        self.assertEqual(
            octets.split(b"\r\n")[:2],
            [
                b"Received: from pop.bench.test (maildrop ir)",
                b"\tby ir2270.bench.test with POP3;",
            ],
        )
        self.assertTrue(octets.endswith(b"\r\n"))

    def test_tls(self) -> None:
        """Version and cipher stand behind the protocol's name where TLS was in use."""
        octets = pop_trace(server="x", user="ir", host=b"h", at=AT, cipher="TLS 1.0 AES128-SHA")
        self.assertIn(b"with POP3 (TLS 1.0 AES128-SHA);\r\n", octets)

    def test_ascii(self) -> None:
        """A login name outside ASCII leaves the trace ASCII."""
        octets = pop_trace(server="x", user="drücker", host=b"h", at=AT)
        self.assertIn(b"(maildrop dr?cker)", octets)


class AddressTests(SynchronousTestCase):
    """An address as people read it."""

    def test_text(self) -> None:
        """An address is text; the null sender is empty."""
        self.assertEqual(mailbox_text(ANNA), "anna@bench.test")
        self.assertEqual(mailbox_text(Mailbox(b"postmaster", b"")), "postmaster")
        self.assertEqual(mailbox_text(None), "")
