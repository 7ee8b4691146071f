"""Requests for reports, and mails that are never answered (RFC 3461, RFC 8098 2.1)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from irsend.interfaces import Envelope, Mailbox
from irsend.message.reports.requests import (
    NO_REQUESTS,
    DeliveryRequest,
    ReportRequests,
    requests_in,
)
from irsend.message.trace import smtp_trace

ASKING = "Disposition-Notification-To: a@bench.test\n"


def requests(text: str) -> ReportRequests:
    """Read a head that came from a@bench.test unless it says otherwise."""
    head = text if "Return-Path" in text else "Return-Path: <a@bench.test>\n" + text
    return requests_in(head.replace("\n", "\r\n").encode() + b"\r\nText.\r\n")


class DispositionTests(unittest.SynchronousTestCase):
    """Who gets an MDN."""

    def assertRefused(self, text: str, why: str) -> None:
        """Nobody is notified, for this reason."""
        found = requests(text)
        self.assertEqual((found.notify_to, found.mdn_suppressed), ("", why))

    def test_asked(self) -> None:
        """An MDN goes to an address that asks for it and sent the mail, in any case of its domain."""
        self.assertEqual(requests(ASKING).notify_to, "a@bench.test")
        named = 'disposition-notification-to: "A. Body" <a@BENCH.test>\n'
        self.assertEqual(requests(named).notify_to, "a@BENCH.test")

    def test_not_asked(self) -> None:
        """A mail without a request is not answered."""
        self.assertEqual(requests("From: a@bench.test\n"), NO_REQUESTS)
        self.assertFalse(NO_REQUESTS.any)

    def test_in_the_text(self) -> None:
        """What stands in the text asks for nothing."""
        text = b"Return-Path: <a@bench.test>\r\n\r\n" + ASKING.encode()
        self.assertEqual(requests_in(text).notify_to, "")

    def test_original_recipient(self) -> None:
        """What a gateway left of the recipient is kept for the answer."""
        found = requests(f"Original-Recipient: rfc822;fax@bench.test\n{ASKING}")
        self.assertEqual(found.original_recipient, "rfc822;fax@bench.test")

    def test_null_sender(self) -> None:
        """The null sender is not answered."""
        self.assertRefused(f"Return-Path: <>\n{ASKING}", "the mail comes from the null sender")

    def test_no_return_path(self) -> None:
        """A mail without Return-Path is not answered."""
        found = requests_in(ASKING.replace("\n", "\r\n").encode())
        self.assertEqual(found.mdn_suppressed, "it is not known where the mail comes from")

    def test_another_address(self) -> None:
        """No MDN goes to another address than the sender; a local part in another case is another."""
        why = "another address is to be notified than the mail comes from"
        self.assertRefused("Disposition-Notification-To: b@bench.test\n", why)
        self.assertRefused("Disposition-Notification-To: A@bench.test\n", why)

    def test_several(self) -> None:
        """A request that names several addresses, or none that is one, is not answered."""
        one = "the mail does not name one address that is to be notified"
        self.assertRefused("Disposition-Notification-To: a@bench.test, b@bench.test\n", one)
        self.assertRefused("Disposition-Notification-To: nobody\n", one)
        self.assertRefused(ASKING * 2, "the mail asks for a notification more than once")

    def test_automatic(self) -> None:
        """A mail that was sent automatically, or to many, is not answered."""
        self.assertRefused(
            f"Auto-Submitted: auto-replied\n{ASKING}", "the mail was sent automatically"
        )
        self.assertRefused(f"Precedence: bulk\n{ASKING}", "the mail was sent to many")
        self.assertRefused(f"List-Id: <x.y>\n{ASKING}", "the mail was sent to many")
        self.assertTrue(requests(f"Auto-Submitted: no\n{ASKING}").notify_to)


class DeliveryTests(unittest.SynchronousTestCase):
    """Who gets a DSN."""

    def trace(self, sender: Mailbox | None, *notify: bytes) -> bytes:
        """Return the trace of a mail for as many recipients, as the machine writes it."""
        recipients = tuple(Mailbox(b"fax%d" % number, b"ir") for number in range(len(notify)))
        envelope = Envelope(
            sender=sender,
            recipients=recipients,
            helo=b"relay",
            protocol=b"ESMTP",
            parameters={b"ENVID": b"x+2By"},
            recipient_parameters=tuple(
                {b"NOTIFY": one, b"ORCPT": b"rfc822;x@elsewhere"} for one in notify
            ),
        )
        return smtp_trace(envelope, peer="192.0.2.1", host=b"ir", at=0)

    def test_asked(self) -> None:
        """Recipients with NOTIFY=SUCCESS are reported, with the ORCPT that the sender gave."""
        trace = self.trace(Mailbox(b"a", b"b.test"), b"SUCCESS,FAILURE", b"NEVER", b"FAILURE")
        found = requests_in(trace + b"Subject: x\r\n\r\n")
        self.assertEqual(
            (found.delivered, found.return_path, found.envelope_id),
            (
                (DeliveryRequest(address="fax0@ir", original="rfc822;x@elsewhere"),),
                "a@b.test",
                "x+y",
            ),
        )

    def test_null_sender(self) -> None:
        """The null sender gets no report."""
        found = requests_in(self.trace(None, b"SUCCESS") + b"\r\n")
        self.assertEqual(found.delivered, ())

    def test_forged(self) -> None:
        """What the mail itself says of its envelope asks for nothing."""
        trace = self.trace(Mailbox(b"a", b"b.test"))
        forged = b"X-Envelope-DSN: <fax@ir> NOTIFY=SUCCESS\r\n\r\n"
        self.assertEqual(requests_in(trace + forged).delivered, ())

    @given(st.binary(max_size=400))
    def test_any_octets(self, octets: bytes) -> None:
        """Whatever stands there, reading it comes to an end without an error."""
        requests_in(b"X-Envelope-DSN: " + octets)
        requests_in(b"Return-Path: <a@b>\r\nDisposition-Notification-To: " + octets)
