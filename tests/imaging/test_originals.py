"""Reading originals: the content shows their format, a sentence says what is wrong."""

from __future__ import annotations

import pikepdf
from PIL import Image, PngImagePlugin

from irsend.errors import ScanRefused
from tests.imaging.originals import (
    OriginalsCase,
    form_pdf,
    pdf,
    pdf_without_pages,
    photograph,
    text_page,
    tiff_of,
)


class OriginalsTests(OriginalsCase):
    """Files on the glass."""

    def test_mixed(self) -> None:
        """PDF, TIFF, PNG and JPEG are read one after the other, under any names."""
        tiff = self.image(
            text_page(),
            "TIFF",
            compression="group4",
            save_all=True,
            append_images=[text_page()],
        )
        pages = self.read(
            pdf(self.place / "a.txt", 2),
            tiff,
            self.image(photograph(), "PNG"),
            self.image(photograph(), "JPEG"),
        )
        self.assertEqual(
            [one.image.mode for one in pages], ["RGB", "RGB", "1", "1", "RGB", "RGB"]
        )

    def test_sizes(self) -> None:
        """A page has the size that its file says; one that says none fills A4."""
        (page,) = self.read(self.image(text_page(), "PNG", dpi=(200, 200)))
        self.assertAlmostEqual(page.size[0], 8.27, places=1)
        (page,) = self.read(self.image(photograph(600, 400), "PNG"))
        self.assertAlmostEqual(page.size[0], 11.69, places=1)

    def test_compressions(self) -> None:
        """TIFF is read in each compression that scanners write."""
        for compression in ("raw", "group3", "group4", "tiff_lzw", "packbits", "tiff_deflate"):
            (page,) = self.read(self.image(text_page(), "TIFF", compression=compression))
            self.assertEqual(page.image.tobytes(), text_page().tobytes(), compression)

    def test_on_white(self) -> None:
        """What is transparent is white; palettes, CMYK and 16 bits are read."""
        clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
        (page,) = self.read(self.image(clear, "PNG"))
        self.assertEqual(page.image.getpixel((5, 5)), (255, 255, 255))
        (page,) = self.read(self.image(photograph().convert("P"), "PNG"))
        self.assertEqual(page.image.mode, "RGB")
        (page,) = self.read(self.image(photograph().convert("CMYK"), "JPEG"))
        self.assertEqual(page.image.mode, "RGB")
        deep = Image.new("I;16", (10, 10), 65_535)
        (page,) = self.read(self.image(deep, "PNG"))
        self.assertEqual((page.image.mode, page.image.getpixel((5, 5))), ("L", 255))

    def test_turned(self) -> None:
        """A photograph is turned as its camera was held."""
        exif = Image.Exif()
        exif[0x0112] = 6
        (page,) = self.read(self.image(photograph(600, 400), "JPEG", exif=exif))
        self.assertEqual(page.image.size, (400, 600))

    def test_not_an_image(self) -> None:
        """What is none of the four is refused with their names."""
        for content in (b"", b"hello", b"PK\x03\x04", b"GIF89a" + b"\0" * 50):
            self.assertEqual(
                self.refused(content, "a.doc"), "a.doc is not a PDF, TIFF, PNG or JPEG file"
            )

    def test_damaged(self) -> None:
        """What breaks off is refused by its name."""
        for form in ("PNG", "JPEG", "TIFF"):
            whole = self.image(photograph(), form).read_bytes()
            self.assertIn("x.pdf is damaged", self.refused(whole[: len(whole) // 2]), form)
        self.assertIn("x.pdf is damaged", self.refused(b"%PDF-1.4\nnothing\n"))

    def test_encrypted(self) -> None:
        """A PDF that asks for a password is refused as such."""
        path = self.place / "secret.pdf"
        with pikepdf.open(pdf(self.place / "open.pdf")) as document:
            document.save(path, encryption=pikepdf.Encryption(user="a", owner="b"))
        with self.assertRaises(ScanRefused) as caught:
            self.read(path)
        self.assertIn("secret.pdf is encrypted", str(caught.exception))

    def test_no_pages(self) -> None:
        """A PDF without a page is refused as such."""
        self.assertEqual(self.refused(pdf_without_pages()), "x.pdf has no pages")

    def test_filled_form(self) -> None:
        """What was filled into a PDF form is on the page."""
        path = self.place / "form.pdf"
        form_pdf(path)
        (page,) = self.read(path)
        black = page.image.convert("L").histogram()[0]
        self.assertGreater(black, 10_000)
        self.assertEqual(page.image.getpixel((5, 5)), (255, 255, 255))

    def test_user_unit(self) -> None:
        """A page has its size in the units that it names (UserUnit), and as many pixels."""
        path = pdf(self.place / "x.pdf", 2)
        with pikepdf.open(path, allow_overwriting_input=True) as document:
            first = document.pages[0]
            first.MediaBox = [0, 0, 72, 144]
            first.obj["/UserUnit"] = pikepdf.Object.parse(b"4.5")
            document.save(path)
        first_page, second = self.read(path)
        self.assertEqual(first_page.size, (4.5, 9.0))
        self.assertEqual(first_page.image.size, (900, 1800))
        self.assertAlmostEqual(second.size[0], 8.27, places=2)

    def test_image_that_speaks_of_pdf(self) -> None:
        """An image with %PDF- near its beginning is an image."""
        note = PngImagePlugin.PngInfo()
        note.add_text("Source", "%PDF-1.4")
        self.read(self.image(photograph(), "PNG", pnginfo=note))
        self.read(self.image(photograph(), "JPEG", comment=b"%PDF-1.4"))
        self.read(self.image(photograph(), "TIFF", tiffinfo={270: "%PDF-1.4"}))
        late = self.place / "late.pdf"
        late.write_bytes(b"\n" * 500 + pdf(self.place / "x.pdf").read_bytes())
        (page,) = self.read(late)
        self.assertAlmostEqual(page.size[0], 8.27, places=2)

    def test_one_picture(self) -> None:
        """A JPEG with a second picture (MPO) and an APNG have one page."""
        both = self.image(
            photograph(), "MPO", save_all=True, append_images=[photograph(60, 40)]
        )
        (page,) = self.read(both)
        self.assertEqual(page.image.size, (600, 400))
        moving = self.image(
            photograph(), "PNG", save_all=True, append_images=[photograph().rotate(180)]
        )
        (page,) = self.read(moving)
        self.assertEqual(page.image.tobytes(), photograph().tobytes())

    def test_thumbnails(self) -> None:
        """Thumbnails and masks in a TIFF are no pages, and are not counted as such."""
        path = self.place / "x.tif"
        tiff_of(path, (1, 2), (0, 4), (4, 6), (2, 8), (5, 10))
        pages = self.read(path, most=2)
        self.assertEqual([one.image.width for one in pages], [4, 8])
        path = self.place / "reduced.tif"
        tiff_of(path, (1, 2))
        self.assertEqual(len(self.read(path)), 1)
        tiff_of(path, (4, 2))
        self.assertEqual(self.refused(path.read_bytes()), "x.pdf has no pages")

    def test_too_many_pages(self) -> None:
        """More pages than are allowed are refused before any is drawn, with both numbers."""
        path = pdf(self.place / "x.pdf", 3)
        for paths, most, sentence in (
            ([path], 2, "x.pdf has 3 pages; up to 2 are allowed"),
            ([path, path], 2, "together they have 6 pages; up to 2 are allowed"),
        ):
            with self.assertRaises(ScanRefused) as caught:
                self.read(*paths, most=most)
            self.assertEqual(str(caught.exception), sentence)

    def test_bomb(self) -> None:
        """An image of more pixels than a page may have is refused before it is decoded."""
        bomb = self.image(Image.new("1", (9_000, 9_000)), "TIFF", compression="group4")
        self.assertIn("too large", self.refused(bomb.read_bytes()))
