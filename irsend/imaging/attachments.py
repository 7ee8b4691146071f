"""The attachments of a mail: the pages as one PDF, one TIFF, or a JPEG each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import img2pdf
from attrs import frozen
from PIL import Image

from irsend.errors import MemoryFull
from irsend.imaging.fax_profiles import ifax_page
from irsend.imaging.originals import Page
from irsend.imaging.paper_sizes import paper_for, resolution_of
from irsend.imaging.scanned_page import bilevel, is_coloured, is_line_art, on_paper
from irsend.imaging.tiff_fx import MMR, FaxPage, fax_page, write_tiff

_QUALITY = 85
_BILEVEL = "image/tiff; application=faxbw"
_COLOUR = "image/tiff; application=faxcolor"

PageDone = Callable[[int], None]
"""Called for each page that is done, from 1."""


@frozen(kw_only=True)
class AttachmentOptions:
    """The format of the attachments, and how the pages are scanned."""

    format: str
    """pdf, tiff or jpeg."""
    resolution: str
    paper: str
    profile: str = ""
    """S, F or C for an I-Fax, which is a TIFF whatever the format."""


def make_files(
    pages: Iterator[Page],
    total: int,
    form: AttachmentOptions,
    into: Path,
    page_done: PageDone,
    most_octets: int,
) -> tuple[list[Path], str]:
    """Write the files into a directory; return them, and their MIME type.

    MemoryFull where they come to more octets than that all together.
    """
    if form.profile or form.format == "tiff":
        return _tiff(pages, total, form, into, page_done)
    images = _bounded(_image_files(pages, form, into, page_done), most_octets)
    if form.format == "jpeg":
        return list(images), "image/jpeg"
    return [_pdf(list(images), into)], "application/pdf"


def _on_paper(page: Page, form: AttachmentOptions) -> tuple[Image.Image, tuple[int, int]]:
    dots = resolution_of(form.resolution)
    paper = paper_for(form.paper, page.size)
    pixels = max(1, round(paper[0] * dots[0])), max(1, round(paper[1] * dots[1]))
    return on_paper(page, paper, pixels), dots


def _tiff(
    pages: Iterator[Page], total: int, form: AttachmentOptions, into: Path, page_done: PageDone
) -> tuple[list[Path], str]:
    path = into / "scan.tif"

    def compressed() -> Iterator[FaxPage]:
        for number, page in enumerate(pages, 1):
            if form.profile:
                dots = resolution_of(form.resolution)
                yield ifax_page(page, form.paper, dots, form.profile)
            else:
                image, dots = _on_paper(page, form)
                yield fax_page(bilevel(image), MMR, dots)
            page_done(number)

    # A single file is bounded by the worker's limit on the size of each file.
    with path.open("wb") as file:
        write_tiff(file, compressed(), total)
    of_type = {"": "image/tiff", "C": _COLOUR}.get(form.profile, _BILEVEL)
    return [path], of_type


def _image_files(
    pages: Iterator[Page], form: AttachmentOptions, into: Path, page_done: PageDone
) -> Iterator[Path]:
    """Write each page to a file: as MMR where it is text and goes into a PDF, else as JPEG."""
    for number, page in enumerate(pages, 1):
        image, dots = _on_paper(page, form)
        if not is_coloured(image) and image.mode == "RGB":
            image = image.convert("L")
        path = into / f"{number:05d}"
        if form.format == "pdf" and image.mode != "RGB" and is_line_art(image):
            with path.open("wb") as file:
                write_tiff(file, [fax_page(bilevel(image), MMR, dots)], 1)
        else:
            image = image.convert("L") if image.mode == "1" else image
            image.save(path, "JPEG", quality=_QUALITY, dpi=dots, optimize=False)
        page_done(number)
        yield path


def _bounded(paths: Iterator[Path], most_octets: int) -> Iterator[Path]:
    written = 0
    for path in paths:
        written += path.stat().st_size
        # A file of exactly the limit may be cut off there: it counts as too large.
        if written >= most_octets:
            raise MemoryFull
        yield path


def _pdf(images: list[Path], into: Path) -> Path:
    """Put the images into a PDF unchanged, each on a page of its size."""
    path = into / "scan.pdf"
    with path.open("wb") as file:
        img2pdf.convert(
            [str(image) for image in images], outputstream=file, producer="irsend", nodate=True
        )
    for image in images:
        image.unlink()
    return path
