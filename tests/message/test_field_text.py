"""Text of header fields, as mail programs write it."""

from __future__ import annotations

import base64
import io

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.message.field_text import GUESSED, field_text, on_one_line
from irsend.message.mime_parser import parse_message
from irsend.message.summary import LONGEST_HEAD, head_of, sender_of, subject_of

CHINESE = "\u53d1\u7968\u91d1\u989d"
JAPANESE = "\u65e5\u672c\u8a9e"
RUSSIAN = "\u0416\u0443\u043a"


def word(text: str, charset: str, label: str = "") -> str:
    """Return text as an encoded word."""
    return f"=?{label or charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="


class CharsetTests(SynchronousTestCase):
    """What raw octets of a field are."""

    def test_of_the_body(self) -> None:
        """Raw octets are of the body's charset, wherever in the mail's structure the text says it."""
        for charset, text in (("gbk", CHINESE), ("koi8-r", RUSSIAN), ("shift_jis", JAPANESE)):
            head = b"From: %b <a@b.test>\r\nTo: %b\r\nSubject: %b\r\n" % (
                (text.encode(charset),) * 3
            )
            for structure in (
                "Content-Type: text/plain; charset={0}\r\n\r\nx",
                "Content-Type: text/plain (text); charset = {0}\r\n\r\nx",
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
                "--c\r\n\r\nx\r\n--c\r\nContent-Type: text/html; charset={0}\r\n\r\nx\r\n--c--\r\n--b--",
            ):
                octets = head + structure.format(charset).encode()
                found = head_of(octets)
                self.assertEqual(
                    (found.subject, found.to, found.sender), (text, text, f"{text} <a@b.test>")
                )
                self.assertEqual((subject_of(octets), sender_of(octets)), (text, "a@b.test"))
                self.assertEqual(parse_message(io.BytesIO(octets)).head, found)

    def test_utf_8(self) -> None:
        """Octets that are UTF-8 more than by chance are UTF-8, whatever the body is in."""
        for charset in ("gbk", "koi8-r", "iso-8859-2", "utf-16", "hz", "shift_jis", ""):
            self.assertEqual(field_text(f"Re: {CHINESE}".encode(), charset), f"Re: {CHINESE}")

    def test_short_words(self) -> None:
        """A short word of the body's charset stays one where it could be UTF-8 by chance."""
        for charset, text in (("koi8-r", "\u0435\u0451"), ("gbk", "\u9c81")):
            self.assertEqual(field_text(text.encode(charset), charset), text)

    def test_guess(self) -> None:
        """What is of no charset that the mail names, and no UTF-8, is a guess with a mark behind it."""
        for raw, charset, text in (
            (b"Gr\xfc\xdfe", "", "Gr\u00fc\u00dfe"),
            (b"Gr\xfc\xdfe", "utf-8", "Gr\u00fc\u00dfe"),
            ("\u65e5\u672c\u306e".encode("euc-jp"), "", "\u65e5\u672c\u306e"),
            (JAPANESE.encode("shift_jis"), "iso-2022-jp", JAPANESE),
        ):
            self.assertEqual(field_text(raw, charset), f"{text} {GUESSED}")

    def test_bounded(self) -> None:
        """A text with the mark of a guess is no longer than one without it."""
        self.assertEqual(len(field_text(b"\xfc" * 5000)), len(field_text(b"x" * 5000)))


class EncodedWordTests(SynchronousTestCase):
    """Encoded words, right ones and those that are written."""

    def test_mixed(self) -> None:
        """Raw octets and words of several charsets stand in one field, each as it was meant."""
        raw = f"{CHINESE} {word(CHINESE, 'gbk')} {word(JAPANESE, 'iso-2022-jp')}".encode()
        self.assertEqual(field_text(raw), f"{CHINESE} {CHINESE}{JAPANESE}")
        self.assertEqual(field_text(b"a =?utf-8?q?b?= c"), "a b c")
        self.assertEqual(field_text(b"a=?utf-8?q?_b_?=c"), "a b c")

    def test_cut(self) -> None:
        """A character that is cut between two words of a charset is whole."""
        octets = CHINESE.encode("gbk")
        words = [base64.b64encode(one).decode() for one in (octets[:3], octets[3:])]
        raw = "\r\n ".join(
            f"=?{label}?B?{one}?=" for label, one in zip(("gbk", "GBK"), words, strict=True)
        )
        self.assertEqual(field_text(raw.encode()), CHINESE)

    def test_language(self) -> None:
        """The language behind a charset (RFC 2231) is no part of it."""
        self.assertEqual(field_text(b"=?iso-8859-1*de?Q?Gr=FC=DFe?="), "Gr\u00fc\u00dfe")

    def test_wrong_charset(self) -> None:
        """A word in another charset than it says is read as what it is."""
        self.assertEqual(field_text(word(CHINESE, "utf-8", "gb2312").encode()), CHINESE)
        self.assertEqual(field_text(word(RUSSIAN, "utf-8", "us-ascii").encode()), RUSSIAN)

    def test_unknown_charset(self) -> None:
        """Octets of a charset that nobody knows are a guess; ASCII of unknown-8bit is none."""
        self.assertEqual(field_text(b"=?x-nobody?Q?Gr=FC=DFe?="), f"Gr\u00fc\u00dfe {GUESSED}")
        self.assertEqual(field_text(b"=?unknown-8bit?Q?Re:_one?="), "Re: one")

    def test_encoded_address(self) -> None:
        """The address is found where the whole field is a word; one within a name is no address."""
        encoded = word("\u00dc <a@bench.test>", "utf-8")
        self.assertEqual(sender_of(f"From: {encoded}\r\n\r\n".encode()), "a@bench.test")
        name = word("<evil@bench.test>", "utf-8")
        self.assertEqual(
            sender_of(f"From: {name} <a@bench.test>\r\n\r\n".encode()), "a@bench.test"
        )


class OneLineTests(SynchronousTestCase):
    """What is not seen."""

    def test_unseen(self) -> None:
        """Controls are blanks, joiners and soft hyphens are gone, private characters are U+FFFD."""
        self.assertEqual(on_one_line("a\tb\u3000c\u2028d"), "a b c d")
        self.assertEqual(on_one_line("a\u200bb\u00adc\u202e\ufeff"), "abc")
        self.assertEqual(on_one_line("\ue000\ud800"), "\ufffd\ufffd")

    @given(st.binary(max_size=200), st.sampled_from(("", "gbk", "iso-2022-jp", "utf-16", "hz")))
    def test_anything(self, raw: bytes, charset: str) -> None:
        """The text of any octets is printable, and the same when it is read again as UTF-8."""
        text = field_text(raw, charset)
        self.assertTrue(not text or text.isprintable(), text)
        self.assertEqual(on_one_line(text), text)


class LongHeadTests(SynchronousTestCase):
    """Heads of which a part only is read."""

    def test_behind_a_long_trace(self) -> None:
        """A subject behind 40 kB of signatures is the same for report and paper; so is one too far down."""
        for length, wanted in ((40_000, "x"), (LONGEST_HEAD, "")):
            line = b"ARC-Seal: " + b"y" * 900 + b"\r\n"
            octets = line * (length // len(line) + 1) + b"Subject: x\r\n\r\ntext"
            self.assertEqual(subject_of(octets), wanted)
            self.assertEqual(parse_message(io.BytesIO(octets)).head.subject, wanted)
