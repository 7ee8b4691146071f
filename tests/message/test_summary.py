"""Sender and subject of a received mail."""

from __future__ import annotations

import time
from email.header import Header

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.message.field_text import LONGEST_TEXT
from irsend.message.summary import LONGEST_HEAD, mail_header, sender_of, subject_of


def subject(text: bytes) -> str:
    """The subject of a mail with this Subject field."""
    return subject_of(b"From: a@b\r\nSubject: " + text + b"\r\nTo: c@d\r\n\r\nbody\r\n")


def sender(text: bytes) -> str:
    """The sender of a mail with this From field."""
    return sender_of(b"Subject: x\r\nFrom: " + text + b"\r\n\r\nbody\r\n")


class SubjectTests(SynchronousTestCase):
    """What a mail is about."""

    def test_plain(self) -> None:
        """A plain subject is returned unchanged, without the white space around it."""
        self.assertEqual(subject(b"  Scan of page 1 "), "Scan of page 1")

    def test_folded(self) -> None:
        """A folded subject is one line."""
        self.assertEqual(subject(b"Scan\r\n of\r\n\tpage 1"), "Scan of page 1")
        self.assertEqual(subject_of(b"Subject: Scan\n of page 1\n\nbody"), "Scan of page 1")

    def test_encoded(self) -> None:
        """Encoded words (RFC 2047) are decoded, several and folded ones too."""
        self.assertEqual(subject(b"=?utf-8?q?Gr=C3=BC=C3=9Fe?="), "Grüße")
        self.assertEqual(subject(b"=?ISO-8859-1?B?R3L832U=?= vom Scanner"), "Grüße vom Scanner")
        self.assertEqual(
            subject(b"=?utf-8?b?44K544Kt44Oj44Oz?=\r\n =?iso-2022-jp?b?GyRCPXEbKEI=?="),
            "スキャン書",
        )
        long = "Überlänge " * 12
        self.assertEqual(
            subject(Header(long, "utf-8").encode(linesep="\r\n").encode("ascii")), long.strip()
        )

    def test_broken(self) -> None:
        """What cannot be decoded is shown as it stands."""
        for text in (
            b"=?utf-8?b?a?=",
            b"=?no-such-charset?q?x?=",
            b"=?rot13?q?x?=",
            b"=?punycode?q?99999999999?=",
            b"=?utf-8?q?unfinished",
            b"=?=?=?=",
            "=?ü?q?x?=".encode(),
        ):
            self.assertEqual(subject(text), text.decode())

    def test_raw(self) -> None:
        """Octets that should not be there are UTF-8, or a guess that is marked as one."""
        self.assertEqual(subject("Grüße".encode()), "Grüße")
        self.assertEqual(subject(b"Gr\xfc\xdfe"), "Grüße [?]")

    def test_control_characters(self) -> None:
        """Controls become blanks, those of an encoded word too: the subject stays one line."""
        self.assertEqual(subject(b"a\x00b\x1b[31mc\x7f"), "a b [31mc")
        self.assertEqual(subject(b"=?utf-8?q?a=0D=0Ab=E2=80=A8c?="), "a b c")

    def test_bare_line_ends(self) -> None:
        """A bare CR ends nothing that a reader could take for another field."""
        self.assertNotIn("\r", subject(b"a\rBcc: x@y"))

    def test_case_and_blanks(self) -> None:
        """The field's name may be written in any case, with blanks before the colon."""
        for field in (b"SUBJECT: x", b"subject:x", b"Subject : x", b"Subject\t:\tx"):
            self.assertEqual(subject_of(field + b"\r\n\r\n"), "x")

    def test_other_fields(self) -> None:
        """A field whose name only ends alike is another one."""
        self.assertEqual(subject_of(b"X-Subject: no\r\nSubject: yes\r\n\r\n"), "yes")

    def test_first_of_two(self) -> None:
        """Of two subjects the first one counts."""
        self.assertEqual(subject_of(b"Subject: a\r\nSubject: b\r\n\r\n"), "a")

    def test_not_in_body(self) -> None:
        """What looks like a subject in the body is none."""
        self.assertEqual(subject_of(b"From: a@b\r\n\r\nSubject: no\r\n"), "")
        self.assertEqual(subject_of(b"From: a@b\n\nSubject: no\n"), "")

    @given(
        st.lists(
            st.sampled_from(
                [
                    *(
                        b"Subject:",
                        b"subject :",
                        b"SUBJECT: ",
                        b"From: a",
                        b"no field",
                        b">From x",
                    ),
                    *(
                        b"plain",
                        b"=?utf-8?q?=C3=A4?=",
                        b"\xe4",
                        b"\x1b$B",
                        b"\t",
                        b" ",
                        b"\x00",
                    ),
                    *(b"\r\n", b"\n", b"\r", b"\r\n ", b"\r\n\r\n", b"y" * 190),
                ]
            ),
            max_size=14,
        ).map(b"".join)
    )
    @example(b"Subject:\r\n folded\r\nSubject: second\r\n\r\n")
    @example(b"Subject:" + b"y" * 201 + b"\r\nSubject: second\r\n\r\n")
    @settings(max_examples=1000)
    def test_found_alike(self, head: bytes) -> None:
        """A subject that is found by itself is the one that the whole head gives."""
        self.assertEqual(subject_of(head), mail_header(head).text("subject"))

    def test_missing(self) -> None:
        """Without a subject, a head, or anything at all it is empty."""
        for beginning in (
            b"",
            b"\r\n",
            b"\r\n\r\n",
            b"From: a@b\r\n\r\n",
            b"Subject",
            b"Subject:",
        ):
            self.assertEqual(subject_of(beginning), "")

    def test_huge(self) -> None:
        """Of an enormous subject the first 400 characters are kept, in no time worth noticing."""
        before = time.monotonic()
        self.assertEqual(subject(b"x" * 10_000_000), "x" * LONGEST_TEXT)
        self.assertEqual(len(subject(b"=?utf-8?q?=C3=BC?= " * 100_000)), LONGEST_TEXT)
        self.assertLess(time.monotonic() - before, 5)

    def test_head_without_end(self) -> None:
        """A head that does not end within the octets that are read is read up to there."""
        self.assertEqual(subject_of(b"Subject: x\r\nX: " + b"y" * LONGEST_HEAD), "x")


class SenderTests(SynchronousTestCase):
    """Who a mail says it is from."""

    def test_forms(self) -> None:
        """The address is found in every form of From."""
        for text in (
            b"a@bench.test",
            b"<a@bench.test>",
            b"Anna <a@bench.test>",
            b'"Anna (Lab)" <a@bench.test>',
            b"a@bench.test (Anna)",
            b"=?utf-8?q?J=C3=BCrgen?= <a@bench.test>",
            b"Anna\r\n <a@bench.test>",
        ):
            self.assertEqual(sender(text), "a@bench.test")

    def test_return_path(self) -> None:
        """Without a From the return path counts."""
        self.assertEqual(sender_of(b"Return-Path: <a@bench.test>\r\n\r\n"), "a@bench.test")
        self.assertEqual(sender_of(b"Return-Path: <a@b>\r\nFrom: c@d\r\n\r\n"), "c@d")

    def test_nobody(self) -> None:
        """A mail without an address in From or Return-Path has no sender."""
        self.assertEqual(sender_of(b"Return-Path: <>\r\nSubject: x\r\n\r\n"), "")
        self.assertEqual(sender_of(b""), "")

    def test_hostile(self) -> None:
        """Comments a thousand deep and other hostile heads give a result at once."""
        before = time.monotonic()
        for sign in (b"(", b"[(", b"<", b'"', b"\\", b"@", b",", b":", b"(\r\n ", b"<@,"):
            self.assertLessEqual(len(sender(sign * 16_000)), 320)
        self.assertLess(time.monotonic() - before, 20)

    def test_return_path_behind_hostile_from(self) -> None:
        """A From that makes no sense leaves the return path to count."""
        mail = b"Return-Path: <a@b>\r\nFrom: " + b"(" * 3000 + b"\r\n\r\n"
        self.assertEqual(sender_of(mail), "a@b")


CHARSETS = """
    utf-8 utf-7 utf-16 iso-2022-jp idna punycode hz unknown-8bit raw_unicode_escape
    unicode_escape undefined hex rot13 big5 mbcs
"""
WORDS = st.builds(
    lambda charset, encoding, text: f"=?{charset}?{encoding}?{text}?=".encode(
        "utf-8", "surrogatepass"
    ),
    st.sampled_from(CHARSETS.split()) | st.text(max_size=5),
    st.sampled_from("qQbB") | st.text(max_size=1),
    st.text(alphabet="=?_ABCDEF0123456789+/-x") | st.text(),
)
PIECES = b'Subject: From: Return-Path: < > ( " @ a@b =?'.split()
HEADS = st.lists(
    st.binary(max_size=40)
    | WORDS
    | st.sampled_from(PIECES)
    | st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"\r\n "]),
    max_size=30,
).map(b"".join)


class AnythingTests(SynchronousTestCase):
    """Whatever a mail begins with."""

    @settings(deadline=None, max_examples=300)
    @given(HEADS)
    @example("Subject: =?ü?q?x?=".encode())
    @example(b"From: " + b"(" * 5000)
    def test_one_line(self, beginning: bytes) -> None:
        """Subject and sender are one printable line of bounded length."""
        for of, longest in ((subject_of, LONGEST_TEXT), (sender_of, 320)):
            for head in (beginning, b"Subject: " + beginning, b"From: " + beginning):
                text = of(head)
                self.assertTrue(text == "" or text.isprintable(), repr(text))
                self.assertLessEqual(len(text), longest)
                text.encode("utf-8")
