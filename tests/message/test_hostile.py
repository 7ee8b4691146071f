"""Mails that were made to take long or much: each bound holds, and says so."""

from __future__ import annotations

import io
import time

from twisted.trial.unittest import SynchronousTestCase

from irsend.message.mime_parser import Bounds, parse_message
from irsend.message.parsed_message import Kind, ParsedMessage
from irsend.message.reports.reader import read_notification
from irsend.message.reports.requests import requests_in

_SECONDS = 2
_HEAD = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


class HostileTests(SynchronousTestCase):
    """What a search and reading the code found."""

    def taken(self, content: bytes, **bounds: int) -> ParsedMessage:
        """Take a mail apart, which must not take long."""
        before = time.process_time()
        mail = parse_message(io.BytesIO(content), Bounds(**bounds))
        self.assertLess(time.process_time() - before, _SECONDS)
        return mail

    def assert_wrong(self, mail: ParsedMessage, *codes: str) -> None:
        """Fail where other things were wrong with a mail."""
        self.assertEqual(tuple(one.code for one in mail.problems), codes)

    def test_spaces_behind_begin(self) -> None:
        """A line of begin and thousands of spaces is text, and read once."""
        line = b"begin 644 " + b" " * 20_000 + b"x" * 300
        mail = self.taken(b"\r\n\r\n" + line + b"\nmore\n")
        self.assertTrue(mail.parts[0].text.endswith("x\nmore\n"))

    def test_spaces_behind_hyphens(self) -> None:
        """Hyphens and spaces in many lines, without a boundary parameter, are read once."""
        mail = self.taken(_HEAD + (b"--" + b" " * 198 + b"\n") * 20_000)
        self.assert_wrong(mail, "#819", "#835")

    def test_names_with_spaces(self) -> None:
        """White space behind a uuencoded file's name, and behind an unsaid boundary, is none of it."""
        mail = self.taken(b"\r\n\r\nbegin 644 a b.bin \t\r\n#86)C\r\n`\r\nend\r\n")
        self.assertEqual((mail.parts[0].name, mail.parts[0].content), ("a b.bin", b"abc"))
        part = b"--c \t\r\nContent-Type: text/plain\r\n\r\ntext\r\n"
        mail = self.taken(_HEAD + part + part + b"--c--\r\n")
        self.assertEqual([part.text for part in mail.parts], ["text", "text"])

    def test_parameters(self) -> None:
        """A field of thousands of parameters has none, in as many parts as may be."""
        part = (
            b'--b\r\nContent-Type: application/x; name="' + b';\\"' * 2500 + b'"\r\n\r\nx\r\n'
        )
        mail = self.taken(_HEAD + part * 900 + b"--b--\r\n")
        self.assertEqual({part.name for part in mail.parts}, {""})

    def test_text(self) -> None:
        """All texts together have a bound; what is behind it is not read: #835."""
        part = b"--b\r\n\r\n" + b"text\r\n" * 10
        mail = self.taken(_HEAD + part * 4 + b"--b--\r\n", text=100)
        self.assertEqual(sum(len(part.text.replace("\n", "\r\n")) for part in mail.parts), 100)
        self.assert_wrong(mail, "#835")

    def test_encoded_mails(self) -> None:
        """Mails that are encoded within mails that are have a bound together: #819."""
        head = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        octets = head * 3 + b"Subject: inner\r\n\r\n" + b"text\r\n" * 200
        self.assert_wrong(self.taken(octets))
        self.assert_wrong(self.taken(octets, octets=len(octets)), "#819")

    def test_searched(self) -> None:
        """Multiparts within multiparts are searched so far and no further: #819."""
        inner = _HEAD + b"--b\r\n\r\ntext\r\n--b--\r\n"
        octets = b"".join(
            b"Content-Type: multipart/mixed; boundary=c%d\r\n\r\n--c%d\r\n" % (level, level)
            for level in range(10)
        )
        ends = b"".join(b"--c%d--\r\n" % level for level in reversed(range(10)))
        mail = self.taken(octets + inner + ends)
        self.assertEqual([part.kind for part in mail.parts], [Kind.TEXT])
        self.assert_wrong(mail)
        self.assert_wrong(self.taken(octets + inner + ends, searched=1000), "#819")


class HeadTests(SynchronousTestCase):
    """What is read in the machine's own process, where it would hold up reception."""

    def setUp(self) -> None:
        """Take the time."""
        self.before = time.process_time()

    def tearDown(self) -> None:
        """It must not have taken long."""
        self.assertLess(time.process_time() - self.before, _SECONDS)

    def test_head_without_fields(self) -> None:
        """A head of one name without end, or of thousands of colons, is read once."""
        head = b"Return-Path: <a@b.test>\r\nDisposition-Notification-To: a@b.test\r\n"
        for line in (b"a" * 16_000, b"a:" * 8000, b"a " * 8000):
            for _ in range(20):
                self.assertEqual(requests_in(head + line).notify_to, "a@b.test")

    def test_nested_report(self) -> None:
        """A report of hundreds of multiparts within each other, and of empty lines, is none, soon."""
        boundaries = range(300)
        nested = b"".join(
            b"Content-Type: multipart/report; boundary=b%d\r\n\r\n--b%d\r\n" % (one, one)
            for one in boundaries
        )
        mail = io.BytesIO(nested + b"\r\n" * 480_000)
        self.assertIsNone(read_notification(mail))
