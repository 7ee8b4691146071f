"""A page of a PDF as a picture, cropped to its ink."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image
from reportlab.pdfgen import canvas
from twisted.trial.unittest import SynchronousTestCase

from irsend.imaging.rasterization import ASPECT, rasterize_page

_A4 = (595, 842)
_DOTS = 100


class CropTests(SynchronousTestCase):
    """The upper part of the ink, in a fixed aspect."""

    def crop(
        self, draw: Callable[[canvas.Canvas], object], size: tuple[float, float] = _A4
    ) -> Image.Image:
        """Return the crop of a page that `draw` has drawn; its aspect is the fixed one."""
        file, png = Path(self.mktemp()), Path(self.mktemp())
        paper = canvas.Canvas(str(file), pagesize=size)
        draw(paper)
        paper.showPage()
        paper.save()
        told = rasterize_page(file, 1, png, _DOTS, crop_to_ink=True)
        with Image.open(png) as image:
            image.load()
        self.assertEqual(told, image.size)
        self.assertEqual(image.format, "PNG")
        self.assertLessEqual(abs(image.width / ASPECT - image.height), 1)
        return image

    def ink(self, image: Image.Image) -> tuple[int, int, int, int]:
        """Return the box of what is not white."""
        box = image.convert("L").point([255] * 200 + [0] * 56).getbbox()
        if box is None:
            self.fail("the crop shows only white paper")
        return box

    def test_few_words(self) -> None:
        """A few words fill the picture from its corner, whatever stands at the foot of the page."""

        def draw(paper: canvas.Canvas) -> None:
            paper.drawString(200, 600, "Subject: Order 4711")
            paper.drawString(297, 20, "1")

        for image in (
            self.crop(draw),
            self.crop(lambda paper: paper.drawString(20, 30, "Subject: Order 4711")),
        ):
            left, top, right, bottom = self.ink(image)
            self.assertEqual(image.width, 350)
            self.assertLess(left, 25)
            self.assertLess(top, 25)
            self.assertGreater(right - left, 120)
            self.assertLess(bottom - top, 30)

    def test_wide(self) -> None:
        """Of ink from edge to edge five inches are shown, from the left."""

        def draw(paper: canvas.Canvas) -> None:
            paper.rect(0, 0, 595, 842, stroke=0, fill=1)
            paper.setFillColorRGB(1, 1, 1)
            # From 4.4 to 5.4 inches.
            paper.rect(317, 0, 72, 842, stroke=0, fill=1)

        image = self.crop(draw)
        self.assertEqual(image.width, 500)
        self.assertEqual(self.ink(image), (0, 0, 440, image.height))

    def test_right_edge(self) -> None:
        """Words at the right edge of the page are in the picture."""
        image = self.crop(lambda paper: paper.drawRightString(590, 400, "Total 9.99"))
        left, _, right, _ = self.ink(image)
        self.assertLess(right, image.width)
        self.assertGreater(right - left, 60)

    def test_blank(self) -> None:
        """A blank page gives a white picture of its upper part."""
        image = self.crop(lambda paper: None)
        self.assertEqual(image.width, 500)
        self.assertEqual(image.convert("L").getextrema(), (255, 255))

    def test_short_paper(self) -> None:
        """Paper that is shorter than the picture is continued in white."""
        image = self.crop(lambda paper: paper.rect(0, 0, 300, 40, fill=1), (300, 40))
        self.assertEqual(self.ink(image), (0, 0, image.width, 56))

    def test_colour(self) -> None:
        """Colour stays colour, and light colours count as ink."""

        def draw(paper: canvas.Canvas) -> None:
            paper.setFillColorRGB(1, 0.7, 0.3)
            paper.rect(100, 500, 60, 60, stroke=0, fill=1)

        image = self.crop(draw)
        self.assertEqual(image.mode, "RGB")
        self.assertLess(self.ink(image)[0], 25)
