"""The worker that prints, as a process: its orders and its answers."""

from __future__ import annotations

import pypdfium2
from PIL import Image
from reportlab.pdfgen import canvas

from tests.imaging.originals import photograph, text_page
from tests.imaging.received import mail, tiff
from tests.imaging.worker_case import WorkerCase


class WorkerTests(WorkerCase):
    """One process, several documents."""

    def test_prints(self) -> None:
        """It says each page and then the whole, one document after the other."""
        fax = tiff(text_page(1728, 2292), text_page(1728, 2292))
        found = self.answers_to_the_end(
            self.order(mail("Text.", (fax, "image/tiff", "a.tif"), subject="One"), "1"),
            self.order(mail("", (b"x", "application/x", "b.x"), subject="Two"), "2"),
        )
        wanted = {
            "file": "printed.pdf",
            "pages": 3,
            "codes": [],
            "notices": [],
            "from": '"The Office on the Third Floor" <office@bench.test>',
            "subject": "One",
            "message_id": "<1@bench.test>",
            "images": 2,
        }
        self.assertEqual(found[:3], [{"page": 1}, {"page": 2}, {"printed": wanted}])
        self.assertEqual(found[3]["printed"]["codes"], ["#827"])
        self.assertEqual(len(found), 4)
        self.assertTrue((self.into / "out-1" / "printed.pdf").exists())
        self.assertEqual((self.process.returncode, self.process.stderr), (0, ""))

    def test_draws(self) -> None:
        """A page is drawn as PNG at the resolution asked for; one that is not there is refused."""
        (printed,) = self.answers(self.order(mail("Text.")))
        self.assertEqual(printed["printed"]["pages"], 1)
        file, png = self.into / "out-1" / "printed.pdf", self.into / "1.png"
        draw = {"file": str(file), "into": str(png), "dots": 100, "page": 1}
        drawn, refused = self.answers({"draw": draw}, {"draw": {**draw, "page": 2}})
        self.assertEqual(drawn, {"drawn": {"file": str(png), "width": 827, "height": 1170}})
        self.assertEqual(refused["failed"]["code"], "#822")
        with Image.open(png) as image:
            self.assertEqual(image.format, "PNG")
            self.assertLess(image.convert("L").getextrema()[0], 100)  # type: ignore[operator]

    def test_reads(self) -> None:
        """A page's lines have places in points from its upper left corner, each column a line of its own."""
        self.answers(self.order(mail("Müller      3rd floor\n山田 𠮷\n")))
        file = str(self.into / "out-1" / "printed.pdf")
        read, refused = self.answers(
            {"read": {"file": file, "page": 1}}, {"read": {"file": file, "page": 2}}
        )
        self.assertEqual(refused["failed"]["code"], "#822")
        page = read["read"]
        self.assertEqual((round(page["width"]), round(page["height"])), (595, 842))
        lines = {line["text"]: line for line in page["lines"]}
        self.assertIn("To: ir2270@bench.test", lines)
        name, floor = lines["Müller"], lines["3rd floor"]
        self.assertLess(abs(name["y"] - floor["y"]), 2)
        self.assertLess(name["x"] + name["width"], floor["x"])
        self.assertTrue(any(text.startswith("山田") for text in lines), lines)
        for line in page["lines"]:
            self.assertTrue(line["x"] >= 0 and line["x"] + line["width"] <= page["width"])
            self.assertTrue(line["y"] >= 0 and line["y"] + line["height"] <= page["height"])

    def test_reads_up_to_a_limit(self) -> None:
        """Of a page with very many lines MOST_LINES are read; text off the page is not."""
        file = self.into / "long.pdf"
        paper = canvas.Canvas(str(file), pagesize=(600, 6000))
        paper.drawString(1e9, 1e9, "far away")
        for number in range(1100):
            paper.drawString(10, 5990 - 5 * number, f"{number}".ljust(60, "x"))
        paper.save()
        (read,) = self.answers({"read": {"file": str(file), "page": 1}})
        lines = read["read"]["lines"]
        self.assertLessEqual(len(lines), 1000)
        self.assertLessEqual(sum(len(line["text"]) for line in lines), 50_000)
        self.assertTrue(lines[0]["text"].startswith("0xxx"))

    def test_sets(self) -> None:
        """A text is set in the columns that it has, on as many pages as it needs, each with its number."""
        text = "".join(f"{row:<30}|{row:>30}\n" for row in range(100))
        into = self.into / "report.pdf"
        order = {"text": text, "title": "Report", "paper": "A4", "into": str(into)}
        (found,) = self.answers({"set": order})
        self.assertEqual(found, {"set": {"file": str(into), "pages": 2}})
        with pypdfium2.PdfDocument(into) as pdf:
            self.assertEqual(pdf.get_metadata_value("Title"), "Report")
            pages = [page.get_textpage().get_text_bounded() for page in pdf]
        self.assertIn("1/2", pages[0])
        self.assertIn("2/2", pages[1])
        told = [line.split("|") for line in "\n".join(pages).splitlines() if "|" in line]
        self.assertEqual([int(row) for row, _ in told], list(range(100)))

    def test_too_large(self) -> None:
        """A document that comes to more octets than it may fails, and the next is printed."""
        photo = tiff(photograph(1500, 1500), compression="jpeg")
        found = self.answers(
            self.order(mail("", (photo, "image/tiff", "a.tif")), "1", most_octets=10_000),
            self.order(mail("Text."), "2"),
        )
        self.assertEqual([next(iter(one)) for one in found], ["failed", "printed"])

    def test_missing(self) -> None:
        """A file that is not there fails, and the next is printed."""
        order = {"print": {"files": [str(self.into / "none")], "into": str(self.into)}}
        found = self.answers(order, self.order(mail("Text.")))
        self.assertEqual([next(iter(one)) for one in found], ["failed", "printed"])
