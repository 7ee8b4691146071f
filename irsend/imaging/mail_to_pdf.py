"""A received mail on paper: head and text, notices, then its images, as one PDF (docs/printing).

Text comes first and images after it, each in the order of the mail [ours]. A
notice on the paper names each part that is not printed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import pikepdf
from attrs import define, field, frozen

from irsend.errors import MemoryFull, ScanRefused
from irsend.imaging.image_xobject import compressed
from irsend.imaging.jpeg_verification import jpeg_is_damaged
from irsend.imaging.originals import Original, read_pages
from irsend.imaging.page_layout import ImagePages
from irsend.imaging.text_pages import line_pdf, text_pdf
from irsend.imaging.text_wrap import Line, wrapped
from irsend.imaging.tiff_pages import SizedImage, tiff_pages
from irsend.message.mime_parser import parse_message, read_head
from irsend.message.parsed_message import (
    HTML_RECEIVED,
    NO_CODE,
    TOO_MANY_LINES,
    TOO_MANY_PAGES,
    UNDECODABLE,
    UNSUPPORTED_TYPE,
    Kind,
    ParsedMessage,
    Part,
    Problem,
)

NO_PROGRAMS = "No programs can process the file attachment."
"""The machine's own words, below the name of a part that it discards."""
_DOTS = (300, 300)
_PRINTABLE = {
    "jpeg": (("image/jpeg", "image/jpg", "image/pjpeg"), (".jpg", ".jpeg")),
    "pdf": (("application/pdf", "application/x-pdf"), (".pdf",)),
}
_JPEG = b"\xff\xd8"
_UNTYPED = "application/octet-stream"
_MOST_NOTICES = 300
_MOST_NAMED = 8
"""Characters without a glyph that a notice names."""
# Characters, far more than the lines show.
_LONGEST_TEXT = 2_000_000
_RULE = 40
_IN_THE_LINE = 24

PageDone = Callable[[int], None]
"""Called for each page of an image that is done, from 1."""


@frozen(kw_only=True)
class PrintOptions:
    """How to print."""

    paper: str = "A4"
    """A4 or LTR."""
    prints: tuple[str, ...] = ()
    """What the model prints besides TIFF: jpeg, pdf."""
    most_pages: int = 1000
    most_lines: int = 1000
    most_octets: int = 500_000_000
    instead: Problem | None = None
    """Printed below the head, in place of the mail's content."""


@frozen(kw_only=True)
class PrintResult:
    """The PDF of a mail, and what the report says of it."""

    file: Path
    pages: int
    codes: tuple[str, ...]
    """Result codes, each once, in the order they came up."""
    notices: tuple[str, ...]
    """Sentences that were printed about what could not be printed."""
    sender: str
    subject: str
    message_id: str
    images: int
    """How many of the pages are image pages."""


def print_mail(
    mail: IO[bytes], into: Path, order: PrintOptions, page_done: PageDone
) -> PrintResult:
    """Print a mail into a directory, as printed.pdf; MemoryFull, OSError."""
    if order.instead is not None:
        received = ParsedMessage(head=read_head(mail), problems=(order.instead,))
    else:
        received = parse_message(mail)
    with pikepdf.new() as pdf:
        conversion = _MailConversion(
            received, order, into, page_done, ImagePages(pdf, order.paper)
        )
        return conversion.run()


@define(eq=False)
class _MailConversion:
    """One mail being printed."""

    _mail: ParsedMessage
    _order: PrintOptions
    _into: Path
    _page_done: PageDone
    _image_pages: ImagePages
    _codes: list[str] = field(factory=list)
    _notices: list[str] = field(factory=list)

    def run(self) -> PrintResult:
        """Print the mail."""
        for problem in self._mail.problems:
            self._notice(problem)
        texts = [part.text for part in self._mail.parts if part.kind is Kind.TEXT]
        text = "\n".join(one for one in texts if one.strip())
        header_line: Line = ()
        if not text:
            header_line = next(wrapped(self._sender_and_subject()), ())
            self._image_pages.set_header_line(line_pdf(header_line, self._order.paper))
        for part in self._mail.parts:
            self._print(part)
        images = self._image_pages.pages
        lines = self._limited_lines(text)
        too_many = self._image_pages.pages > self._order.most_pages
        if text or self._notices or too_many or not self._image_pages.pages:
            self._prepend_text(lines)
        else:
            # No sheet of its own for the boxes in the line above an image.
            self._note_missing_glyphs([header_line])
        path = self._into / "printed.pdf"
        self._image_pages.pdf.save(path, deterministic_id=True)
        head = self._mail.head
        return PrintResult(
            file=path,
            pages=self._image_pages.pages,
            codes=tuple(dict.fromkeys(self._codes)),
            notices=tuple(self._notices),
            sender=head.sender,
            subject=head.subject,
            message_id=head.message_id,
            images=min(images, self._image_pages.pages),
        )

    # -- image pages ----------------------------------------------------------------------

    def _print(self, part: Part) -> None:
        """Add the pages of a part that is an image; add a notice for what is not printed."""
        if part.kind is Kind.TEXT or self._image_pages.pages > self._order.most_pages:
            return
        name = part.name or part.type
        if part.kind is Kind.HTML:
            self._notice(
                Problem(code=HTML_RECEIVED, words="HTML was received; it is not printed.")
            )
        elif part.kind is Kind.TIFF:
            with tempfile.TemporaryFile(dir=self._into) as file:
                file.write(part.content)
                file.flush()
                self._add(tiff_pages(file, name, self._order.most_pages + 1))
        elif any(_is_of(part, one) for one in self._order.prints):
            with tempfile.NamedTemporaryFile(dir=self._into) as named:
                named.write(part.content)
                named.flush()
                if part.content.startswith(_JPEG) and jpeg_is_damaged(part.content):
                    self._notice(Problem(code=UNDECODABLE, words=f"{name}: page 1 is damaged."))
                self._add(self._other_pages(Path(named.name), name))
        else:
            self._notice(Problem(code=UNSUPPORTED_TYPE, words=f"{name}\n{NO_PROGRAMS}"))

    def _add(self, pages: Iterator[SizedImage | Problem]) -> None:
        for one in pages:
            if isinstance(one, Problem):
                self._notice(one)
                continue
            self._image_pages.add(one.xobject, one.size)
            if self._image_pages.octets > self._order.most_octets:
                raise MemoryFull
            self._page_done(self._image_pages.pages)
            if self._image_pages.pages > self._order.most_pages:
                return

    def _other_pages(self, path: Path, name: str) -> Iterator[SizedImage | Problem]:
        """Give the pages of a JPEG or PDF, rasterized as a scanner would see them."""
        try:
            original = Original(path=path, name=name)
            _, pages = read_pages([original], _DOTS, self._order.most_pages + 1)
            for page in pages:
                yield SizedImage(compressed(page.image), page.size)
        except ScanRefused as refused:
            yield Problem(code=UNDECODABLE, words=f"{refused}.")

    def _notice(self, problem: Problem) -> None:
        if problem.code:
            self._codes.append(problem.code)
        if len(self._notices) < _MOST_NOTICES and problem.words not in self._notices:
            self._notices.append(problem.words)

    def _note_missing_glyphs(self, lines: list[Line]) -> None:
        """Add one notice about all characters of the lines for which a box is printed."""
        missing = dict.fromkeys(one.missing for line in lines for one in line if one.missing)
        if missing:
            named = ", ".join(f"U+{ord(one):04X}" for one in islice(missing, _MOST_NAMED))
            more = (
                f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
            )
            words = f"A box stands for each character that no font has: {named}{more}."
            self._notice(Problem(code=NO_CODE, words=words))

    # -- the text in front -----------------------------------------------------------

    def _limited_lines(self, text: str) -> list[Line]:
        """Return the text's lines, up to `most_lines`."""
        lines = list(islice(wrapped(text[:_LONGEST_TEXT]), self._order.most_lines + 1))
        if len(lines) > self._order.most_lines:
            lines.pop()
            words = f"The text has more than {self._order.most_lines} lines."
            self._notice(Problem(code=TOO_MANY_LINES, words=words))
        return lines

    def _prepend_text(self, text: list[Line]) -> None:
        """Put the pages of text before the image pages; of these the last go where there are too many."""
        most = self._order.most_pages
        self._note_missing_glyphs(self._front(text))
        front, pages = text_pdf(self._front(text), self._order.paper)
        if pages + self._image_pages.pages > most:
            words = f"The mail has more than {most} pages."
            self._notice(Problem(code=TOO_MANY_PAGES, words=words))
            front, pages = text_pdf(self._front(text), self._order.paper)
            self._image_pages.truncate(max(0, most - pages))
        self._image_pages.prepend(front)

    def _front(self, text: list[Line]) -> list[Line]:
        head = self._mail.head
        fields = (
            *(("Date", head.date), ("From", head.sender), ("Message-Id", head.message_id)),
            *(("To", head.to), ("Subject", head.subject)),
        )
        lines: list[Line] = []
        for name, value in fields:
            lines += wrapped(f"{name}: {value}")
        lines += [(), *text]
        if self._notices:
            lines += [(), *wrapped("\n".join(("-" * _RULE, *self._notices)))]
        return lines

    def _sender_and_subject(self) -> str:
        head = self._mail.head
        sender, subject = head.sender[:_IN_THE_LINE], head.subject[:_IN_THE_LINE]
        return f"{sender:<{_IN_THE_LINE}}  {subject}"


def _is_of(part: Part, kind: str) -> bool:
    types, extensions = _PRINTABLE[kind]
    named = part.type == _UNTYPED and part.name.lower().endswith(extensions)
    return part.type in types or named
