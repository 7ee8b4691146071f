"""A parser of received mails, right and wrong ones: what is printed, what is not, what was wrong.

No mail makes it raise, and it is bounded in depth, parts and octets. The
library's own parser does not do: it recurses for each level of a mail, and holds
the whole in memory many times. `fragments` has put fragmented mails together before.

Standards: RFC 5322, RFC 2045 and 2046 (structure), 3464 and 8098 (reports are text here);
docs/printing (what is printed, what was wrong).
"""

from __future__ import annotations

from typing import IO

import attrs
from attrs import define, field, frozen

from irsend.message.charsets import decoded
from irsend.message.encodings import PLAIN, from_transfer_encoding, uuencoded_files
from irsend.message.field_text import file_name, raw_text
from irsend.message.header import Header, read_header
from irsend.message.multipart import split_multipart
from irsend.message.parsed_message import (
    ENCODING_WRONG,
    MIME_WRONG,
    TOO_MANY_LINES,
    Head,
    Kind,
    ParsedMessage,
    Part,
    Problem,
)
from irsend.message.security_multipart import is_control_information
from irsend.message.summary import LONGEST_HEAD, body_charset, head_of

# Text that is no attachment, whatever else it is.
_AS_TEXT = (
    *("text/plain", "message/delivery-status", "message/disposition-notification"),
    *("message/global-delivery-status", "message/global-disposition-notification"),
    *("text/rfc822-headers", "message/global-headers"),
)
_AS_TIFF = ("image/tiff", "image/x-tiff", "image/tif", "image/x-tif", "application/tiff")
_AS_MAIL = ("message/rfc822", "message/global", "message/news")
_UNTYPED = ("", "application/octet-stream", "application/x-octet-stream", "binary/octet-stream")
_TIFF_NAMES = (".tif", ".tiff")
_TIFF_BEGINS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@frozen(kw_only=True)
class Bounds:
    """How much of a mail is read [ours]."""

    octets: int = 110_000_000
    depth: int = 50
    parts: int = 1000
    text: int = 2_000_000
    """Octets of all texts together; far more than is printed."""
    searched: int = 2_000_000_000
    """Octets searched for boundaries: those of a part within a part count for both."""


def parse_message(mail: IO[bytes], bounds: Bounds | None = None) -> ParsedMessage:
    """Parse a mail from the file's position on."""
    bounds = bounds or Bounds()
    octets = mail.read(bounds.octets + 1)
    cut = len(octets) > bounds.octets
    end = min(len(octets), bounds.octets)
    fields, body = read_header(octets, 0, end)
    charset = body_charset(octets, fields, body, min(end, LONGEST_HEAD))
    fields = attrs.evolve(fields, charset=charset)
    walk = _MIMEWalk(bounds, charset)
    if cut:
        walk.note(MIME_WRONG, f"The mail has more than {bounds.octets} octets.")
    parts = walk.entity(octets, fields, body, end, 0)
    return ParsedMessage(
        head=head_of(octets[:end]), parts=tuple(parts), problems=tuple(walk.problems)
    )


def read_head(mail: IO[bytes]) -> Head:
    """Parse the fields that are printed above a mail's text, and nothing else."""
    return head_of(mail.read(LONGEST_HEAD))


@define(eq=False)
class _MIMEWalk:
    """One mail being parsed: how much of it was read, and what was wrong."""

    _bounds: Bounds
    _charset: str
    """That of the mail's text, for names in raw octets."""
    problems: list[Problem] = field(factory=list)
    _parts: int = 0
    _texts: int = 0
    _searched: int = 0
    _encoded: int = 0
    _full: bool = False

    def note(self, code: str, words: str) -> None:
        problem = Problem(code=code, words=words)
        if problem not in self.problems and len(self.problems) < self._bounds.parts:
            self.problems.append(problem)

    def entity(
        self, octets: bytes, fields: Header, start: int, end: int, depth: int, default: str = ""
    ) -> list[Part]:
        """Return the parts of a mail or part whose body is between two offsets."""
        if not fields.whole:
            self.note(MIME_WRONG, "A head has no end.")
            return []
        if depth > self._bounds.depth:
            self.note(MIME_WRONG, f"Parts lie within parts more than {depth - 1} deep.")
            return []
        of_type = fields.type()
        if of_type is None:
            self.note(MIME_WRONG, "A content type cannot be read.")
        of_type = of_type or default
        if of_type.startswith("multipart/"):
            return self._multipart(octets, fields, of_type, start, end, depth)
        if of_type in _AS_MAIL:
            return self._mail(octets, fields, start, end, depth)
        self._parts += 1
        if self._parts > self._bounds.parts:
            self._stop()
            return []
        return self._leaf(octets[start:end], fields, of_type)

    def _stop(self) -> None:
        self._full = True
        self.note(MIME_WRONG, f"The mail has more than {self._bounds.parts} parts.")

    # -- composite types (RFC 2046 5) ---------------------------------------------------

    def _multipart(
        self, octets: bytes, fields: Header, of_type: str, start: int, end: int, depth: int
    ) -> list[Part]:
        self._searched += end - start
        if self._searched > self._bounds.searched:
            self.note(MIME_WRONG, "Too much lies in parts within parts.")
            return []
        found = split_multipart(octets, start, end, fields.boundary(), self._bounds.parts)
        if not found.body_parts:
            self.note(MIME_WRONG, "A multipart has no parts that can be told apart.")
            self._parts += 1
            text = octets[start:end]
            return [self._text(text, "")] if text.strip() else []
        if not found.ended or found.guessed:
            self.note(MIME_WRONG, "A multipart has no end, or another boundary than it says.")
        default = "message/rfc822" if of_type == "multipart/digest" else ""
        children: list[tuple[bool, list[Part]]] = []
        for begin, finish in found.body_parts:
            if self._full:
                break
            inner, body = read_header(octets, begin, finish, self._charset)
            nested = (inner.type() or "").startswith(("multipart/", "message/"))
            parts = self.entity(octets, inner, body, finish, depth + 1, default)
            if is_control_information(fields, inner, len(children)):
                parts = [part for part in parts if part.kind is not Kind.OTHER]
            children.append((nested, parts))
        if found.more:
            self._stop()
        if of_type == "multipart/alternative":
            return _chosen_alternative(children)
        return [part for _, parts in children for part in parts]

    def _mail(
        self, octets: bytes, fields: Header, start: int, end: int, depth: int
    ) -> list[Part]:
        """Return a mail within a mail: its head as text, then its parts."""
        if fields.encoding() not in PLAIN:
            # Not allowed (RFC 2046 5.2.1), but seen. Each level holds its own decoded copy.
            self._encoded += end - start
            if self._encoded > self._bounds.octets:
                self.note(MIME_WRONG, "Too much lies in encoded mails within mails.")
                return []
            octets = self._decoded(octets[start:end], fields)
            start, end = 0, len(octets)
        inner, body = read_header(octets, start, end)
        outer_charset = self._charset
        self._charset = (
            body_charset(octets, inner, body, min(end, start + LONGEST_HEAD)) or outer_charset
        )
        inner = attrs.evolve(inner, charset=self._charset)
        parts = self.entity(octets, inner, body, end, depth + 1)
        self._charset = outer_charset
        self._parts += 1
        head = head_of(octets[start : min(end, start + LONGEST_HEAD)])
        shown_fields = (
            *(("Date", head.date), ("From", head.sender), ("Message-Id", head.message_id)),
            *(("To", head.to), ("Subject", head.subject)),
        )
        text = "".join(f"{name}: {value}\n" for name, value in shown_fields if value)
        if not text:
            return parts
        return [Part(kind=Kind.TEXT, type="message/rfc822", text=f"{text}\n"), *parts]

    # -- discrete types (RFC 2046 4) ----------------------------------------------------

    def _leaf(self, body: bytes, fields: Header, of_type: str) -> list[Part]:
        name = fields.file_name()
        charset = fields.parameter("charset")
        kind = self._kind(of_type, name, fields)
        content = self._decoded(body, fields)
        if kind is Kind.OTHER and of_type in _UNTYPED and content.startswith(_TIFF_BEGINS):
            kind = Kind.TIFF
        if kind is Kind.TEXT:
            content, files = uuencoded_files(content, self._bounds.parts - self._parts + 1)
            parts = [self._file(*one, charset or self._charset) for one in files]
            self._parts += len(parts)
            if content.strip():
                parts.insert(0, self._text(content, charset))
            return parts
        if kind is Kind.HTML:
            return [Part(kind=kind, type=of_type, name=name, content=content)]
        return [
            Part(
                kind=kind,
                type=of_type or "application/octet-stream",
                name=name,
                content=content,
            )
        ]

    def _kind(self, of_type: str, name: str, fields: Header) -> Kind:
        if of_type in _AS_TIFF:
            return Kind.TIFF
        if of_type in (*_UNTYPED, "text/plain") and name.lower().endswith(_TIFF_NAMES):
            return Kind.TIFF
        if fields.is_attachment():
            return Kind.OTHER
        if of_type == "" or of_type in _AS_TEXT:
            return Kind.TEXT
        if of_type in ("text/html", "application/xhtml+xml"):
            return Kind.HTML
        return Kind.OTHER

    def _decoded(self, body: bytes, fields: Header) -> bytes:
        encoding = fields.encoding()
        found = from_transfer_encoding(body, encoding)
        if found is None:
            self.note(MIME_WRONG, f"The encoding {encoding[:40]!r} is not known.")
            return body
        content, right = found
        if not right:
            known = encoding.removeprefix("x-")
            code = MIME_WRONG if known == "quoted-printable" else ENCODING_WRONG
            self.note(code, f"A part is no right {known}.")
        return content

    def _text(self, octets: bytes, charset: str) -> Part:
        left = self._bounds.text - self._texts
        cut = len(octets) > left
        if cut:
            self.note(TOO_MANY_LINES, f"The text has more than {self._bounds.text} octets.")
        text = decoded(octets[:left], charset, cut=cut)
        self._texts += min(left, len(octets))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return Part(kind=Kind.TEXT, type="text/plain", text=text)

    def _file(self, name: bytes, content: bytes, right: bool, charset: str) -> Part:
        if not right:
            self.note(ENCODING_WRONG, "A file in the text is no right uuencode.")
        of_name = file_name(*raw_text(name, charset))
        tiff = of_name.lower().endswith(_TIFF_NAMES) or content.startswith(_TIFF_BEGINS)
        return Part(
            kind=Kind.TIFF if tiff else Kind.OTHER,
            type="image/tiff" if tiff else "application/octet-stream",
            name=of_name,
            content=content,
        )


def _chosen_alternative(children: list[tuple[bool, list[Part]]]) -> list[Part]:
    """Return what is printed of alternatives: the last that the machine prints, and all attachments.

    [ours] Attachments that a program put into another alternative are printed
    too; another form of the same content (a calendar) is not.
    """
    if not children:
        return []
    last = len(children) - 1
    best = last
    for kinds in ((Kind.TEXT, Kind.TIFF), (Kind.HTML,)):
        showing = [
            at for at, (_, parts) in enumerate(children) if any(p.kind in kinds for p in parts)
        ]
        if showing:
            best = showing[-1]
            break
    shown = any(part.kind in (Kind.TEXT, Kind.TIFF) for part in children[best][1])
    parts = []
    for at, (nested, found) in enumerate(children):
        if at == best:
            parts += [one for one in found if not (shown and one.kind is Kind.HTML)]
        elif nested:
            parts += [one for one in found if one.kind in (Kind.TIFF, Kind.OTHER)]
    return parts
