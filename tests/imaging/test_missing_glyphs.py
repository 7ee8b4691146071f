"""Characters that no font has, and mails as mail programs write them, on paper."""

from __future__ import annotations

import base64

from irsend.imaging.fonts import glyph_of
from irsend.imaging.text_wrap import wrapped
from tests.imaging.originals import text_page
from tests.imaging.received import PrintingCase, mail, tiff

FAX = text_page(400, 300)
HANGUL, HAN, EMOJI, THAI_MARK = "\uac00", "\u6267", "\U0001f389", "\u0e48"


class MissingGlyphTests(PrintingCase):
    """A box, and one notice."""

    def test_told_once(self) -> None:
        """Characters that no font has are boxes, told once for all of them, and the job is OK."""
        text = f"{HANGUL}{HANGUL} x {EMOJI}\n{HANGUL}{THAI_MARK}\n"
        printed = self.printed(mail(text, subject=f"a{HAN}"))
        words = (
            "A box stands for each character that no font has: U+6267, U+AC00, U+1F389, U+0E48."
        )
        self.assertEqual(
            (printed.codes, printed.notices, printed.subject), ((), (words,), f"a{HAN}")
        )
        (on_paper,) = self.texts(printed)
        for line in ("Subject: a\u25a1", "\u25a1\u25a1x\u25a1", "\u25a1\u25a1", words):
            self.assertIn(line.replace(" ", ""), "".join(on_paper.split()))

    def test_many(self) -> None:
        """Of many such characters eight are named, and how many others there are."""
        text = "".join(chr(0xAC00 + number) for number in range(100))
        (words,) = self.printed(mail(text)).notices
        self.assertTrue(words.endswith("U+AC07 and 92 more."), words)

    def test_in_names(self) -> None:
        """The name of an attachment that is not printed counts too."""
        printed = self.printed(mail("x", (b"x", "application/pdf", f"{HANGUL}.pdf")))
        self.assertEqual(printed.codes, ("#827",))
        self.assertIn("U+AC00", printed.notices[-1])

    def test_no_sheet(self) -> None:
        """A box in the line above an image is told in the document, and costs no sheet."""
        printed = self.printed(mail("", (tiff(FAX), "image/tiff", "a.tif"), subject=HANGUL))
        self.assertEqual((printed.pages, printed.codes, len(printed.notices)), (1, (), 1))

    def test_nothing_missing(self) -> None:
        """The scripts that docs/printing names have their characters, Arabic letters among them."""
        for sign in "W\u00df\u03a9\u0416\u0531\u10d0\u0628\u65e5\u4e2d\u6587\u3042\u30a2\uff71\u2460\ufffd":
            self.assertEqual(glyph_of(sign).missing, "", sign)

    def test_accents(self) -> None:
        """A letter that no font has with its accents is set from both."""
        (line,) = wrapped("Vi\u1ec7t, ti\u1ebfng")
        self.assertEqual([one.character for one in line if one.missing], [])
        self.assertEqual(sum(one.cells for one in line), len("Viet, tieng"))

    def test_selectors(self) -> None:
        """What selects a character's variant, or joins characters, is no box of its own."""
        (line,) = wrapped("\u845b\U000e0100\u2764\ufe0f\u200d\U0001f3f4\U000e0067")
        self.assertEqual([one.character for one in line], ["\u845b", "\u2764", "\u25a1"])


class AsWrittenTests(PrintingCase):
    """Mails of forms that occur, which are printed whole and are OK."""

    def test_comment(self) -> None:
        """A TIFF whose encoding has a comment beside it is printed."""
        octets = mail("x", (tiff(FAX), "image/tiff", "a.tif")).replace(
            b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: BASE64 (comment)"
        )
        printed = self.printed(octets)
        self.assertEqual((printed.pages, printed.images, printed.codes), (2, 1, ()))

    def test_footer(self) -> None:
        """A text in base64 is printed with the footer that list software appends in base64."""
        runs = (base64.b64encode(one) for one in (b"first part 1\r\n\r\n", b"list footer"))
        head = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        printed = self.printed(head + b"\r\n".join(runs))
        self.assertEqual((printed.codes, printed.notices), ((), ()))
        for words in ("first part 1", "list footer"):
            self.assertIn(words, self.texts(printed)[0])

    def test_signed(self) -> None:
        """A mail with a TIFF and a detached signature is printed whole, without a word of the signature."""
        octets = (
            b"Content-Type: multipart/signed; boundary=s; protocol="
            b'"application/pkcs7-signature"\r\n\r\n--s\r\n'
            + mail("x", (tiff(FAX), "image/tiff", "a.tif"))
            + b"\r\n--s\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n"
            b"Content-Transfer-Encoding: base64\r\n"
            b"Content-Disposition: attachment; filename=smime.p7s\r\n\r\nMIAG\r\n--s--\r\n"
        )
        printed = self.printed(octets)
        self.assertEqual((printed.pages, printed.images, printed.codes), (2, 1, ()))
        self.assertEqual(printed.notices, ())
