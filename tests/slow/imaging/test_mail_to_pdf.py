"""How much of a received mail is printed, at the limit that the machine has."""

from __future__ import annotations

from PIL import Image

from tests.imaging.received import PrintingCase, mail, tiff


class BoundTests(PrintingCase):
    """How much is printed."""

    def test_thousand(self) -> None:
        """A thousand pages and one are #829, and a thousand are printed."""
        dot = Image.new("1", (16, 16), 0)
        octets = mail("", (tiff(*[dot] * 501), "image/tiff", "a.tif"))
        twice = mail(
            "",
            (tiff(*[dot] * 500), "image/tiff", "a.tif"),
            (tiff(*[dot] * 501), "image/tiff", "b.tif"),
        )
        self.assertEqual(self.printed(octets).codes, ())
        printed = self.printed(twice)
        self.assertEqual((printed.codes, printed.pages), (("#829",), 1000))
