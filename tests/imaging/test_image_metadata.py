"""What a picture says of itself: its size, which way up it is, and what of it is white."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from PIL import Image, TiffImagePlugin

from tests.imaging.originals import OriginalsCase, photograph, text_page


def deep_tiff(path: Path, photometric: int, *values: int | float) -> Path:
    """Write a TIFF of one row of 16-bit, or of float, samples."""
    is_float = isinstance(values[0], float)
    row = struct.pack(f"<{len(values)}{'f' if is_float else 'H'}", *values)
    tags = [
        (256, 4, len(values)),
        (257, 4, 1),
        (258, 3, 32 if is_float else 16),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, 1),
        (279, 4, len(row)),
        (339, 3, 3 if is_float else 1),
    ]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    path.write_bytes(
        struct.pack("<2sHI", b"II", 42, 8 + len(row))
        + row
        + struct.pack("<H", len(tags))
        + entries
        + bytes(4)
    )
    return path


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


class SizeTests(OriginalsCase):
    """How large a picture is."""

    def test_turned(self) -> None:
        """An image that lies on its side in the file swaps width and height, with pixels of any shape."""
        for orientation in range(1, 9):
            tags = TiffImagePlugin.ImageFileDirectory_v2()
            tags[274] = orientation
            fax = text_page(1728, 1078)
            exif = Image.Exif()
            exif[274] = orientation
            for path, standing in (
                (self.image(fax, "TIFF", dpi=(204, 98), tiffinfo=tags), (8.47, 11.0)),
                (self.image(photograph(), "JPEG", dpi=(200, 100), exif=exif), (3.0, 4.0)),
                (self.image(photograph(), "PNG", dpi=(200, 100), exif=exif), (3.0, 4.0)),
            ):
                (page,) = self.read(path)
                size = standing if orientation < 5 else (standing[1], standing[0])
                self.assertAlmostEqual(page.size[0], size[0], places=2)
                self.assertAlmostEqual(page.size[1], size[1], places=2)

    def test_ratio(self) -> None:
        """Where a file has no unit but a ratio, the page fills A4 and keeps its shape."""
        page_of_fax = text_page(1728, 1146)
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[296] = 1
        tags[282], tags[283] = (
            TiffImagePlugin.IFDRational(204),
            TiffImagePlugin.IFDRational(98),
        )
        (page,) = self.read(self.image(page_of_fax, "TIFF", tiffinfo=tags))
        self.assertAlmostEqual(page.size[1] / page.size[0], 1146 / 98 / (1728 / 204), places=2)
        self.assertAlmostEqual(page.size[0], 8.27, places=2)
        tags[274] = 6
        (page,) = self.read(self.image(page_of_fax, "TIFF", tiffinfo=tags))
        self.assertAlmostEqual(page.size[0] / page.size[1], 1146 / 98 / (1728 / 204), places=2)
        tags[283] = TiffImagePlugin.IFDRational(0, 0)
        (page,) = self.read(self.image(photograph(400, 600), "TIFF", tiffinfo=tags))
        self.assertAlmostEqual(page.size[0] / page.size[1], 600 / 400, places=2)

    def test_each_page_for_itself(self) -> None:
        """A page of a TIFF that has a ratio only does not have the resolution of the page before."""
        path = self.place / "x.tif"
        with TiffImagePlugin.AppendingTiffWriter(str(path), new=True) as file:
            text_page(400, 400).save(file, "TIFF", dpi=(400, 400))
            file.newFrame()
            unit = {296: 1, 282: 1.0, 283: 1.0}
            text_page(400, 400).save(file, "TIFF", tiffinfo=unit)
            file.newFrame()
        first, second = self.read(path)
        self.assertAlmostEqual(first.size[0], 1.0)
        self.assertAlmostEqual(second.size[0], 8.27, places=2)


class WhiteTests(OriginalsCase):
    """What of a picture is white."""

    def test_white_is_zero(self) -> None:
        """White is what the file calls so, at 16 bits and in floats too."""
        for photometric, shades in ((1, [0, 127, 255]), (0, [255, 128, 0])):
            for values in ((0, 32_768, 65_535), (0.0, 0.5, 1.0)):
                path = deep_tiff(self.place / "x.tif", photometric, *values)
                (page,) = self.read(path)
                for at, shade in enumerate(shades):
                    self.assertAlmostEqual(
                        page.image.getpixel((at, 0)),  # type: ignore[arg-type]
                        shade,
                        delta=1,
                    )

    def test_transparent_bit(self) -> None:
        """Black that is transparent is white in a PNG of one bit; white that is changes nothing."""
        rows = b"\0\xf0" * 8
        for transparent, left, right in ((0, 255, 255), (1, 255, 0), (None, 255, 0)):
            path = self.place / "x.png"
            path.write_bytes(
                b"\x89PNG\r\n\x1a\n"
                + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 1, 0, 0, 0, 0))
                + (
                    b""
                    if transparent is None
                    else chunk(b"tRNS", struct.pack(">H", transparent))
                )
                + chunk(b"IDAT", zlib.compress(rows))
                + chunk(b"IEND", b"")
            )
            (page,) = self.read(path)
            grey = page.image.convert("L")
            self.assertEqual((grey.getpixel((1, 4)), grey.getpixel((6, 4))), (left, right))
