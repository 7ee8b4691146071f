"""Whether a fax's data is what libtiff writes, held against libtiff's tools and PDFium."""

from __future__ import annotations

import io
import struct
from pathlib import Path

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from twisted.trial.unittest import SynchronousTestCase

from irsend.imaging.fax_decoding import decode_fax
from irsend.imaging.fax_verification import as_one_strip, is_exact
from irsend.imaging.image_xobject import ImageXObject, fax_passthrough
from irsend.imaging.tiff_fx import MH, MMR, FaxPage, fax_page, write_tiff
from irsend.imaging.viewer_agreement import viewers_agree
from tests.imaging.originals import text_page
from tests.imaging.received import libtiff, tiff

FAX = text_page(1728, 500)
_END_OF_BLOCK = "000000000001" * 2


def opened(octets: bytes) -> tuple[ImageXObject, Image.Image]:
    """Return a TIFF's page as it stands in a PDF, and as libtiff decodes it."""
    file = io.BytesIO(octets)
    with Image.open(file) as image:
        picture = fax_passthrough(image.tag_v2, file)  # type: ignore[attr-defined]
        image.load()
        assert picture is not None
        return picture, image.copy()


def page_of(strip: bytes, width: int, height: int, compression: int) -> bytes:
    """Return a TIFF of a strip."""
    page = FaxPage(
        width=width,
        height=height,
        compression=compression,
        photometric=0,
        strip=strip,
        dots=(204, 196),
    )
    written = io.BytesIO()
    write_tiff(written, [page], 1)
    return written.getvalue()


def of_bits(bits: str) -> bytes:
    """Return octets of bits in writing, filled with zeros."""
    bits = bits.replace(" ", "")
    octets = -(-len(bits) // 8)
    return int(bits.ljust(octets * 8, "0"), 2).to_bytes(octets, "big")


class ExactTests(SynchronousTestCase):
    """What is exact, and what is not."""

    def test_libtiff(self) -> None:
        """What tiffcp writes by MMR and MH in either order of bits is exact, black or white as zero."""
        within = Path(self.mktemp())
        within.mkdir()
        (within / "in.tif").write_bytes(tiff(FAX, compression="raw"))
        for kind in ("g4", "g3:1d"):
            for fill in ("lsb2msb", "msb2lsb"):
                how = ("-c", kind, "-f", fill, "-r", "100000")
                libtiff("tiffcp", *how, "in.tif", "out.tif", within=within)
                for photometric in "01":
                    libtiff("tiffset", "-s", "262", photometric, "out.tif", within=within)
                    picture, image = opened((within / "out.tif").read_bytes())
                    self.assertTrue(is_exact(picture), (how, photometric))
                    self.assertTrue(viewers_agree(picture, image), (how, photometric))

    def test_sizes(self) -> None:
        """A page of any width is exact as written; so is noise, whose code is larger than its pixels."""
        noise = Image.effect_noise((1000, 40), 200).convert("1")
        for width in (1, 7, 8, 9, 1728, 2561, 6000):
            for image in (FAX.resize((width, 30)), noise.resize((width, 30))):
                for compression in (MH, MMR):
                    strip = fax_page(image, compression, (204, 196)).strip
                    picture, _ = opened(page_of(strip, width, 30, compression))
                    self.assertTrue(is_exact(picture), (width, compression))

    def test_zeros_at_the_end(self) -> None:
        """Zeros after the end of the code do not matter; any other octet makes it inexact."""
        picture, _ = opened(tiff(FAX, strip_size=1 << 30))
        self.assertTrue(is_exact(evolve(picture, octets=picture.octets + b"\0\0\0")))
        self.assertFalse(is_exact(evolve(picture, octets=picture.octets + b"\0\1")))
        self.assertFalse(is_exact(evolve(picture, octets=picture.octets[:-3])))
        self.assertFalse(is_exact(evolve(picture, octets=b"")))

    def test_missing_rows(self) -> None:
        """Data of fewer rows than the page has, or of more, is not exact."""
        picture, _ = opened(tiff(FAX, strip_size=1 << 30))
        for height in (FAX.height - 1, FAX.height + 1):
            self.assertFalse(is_exact(evolve(picture, height=height)), height)

    def test_two_dimensional(self) -> None:
        """MR is not exact: its K parameter is the writer's choice, and is not known here."""
        picture, _ = opened(page_of(fax_page(FAX, MH, (204, 196)).strip, 1728, FAX.height, MH))
        self.assertTrue(is_exact(picture))
        parameters = {**picture.parameters, "/K": 1}
        self.assertFalse(is_exact(evolve(picture, parameters=parameters)))

    def test_run_of_no_length(self) -> None:
        """A black run of no length, which libtiff and PDFium show differently, is not exact."""
        runs = "001 1011 0000110111  001 1011 011  1"  # 4 white, 0 black, 4 white, 4 black, the rest
        strip = of_bits(f"{runs} 1 1 1 {_END_OF_BLOCK}")
        picture, image = opened(page_of(strip, 16, 2, MMR))
        self.assertFalse(viewers_agree(picture, image))
        self.assertFalse(is_exact(picture))
        proper = of_bits(
            f"001 10011 011 1  1 1 1 {_END_OF_BLOCK}"
        )  # 8 white, 4 black, the rest
        picture, image = opened(page_of(proper, 16, 2, MMR))
        self.assertTrue(viewers_agree(picture, image))
        self.assertTrue(is_exact(picture))

    def test_joined(self) -> None:
        """A fax of any kind, in however many strips, becomes one exact strip of the same pixels."""
        within = Path(self.mktemp())
        within.mkdir()
        (within / "in.tif").write_bytes(tiff(FAX, compression="raw"))
        for kind in ("g4", "g3:1d", "g3:2d", "g3:2d:fill"):
            for rows in ("1", "37", "499", "500"):
                how = ("-c", kind, "-f", "lsb2msb", "-B", "-r", rows)
                libtiff("tiffcp", *how, "in.tif", "out.tif", within=within)
                picture, image = self.as_one_strip(within / "out.tif")
                assert picture is not None
                self.assertTrue(is_exact(picture), how)
                self.assertTrue(viewers_agree(picture, image), how)

    def as_one_strip(self, path: Path) -> tuple[ImageXObject | None, Image.Image]:
        """Return a TIFF's page in one strip, and as libtiff decodes it."""
        with path.open("rb") as file, Image.open(file) as image:
            (directory,) = struct.unpack(">I", path.read_bytes()[4:8])
            at = file.tell()
            fax = decode_fax(image.tag_v2, file, directory)  # type: ignore[attr-defined]
            self.assertEqual(file.tell(), at)
            assert fax is not None
            self.assertTrue(fax.clean)
            image.load()
            black_is_one = image.tag_v2[262] == 1  # type: ignore[attr-defined]
            return as_one_strip(fax, black_is_one=black_is_one), image.copy()

    def test_joined_of_damaged(self) -> None:
        """Of damaged strips it is what tiffcp decodes: rows that a strip does not have are empty."""
        within = Path(self.mktemp())
        within.mkdir()
        (within / "in.tif").write_bytes(tiff(FAX, compression="raw"))
        for rows in ("64", "500"):
            libtiff("tiffcp", "-c", "g4", "-B", "-r", rows, "in.tif", "out.tif", within=within)
            whole = (within / "out.tif").read_bytes()
            with Image.open(io.BytesIO(whole)) as image:
                tags = image.tag_v2  # type: ignore[attr-defined]
                middle = tags[273][-1] + tags[279][-1] // 2
            for mask in range(1, 256, 12):
                octets = bytearray(whole)
                octets[middle] ^= mask
                (within / "damaged.tif").write_bytes(octets)
                with (within / "damaged.tif").open("rb") as file:
                    fax = decode_fax(tags, file, struct.unpack_from(">I", octets, 4)[0])
                assert fax is not None
                picture = as_one_strip(fax, black_is_one=tags[262] == 1)
                assert picture is not None
                how = ("-c", "none", "-r", "500", "damaged.tif", "decoded.tif")
                libtiff("tiffcp", *how, within=within)
                with Image.open(within / "decoded.tif") as wanted:
                    self.assertTrue(viewers_agree(picture, wanted), (rows, mask))

    @settings(
        max_examples=200,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(
        rows=st.lists(st.integers(0, (1 << 24) - 1), min_size=1, max_size=6),
        compression=st.sampled_from([MH, MMR]),
        flips=st.lists(st.integers(0, 1000), max_size=2),
    )
    def test_damaged(self, rows: list[int], compression: int, flips: list[int]) -> None:
        """Whatever bits of a fax are changed, one that is exact is shown by PDFium as libtiff decodes it."""
        pixels = b"".join(row.to_bytes(3, "big") for row in rows)
        sheet = fax_page(Image.frombytes("1", (24, len(rows)), pixels), compression, (204, 196))
        strip = bytearray(sheet.strip)
        for at in flips:
            strip[at // 8 % len(strip)] ^= 0x80 >> at % 8
        try:
            picture, image = opened(page_of(bytes(strip), 24, len(rows), compression))
        except OSError:
            return
        if is_exact(picture):
            self.assertTrue(viewers_agree(picture, image))
        else:
            self.assertNotEqual(bytes(strip), sheet.strip)
