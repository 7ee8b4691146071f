"""A received mail for programs: trace, fields, text, and every part (irsend.message.mail_content)."""

from __future__ import annotations

import io
from email.message import EmailMessage
from email.policy import SMTP

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.interfaces import Envelope, Mailbox
from irsend.message.mail_content import (
    MailContent,
    read_mail,
    show_mail,
    summarize_mail,
    trace_length,
)
from irsend.message.trace import pop_trace, smtp_trace

ANN, SCAN = Mailbox(b"ann", b"bench.test"), Mailbox(b"scan", b"bench.test")


def read(*lines: bytes) -> MailContent:
    """Return a mail of these lines, read."""
    return read_mail(io.BytesIO(b"\r\n".join((*lines, b""))))


def traced(sender: Mailbox | None, *recipients: Mailbox, cipher: str = "") -> bytes:
    """Return what the machine puts above a mail with this envelope."""
    envelope = Envelope(
        sender=sender, recipients=recipients, helo=b"client.test", protocol=b"ESMTP"
    )
    return smtp_trace(envelope, peer="192.0.2.7", host=b"ir.test", at=1e9, cipher=cipher)


class TraceTests(SynchronousTestCase):
    """What the machine put above a mail is told from the mail."""

    @given(st.binary(max_size=300))
    def test_octets_as_they_came(self, octets: bytes) -> None:
        """Behind the machine's own trace every octet is the sender's, whatever it is."""
        for trace in (
            traced(ANN, SCAN, Mailbox(b"x y", b"bench.test")),
            traced(None, SCAN, cipher="TLS 1.2 AES128-SHA"),
            pop_trace(server="pop.test", user="ir@bench.test", host=b"ir.test", at=1e9),
        ):
            self.assertEqual(trace_length(trace + octets), len(trace))
            self.assertEqual(read_mail(io.BytesIO(trace + octets)).octets, octets)

    def test_sender_has_a_trace_too(self) -> None:
        """A trace that the sender wrote is part of the mail."""
        theirs = b"Return-Path: <x@y.test>\r\nReceived: from a\r\n\tby b;\r\n\tnow\r\n\r\n"
        content = read_mail(io.BytesIO(traced(ANN, SCAN) + theirs))
        self.assertEqual(content.octets, theirs)
        self.assertEqual(content.envelope, ("ann@bench.test", ("scan@bench.test",)))

    def test_envelopes(self) -> None:
        """The trace keeps the envelope; the null reverse-path and a mail fetched by POP have none."""
        both = read_mail(io.BytesIO(traced(ANN, SCAN, ANN) + b"\r\n"))
        self.assertEqual(
            both.envelope, ("ann@bench.test", ("scan@bench.test", "ann@bench.test"))
        )
        null = read_mail(io.BytesIO(traced(None, SCAN) + b"\r\n"))
        self.assertEqual(null.envelope, ("", ("scan@bench.test",)))
        fetched = pop_trace(server="pop.test", user="ir", host=b"ir.test", at=1e9)
        self.assertEqual(read_mail(io.BytesIO(fetched + b"\r\n")).envelope, ("", ()))

    def test_file_of_another_program(self) -> None:
        """A file that the machine did not write has no trace: all of it is the mail."""
        octets = b"Received: from a by b; now\r\nSubject: x\r\n\r\nText\r\n"
        self.assertEqual(trace_length(octets), 0)


class FieldTests(SynchronousTestCase):
    """The header fields."""

    def test_in_order(self) -> None:
        """All fields are there in their order, the repeated ones too; values are unfolded and decoded."""
        content = read(
            b"Received: from a",
            b"\tby b",
            b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
            b"Received: from c",
            b"X-Empty:",
            b"",
            b"Not-A-Field: text",
        )
        self.assertEqual(
            content.fields(),
            [
                ("Received", "from a by b"),
                ("Subject", "Grüße"),
                ("Received", "from c"),
                ("X-Empty", ""),
            ],
        )

    def test_raw_octets(self) -> None:
        """Raw octets in the head are of the body's charset, as everywhere else."""
        content = read(
            b"Subject: " + "会议".encode("gbk"), b"Content-Type: text/plain; charset=gbk", b""
        )
        self.assertEqual(content.fields()[0], ("Subject", "会议"))


class PartTests(SynchronousTestCase):
    """The parts."""

    def message(self) -> EmailMessage:
        """Return a mail with two alternatives, a fax and a mail within it."""
        message = EmailMessage(policy=SMTP)
        message["Subject"] = "Parts"
        message.set_content("Plain.\n")
        message.add_alternative("<p>HTML.</p>", subtype="html")
        message.add_attachment(
            bytes(range(256)), maintype="image", subtype="tiff", filename="Seite ä.tif"
        )
        inner = EmailMessage(policy=SMTP)
        inner.set_content("Inner.\n")
        message.add_attachment(inner)
        return message

    def test_every_part(self) -> None:
        """All alternatives and attachments count from 1, with their decoded octets."""
        content = read_mail(io.BytesIO(bytes(self.message())))
        self.assertEqual(
            [(leaf.part, leaf.type, leaf.name, leaf.attachment) for leaf in content.leaves],
            [
                (1, "text/plain", "", False),
                (2, "text/html", "", False),
                (3, "image/tiff", "Seite ä.tif", True),
                (4, "message/rfc822", "", True),
            ],
        )
        self.assertEqual(content.leaves[2].content(content.octets), bytes(range(256)))
        self.assertIn(b"Inner.", content.leaves[3].content(content.octets))

    def test_single(self) -> None:
        """A mail without MIME is one text."""
        (leaf,) = read(b"Subject: x", b"", b"Text").leaves
        self.assertEqual((leaf.part, leaf.type, leaf.attachment), (1, "text/plain", False))

    def test_text_with_a_name(self) -> None:
        """A text that is a file is an attachment, declared or only named."""
        for field in (
            b"Content-Disposition: attachment",
            b'Content-Type: text/plain; name="notes.txt"',
        ):
            (leaf,) = read(field, b"", b"Text").leaves
            self.assertTrue(leaf.attachment, field)

    def test_unknown_encoding(self) -> None:
        """A part whose encoding is not known is given as it stands."""
        content = read(b"Content-Transfer-Encoding: x-zip", b"", b"PK")
        self.assertEqual(content.leaves[0].content(content.octets), b"PK\r\n")

    def test_unreadable_type(self) -> None:
        """A part whose type cannot be read is an attachment of no known type."""
        (leaf,) = read(b"Content-Type: nonsense", b"", b"x").leaves
        self.assertEqual((leaf.type, leaf.attachment), ("application/octet-stream", True))

    def test_bounded(self) -> None:
        """Of more than a thousand parts, and of parts fifty deep, the first are read."""
        many = b"\r\n".join(
            [b"Content-Type: multipart/mixed; boundary=b", b""] + [b"--b\r\n\r\nx"] * 5000
        )
        self.assertLessEqual(len(read_mail(io.BytesIO(many)).leaves), 1000)
        deep = b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at)
            for at in range(2000)
        )
        self.assertLessEqual(len(read_mail(io.BytesIO(deep)).leaves), 1000)


class TextTests(SynchronousTestCase):
    """The text of a mail."""

    def test_charset(self) -> None:
        """The text is decoded by its charset, with line ends of one kind."""
        content = read(
            b"Content-Type: text/plain; charset=iso-8859-1", b"", b"Gr\xfc\xdfe,", b"Ann"
        )
        self.assertEqual(content.text(), "Grüße,\nAnn\n")

    def test_html_alone(self) -> None:
        """A mail of HTML alone has the text of that: no tags, no scripts, a line for each block."""
        content = read(
            b"Content-Type: text/html; charset=utf-8",
            b"",
            b"<html><head><title>T</title><style>p {}</style><body><p>Hello <b>Bob</b> there</p>",
            b"<script>alert(1)</script><div>a &amp; b</div>",
        )
        self.assertEqual(content.text(), "Hello Bob there\n\na & b\n")

    def test_plain_goes_first(self) -> None:
        """Where there is plain text, the HTML beside it is not the text."""
        message = EmailMessage(policy=SMTP)
        message.set_content("Plain.\n")
        message.add_alternative("<p>HTML.</p>", subtype="html")
        self.assertEqual(read_mail(io.BytesIO(bytes(message))).text(), "Plain.\n")

    def test_attachments_are_no_text(self) -> None:
        """A text file that is attached is not the text of the mail."""
        message = EmailMessage(policy=SMTP)
        message.set_content("Plain.\n")
        message.add_attachment("A file.\n", filename="a.txt")
        self.assertEqual(read_mail(io.BytesIO(bytes(message))).text(), "Plain.\n")


class JsonTests(SynchronousTestCase):
    """What the worker writes for the machine."""

    @given(st.binary(max_size=400))
    def test_anything(self, octets: bytes) -> None:
        """Whatever a mail holds, it is read, and its sizes are those of its octets."""
        summary = summarize_mail(io.BytesIO(octets))
        self.assertEqual(summary["size"], len(octets) - trace_length(octets))
        self.assertLessEqual(set(show_mail(io.BytesIO(octets))), {"headers", "text"})
