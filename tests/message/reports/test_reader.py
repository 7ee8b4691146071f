"""What comes back in full mode, in the forms that servers and readers write it."""

from __future__ import annotations

import base64
import io
import quopri

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.message.features import features_accept
from irsend.message.reports.reader import Notification, read_notification

POSTFIX = b"""\
From: MAILER-DAEMON@relay.bench.test (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="B1"

--B1
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<b@bench.test>: unknown user

--B1
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.bench.test
Original-Envelope-Id: 20090213.0001+2B@bench.test
X-Postfix-Sender: rfc822; ir@bench.test

Final-Recipient: rfc822; b@bench.test
Original-Recipient: rfc822;B@Bench.test
Action: failed
Status: 5.1.1
Diagnostic-Code: X-Postfix; unknown user: "b"

Final-Recipient: rfc822; c@bench.test
Action: delayed
Status: 4.4.1

Final-Recipient: rfc822; d@bench.test
Action: delivered
Status: 2.0.0

--B1
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Subject: Attached Image
Message-ID: <20090213.0001@bench.test>

--B1--
"""

MDN = b"""\
From: b@bench.test
Subject: Return receipt
References: <other@bench.test>
Content-Type: multipart/report; report-type=disposition-notification; boundary=B2

--B2

The message was displayed.

--B2
Content-Type: message/disposition-notification

Reporting-UA: fax.bench.test; IFax
Original-Recipient: rfc822;b@bench.test
Final-Recipient: rfc822; <b@bench.test>
Original-Message-ID: <20090213.0001@bench.test>
Disposition: automatic-action/MDN-sent-automatically; %b
Media-Accept-Features:
 (& (color=Binary)
    (image-coding=[MH,MR,MMR]))

--B2--
"""


def read(mail: bytes) -> Notification | None:
    """Read a mail as it stands in memory."""
    return read_notification(io.BytesIO(mail.replace(b"\n", b"\r\n")))


class NotificationTests(SynchronousTestCase):
    """DSN and MDN."""

    def test_dsn(self) -> None:
        """A DSN is read with ENVID, Message-ID, and each recipient as delivered, failed or delayed."""
        dsn = read(POSTFIX)
        assert dsn is not None
        self.assertEqual(dsn.kind, "dsn")
        self.assertEqual(dsn.original_message_id, "<20090213.0001@bench.test>")
        self.assertEqual(dsn.envelope_id, "20090213.0001+@bench.test")
        told = [(one.addresses, one.positive) for one in dsn.reports]
        self.assertEqual(
            told,
            [
                (("B@Bench.test", "b@bench.test"), False),
                (("c@bench.test",), None),
                (("d@bench.test",), True),
            ],
        )
        self.assertIn("unknown user", dsn.reports[0].text)

    def test_dsn_with_the_whole_mail(self) -> None:
        """The Message-ID is found in a mail that was returned whole."""
        whole = POSTFIX.replace(b"text/rfc822-headers", b"message/rfc822")
        dsn = read(whole)
        assert dsn is not None
        self.assertEqual(dsn.original_message_id, "<20090213.0001@bench.test>")

    def test_mdn(self) -> None:
        """An MDN is read with the Message-ID, its disposition, and the features of the receiver."""
        mdn = read(MDN % b"displayed")
        assert mdn is not None
        self.assertEqual(
            (mdn.kind, mdn.original_message_id), ("mdn", "<20090213.0001@bench.test>")
        )
        self.assertEqual(mdn.reports[0].addresses, ("b@bench.test",))
        self.assertTrue(features_accept(mdn.features, "F"))
        self.assertFalse(features_accept(mdn.features, "C"))

    def test_dispositions(self) -> None:
        """Displayed, processed, dispatched are good, with a warning too; deleted, denied, errors are not."""
        for disposition, positive in (
            (b"displayed", True),
            (b"dispatched", True),
            (b"processed", True),
            (b"processed/warning", True),
            (b"processed/error", False),
            (b"displayed/error, expired", False),
            (b"deleted", False),
            (b"denied", False),
            (b"failed", False),
            (b"displayed (on the panel)", True),
            (b"pondered", None),
        ):
            mdn = read(MDN % disposition)
            assert mdn is not None
            self.assertIs(mdn.reports[0].positive, positive, disposition)

    def test_error_fields(self) -> None:
        """A field Error or Failure is an error whatever the disposition says, also without one."""
        for name in (b"Error", b"Failure"):
            field = name + b": no paper\nDisposition:"
            for mail in (
                (MDN % b"processed").replace(b"Disposition:", field),
                (MDN % b"").replace(b"Disposition:", field),
            ):
                mdn = read(mail)
                assert mdn is not None
                self.assertIs(mdn.reports[0].positive, False)
                self.assertIn("no paper", mdn.reports[0].text)

    def test_empty_lines_between_fields(self) -> None:
        """An MDN with empty lines between its fields is read as one without."""
        mail = MDN % b"displayed"
        self.assertEqual(read(mail.replace(b"\nDisposition:", b"\n\nDisposition:")), read(mail))

    def test_actions(self) -> None:
        """Comments and case of an action do not count; without a known one the status decides."""
        for action, status, positive in (
            (b"Failed (for good)", b"5.1.1", False),
            (b"DELIVERED", b"2.0.0", True),
            (b"", b"5.1.1", False),
            (b"pondered", b"2.1.5", True),
            (b"", b"4.4.1", None),
            (b"relayed", b"2.1.9", None),
        ):
            mail = POSTFIX.replace(b"Action: failed", b"Action: " + action)
            dsn = read(mail.replace(b"Status: 5.1.1", b"Status: " + status))
            assert dsn is not None
            self.assertIs(dsn.reports[0].positive, positive, action + status)

    def test_encoded(self) -> None:
        """A report in base64 or quoted-printable, which no standard allows there, is read all the same."""
        plain = read(MDN % b"displayed")
        head, _, rest = (MDN % b"displayed").partition(
            b"Content-Type: message/disposition-notification\n\n"
        )
        body, _, end = rest.partition(b"\n--B2--")
        for encoding, encoded in (
            (b"base64", base64.encodebytes(body)),
            (b"quoted-printable", quopri.encodestring(body)),
        ):
            mail = (
                head
                + b"Content-Type: message/disposition-notification\n"
                + b"Content-Transfer-Encoding: %b\n\n" % encoding
                + encoded
                + b"\n--B2--"
                + end
            )
            self.assertEqual(read(mail), plain, encoding)

    def test_global(self) -> None:
        """Notifications for addresses in UTF-8 (RFC 6533) are read as the others are."""
        for mail, kind in ((POSTFIX, "delivery-status"), (MDN % b"displayed", "disposition-")):
            new = mail.replace(b"message/" + kind.encode(), b"message/global-" + kind.encode())
            self.assertEqual(read(new), read(mail))

    def test_no_original_message_id(self) -> None:
        """An MDN without Original-Message-ID is taken by its references."""
        mdn = read((MDN % b"displayed").replace(b"Original-Message-ID", b"X"))
        assert mdn is not None
        self.assertEqual(mdn.original_message_id, "<other@bench.test>")

    def test_other_mails(self) -> None:
        """What is no report, or a report of something else, is no notification."""
        for mail in (
            b"",
            b"Subject: a report\n\nx\n",
            b"Content-Type: multipart/report; boundary=x\n\nno parts\n",
            b"Content-Type: multipart/report; boundary=x\n\n--x\n\nfeedback\n--x--\n",
        ):
            self.assertIsNone(read(mail))

    def test_nested_without_end(self) -> None:
        """A mail of a thousand nested multiparts is no notification, and no error."""
        mail = b"Content-Type: multipart/report; boundary=b0\n\n"
        for depth in range(1000):
            mail += b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (
                depth,
                depth + 1,
            )
        self.assertIsNone(read(mail))

    @given(st.binary(max_size=300), st.integers(0, 1500))
    def test_any_octets(self, noise: bytes, at: int) -> None:
        """Whatever stands in a notification, reading it raises nothing."""
        for mail in (POSTFIX, MDN % b"displayed"):
            read_notification(io.BytesIO(mail[:at] + noise + mail[at:]))


class FeatureTests(SynchronousTestCase):
    """Feature expressions (RFC 2533)."""

    def test_profiles(self) -> None:
        """A receiver takes F with MMR, C with JPEG in colour, and S without any features."""
        for expression, takes in (
            ("", "S"),
            ("(& (color=Binary) (image-coding=MH) (image-file-structure=TIFF-minimal))", "S"),
            ("(& (color=Binary) (image-coding=[MH,MR,MMR]) (dpi=[204,408]))", "SF"),
            (
                "(| (& (color=Binary) (image-coding=MMR)) (& (color=Full) (image-coding=JPEG)))",
                "SFC",
            ),
            ("(& (color=Binary) (! (image-coding=MMR)))", "S"),
            ("(& (color=Binary) (image-coding=[MH,MR,MMR]));q=0.8", "SF"),
            (
                "(| (& (color=Binary) (image-coding=MMR));q=1 (image-coding=MH) ; q = 0.5 )",
                "SF",
            ),
            ("(& (image-coding=JPEG) (color=grey))", "S"),
        ):
            with self.subTest(expression=expression):
                taken = "".join(one for one in "SFC" if features_accept(expression, one))
                self.assertEqual(taken, takes)

    def test_garbage(self) -> None:
        """What cannot be read takes nothing but S."""
        for expression in (
            "x",
            "(",
            "()",
            "(&)",
            "(color)",
            "(color=x) (y=z)",
            "(" * 5000,
            "(!",
        ):
            self.assertFalse(features_accept(expression, "F"), expression)

    @given(st.text("()&|! =[],<>aT.-", max_size=60))
    def test_any_text(self, expression: str) -> None:
        """No expression raises."""
        features_accept(expression, "F")
