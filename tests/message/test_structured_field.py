"""Structured MIME fields, as RFC 2045 allows them and as mail programs write them."""

from __future__ import annotations

import base64
import io
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.message.fragments import fragment_of
from irsend.message.mime_parser import parse_message
from irsend.message.parsed_message import ParsedMessage
from irsend.message.reports.reader import read_notification
from irsend.message.structured_field import read_structured

TIFF = b"II*\0" + bytes(range(256))
CHINESE = "\u6d4b\u8bd5"


def taken(octets: bytes) -> ParsedMessage:
    """Parse a mail whose lines end in LF."""
    return parse_message(io.BytesIO(octets.replace(b"\n", b"\r\n")))


class ParameterTests(SynchronousTestCase):
    """The value of a field, and its parameters."""

    def test_values(self) -> None:
        """Comments, white space, quotes and empty parameters do not change a field's value."""
        for text in (
            "BASE64",
            "BASE64 (comment)",
            "(one (within; another) and \\) more) BASE64 ;",
            " BASE64;;  ; x-y",
            '"BASE64"',
        ):
            self.assertEqual(read_structured(text).value, "BASE64", text)

    def test_parameters(self) -> None:
        """A parameter is the same in each of the forms in which it may be written."""
        for text in (
            "x/y; charset=us-ascii",
            'x/y; CHARSET = "us-ascii"',
            "x/y; charset=us-ascii (Plain text)",
            "x/y (a; charset=b); (c) charset (d) = (e) us-ascii (f)",
            'x/y;; ; name="a; charset=b \\" c";charset=us-ascii;charset=other',
            "x/y; charset*=''us%2Dascii",
            "x/y; charset*0=us-; charset*1=ascii",
            "x/y; charset*1*=asci%69; charset*0*=utf-8''us-; charset=plain",
            "x/y charset=us-ascii",
            'x/y; name="a" charset="us-ascii" format=flowed',
            'x/y; name="a; charset=us-ascii',
            "x/y; name=(a; charset=us-ascii",
        ):
            self.assertEqual(
                read_structured(text).parameter("charset"), ("us-ascii", False), text
            )

    def test_names_with_parentheses(self) -> None:
        """A name that should have been quoted keeps its spaces, and parentheses within it."""
        for text, name in (
            ("x/y; name=fax (1).tif", "fax (1).tif"),
            ("x/y; name=fax(1).tif; a=b", "fax(1).tif"),
            ("x/y; name=fax.tif (1)", "fax.tif"),
            ('x/y; name="fax (1).tif" (quoted)', "fax (1).tif"),
            ('x/y; name="C:\\faxes\\a.tif"', "C:\\faxes\\a.tif"),
        ):
            self.assertEqual(read_structured(text).parameter("name"), (name, False), text)

    def test_hostile(self) -> None:
        """Fields of nothing but quotes, parentheses and backslashes are read in no time."""
        before = time.process_time()
        for sign in (
            '"',
            "(",
            ")",
            "\\",
            '\\"',
            '"\\',
            "(\\",
            ";",
            "=",
            "*0*=",
            "'",
            "()",
            "(;",
        ):
            read_structured(f"x/y; name={sign * 8000}").parameter("name")
        self.assertLess(time.process_time() - before, 2)

    @given(st.text("x/y;=\"()\\ *0'%", max_size=60))
    def test_any_text(self, text: str) -> None:
        """No text raises."""
        for name in ("x", "y", ""):
            read_structured(text).parameter(name)


class MailTests(SynchronousTestCase):
    """The fields of mails."""

    def test_encoding(self) -> None:
        """A body is decoded whatever stands beside the name of its encoding."""
        for encoding in (
            "BASE64 (comment)",
            "(c)base64",
            '"Base64"',
            "base64;",
            "x-base64",
            "base64 ; x=y",
        ):
            mail = taken(
                f"Content-Type: image/tiff\nContent-Transfer-Encoding: {encoding}\n\n".encode()
                + base64.encodebytes(TIFF)
            )
            self.assertEqual((mail.parts[0].content, mail.problems), (TIFF, ()), encoding)
        for encoding in ("7bit (or less)", "8-bit", "(nothing)", "BINARY"):
            mail = taken(f"Content-Transfer-Encoding: {encoding}\n\ntext".encode())
            self.assertEqual((mail.parts[0].text, mail.problems), ("text", ()), encoding)

    def test_types(self) -> None:
        """Type, boundary and disposition are found beside comments."""
        mail = taken(
            b'Content-Type: (c) multipart (d) / mixed (e; f); (g) boundary = "b  b" (h)\n\n'
            b"--b  b\nContent-Type: text/plain (words)\nContent-Disposition: (not) attachment (c)\n\nx\n"
            b"--b  b\nContent-Type: image/tiff (a fax); ; name=a.tif\n\nx\n--b  b--\n"
        )
        self.assertEqual([one.kind.value for one in mail.parts], ["other", "tiff"])
        self.assertEqual((mail.parts[1].name, mail.problems), ("a.tif", ()))

    def test_fragments(self) -> None:
        """A fragment is one beside comments too."""
        fragment = fragment_of(
            b'Content-Type: message/partial (c); number=1 (of two); total="2"; id="a (b)@c"\r\n\r\n'
        )
        assert fragment is not None
        self.assertEqual(
            (fragment.number, fragment.total, fragment.identity), (1, 2, "a (b)@c")
        )

    def test_reports(self) -> None:
        """A notification is one beside comments too, its report encoded or not."""
        head = (
            b"Content-Type: multipart/report (c); report-type=delivery-status;\n boundary=b (d)\n\n"
            b"--b\n\nx\n--b\nContent-Type: message/delivery-status (e)\n"
        )
        report = (
            b"Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; b@c.test\nAction: failed\n"
            b"Diagnostic-Code: smtp; =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n"
        )
        for encoding, encoded in (
            (b"8bit", report),
            (b"BASE64 (f)", base64.encodebytes(report)),
        ):
            mail = head + b"Content-Transfer-Encoding: %b\n\n%b\n--b--\n" % (encoding, encoded)
            found = read_notification(io.BytesIO(mail))
            assert found is not None
            self.assertEqual(found.reports[0].addresses, ("b@c.test",))
            self.assertIn("Gr\u00fc\u00dfe", found.reports[0].text)

    def test_file_names(self) -> None:
        """A file's name in raw octets is of the charset of the mail's text; a guess is marked."""
        for charset, mark in (("gbk", ""), ("us-ascii", " [?]")):
            name = CHINESE.encode("gbk")
            mail = taken(
                b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
                b"Content-Type: text/plain; charset=%b\n\nx\n--b\n"
                b'Content-Type: image/tiff; name="%b.tif"\n\nx\n--b--\n'
                % (charset.encode(), name)
            )
            shown = CHINESE if not mark else name.decode("cp1252")
            self.assertEqual(mail.parts[1].name, f"{shown}{mark}.tif")

    def test_names_in_words(self) -> None:
        """A file's name is the same in words, in words of several strings, and in RFC 2231."""
        word = f"=?GBK?B?{base64.b64encode(CHINESE.encode('gbk')).decode()}?="
        for parameter in (
            f'name="{word}.tif"',
            f'name="{word}"\n "=?us-ascii?q?.tif?="',
            f"name={word}.tif",
            "name*=gbk''%B2%E2%CA%D4.tif",
            "name*0*=gbk''%B2%E2; name*1*=%CA%D4; name*2=.tif",
        ):
            mail = taken(f"Content-Type: image/tiff; {parameter}\n\nx".encode())
            self.assertEqual(mail.parts[0].name, f"{CHINESE}.tif", parameter)
