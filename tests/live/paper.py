"""What came out of the printer, as poppler's tools see it, and what libtiff's show of what went in."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from attrs import frozen
from PIL import Image, ImageChops

from tests.live.case import LiveTestCase
from tests.live.programs import run

PROGRAMS = ("pdftotext", "pdfimages", "tiff2rgba", "tiffcp", "tiffsplit")


@frozen
class Paper:
    """A printed mail."""

    pages: int
    codes: tuple[str, ...]
    notices: tuple[str, ...]
    texts: tuple[str, ...]
    """Of each page, as pdftotext finds it."""
    images: tuple[Image.Image, ...]
    """Of all pages, in order, as pdfimages decodes them."""
    dots: tuple[tuple[int, int], ...]
    """An inch, across and down, of each image on paper."""


class PaperCase(LiveTestCase):
    """Prints mails by the worker."""

    programs: ClassVar[tuple[str, ...]] = PROGRAMS
    timeout = 300

    async def out(self, *words: str) -> str:
        """Run a program in the test's directory; return what it says."""
        script = 'cd "$0" && exec "$@"'
        program = await run(self.reactor, ["sh", "-c", script, str(self.directory), *words])
        self.assertEqual(program.status, 0, f"{words}: {program.output}")
        return program.output

    async def printed(self, octets: bytes) -> Paper:
        """Print a mail, and read what came out."""
        place = self.directory / "printed"
        await self.out("rm", "-rf", str(place))
        place.mkdir()
        (place / "mail.eml").write_bytes(octets)
        order = {"print": {"files": [str(place / "mail.eml")], "into": str(place)}}
        program = await run(
            self.reactor,
            [sys.executable, "-m", "irsend.imaging.print_worker"],
            given=json.dumps(order).encode() + b"\n",
        )
        # Decoders say on its standard error what they make of a TIFF.
        lines = [line for line in program.output.splitlines() if line.startswith("{")]
        self.assertIn("printed", lines[-1], program.output)
        answer: dict[str, Any] = json.loads(lines[-1])["printed"]
        pdf = str(place / "printed.pdf")
        texts = (await self.out("pdftotext", "-layout", pdf, "-")).split("\f")[:-1]
        self.assertEqual(len(texts), answer["pages"])
        # Two lines of title; the 13th and 14th columns are dots an inch.
        listed = [
            one.split() for one in (await self.out("pdfimages", "-list", pdf)).splitlines()[2:]
        ]
        await self.out("pdfimages", "-png", pdf, str(place / "image"))
        images = [_read(path) for path in sorted(place.glob("image-*.png"))]
        return Paper(
            pages=answer["pages"],
            codes=tuple(answer["codes"]),
            notices=tuple(answer["notices"]),
            texts=tuple(texts),
            images=tuple(images),
            dots=tuple((int(one[12]), int(one[13])) for one in listed),
        )

    async def as_libtiff_shows(self, name: str, pages: int = 1) -> list[Image.Image]:
        """Return the pages of a TIFF in the test's directory as tiff2rgba decodes them."""
        # It copies what is compressed as it is.
        await self.out("tiffsplit", name, "split-")
        split = sorted(self.directory.glob("split-*.tif"))
        self.assertEqual(len(split), pages)
        found = []
        for path in split:
            await self.out("tiff2rgba", "-c", "none", "-n", path.name, "shown.tif")
            found.append(_read(self.directory / "shown.tif"))
            path.unlink()
        return found

    def assert_same(
        self, found: Sequence[Image.Image], wanted: Sequence[Image.Image], within: int = 0
    ) -> None:
        """Fail where a page has other pixels than it should, by more than JPEG changes."""
        self.assertEqual(len(found), len(wanted))
        for number, (one, other) in enumerate(zip(found, wanted, strict=True), 1):
            self.assertEqual(one.size, other.size, f"page {number}")
            difference = ImageChops.difference(one, other)
            most = max(high for _, high in difference.getextrema())  # type: ignore[misc]
            self.assertLessEqual(most, within, f"page {number}")
            # Not by chance: neither is all of one colour.
            self.assertGreater(len(set(one.convert("L").tobytes())), 1)


def _read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")
