"""Images on paper: at the top, reduced where they are larger, never enlarged; long ones on several pages.

An A4 fax is a little wider than A4 paper: it is reduced to it [ours].
"""

from __future__ import annotations

import io
import math

import pikepdf
from attrs import define, field

from irsend.imaging.image_xobject import ImageXObject
from irsend.imaging.paper_sizes import Size
from irsend.imaging.text_pages import LINE_HEIGHT, paper_size

_POINTS = 72.0
# An image that would have to be reduced further to fit goes onto several pages, without overlap.
_LEAST_REDUCTION = 0.7
_MOST_OF_AN_IMAGE = 50


@define(eq=False)
class ImagePages:
    """The image pages of a document, a PDF that they are added to."""

    pdf: pikepdf.Pdf
    _paper: str
    _line: pikepdf.Object | None = field(default=None)
    octets: int = 0
    """Of all images together."""

    @property
    def pages(self) -> int:
        """How many there are so far."""
        return len(self.pdf.pages)

    def set_header_line(self, line: bytes) -> None:
        """Put a header line, a PDF of one page, above each image from now on."""
        with pikepdf.open(io.BytesIO(line)) as source:
            self._line = self.pdf.copy_foreign(source.pages[0].as_form_xobject())

    def add(self, xobject: ImageXObject, size: Size) -> int:
        """Add the pages of an image of this size in inches; return their number."""
        image = self._image(xobject)
        self.octets += len(xobject.octets)
        paper = paper_size(self._paper)
        # The paper is turned as the image is.
        across, down = paper if size[0] <= size[1] else (paper[1], paper[0])
        room = down - (LINE_HEIGHT if self._line is not None else 0)
        width, height = size[0] * _POINTS, size[1] * _POINTS
        shrunk = min(1.0, across / width)
        if height * shrunk > room:
            reduced = room / height
            if reduced >= shrunk * _LEAST_REDUCTION:
                shrunk = reduced
        width, height = width * shrunk, height * shrunk
        left = (across - width) / 2
        pages = max(1, math.ceil((height - 0.5) / room))
        if pages > _MOST_OF_AN_IMAGE:
            # An image as thin as a hair: all of it goes on one page, seen or not.
            height, pages = room, 1
        for page in range(pages):
            bottom = room - height + page * room
            self._add_page((across, down), image, (left, bottom, width, height), room)
        return pages

    def truncate(self, most: int) -> None:
        """Drop all pages but the first `most`."""
        del self.pdf.pages[most:]

    def prepend(self, front: bytes) -> None:
        """Put the pages of another PDF before these."""
        with pikepdf.open(io.BytesIO(front)) as source:
            for at, page in enumerate(source.pages):
                self.pdf.pages.insert(at, page)

    def _add_page(
        self,
        paper: tuple[float, float],
        image: pikepdf.Object,
        box: tuple[float, float, float, float],
        room: float,
    ) -> None:
        left, bottom, width, height = box
        content = (
            f"q 0 0 {paper[0]:.3f} {room:.3f} re W n "
            f"{width:.3f} 0 0 {height:.3f} {left:.3f} {bottom:.3f} cm /Image Do Q"
        )
        xobjects = {"/Image": image}
        if self._line is not None:
            content += f" q 1 0 0 1 0 {room:.3f} cm /Line Do Q"
            xobjects["/Line"] = self._line
        page = self.pdf.add_blank_page(page_size=paper)
        page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(xobjects))
        page.obj.Contents = self.pdf.make_stream(content.encode("ascii"))

    def _image(self, xobject: ImageXObject) -> pikepdf.Object:
        return self.pdf.make_indirect(
            pikepdf.Stream(
                self.pdf,
                xobject.octets,
                Type=pikepdf.Name.XObject,
                Subtype=pikepdf.Name.Image,
                Width=xobject.width,
                Height=xobject.height,
                BitsPerComponent=xobject.bits,
                ColorSpace=pikepdf.Name("/" + xobject.colours),
                Filter=pikepdf.Name("/" + xobject.filter),
                **(
                    {"DecodeParms": pikepdf.Dictionary(xobject.parameters)}
                    if xobject.parameters
                    else {}
                ),
            )
        )
