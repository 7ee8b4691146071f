"""What the pages become: PDF, TIFF, JPEG, and the profiles of I-Fax."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pikepdf
from PIL import Image, ImageChops, ImageDraw
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from irsend.device.send_order import PAPERS as WORDS_FOR_PAPERS
from irsend.device.send_order import RESOLUTIONS
from irsend.errors import MemoryFull
from irsend.imaging.attachments import AttachmentOptions, make_files
from irsend.imaging.originals import Page
from irsend.imaging.paper_sizes import PAPERS, paper_for, resolution_of
from irsend.imaging.scanned_page import bilevel, is_coloured, is_line_art, on_paper
from irsend.imaging.tiff_fx import MH, fax_page, write_tiff
from tests.imaging.originals import photograph, text_page

A4 = PAPERS["A4"]


class FilesCase(SynchronousTestCase):
    """Makes files of pages."""

    def make(self, *pages: Page, **how: str) -> tuple[list[Path], str]:
        """Make the files."""
        form = AttachmentOptions(
            **{"format": "pdf", "resolution": "200x200", "paper": "auto", **how}
        )
        into = Path(self.mktemp())
        into.mkdir()
        told: list[int] = []
        made = make_files(iter(pages), len(pages), form, into, told.append, 100_000_000)
        self.assertEqual(told, list(range(1, len(pages) + 1)))
        self.assertEqual(sorted(into.iterdir()), sorted(made[0]))
        return made

    def frames(self, path: Path) -> list[Any]:
        """Return the frames of a TIFF with their tags."""
        frames = []
        with Image.open(path) as tiff:
            for number in range(tiff.n_frames):  # type: ignore[attr-defined]
                tiff.seek(number)
                frames.append((tiff.copy(), dict(tiff.tag_v2)))  # type: ignore[attr-defined]
        return frames


class FormatTests(FilesCase):
    """PDF, TIFF and JPEG."""

    def test_pdf(self) -> None:
        """A PDF has text as CCITT and photographs as JPEG, each page in its size."""
        (path,), of_type = self.make(Page(text_page(), A4), Page(photograph(), (6, 4)))
        self.assertEqual(of_type, "application/pdf")
        with pikepdf.open(path) as pdf:
            filters = [
                str(next(iter(page.get_images().values()))["/Filter"])
                if hasattr(page, "get_images")
                else str(next(iter(page.images.values()))["/Filter"])
                for page in pdf.pages
            ]
            boxes = [[round(float(one)) for one in page.MediaBox] for page in pdf.pages]
        self.assertIn("CCITTFaxDecode", filters[0])
        self.assertIn("DCTDecode", filters[1])
        self.assertEqual(boxes, [[0, 0, 595, 842], [0, 0, 432, 288]])

    def test_tiff(self) -> None:
        """A TIFF is MMR, one bit, at the resolution asked for; a scan of that resolution is not scaled."""
        image = text_page()
        (path,), of_type = self.make(Page(image, A4), Page(photograph(), (6, 4)), format="tiff")
        self.assertEqual(of_type, "image/tiff")
        (first, tags), (second, _) = self.frames(path)
        self.assertEqual((tags[259], tags[282], tags[297]), (4, 200, (0, 2)))
        self.assertEqual(first.convert("1").tobytes(), image.tobytes())
        self.assertEqual((second.mode, second.size), ("1", (1200, 800)))

    def test_jpeg(self) -> None:
        """Each page is a JPEG of its own, with its resolution; grey stays grey."""
        paths, of_type = self.make(
            Page(text_page(), A4),
            Page(photograph(), (6, 4)),
            format="jpeg",
            resolution="300x300",
        )
        self.assertEqual((of_type, len(paths)), ("image/jpeg", 2))
        modes = []
        for path in paths:
            with Image.open(path) as jpeg:
                modes.append(jpeg.mode)
                self.assertEqual(jpeg.info["dpi"], (300, 300))
        self.assertEqual(modes, ["L", "RGB"])

    def test_scraps(self) -> None:
        """A page smaller than a PDF can have lies in the middle of a sheet of 10 mm."""
        dot = Page(Image.new("L", (2, 2), 0), (0.01, 0.01))
        hair = Page(Image.new("L", (2000, 1), 0), (100.0, 0.05))
        (path,), _ = self.make(dot, hair)
        with pikepdf.open(path) as pdf:
            boxes = [
                [round(float(one)) for one in list(page.MediaBox)[2:]] for page in pdf.pages
            ]
        self.assertEqual(boxes, [[28, 28], [1191, 28]])
        paths, _ = self.make(dot, hair, format="jpeg")
        for path in paths:
            with Image.open(path) as jpeg:
                self.assertEqual(jpeg.height, 79)
                self.assertLess(jpeg.convert("L").getextrema()[0], 100)

    def test_too_large(self) -> None:
        """Files that come to more than they may are given up."""
        page = Page(photograph(), (6, 4))
        for how in ("pdf", "jpeg"):
            form = AttachmentOptions(format=how, resolution="200x200", paper="auto")
            into = Path(self.mktemp())
            into.mkdir()
            told: list[int] = []
            written = io.BytesIO()
            on_paper(page, (6, 4), (1200, 800)).save(written, "JPEG", quality=85)
            one = len(written.getvalue())
            with self.assertRaises(MemoryFull):
                make_files(iter([page] * 9), 9, form, into, told.append, 3 * one)
            self.assertEqual(told, [1, 2, 3])

    def test_words(self) -> None:
        """Every paper and resolution that can be ordered is known here."""
        self.assertEqual(set(WORDS_FOR_PAPERS), {"auto", *PAPERS})
        for word in RESOLUTIONS:
            self.assertTrue(all(50 <= dots <= 600 for dots in resolution_of(word)))


class SheetTests(SynchronousTestCase):
    """A page on its paper."""

    def test_paper(self) -> None:
        """A page keeps its size on larger paper, and is reduced on smaller; paper turns with the page."""
        page = Page(Image.new("L", (100, 100), 0), (1, 1))
        large = on_paper(page, (2, 2), (200, 200))
        self.assertEqual((large.getpixel((100, 100)), large.getpixel((10, 10))), (0, 255))
        small = on_paper(page, (0.5, 0.5), (50, 50))
        self.assertEqual(small.getpixel((2, 2)), 0)
        self.assertEqual(paper_for("A4", (4, 3)), (A4[1], A4[0]))
        self.assertEqual(paper_for("auto", (4, 3)), (4, 3))
        self.assertAlmostEqual(paper_for("auto", (40, 30))[1], PAPERS["A3"][0])

    def test_kinds(self) -> None:
        """Text differs from photographs, and colour from grey."""
        self.assertTrue(is_line_art(text_page().convert("L")))
        self.assertFalse(is_line_art(photograph().convert("L")))
        self.assertTrue(is_coloured(photograph()))
        self.assertFalse(is_coloured(text_page().convert("RGB")))

    def test_bilevel(self) -> None:
        """Text keeps its shape; a photograph is dithered, so that its shades are still seen."""
        drawn = text_page()
        again = bilevel(drawn.convert("L"))
        self.assertIsNone(
            ImageChops.difference(drawn.convert("L"), again.convert("L")).getbbox()
        )
        grey = Image.linear_gradient("L")
        dots = bilevel(grey).convert("L")
        dark, light = dots.crop((0, 0, 256, 64)), dots.crop((0, 192, 256, 256))
        self.assertLess(dark.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)), 70)
        self.assertGreater(light.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)), 180)

    def test_pale_text(self) -> None:
        """Thin strokes in a light colour are ink; a shaded box is white, and what is written on it ink."""
        page = Image.new("RGB", (827, 1169), "white")
        draw = ImageDraw.Draw(page)
        for top, colour in (
            (100, (0, 180, 180)),
            (200, (255, 165, 0)),
            (300, (0, 255, 255)),
            (400, (180, 180, 180)),
        ):
            draw.rectangle((100, top, 300, top + 1), fill=colour)
        # Half a stroke on each of two rows, as when a page is reduced.
        draw.rectangle((100, 500, 300, 501), fill=(127, 217, 217))
        draw.rectangle((100, 600, 500, 800), fill=(191, 191, 191))
        draw.rectangle((200, 700, 300, 701), fill=0)
        bits = bilevel(page).convert("L")
        self.assertEqual(
            [bits.getpixel((200, top)) for top in (100, 200, 300, 400, 500)], [0] * 5
        )
        self.assertEqual([bits.getpixel((250, top)) for top in (650, 700)], [255, 0])
        self.assertEqual([bits.getpixel((left, 600)) for left in (101, 300)], [255, 255])


class ProfileTests(FilesCase):
    """TIFF-FX (RFC 3949)."""

    def fields(self, path: Path) -> list[int]:
        """Return the tags of the first directory, as they stand in the file."""
        octets = path.read_bytes()
        self.assertEqual(octets[:8], b"II*\0\x08\0\0\0")
        (count,) = struct.unpack_from("<H", octets, 8)
        return [struct.unpack_from("<H", octets, 10 + 12 * one)[0] for one in range(count)]

    def test_s(self) -> None:
        """Profile S is MH, A4 width, the lowest bit first, its directory in front, and no other fields."""
        for resolution, lines in (("200x100", 98), ("200x200", 196), ("600x600", 196)):
            (path,), of_type = self.make(
                Page(text_page(), A4), profile="S", resolution=resolution
            )
            self.assertEqual(of_type, "image/tiff; application=faxbw")
            ((image, tags),) = self.frames(path)
            self.assertEqual((tags[256], tags[282], tags[283]), (1728, 204, lines))
            wanted = {254: 2, 259: 3, 262: 0, 266: 2, 292: 0, 296: 2, 297: (0, 1)}
            self.assertEqual({tag: tags[tag] for tag in wanted}, wanted)
            self.assertEqual(tags[278], tags[257])
            self.assertEqual(
                self.fields(path),
                [
                    254,
                    256,
                    257,
                    258,
                    259,
                    262,
                    266,
                    273,
                    277,
                    278,
                    279,
                    282,
                    283,
                    292,
                    296,
                    297,
                ],
            )
            self.assertTrue(is_line_art(image))

    def test_s_of_a3(self) -> None:
        """A page wider than A4 is reduced to it."""
        (path,), _ = self.make(Page(text_page(3307, 4677), PAPERS["A3"]), profile="S")
        ((image, _),) = self.frames(path)
        self.assertEqual(image.size[0], 1728)
        self.assertAlmostEqual(image.size[1], 2348, delta=2)

    def test_lying(self) -> None:
        """A lying page too wide for A4 is fed short edge first, whole, its head to the left."""
        image = text_page(2339, 1654)
        image.paste(0, (0, 0, 2339, 60))
        lying = Page(image, (A4[1], A4[0]))
        for profile in "SFC":
            (path,), _ = self.make(lying, profile=profile)
            self.assertEqual(self.fields(path)[1:3], [256, 257])
            octets = path.read_bytes()
            (width,), (height,) = (struct.unpack_from("<I", octets, at) for at in (30, 42))
            self.assertEqual(width, 1728)
            self.assertAlmostEqual(height / (200 if profile == "C" else 196), A4[1], places=1)
        (path,), _ = self.make(lying, profile="F")
        ((fax, _),) = self.frames(path)
        grey = fax.convert("L")
        self.assertEqual((grey.getpixel((30, 1200)), grey.getpixel((1700, 1200))), (0, 255))
        card = Page(text_page(1200, 800), (6, 4))
        (path,), _ = self.make(card, profile="S")
        ((fax, _),) = self.frames(path)
        self.assertAlmostEqual(fax.height, 4 * 196, delta=1)

    def test_f(self) -> None:
        """Profile F is MMR, finer and wider where the page is."""
        for page, resolution, size in (
            (Page(text_page(), A4), "200x200", (1728, 196)),
            (Page(text_page(), A4), "300x300", (1728, 391)),
            (Page(text_page(), A4), "600x600", (3456, 391)),
            (Page(text_page(), PAPERS["B4"]), "200x200", (2048, 196)),
            (Page(text_page(), PAPERS["A3"]), "200x200", (2432, 196)),
        ):
            (path,), _ = self.make(page, profile="F", resolution=resolution)
            ((_, tags),) = self.frames(path)
            self.assertEqual((tags[259], tags[266]), (4, 2))
            self.assertEqual((tags[256], tags[283]), size)

    def test_c(self) -> None:
        """Profile C is JPEG in ITULAB, without the marker that says YCbCr."""
        (path,), of_type = self.make(Page(photograph(), (6, 4)), profile="C")
        self.assertEqual(of_type, "image/tiff; application=faxcolor")
        octets = path.read_bytes()
        self.assertNotIn(b"JFIF", octets)
        self.assertEqual(self.fields(path)[5], 262)
        self.assertEqual(struct.unpack_from("<H", octets, 10 + 12 * 5 + 8)[0], 10)
        # White is L* 100, a* and b* 0: 255, 128 and 96 in T.42.
        strip = octets[octets.index(b"\xff\xd8") :]
        with Image.open(io.BytesIO(strip)) as jpeg:
            jpeg.draft("YCbCr", jpeg.size)
            levels = jpeg.convert("YCbCr").getpixel((3, 3))
        self.assertEqual(len(levels), 3)  # type: ignore[arg-type]
        self.assertAlmostEqual(levels[0], 255, delta=2)  # type: ignore[index]
        self.assertAlmostEqual(levels[1], 128, delta=3)  # type: ignore[index]
        self.assertAlmostEqual(levels[2], 96, delta=3)  # type: ignore[index]

    def test_no_return_to_control(self) -> None:
        """An MH strip has an end of line for each line and none more (RFC 3949 3.4)."""
        for height in (1, 7, 100):
            page = fax_page(Image.new("1", (1728, height), 1), MH, (204, 196))
            bits = "".join(f"{octet:08b}" for octet in page.strip)
            self.assertEqual(bits.count("00000000001"), height)

    def test_any_lines(self) -> None:
        """What is compressed is read back bit for bit, also where a line is no whole octets."""
        for width, height in ((1, 1), (9, 3), (1728, 50), (1731, 11)):
            image = text_page(1800, 500).crop((90, 90, 90 + width, 90 + height))
            for fill_order in (1, 2):
                written = io.BytesIO()
                write_tiff(written, [fax_page(image, MH, (204, 98), fill_order=fill_order)], 1)
                with Image.open(written) as tiff:
                    self.assertEqual(tiff.tobytes(), image.tobytes())

    def test_other_readers(self) -> None:
        """Libtiff's own tool reads all profiles without a warning."""
        if shutil.which("tiffinfo") is None:
            raise SkipTest("tiffinfo of libtiff is not installed")
        for profile in "SF":
            (path,), _ = self.make(
                Page(text_page(), A4), Page(text_page(), A4), profile=profile
            )
            told = subprocess.run(
                ["tiffinfo", "-d", "-D", str(path)], capture_output=True, text=True, check=True
            )
            self.assertEqual(told.stderr, "")
            self.assertEqual(told.stdout.count("TIFF directory"), 2)
