"""Pages of TIFF on paper, against libtiff's own tools, and TIFFs that are broken."""

from __future__ import annotations

import io
import struct
from pathlib import Path

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from irsend.imaging.fax_profiles import ifax_page
from irsend.imaging.originals import Page
from irsend.imaging.tiff_fx import MMR, fax_page, write_tiff
from irsend.imaging.tiff_pages import SizedImage, tiff_pages
from irsend.message.parsed_message import Problem
from tests.imaging.originals import photograph, text_page
from tests.imaging.received import PrintingCase, libtiff, mail, tiff

FAX = text_page(1728, 1145)
_KINDS = ("g3:1d", "g3:2d", "g3:1d:fill", "g3:2d:fill", "g4", "lzw", "zip", "none", "packbits")


class LibtiffTests(PrintingCase):
    """What libtiff's tools write is printed as they read it."""

    def setUp(self) -> None:
        """Make a directory."""
        self.within = Path(self.mktemp())
        self.within.mkdir()

    def made(self, name: str) -> bytes:
        """Return a file of the directory."""
        return (self.within / name).read_bytes()

    def as_libtiff_shows(self, name: str) -> Image.Image:
        """Return the pixels that tiffcp decodes."""
        libtiff("tiffcp", "-c", "none", "-r", "100000", name, "decoded.tif", within=self.within)
        with Image.open(self.within / "decoded.tif") as image:
            return image.convert("L")

    def show(self, name: str) -> tuple[Image.Image, list[str], tuple[float, ...]]:
        """Print a file, and hold the page against what libtiff shows."""
        printed = self.printed(mail("", (self.made(name), "image/tiff", name)))
        self.assertEqual((printed.codes, printed.pages), ((), 1), name)
        ((image, filters, box),) = self.images(printed)
        wanted = self.as_libtiff_shows(name)
        difference = ImageChops.difference(image.convert("L"), wanted)
        self.assertIsNone(difference.getbbox(), name)
        return image, filters, box

    def test_fax_compressions(self) -> None:
        """MH, MR, MMR, LZW, deflate, PackBits and none, of both byte and bit orders, are the same pixels."""
        (self.within / "in.tif").write_bytes(
            tiff(FAX.crop((0, 0, 1728, 300)), compression="raw", dpi=(204, 98))
        )
        for kind in _KINDS:
            for order in ("-L", "-B"):
                for fill in ("lsb2msb", "msb2lsb"):
                    for rows in ("100000", "64"):
                        how = ("-c", kind, order, "-f", fill, "-r", rows)
                        libtiff("tiffcp", *how, "in.tif", "out.tif", within=self.within)
                        _, filters, _ = self.show("out.tif")
                        self.assertEqual(filters, ["CCITTFaxDecode"])

    def test_modified_huffman(self) -> None:
        """MH in whole octets (Compression 2) is the same pixels, passed through."""
        (self.within / "a.tif").write_bytes(tiff(FAX, compression="tiff_ccitt"))
        self.show("a.tif")

    def test_fax2tiff(self) -> None:
        """Bare fax data that fax2tiff wraps, at standard and fine, is the same pixels at the right shape."""
        (self.within / "in.tif").write_bytes(tiff(FAX, compression="raw"))
        libtiff("tiffcp", "-c", "g3:1d", "-r", "100000", "in.tif", "g3.tif", within=self.within)
        with Image.open(self.within / "g3.tif") as image:
            offset, length = image.tag_v2[273][0], image.tag_v2[279][0]  # type: ignore[attr-defined]
        (self.within / "page.g3").write_bytes(self.made("g3.tif")[offset : offset + length])
        for how, dots in (("-R 98", 98), ("-R 196", 196)):
            libtiff(
                "fax2tiff",
                *how.split(),
                "-M",
                *("-o", "fax.tif", "page.g3"),
                within=self.within,
            )
            _, _, box = self.show("fax.tif")
            shape = (box[3] - box[1]) / (box[2] - box[0])
            self.assert_near(shape, (FAX.height / dots) / (1728 / 204), 0.01)

    def test_carried(self) -> None:
        """A fax in one strip is in the PDF octet for octet."""
        for kind in ("g3:1d", "g3:2d", "g4"):
            (self.within / "in.tif").write_bytes(tiff(FAX, compression="raw"))
            libtiff(
                "tiffcp", "-c", kind, "-r", "100000", "in.tif", "out.tif", within=self.within
            )
            octets = self.made("out.tif")
            with Image.open(io.BytesIO(octets)) as image:
                tags = image.tag_v2  # type: ignore[attr-defined]
                strip = octets[tags[273][0] : tags[273][0] + tags[279][0]]
            printed = self.printed(mail("", (octets, "image/tiff", "a.tif")))
            self.assertIn(strip, printed.file.read_bytes())

    def test_pages_in_strips(self) -> None:
        """Each page in strips is its own, and not another's, also behind a thumbnail."""
        sheets = [FAX.rotate(180), FAX, FAX.crop((0, 0, 1728, 700))]
        for number, sheet in enumerate([FAX.resize((96, 64)), *sheets]):
            (self.within / f"{number}.tif").write_bytes(tiff(sheet, compression="raw"))
        libtiff("tiffset", "-s", "254", "1", "0.tif", within=self.within)
        names = [f"{number}.tif" for number in range(4)]
        libtiff("tiffcp", "-c", "g4", "-r", "32", *names, "in.tif", within=self.within)
        printed = self.printed(mail("", (self.made("in.tif"), "image/tiff", "a.tif")))
        found = [image.convert("L").tobytes() for image, _, _ in self.images(printed)]
        self.assertEqual(found, [sheet.convert("L").tobytes() for sheet in sheets])

    def test_fewer_rows_in_a_strip(self) -> None:
        """A page whose only strip has fewer rows than the page is not passed through."""
        (self.within / "in.tif").write_bytes(tiff(FAX, strip_size=1 << 30))
        libtiff("tiffset", "-s", "278", "64", "in.tif", within=self.within)
        found = outcome(self.made("in.tif"))
        (strip,) = (
            one.xobject.octets
            for one in outcome(tiff(FAX, strip_size=1 << 30))
            if isinstance(one, SizedImage)
        )
        self.assertNotIn(
            strip, [one.xobject.octets for one in found if isinstance(one, SizedImage)]
        )

    def test_without_an_end(self) -> None:
        """A fax without the mark of its end is passed through all the same."""
        strip = fax_page(FAX, MMR, (204, 196)).strip
        bits = int.from_bytes(strip, "big")
        ended = (bits & -bits).bit_length() - 1 + 24
        cut = (bits >> ended << ended % 8).to_bytes(len(strip) - ended // 8, "big")
        written = io.BytesIO()
        write_tiff(written, [evolve(fax_page(FAX, MMR, (204, 196)), strip=cut)], 1)
        (sized,) = outcome(written.getvalue())
        assert isinstance(sized, SizedImage)
        self.assertEqual(sized.xobject.octets, cut)

    def test_reversed(self) -> None:
        """Where black is zero, or the page is turned, it is still printed as libtiff or its tags say."""
        (self.within / "in.tif").write_bytes(tiff(FAX, compression="group4"))
        libtiff("tiffset", "-s", "262", "1", "in.tif", within=self.within)
        self.show("in.tif")
        (self.within / "turned.tif").write_bytes(tiff(FAX, compression="group4"))
        libtiff("tiffset", "-s", "274", "3", "turned.tif", within=self.within)
        printed = self.printed(mail("", (self.made("turned.tif"), "image/tiff", "a.tif")))
        ((image, _, _),) = self.images(printed)
        self.assertEqual(image.convert("1").tobytes(), FAX.rotate(180).tobytes())

    def test_colours(self) -> None:
        """Colour by JPEG, LZW and deflate is printed within what JPEG changes."""
        for compression in ("jpeg", "tiff_lzw", "tiff_deflate"):
            octets = tiff(photograph(), compression=compression, dpi=(150, 150))
            printed = self.printed(mail("", (octets, "image/tiff", "a.tif")))
            ((image, _, _),) = self.images(printed)
            with Image.open(io.BytesIO(octets)) as wanted:
                difference = ImageChops.difference(image.convert("RGB"), wanted.convert("RGB"))
            self.assertLess(max(high for _, high in difference.getextrema()), 12)  # type: ignore[misc, operator]


class ScannerTests(PrintingCase):
    """The other way: what the machine sends as I-Fax is printed by the same machine."""

    def test_profiles(self) -> None:
        """Profiles S, F and C are printed without a code, at the size that was scanned."""
        for profile in "SFC":
            page = Page(photograph(), (6, 4))
            sheet = ifax_page(page, "auto", (200, 200), profile)
            written = io.BytesIO()
            write_tiff(written, [sheet, sheet], 2)
            printed = self.printed(mail("", (written.getvalue(), "image/tiff", "a.tif")))
            self.assertEqual((printed.codes, printed.pages), ((), 2), profile)
            for _, _, box in self.images(printed):
                self.assert_near((box[2] - box[0]) / (box[3] - box[1]), 8.47 / 4, 0.05)

    def test_colours_of_profile_c(self) -> None:
        """Colours of an I-Fax in CIELAB come out as they were scanned, within what JPEG changes."""
        patches = Image.new("RGB", (800, 900), "white")
        colours = [(200, 30, 30), (30, 150, 60), (40, 60, 180), (240, 220, 60), (128, 128, 128)]
        for number, colour in enumerate(colours):
            patches.paste(colour, (100 * number, 0, 100 * number + 100, 400))
        sheet = ifax_page(Page(patches, (8, 9)), "auto", (100, 100), "C")
        written = io.BytesIO()
        write_tiff(written, [sheet], 1)
        printed = self.printed(mail("", (written.getvalue(), "image/tiff", "a.tif")))
        ((image, _, _),) = self.images(printed)
        for number, colour in enumerate(colours):
            shown = image.convert("RGB").getpixel((100 * number + 82, 200))
            for one, other in zip(shown, colour, strict=True):  # type: ignore[arg-type]
                self.assert_near(one, other, 12)


class PlaceTests(PrintingCase):
    """Images on paper."""

    def box(self, image: Image.Image, dots: tuple[int, int]) -> tuple[float, ...]:
        """Return where an image is on its page, in points."""
        octets = tiff(image, dpi=dots)
        printed = self.printed(mail("x", (octets, "image/tiff", "a.tif")))
        ((_, _, box),) = self.images(printed)
        return box

    def test_sizes(self) -> None:
        """An image has its size at any resolution, is centred, and begins at the top."""
        for dots in ((204, 98), (204, 196), (300, 300), (600, 600)):
            image = Image.new("1", (4 * dots[0], 5 * dots[1]), 0)
            left, bottom, right, top = self.box(image, dots)
            self.assert_near(right - left, 4 * 72, 0.5)
            self.assert_near(top - bottom, 5 * 72, 0.5)
            self.assert_near(left, 595.28 - right, 0.5)
            self.assert_near(top, 841.89, 0.5)

    def test_reduced(self) -> None:
        """A fax wider than paper is reduced to it, its shape kept."""
        left, bottom, right, top = self.box(Image.new("1", (1728, 2000), 0), (204, 196))
        self.assert_near(right - left, 595.28, 0.5)
        self.assert_near((top - bottom) / (right - left), (2000 / 196) / (1728 / 204), 0.005)

    def test_long(self) -> None:
        """A fax as long as three sheets is on three, or four, and none of it twice."""
        octets = tiff(Image.new("1", (1728, 7200), 0), dpi=(204, 196))
        printed = self.printed(mail("x", (octets, "image/tiff", "a.tif")))
        boxes = [box for _, _, box in self.images(printed)]
        self.assertEqual(len(boxes), printed.pages - 1)
        self.assertIn(len(boxes), (3, 4))

    def test_lying(self) -> None:
        """An image that is wider than high lies on lying paper."""
        left, _, right, top = self.box(Image.new("1", (2200, 1600), 0), (200, 200))
        self.assert_near(right - left, 11 * 72, 0.5)
        self.assert_near(top, 595.28, 0.5)


def outcome(octets: bytes, most: int = 20) -> list[SizedImage | Problem]:
    """Return what becomes of a TIFF."""
    return list(tiff_pages(io.BytesIO(octets), "a.tif", most))


def codes(octets: bytes, most: int = 20) -> list[str]:
    """Return its codes; "page" for each page."""
    return [one.code if isinstance(one, Problem) else "page" for one in outcome(octets, most)]


class BrokenTests(PrintingCase):
    """TIFFs that are not what they should be: each ends with a code."""

    def test_huge(self) -> None:
        """65,500 by 65,500 pixels are #822, and are not decoded."""
        octets = bytearray(tiff(Image.new("1", (64, 64), 0)))
        (at,) = struct.unpack_from("<I", octets, 4)
        (count,) = struct.unpack_from("<H", octets, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, of_type = struct.unpack_from("<HH", octets, entry)
            if tag in (256, 257, 278):
                struct.pack_into("<H" if of_type == 3 else "<I", octets, entry + 8, 65_500)
        self.assertEqual(codes(bytes(octets)), ["#822"])

    def test_loop(self) -> None:
        """A directory that is followed by itself is #821; its page is printed once."""
        octets = bytearray(tiff(FAX))
        (at,) = struct.unpack_from("<I", octets, 4)
        (count,) = struct.unpack_from("<H", octets, at)
        struct.pack_into("<I", octets, at + 2 + 12 * count, at)
        self.assertEqual(codes(bytes(octets)), ["#821", "page"])

    def test_cut(self) -> None:
        """A TIFF cut anywhere has a code, or the pages that were whole."""
        octets = tiff(FAX, FAX, compression="tiff_lzw")
        for length in range(0, len(octets), 97):
            found = codes(octets[:length])
            self.assertTrue(found, length)
            self.assertIn(found[0], ("#818", "#821", "#822", "page"))

    def test_lying_sizes(self) -> None:
        """A strip larger than the file, or outside of it, is #821 or #822."""
        for tag, value in ((273, 0xFFFFFFF0), (279, 0xFFFFFFF0), (279, 0), (258, 77)):
            octets = bytearray(tiff(photograph(), compression="tiff_lzw"))
            (at,) = struct.unpack_from("<I", octets, 4)
            (count,) = struct.unpack_from("<H", octets, at)
            for entry in range(at + 2, at + 2 + 12 * count, 12):
                if struct.unpack_from("<H", octets, entry)[0] == tag:
                    struct.pack_into("<HII", octets, entry + 2, 4, 1, value)
            self.assertTrue({"#821", "#822"} & set(codes(bytes(octets))), (tag, value))

    def test_damaged_fax(self) -> None:
        """A damaged fax is #822, and is shown in every viewer as libtiff decodes it."""
        for compression in ("group3", "group4"):
            octets = bytearray(tiff(FAX, compression=compression, strip_size=1 << 30))
            with Image.open(io.BytesIO(bytes(octets))) as image:
                offset, length = (image.tag_v2[tag][0] for tag in (273, 279))  # type: ignore[attr-defined]
            for at in range(3 * length // 4, length, length // 9):
                octets[offset + at] ^= 0x14
            printed = self.printed(mail("", (bytes(octets), "image/tiff", "a.tif")))
            self.assertEqual((printed.codes, printed.images), (("#822",), 1))
            ((image, _, _),) = self.images(printed)
            with Image.open(io.BytesIO(bytes(octets))) as wanted:
                difference = ImageChops.difference(image.convert("L"), wanted.convert("L"))
            self.assertIsNone(difference.getbbox())

    def test_endless(self) -> None:
        """No more directories are read than pages are printed."""
        octets = tiff(*[Image.new("1", (16, 16), 0)] * 30)
        self.assertEqual(codes(octets, most=5), ["page"] * 5)

    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(
        flips=st.lists(
            st.tuples(st.integers(0, 100_000), st.integers(0, 255)), min_size=1, max_size=20
        ),
        compression=st.sampled_from(["group3", "group4", "tiff_lzw", "jpeg", "raw"]),
    )
    def test_flipped(self, flips: list[tuple[int, int]], compression: str) -> None:
        """Whatever octets of a TIFF are changed, it ends with pages or codes."""
        image = photograph(60, 40) if compression == "jpeg" else FAX.crop((0, 90, 200, 190))
        octets = bytearray(tiff(image, image, compression=compression))
        for at, value in flips:
            octets[at % len(octets)] = value
        found = codes(bytes(octets))
        self.assertTrue(found)
        self.assertLessEqual(
            set(found), {"#818", "#821", "#822", "page"}, (found, bytes(octets))
        )
