"""The MDN as the machine writes it: read by itself, and by Python's own parser."""

from __future__ import annotations

import io
from email import message_from_bytes

from twisted.trial import unittest

from irsend.message.features import features_accept
from irsend.message.reports.mdn import mdn
from irsend.message.reports.reader import read_notification
from tests.message.reports.reported import ANSWER, MODEL, REQUESTS, STYLE, parts


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


class MDNTests(unittest.SynchronousTestCase):
    """An MDN of a mail that was printed, and of one that was not."""

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

    def test_lines(self) -> None:
        """No line has more than 998 octets (RFC 5321 4.5.3.1.6), however long the Message-ID is."""
        content = printed(original=f"<{'x' * 990}@b>")
        self.assertLessEqual(max(map(len, content.split(b"\r\n"))), 998)
