"""A scan as a mail: the machine's own header style, and MIME that everybody reads back."""

from __future__ import annotations

import io
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.device import load_model, model_names
from irsend.message.compose import Attachment, Composed, Draft, compose
from irsend.message.style import Style

AT = 1_234_567_890.0
CANON = Style(**attrs.asdict(load_model("ir2270").header))
_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=150)


def attached(content: bytes, of_type: str = "application/pdf") -> Attachment:
    """Return an attachment of this content."""
    return Attachment(type=of_type, extension="pdf", open=lambda: io.BytesIO(content))


def draft(**more: Any) -> Draft:
    """Return a draft of a mail to two recipients."""
    given: dict[str, Any] = {
        "at": AT,
        "number": "0042",
        "count": 7,
        "sender": "ir@bench.test",
        "recipients": ("a@bench.test", "b@bench.test"),
        "subject": "Attached Image",
        "domain": "bench.test",
        "attachments": (attached(b"%PDF-1.4"),),
    }
    return Draft(**{**given, **more})


def composed(one: Draft, style: Style = CANON) -> tuple[Composed, bytes]:
    """Compose; return what is known of the mail, and the mail."""
    into = io.BytesIO()
    known = compose(one, style, into)
    return known, into.getvalue()


def read(mail: bytes) -> EmailMessage:
    """Read a mail as a mail program does."""
    message = message_from_bytes(mail, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(mail: bytes) -> str:
    """Return the text part, its lines ending in LF."""
    body = read(mail).get_body()
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


class StyleTests(SynchronousTestCase):
    """The header of what the machine sends (docs/sending)."""

    def test_canon(self) -> None:
        """The fields stand in the Canon's order, with its X-Mailer, Message-ID, boundary and names."""
        known, mail = composed(draft(text="Hello\n"))
        message = read(mail)
        self.assertEqual(
            message.keys(),
            [
                "Date", "From", "To", "Subject", "MIME-Version", "X-Priority", "X-Mailer",
                "Message-ID", "Content-Type", "Content-Transfer-Encoding",
            ],
        )  # fmt: skip
        self.assertEqual((message["X-Mailer"], message["X-Priority"]), ("Canon MFP", "3"))
        self.assertRegex(
            known.message_id, r"^<2009021[34]\d{6}\.0007\.CanonTxNo\.0042@bench\.test>$"
        )
        self.assertRegex(str(message.get_boundary()), r"^----_CANON_09021[34]\d{6}0042_$")
        (pdf,) = message.iter_attachments()
        self.assertRegex(str(pdf.get_filename()), r"^0042_09021[34]\d{6}_001\.pdf$")

    def test_quirks(self) -> None:
        """The trailing dot and the wrong encoding of the multipart are there only when they are on."""
        style = attrs.evolve(CANON, trailing_dot=True, declared_quoted_printable=True)
        known, mail = composed(draft(), style)
        self.assertTrue(known.message_id.endswith("@bench.test.>"))
        self.assertIn(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n", mail)
        known, mail = composed(draft())
        self.assertTrue(known.message_id.endswith("@bench.test>"))
        self.assertIn(b"Content-Transfer-Encoding: 7bit\r\n\r\n", mail)

    def test_dates(self) -> None:
        """Date has each form that there is; of them only the standard's has day, year and zone."""
        for form, pattern in (
            ("standard", rb"Date: \w{3}, \d\d \w{3} 2009 \d\d:\d\d:\d\d [+-]\d{4}\r\n"),
            ("asctime", rb"Date: \w{3} \w{3} \d\d \d\d:\d\d:\d\d 2009\r\n"),
            ("iso", rb"Date: 2009-02-1\d \d\d:\d\d:\d\d\r\n"),
            ("short_year", rb"Date: \w{3}, \d\d \w{3} 09 \d\d:\d\d:\d\d [+-]\d{4}\r\n"),
        ):
            _, mail = composed(draft(), attrs.evolve(CANON, date=form))
            self.assertRegex(mail, b"^" + pattern)
        _, mail = composed(draft(), attrs.evolve(CANON, date="none"))
        self.assertTrue(mail.startswith(b"From: "))
        self.assertNotIn(b"Date", mail)

    def test_notification_asked_for(self) -> None:
        """Full mode asks for an MDN behind the machine's own fields."""
        _, mail = composed(draft(notify_to="ir@bench.test"))
        message = read(mail)
        self.assertEqual(message.keys()[-1], "Disposition-Notification-To")
        self.assertEqual(message["Disposition-Notification-To"], "ir@bench.test")

    def test_pages_are_counted(self) -> None:
        """Several attachments are called _001, _002."""
        _, mail = composed(draft(attachments=(attached(b"a"), attached(b"b"))))
        names = [str(one.get_filename())[-8:] for one in read(mail).iter_attachments()]
        self.assertEqual(names, ["_001.pdf", "_002.pdf"])

    def test_every_model(self) -> None:
        """The style of each shipped model composes a mail that is read back."""
        for name in model_names():
            style = Style(**attrs.asdict(load_model(name).header))
            _, mail = composed(draft(text="x"), style)
            self.assertEqual(read(mail)["Subject"], "Attached Image")


class FormTests(SynchronousTestCase):
    """What holds for any mail."""

    def check_form(self, mail: bytes) -> None:
        """Lines end in CR LF, have at most 998 octets, and are in 7 bit."""
        self.assertTrue(mail.endswith(b"\r\n"))
        self.assertTrue(mail.isascii())
        for line in mail.split(b"\r\n"):
            self.assertLessEqual(len(line), 998)
            self.assertNotIn(b"\n", line)
            self.assertNotIn(b"\r", line)

    @given(_TEXT, st.lists(_TEXT, max_size=5))
    @settings(max_examples=150, deadline=None)
    def test_any_words(self, subject: str, lines: list[str]) -> None:
        """Any subject and text come out in canonical form and are read back."""
        text = "\n".join(lines)
        known, mail = composed(draft(subject=subject, text=text))
        self.check_form(mail)
        self.assertEqual(known.size, len(mail))
        message = read(mail)
        self.assertEqual(str(message["Subject"] or "").split(), subject.split())
        if text:
            self.assertEqual(text_of(mail).rstrip("\n"), text.rstrip("\n"))

    @given(st.binary(max_size=1000), st.integers(0, 5))
    @settings(max_examples=50, deadline=None)
    def test_any_attachment(self, content: bytes, many: int) -> None:
        """Any attachment is read back octet for octet, in lines of 76."""
        whole = content * (1 + many * 300)
        known, mail = composed(draft(attachments=(attached(whole),)))
        self.check_form(mail)
        self.assertEqual(known.size, len(mail))
        (part,) = read(mail).iter_attachments()
        self.assertEqual(part.get_payload(decode=True), whole)

    def test_across_blocks(self) -> None:
        """An attachment of several blocks has one unbroken base64, of any length."""
        for size in (57 * 4096 - 1, 57 * 4096, 57 * 4096 + 1, 57 * 4096 * 2 + 30):
            content = bytes(range(256)) * (size // 256 + 1)
            _, mail = composed(draft(attachments=(attached(content[:size]),)))
            (part,) = read(mail).iter_attachments()
            self.assertEqual(part.get_payload(decode=True), content[:size])

    def test_eight_bit_head(self) -> None:
        """For 8BITMIME the head has the text in 8 bit, and replaces the other one."""
        known, mail = composed(draft(text="Grüße\n"))
        assert known.eight_bit_head is not None
        eight = known.eight_bit_head + mail[known.head_length :]
        self.assertIn("\r\nGrüße\r\n".encode(), eight)
        self.assertIn(b"Content-Transfer-Encoding: 8bit\r\n\r\n", eight)
        for one in (mail, eight):
            self.assertEqual(text_of(one), "Grüße\n")

    def test_no_eight_bit_head(self) -> None:
        """Where the text is ASCII, or has lines that are too long, there is no other head."""
        for text in ("", "Hello\n", "ü" * 600):
            self.assertIsNone(composed(draft(text=text))[0].eight_bit_head)

    def test_boundary_in_the_text(self) -> None:
        """A text that holds the boundary does not end its part."""
        _, mail = composed(draft(text="x"))
        boundary = str(read(mail).get_boundary())
        text = f"--{boundary}--\nafter\n"
        _, mail = composed(draft(text=text))
        self.assertEqual(text_of(mail), text)

    def test_nothing_is_injected(self) -> None:
        """An end of line in a field is refused by the field's name."""
        for name, value in (
            ("subject", "a\r\nBcc: x@y"),
            ("sender", "a@b\r\nX: y"),
            ("recipients", ("a@b\nX: y",)),
        ):
            with self.assertRaises(ValueError):
                composed(draft(**{name: value}))
