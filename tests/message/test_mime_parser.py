"""Mails of all kinds, right and wrong, are parsed, and none makes the parser fail."""

from __future__ import annotations

import base64
import binascii
import io
from email.message import EmailMessage

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.device.codes import CODES
from irsend.message import parsed_message
from irsend.message.mime_parser import Bounds, parse_message
from irsend.message.parsed_message import Kind, ParsedMessage

TIFF = b"II*\0" + bytes(range(256)) * 4
JAPANESE = "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u3001\u304b\u306a"


def taken(octets: bytes, bounds: Bounds | None = None) -> ParsedMessage:
    """Take a mail apart."""
    return parse_message(io.BytesIO(octets), bounds)


def codes(mail: ParsedMessage) -> list[str]:
    """Return the codes of what was wrong."""
    return [problem.code for problem in mail.problems]


def kinds(mail: ParsedMessage) -> list[tuple[str, str]]:
    """Return kind and name of each part."""
    return [(part.kind.value, part.name) for part in mail.parts]


def lines(*of_them: str | bytes) -> bytes:
    """Return lines ending in CR LF."""
    return b"".join((x if isinstance(x, bytes) else x.encode()) + b"\r\n" for x in of_them)


def multipart(kind: str, *parts: bytes, boundary: str = "b", end: bool = True) -> bytes:
    """Return a multipart with its head."""
    octets = lines(f'Content-Type: multipart/{kind}; boundary="{boundary}"', "")
    for part in parts:
        octets += lines(f"--{boundary}") + part + b"\r\n"
    return octets + (lines(f"--{boundary}--") if end else b"")


PLAIN = lines("Content-Type: text/plain", "", "plain")
HTML = lines("Content-Type: text/html", "", "<p>html")
TIFF_PART = lines(
    "Content-Type: image/tiff; name=a.tif", "Content-Transfer-Encoding: base64", ""
) + base64.encodebytes(TIFF)


class StructureTests(SynchronousTestCase):
    """Parts within parts."""

    def test_python(self) -> None:
        """A mail that Python's email package makes is parsed into the parts that went into it."""
        message = EmailMessage()
        message["From"] = "J\u00fcrgen <a@bench.test>"
        message["Subject"] = JAPANESE * 5
        message.set_content(f"{JAPANESE}\n")
        message.add_alternative("<p>html", subtype="html")
        name = f"{JAPANESE}.tif"
        message.add_attachment(TIFF, maintype="image", subtype="tiff", filename=name)
        message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
        mail = taken(message.as_bytes())
        self.assertEqual(kinds(mail), [("text", ""), ("tiff", name), ("other", "a.pdf")])
        self.assertEqual(mail.parts[0].text, f"{JAPANESE}\n")
        self.assertEqual([part.content for part in mail.parts[1:]], [TIFF, b"%PDF"])
        self.assertEqual(mail.head.subject, JAPANESE * 5)
        self.assertEqual(mail.head.sender, "J\u00fcrgen <a@bench.test>")
        self.assertEqual(mail.problems, ())

    def test_no_mime(self) -> None:
        """Without MIME the body is text, without a head all of it is."""
        mail = taken(lines("Subject: old", "", "one", "two"))
        self.assertEqual((mail.head.subject, mail.parts[0].text), ("old", "one\ntwo\n"))
        self.assertEqual(taken(lines("one", "two")).parts[0].text, "one\ntwo\n")
        self.assertEqual(taken(b"").parts, ())

    def test_nested(self) -> None:
        """Parts come in the order in which they stand, however deep."""
        inner = multipart("mixed", PLAIN, TIFF_PART, boundary="inner")
        mail = taken(multipart("mixed", PLAIN, inner, TIFF_PART))
        self.assertEqual(
            [part.kind.value for part in mail.parts], ["text", "text", "tiff", "tiff"]
        )

    def test_alternative(self) -> None:
        """Of alternatives the last is taken that can be printed; HTML where there is no other."""
        self.assertEqual(kinds(taken(multipart("alternative", PLAIN, HTML))), [("text", "")])
        self.assertEqual(kinds(taken(multipart("alternative", HTML))), [("html", "")])

    def test_attachment_of_an_alternative(self) -> None:
        """What is attached within the alternative that is not printed is not lost."""
        inner = multipart("mixed", HTML, TIFF_PART, boundary="inner")
        mail = taken(multipart("alternative", PLAIN, inner))
        self.assertIn(("tiff", "a.tif"), kinds(mail))
        self.assertNotIn(("html", ""), kinds(mail))

    def test_mail_within(self) -> None:
        """A mail within a mail is its head as text and its parts, also where it is encoded."""
        inner = lines("Subject: inner", "From: b@bench.test") + multipart(
            "mixed", PLAIN, TIFF_PART
        )
        plain = lines("Content-Type: message/rfc822", "") + inner
        encoded = lines(
            "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", ""
        ) + base64.encodebytes(inner)
        for part in (plain, encoded):
            mail = taken(
                lines("Subject: outer") + multipart("mixed", PLAIN, part, boundary="o")
            )
            self.assertEqual(
                [one.kind.value for one in mail.parts], ["text", "text", "text", "tiff"]
            )
            self.assertIn("Subject: inner", mail.parts[1].text)
            self.assertEqual(mail.head.subject, "outer")

    def test_no_end(self) -> None:
        """A multipart without its end is #819, and its last part is there."""
        mail = taken(multipart("mixed", PLAIN, TIFF_PART, end=False))
        self.assertEqual((kinds(mail)[1], codes(mail)), (("tiff", "a.tif"), ["#819"]))

    def test_boundary(self) -> None:
        """A boundary that is missing in the head, or is another there, is found in the body: #819."""
        octets = multipart("mixed", PLAIN, TIFF_PART)
        for said in (b"", b'; boundary="other"'):
            mail = taken(octets.replace(b'; boundary="b"', said))
            self.assertEqual([part.kind.value for part in mail.parts], ["text", "tiff"])
            self.assertEqual(codes(mail), ["#819"])

    def test_longer_line(self) -> None:
        """A line that only begins with the boundary is text."""
        part = lines("Content-Type: text/plain", "", "--bb", "--b-c", "--b x")
        self.assertEqual(taken(multipart("mixed", part)).parts[0].text, "--bb\n--b-c\n--b x\n")

    def test_kinds(self) -> None:
        """TIFF is recognized by type, name or content; an attached text is no text, TNEF is neither."""
        for head, body, kind in (
            ("Content-Type: image/tiff", TIFF, "tiff"),
            ('Content-Type: application/octet-stream; name="A.TIF"', b"?", "tiff"),
            ("Content-Type: application/octet-stream", TIFF, "tiff"),
            ("Content-Type: image/png; name=a.tif", b"?", "other"),
            ("Content-Type: text/plain\r\nContent-Disposition: attachment", b"x", "other"),
            ("Content-Type: application/ms-tnef; name=winmail.dat", b"x", "other"),
            ("Content-Type: text/calendar", b"x", "other"),
            ("Content-Type: nonsense", b"x", "text"),
        ):
            mail = taken(lines(head, "") + body)
            self.assertEqual([part.kind.value for part in mail.parts], [kind], head)


class EncodingTests(SynchronousTestCase):
    """Transfer encodings and charsets."""

    def test_uuencode(self) -> None:
        """Files uuencoded in a text are taken out of it, with their names; one that is cut is #820."""
        body = b"".join(binascii.b2a_uu(TIFF[at : at + 45]) for at in range(0, len(TIFF), 45))
        octets = (
            b"Subject: x\r\n\r\nbefore\nbegin 644 a.tif\n%b`\nend\nafter\nbegin with this\n"
            % body
        )
        mail = taken(octets)
        self.assertEqual(mail.parts[0].text, "before\nafter\nbegin with this\n")
        self.assertEqual(kinds(mail)[1], ("tiff", "a.tif"))
        self.assertEqual((mail.parts[1].content, codes(mail)), (TIFF, []))
        cut = taken(octets[:600])
        # The line that is cut is filled up: an end in white space is lost on the way too.
        whole = cut.parts[1].content[:-45]
        self.assertEqual(whole, TIFF[: len(whole)])
        self.assertGreater(len(whole), 200)
        self.assertEqual(codes(cut), ["#820"])

    def test_base64(self) -> None:
        """Base64 without its padding is right; what is none is #820, and the rest of it is there."""
        head = lines("Content-Type: image/tiff", "Content-Transfer-Encoding: base64", "")
        encoded = base64.b64encode(TIFF)
        self.assertEqual(codes(taken(head + encoded.rstrip(b"="))), [])
        mail = taken(head + encoded[:80] + b"!!\r\n" + encoded[80:])
        self.assertEqual((mail.parts[0].content, codes(mail)), (TIFF, ["#820"]))

    def test_quoted_printable(self) -> None:
        """Quoted-printable is decoded; a wrong escape is #819 and stays undecoded."""
        head = lines("Content-Type: text/plain; charset=utf-8") + lines(
            "Content-Transfer-Encoding: quoted-printable", ""
        )
        mail = taken(head + b"Gr=C3=BC=\r\n=C3=9Fe")
        self.assertEqual((mail.parts[0].text, codes(mail)), ("Gr\u00fc\u00dfe", []))
        mail = taken(head + b"a=zz b")
        self.assertEqual((mail.parts[0].text, codes(mail)), ("a=zz b", ["#819"]))

    def test_unknown_encoding(self) -> None:
        """An unknown encoding is #819, and the part stays encoded."""
        mail = taken(lines("Content-Transfer-Encoding: x-rot13", "", "text"))
        self.assertEqual((mail.parts[0].text, codes(mail)), ("text\n", ["#819"]))

    def test_charsets(self) -> None:
        """Text is read by its charset, and under a wrong or unknown one by what it looks like."""
        for charset in ("iso-2022-jp", "shift_jis", "euc-jp", "utf-8"):
            for label in (
                charset,
                "us-ascii",
                "iso-8859-1",
                "utf-8",
                "x-nobody",
                "punycode",
                "",
            ):
                octets = lines(f'Content-Type: text/plain; charset="{label}"', "")
                mail = taken(octets + JAPANESE.encode(charset))
                self.assertEqual(mail.parts[0].text, JAPANESE, (charset, label))
        for charset, text in (
            ("iso-8859-1", "Gr\u00fc\u00dfe"),
            ("iso-8859-2", "\u0159\u0119\u0142"),
            ("iso-8859-7", "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1"),
            ("iso-8859-15", "5 \u20ac"),
            ("windows-1251", "\u0416\u0443\u043a"),
            ("windows-1252", "\u201cquoted\u201d"),
            ("koi8-r", "\u0416\u0443\u043a"),
            ("gb2312", "\u4e2d\u6587"),
            ("euc-kr", "\ud55c\uad6d"),
        ):
            octets = lines(f"Content-Type: text/plain; charset={charset}", "")
            self.assertEqual(taken(octets + text.encode(charset)).parts[0].text, text, charset)

    def test_latin_that_says_utf_8(self) -> None:
        """Latin-1 under the label of UTF-8 is read as it was meant; UTF-8 with a fault stays UTF-8."""
        head = lines("Content-Type: text/plain; charset=utf-8", "")
        self.assertEqual(
            taken(head + "Gr\u00fc\u00dfe".encode("latin-1")).parts[0].text, "Gr\u00fc\u00dfe"
        )
        broken = "Gr\u00fc\u00dfe ".encode() + b"\xff"
        self.assertEqual(taken(head + broken).parts[0].text, "Gr\u00fc\u00dfe \ufffd")

    def test_vendors_signs(self) -> None:
        """A 1 in a circle, which ISO-2022-JP does not have and mail has, is read."""
        octets = lines("Content-Type: text/plain; charset=iso-2022-jp", "")
        mail = taken(octets + b"\x1b$B-!F|\x1b(B one")
        self.assertEqual(mail.parts[0].text, "\u2460\u65e5 one")


class FieldTests(SynchronousTestCase):
    """Header of heads."""

    def test_words(self) -> None:
        """Encoded words are read in any charset, also where a character is cut between two of them."""
        octets = JAPANESE.encode()
        pieces = (octets[:10], octets[10:])
        words = "\r\n ".join(f"=?utf-8?B?{base64.b64encode(one).decode()}?=" for one in pieces)
        self.assertEqual(taken(lines(f"Subject: {words}", "")).head.subject, JAPANESE)
        word = "=?iso-8859-1?q?Gr=FC=DFe?= there"
        self.assertEqual(
            taken(lines(f"Subject: {word}", "")).head.subject, "Gr\u00fc\u00dfe there"
        )

    def test_raw_fields(self) -> None:
        """A field in 8 bit, which is not allowed, is read as what it looks like; a guess is marked."""
        for charset, mark in (("utf-8", ""), ("shift_jis", " [?]"), ("iso-2022-jp", "")):
            mail = taken(lines(b"Subject: " + JAPANESE.encode(charset), ""))
            self.assertEqual(mail.head.subject, JAPANESE + mark)

    def test_broken_words(self) -> None:
        """Text that only looks like an encoded word is not decoded."""
        for word in ("=?utf-8?B?a?=", "=?nobody?Q?abc?=", "=?utf-8?B?", "=?=?=?="):
            self.assertTrue(taken(lines(f"Subject: {word}", "")).head.subject, word)

    def test_file_names(self) -> None:
        """Names in RFC 2231, in pieces, in encoded words and in 8 bit are the same name."""
        name = f"{JAPANESE}.tif"
        quoted = "".join(f"%{octet:02X}" for octet in name.encode())
        word = f"=?utf-8?B?{base64.b64encode(name.encode()).decode()}?="
        for parameters in (
            f"filename*=utf-8'ja'{quoted}",
            f"filename*0*=utf-8'ja'{quoted[:30]};\r\n filename*1*={quoted[30:]}",
            f'filename="{word}"',
            f'filename="{name}"',
            f'filename="C:\\\\faxes\\\\{name}"',
            f'filename="/etc/{name}"',
        ):
            octets = lines(
                "Content-Type: image/tiff", f"Content-Disposition: attachment; {parameters}", ""
            )
            self.assertEqual(taken(octets + TIFF).parts[0].name, name, parameters)

    def test_one_line(self) -> None:
        """No field holds a line end, a control or what turns the direction of a line."""
        octets = "Subject: a\x07b\r\n\tc \u202ed =?utf-8?q?e=0Af?=\r\n\r\n".encode()
        self.assertEqual(taken(octets).head.subject, "a b c d e f")

    def test_mailbox_line(self) -> None:
        """A line that a mailbox puts in front is no field."""
        mail = taken(lines("From a@b Mon Jan  1 00:00:00 2026", "Subject: x", "", "text"))
        self.assertEqual((mail.head.subject, mail.parts[0].text), ("x", "text\n"))


class BoundTests(SynchronousTestCase):
    """What is too much ends with a code."""

    def test_deep(self) -> None:
        """10,000 levels of multipart, or of mail, are #819."""
        deep = b"".join(
            lines(f"Content-Type: multipart/mixed; boundary=b{level}", "", f"--b{level}")
            for level in range(10_000)
        )
        self.assertIn("#819", codes(taken(deep)))
        self.assertIn("#819", codes(taken(lines("Content-Type: message/rfc822", "") * 10_000)))

    def test_head(self) -> None:
        """A head of 50 MB is #819, as one field, as many, and as one that is folded."""
        for line in (b"x" * 50_000_000, b"x\r\nA: b" * 7_000_000, b"x\r\n " * 12_500_000):
            mail = taken(b"Subject: " + line)
            self.assertEqual((codes(mail), mail.parts), (["#819"], ()))
            self.assertTrue(mail.head.subject.startswith("x"))

    def test_parts(self) -> None:
        """Parts beyond the bound are not taken: #819."""
        octets = multipart("mixed", *[PLAIN] * 30)
        mail = taken(octets, Bounds(parts=20))
        self.assertEqual((len(mail.parts), codes(mail)), (20, ["#819"]))
        self.assertEqual(len(taken(octets, Bounds(parts=30)).parts), 30)

    def test_octets(self) -> None:
        """Octets beyond the bound are not read: #819."""
        mail = taken(lines("Subject: x", "", "text" * 100), Bounds(octets=100))
        self.assertEqual(codes(mail), ["#819"])

    def test_codes(self) -> None:
        """Each code of a received mail is one of the machine's."""
        named = [
            one
            for one in vars(parsed_message).values()
            if isinstance(one, str) and one[:1] == "#"
        ]
        self.assertEqual(len(named), 9)
        self.assertEqual(set(named) - set(CODES), set())

    @settings(max_examples=300, deadline=None)
    @given(octets=st.binary(max_size=2000))
    def test_any_octets(self, octets: bytes) -> None:
        """Any octets are parsed without an error."""
        for mail in (taken(octets), taken(multipart("mixed", octets, octets))):
            for part in mail.parts:
                self.assertIsInstance(part.kind, Kind)

    @settings(max_examples=300, deadline=None)
    @given(
        pieces=st.lists(
            st.sampled_from(
                [
                    *(b"Content-Type: multipart/mixed; boundary=b\r\n", b"\r\n", b"--b\r\n"),
                    *(
                        b"--b--\r\n",
                        b"Content-Type: message/rfc822\r\n",
                        b"--b",
                        b"begin 644 a\n",
                    ),
                    *(b'Content-Type: text/plain; charset="', b"name*0*=utf-8''%", b"\x1b$B"),
                    *(
                        b"Content-Transfer-Encoding: base64\r\n",
                        b"Subject: =?utf-8?B?",
                        b"?=\r\n",
                    ),
                    *(
                        b"Content-Type: multipart/alternative; boundary*0=b\r\n",
                        b"\xff\xfe",
                        b"=",
                    ),
                ]
            ),
            max_size=40,
        )
    )
    def test_any_structure(self, pieces: list[bytes]) -> None:
        """A mail of pieces in any order is parsed without an error."""
        self.assertIsInstance(taken(b"".join(pieces)), ParsedMessage)
