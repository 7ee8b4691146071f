"""MDN and DSN as the machine writes them: read by itself, and by Python's own parser."""

from __future__ import annotations

import io
from email import message_from_bytes
from email.message import Message

import attrs
from attrs import asdict
from twisted.trial import unittest

from irsend.device import load_model
from irsend.message.features import features_accept
from irsend.message.reports.reader import read_notification
from irsend.message.reports.requests import DeliveryRequest, ReportRequests
from irsend.message.reports.writer import ReportHead, dsn, mdn
from irsend.message.style import Style

MODEL = load_model("ir2270")
STYLE = Style(**asdict(MODEL.header))
ANSWER = ReportHead(
    at=1_234_567_890,
    number="0007",
    count=7,
    sender="ir@bench.test",
    to="a@b.test",
    recipient="fax@ir.bench.test",
    host="ir.bench.test",
    machine="Canon imageRUNNER 2270",
    beginning=b"From: a@b.test\r\nSubject: =?utf-8?q?=C3=A9?= caf\xc3\xa9\r\n\r\nText.\r\n",
)
REQUESTS = ReportRequests(
    delivered=(
        DeliveryRequest(address="fax@ir", original="rfc822;fax@elsewhere"),
        DeliveryRequest(address="x@ir"),
    ),
    return_path="a@b.test",
    envelope_id="e-1",
    notify_to="a@b.test",
    original_recipient="rfc822;fax@elsewhere",
)


def printed(code: str = "", problem: str = "", original: str = "<1@b.test>") -> bytes:
    """Return an MDN."""
    content, _ = mdn(
        ANSWER,
        STYLE,
        REQUESTS,
        subject="Fax é",
        original=original,
        code=code,
        problem=problem,
        features=MODEL.reception.features,
    )
    return content


def parts(content: bytes) -> list[Message]:
    """Return the three parts of a report."""
    payload = message_from_bytes(content).get_payload()
    assert isinstance(payload, list)
    return [one for one in payload if isinstance(one, Message)]


class ConfirmationTests(unittest.SynchronousTestCase):
    """What goes back."""

    def test_form(self) -> None:
        """It is a report in 7 bit, its lines end in CR LF, and its header is the machine's."""
        content = printed()
        self.assertTrue(content.isascii())
        self.assertNotIn(b"\n", content.replace(b"\r\n", b""))
        message = message_from_bytes(content)
        self.assertEqual(
            (message.get_content_type(), message.get_param("report-type")),
            ("multipart/report", "disposition-notification"),
        )
        self.assertEqual(
            (message["X-Mailer"], message["To"], message["Auto-Submitted"]),
            ("Canon MFP", "a@b.test", "auto-replied"),
        )
        self.assertEqual(
            [one.get_content_type() for one in parts(content)],
            ["text/plain", "message/disposition-notification", "text/rfc822-headers"],
        )

    def test_printed(self) -> None:
        """An MDN says processed, of which mail, and what the machine takes: F and C among it."""
        found = read_notification(io.BytesIO(printed()))
        assert found is not None
        self.assertEqual((found.kind, found.original_message_id), ("mdn", "<1@b.test>"))
        self.assertEqual(
            (found.reports[0].positive, found.reports[0].addresses),
            (True, ("fax@elsewhere", "fax@ir.bench.test")),
        )
        self.assertTrue(features_accept(found.features, "F"))
        self.assertTrue(features_accept(found.features, "C"))

    def test_not_printed(self) -> None:
        """An MDN of a mail that was not printed whole is negative, and says the code."""
        content = printed("#821", "received TIFF structure wrong")
        found = read_notification(io.BytesIO(content))
        assert found is not None
        self.assertIs(found.reports[0].positive, False)
        self.assertIn("#821 received TIFF structure wrong", found.reports[0].text)

    def test_no_message_id(self) -> None:
        """A Message-ID that is none is left out, and nothing can be smuggled in by it."""
        for original in ("", "x", "<a b>", "<a\r\nBcc: x>"):
            self.assertNotIn(b"Original-Message-ID", printed(original=original))

    def test_head_returned(self) -> None:
        """The head of the mail comes back, its 8-bit characters as question marks."""
        _, _, head = parts(printed())
        self.assertEqual(
            str(head.get_payload()).splitlines(),
            ["From: a@b.test", "Subject: =?utf-8?q?=C3=A9?= caf??"],
        )

    def test_delivered(self) -> None:
        """A DSN says delivered of each recipient, with the envelope's id."""
        content, identity = dsn(ANSWER, STYLE, REQUESTS)
        found = read_notification(io.BytesIO(content))
        assert found is not None
        self.assertEqual((found.kind, found.envelope_id), ("dsn", "e-1"))
        self.assertEqual(
            [(one.addresses, one.positive) for one in found.reports],
            [(("fax@elsewhere", "fax@ir"), True), (("x@ir",), True)],
        )
        self.assertEqual(message_from_bytes(content)["Message-ID"], identity)

    def test_lines(self) -> None:
        """No line has more than 998 octets (RFC 5321 4.5.3.1.6), however many recipients there are."""
        many = tuple(DeliveryRequest(address=f"{one:060}@ir.bench.test") for one in range(100))
        told = attrs.evolve(REQUESTS, delivered=many, envelope_id="e" * 1900)
        content, _ = dsn(ANSWER, STYLE, told)
        content += printed(original=f"<{'x' * 990}@b>")
        self.assertLessEqual(max(map(len, content.split(b"\r\n"))), 998)

    def test_boundary_in_the_head(self) -> None:
        """A mail whose head holds the answer's boundary puts no parts of its own into the answer."""
        content, _ = dsn(ANSWER, STYLE, REQUESTS)
        boundary = message_from_bytes(content).get_boundary()
        forged = f"--{boundary}\r\nContent-Type: text/html\r\nX: y\r\n\r\n".encode()
        answer = attrs.evolve(ANSWER, beginning=b"From: a@b.test\r\n" + forged)
        content, _ = dsn(answer, STYLE, REQUESTS)
        self.assertEqual(len(message_from_bytes(content).get_payload()), 3)
