"""A received mail becomes pages: head and text, notices, images."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from unittest import SkipTest

import pypdfium2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from irsend.device.codes import CODES
from irsend.errors import MemoryFull
from irsend.imaging.mail_to_pdf import NO_PROGRAMS
from tests.imaging.originals import photograph, text_page
from tests.imaging.received import PrintingCase, mail, tiff

FAX = text_page(1728, 2292)
JAPANESE = "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0"


class TextTests(PrintingCase):
    """Head and text."""

    def test_head_and_text(self) -> None:
        """The five fields stand above the text, each once, and the page has its number."""
        printed = self.printed(mail("The text.\n"))
        (text,) = self.texts(printed)
        wanted = [
            "Date: Wed, 25 Nov 2026 10:00:00 +0900",
            'From: "The Office on the Third Floor" <office@bench.test>',
            "Message-Id: <1@bench.test>",
            "To: ir2270@bench.test",
            "Subject: Minutes of the meeting on the third floor",
        ]
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        self.assertEqual(lines, [*wanted, "The text.", "1/1"])
        self.assertEqual((printed.codes, printed.notices, printed.pages), ((), (), 1))
        self.assertEqual(printed.message_id, "<1@bench.test>")

    def test_scripts(self) -> None:
        """Latin, Greek, Cyrillic and Japanese are found in the PDF as they were written."""
        latin, greek = (
            "Gr\u00fc\u00dfe \u0159\u0117\u011f",
            "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1",
        )
        written = f"{latin} {greek} \u0416\u0443\u043a {JAPANESE}"
        (text,) = self.texts(self.printed(mail(f"{written}\n", subject=JAPANESE)))
        for word in (*written.split(), f"Subject: {JAPANESE}"):
            self.assertIn(word, text)

    def test_every_sign_is_seen(self) -> None:
        """Each script leaves ink on the paper; what no font has is a box, and not nothing."""
        for word in ("W", "\u03a9", "\u0416", "\u65e5", "\U0001f389"):
            printed = self.printed(b"\r\n" + (word * 20 + "\n").encode())
            pdf = pypdfium2.PdfDocument(printed.file)
            page = pdf[0].render(scale=1).to_pil().convert("L")
            pdf.close()
            # Below the five empty fields and the empty line.
            band = page.crop((40, 116, 560, 136))
            self.assertGreater(sum(band.histogram()[:128]), 50, word)

    def test_wrapped(self) -> None:
        """No line is wider than the paper's columns, words stay whole, and nothing is lost."""
        words = [f"word{number}" for number in range(400)]
        (text,) = self.texts(self.printed(mail(" ".join(words))))
        self.assertEqual(re.findall(r"word\d+", text), words)
        self.assertLess(max(len(line) for line in text.split("\n")), 82)

    def test_paged(self) -> None:
        """Text goes on from page to page, each with its number of how many."""
        lines = "".join(f"line {number}\n" for number in range(300))
        for paper in ("A4", "LTR"):
            printed = self.printed(mail(lines), paper=paper)
            texts = self.texts(printed)
            self.assertEqual(len(texts), printed.pages)
            for number, text in enumerate(texts, 1):
                self.assertIn(f"{number}/{len(texts)}", text)
            self.assertEqual(
                re.findall(r"line (\d+)", "".join(texts)), [str(one) for one in range(300)]
            )

    def test_paper(self) -> None:
        """Pages are A4 or Letter as ordered."""
        for paper, size in (("A4", (595, 842)), ("LTR", (612, 792))):
            printed = self.printed(mail("x"), paper=paper)
            pdf = pypdfium2.PdfDocument(printed.file)
            self.assertEqual(tuple(round(one) for one in pdf[0].get_size()), size)
            pdf.close()

    def test_too_many_lines(self) -> None:
        """The line after the thousandth is not printed: #835, and a notice; a thousand are no problem."""
        thousand = "".join(f"line {number}\n" for number in range(1, 1001))
        self.assertEqual(self.printed(mail(thousand)).codes, ())
        printed = self.printed(mail(f"{thousand}line 1001\n"))
        text = "".join(self.texts(printed))
        self.assertEqual(printed.codes, ("#835",))
        self.assertIn("line 1000", text)
        self.assertNotIn("line 1001", text)
        self.assertIn("The text has more than 1000 lines.", text)

    def test_other_readers(self) -> None:
        """The PDF has no error for qpdf, and pdftotext finds the text, Japanese too."""
        printed = self.printed(mail(f"{JAPANESE}\n", (tiff(FAX), "image/tiff", "a.tif")))
        if shutil.which("qpdf") is None or shutil.which("pdftotext") is None:
            raise SkipTest("qpdf or pdftotext is not installed")
        subprocess.run(["qpdf", "--check", str(printed.file)], check=True, capture_output=True)
        told = subprocess.run(
            ["pdftotext", str(printed.file), "-"], check=True, capture_output=True, text=True
        )
        self.assertIn(JAPANESE, told.stdout)
        self.assertEqual(told.stderr, "")


class NoticeTests(PrintingCase):
    """The notices about parts that are not printed."""

    def test_discarded(self) -> None:
        """An attachment that is no TIFF is discarded, its name printed above the machine's sentence."""
        printed = self.printed(
            mail(
                "Text.",
                (b"%PDF-", "application/pdf", "minutes.pdf"),
                (b"x", "application/ms-tnef", "winmail.dat"),
            )
        )
        (text,) = self.texts(printed)
        lines = [line.strip() for line in text.split("\n")]
        for name in ("minutes.pdf", "winmail.dat"):
            self.assertEqual(lines[lines.index(name) + 1], NO_PROGRAMS)
        self.assertEqual(NO_PROGRAMS, "No programs can process the file attachment.")
        self.assertEqual(printed.codes, ("#827",))

    def test_html(self) -> None:
        """HTML that comes alone is #828 and not printed; beside the same as text it is no problem."""
        html = b"Content-Type: text/html\r\n\r\n<b>bold</b>"
        printed = self.printed(html)
        (text,) = self.texts(printed)
        self.assertEqual(printed.codes, ("#828",))
        self.assertNotIn("bold", text)
        self.assertIn("HTML", text)
        both = (
            b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
            b"--b\r\n\r\nplain\r\n--b\r\n" + html + b"\r\n--b--\r\n"
        )
        printed = self.printed(both)
        self.assertEqual(printed.codes, ())
        self.assertIn("plain", self.texts(printed)[0])

    def test_undecodable(self) -> None:
        """A TIFF that cannot be decoded is #822 with a notice; the text and other TIFFs are printed."""
        good = tiff(FAX)
        broken = tiff(photograph(), compression="tiff_lzw")
        broken = broken[:2000] + b"\xff" * 3000 + broken[5000:]
        printed = self.printed(
            mail("Text.", (broken, "image/tiff", "bad.tif"), (good, "image/tiff", "good.tif"))
        )
        self.assertEqual(printed.codes, ("#822",))
        self.assertEqual(printed.pages, 2)
        self.assertEqual(printed.notices, ("bad.tif: page 1 cannot be decoded.",))
        self.assertIn(printed.notices[0], self.texts(printed)[0])

    def test_no_tiff(self) -> None:
        """What calls itself TIFF and is none is #818."""
        printed = self.printed(mail("Text.", (b"\x89PNG\r\n", "image/tiff", "a.tif")))
        self.assertEqual(printed.codes, ("#818",))

    def test_other_models(self) -> None:
        """JPEG and PDF are printed where the model prints them, and drawn as they are."""
        jpeg, pdf = io.BytesIO(), io.BytesIO()
        photograph().save(jpeg, "JPEG", dpi=(150, 150))
        text_page(850, 1100).save(pdf, "PDF", resolution=100)
        octets = mail(
            "",
            (jpeg.getvalue(), "image/jpeg", "a.jpg"),
            (pdf.getvalue(), "application/pdf", "b.pdf"),
        )
        printed = self.printed(octets, prints=("jpeg", "pdf"))
        self.assertEqual((printed.codes, printed.pages), ((), 2))
        (first, _, box), (second, _, _) = self.images(printed)
        self.assertEqual(first.size, (600, 400))
        self.assertLess(abs(box[2] - box[0] - 4 * 72), 1)
        self.assertLess(second.convert("L").getextrema()[0], 50)  # type: ignore[operator]
        self.assertEqual(self.printed(octets).codes, ("#827",))


class LineTests(PrintingCase):
    """The line above an image."""

    def test_line(self) -> None:
        """A TIFF without a text has sender and subject above it, 24 characters each, on each page."""
        printed = self.printed(mail("", (tiff(FAX, FAX), "image/tiff", "a.tif")))
        self.assertEqual((printed.pages, printed.codes), (2, ()))
        for text in self.texts(printed):
            line = " ".join(text.split())
            self.assertEqual(line, '"The Office on the Third Minutes of the meeting o')

    def test_above(self) -> None:
        """The image begins below the line and has none of its pixels covered."""
        printed = self.printed(mail("", (tiff(FAX), "image/tiff", "a.tif")))
        ((image, _, box),) = self.images(printed)
        self.assertLessEqual(box[3], 842 - 15)
        self.assertEqual(image.convert("1").tobytes(), FAX.tobytes())

    def test_no_line(self) -> None:
        """A TIFF with a text has no line: its head stands on the page of the text."""
        printed = self.printed(mail("Text.", (tiff(FAX), "image/tiff", "a.tif")))
        self.assertEqual(printed.pages, 2)
        self.assertEqual(self.texts(printed)[1].strip(), "")


class BoundTests(PrintingCase):
    """How much is printed."""

    def test_too_many_pages(self) -> None:
        """What is more than the pages that may be is not printed: #829, and a notice in front."""
        dot = Image.new("1", (200, 200), 0)
        octets = mail("", (tiff(*[dot] * 12), "image/tiff", "a.tif"))
        self.assertEqual(self.printed(octets, most_pages=12).codes, ())
        printed = self.printed(octets, most_pages=11)
        self.assertEqual((printed.codes, printed.pages), (("#829",), 11))
        self.assertIn("The mail has more than 11 pages.", self.texts(printed)[0])

    def test_too_large(self) -> None:
        """Images that come to more octets than they may are given up."""
        octets = mail("", *[(tiff(FAX), "image/tiff", "a.tif")] * 2)
        photo = tiff(photograph(2000, 2000), compression="jpeg")
        with self.assertRaises(MemoryFull):
            self.printed(mail("", (photo, "image/tiff", "a.tif")), most_octets=1000)
        self.assertEqual(self.printed(octets, most_octets=10_000_000).pages, 2)

    def test_progress(self) -> None:
        """`page_done` is called for each page of an image."""
        self.printed(mail("", (tiff(FAX, FAX, FAX), "image/tiff", "a.tif")))
        self.assertEqual(self.told, [1, 2, 3])

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(flips=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=30))
    def test_any_changes(self, flips: list[tuple[int, int]]) -> None:
        """Whatever octets of a mail are changed, there is a page, and a code where one is lost."""
        picture = text_page(400, 300)
        octets = bytearray(mail("Text.", (tiff(picture, picture), "image/tiff", "a.tif")))
        for at, value in flips:
            octets[at % len(octets)] = value
        printed = self.printed(bytes(octets))
        self.assertGreaterEqual(printed.pages, 1)
        self.assertLessEqual(set(printed.codes), set(CODES))

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(text=st.text(max_size=400))
    def test_any_text(self, text: str) -> None:
        """Whatever is written, it is printed without an error."""
        octets = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
        printed = self.printed(octets + text.encode("utf-8", "surrogatepass"))
        self.assertGreaterEqual(printed.pages, 1)

    def test_nothing(self) -> None:
        """An empty mail is one page with an empty head."""
        printed = self.printed(b"")
        self.assertEqual((printed.pages, printed.codes), (1, ()))
