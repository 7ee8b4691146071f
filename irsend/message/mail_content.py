"""A received mail for programs: its trace, its fields in order, its text, and each part decoded.

Unlike `mime_parser`, which reads what the machine prints, it leaves nothing out: all alternatives
and all parts count, from 1, in the order of the mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import IO

import attrs
from attrs import frozen

from irsend.message.charsets import decoded
from irsend.message.encodings import from_transfer_encoding
from irsend.message.field_text import field_text
from irsend.message.header import Header, find_head, read_header
from irsend.message.multipart import split_multipart
from irsend.message.summary import LONGEST_HEAD, body_charset

MOST_OCTETS = 1_000_000_000
"""Octets of a mail that are read."""
_MOST_PARTS = 1000
_MOST_FIELDS = 1000
_DEEPEST = 50
_LONGEST_TEXT = 2_000_000
_LONGEST_SEARCHED = 100_000
_LONGEST_VALUE = 10_000
_TRACE_FIELD = rb"(?:[^\r\n]*\r\n)"
# Of `trace`: the envelope, then a Received field of three lines. A file of another mail program has none.
_TRACE = re.compile(
    rb"(?:(?:Return-Path|Delivered-To|X-Envelope-DSN): " + _TRACE_FIELD + rb")*+"
    rb"Received: from " + _TRACE_FIELD + rb"\tby " + _TRACE_FIELD + rb"\t" + _TRACE_FIELD
)
_ENVELOPE = re.compile(rb"^(Return-Path|Delivered-To): ([^\r\n]*)\r$", re.MULTILINE)
_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:((?:[^\n]|\n[ \t])*)", re.MULTILINE)
_HTML = ("text/html", "application/xhtml+xml")


def trace_length(octets: bytes) -> int:
    """Return how many octets the machine put above a mail; 0 where it did not."""
    match = _TRACE.match(octets)
    return match.end() if match else 0


def envelope_of(trace: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the envelope's sender and recipients, which the trace keeps; empty where it has none."""
    sender, recipients = "", []
    for name, value in _ENVELOPE.findall(trace):
        address = value.decode("ascii", "replace")
        if name == b"Return-Path":
            sender = address.removeprefix("<").removesuffix(">")
        else:
            recipients.append(address)
    return sender, tuple(recipients)


@frozen(kw_only=True)
class Leaf:
    """A part that is no multipart, by its offsets."""

    part: int
    """From 1."""
    type: str
    name: str
    charset: str
    encoding: str
    attachment: bool
    start: int
    end: int

    def content(self, octets: bytes) -> bytes:
        """Return the part decoded, as far as it can be; as it stands where its encoding is not known."""
        body = octets[self.start : self.end]
        found = from_transfer_encoding(body, self.encoding)
        return body if found is None else found[0]


@frozen(kw_only=True)
class MailContent:
    """A mail, as it came: without the machine's own trace."""

    octets: bytes = attrs.field(repr=False)
    envelope: tuple[str, tuple[str, ...]]
    """Sender and recipients."""
    header: Header
    leaves: tuple[Leaf, ...]
    charset: str
    """That of its body, for raw octets."""

    def fields(self) -> list[tuple[str, str]]:
        """Return name and value of each field, in order; values decoded, on one line."""
        start, end = find_head(self.octets, 0, min(len(self.octets), LONGEST_HEAD * 16))
        head = self.octets[start:end].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return [
            (
                match[1].decode("ascii"),
                field_text(match[2].replace(b"\n", b" "), self.charset, _LONGEST_VALUE),
            )
            for match, _ in zip(_FIELD.finditer(head), range(_MOST_FIELDS), strict=False)
        ]

    def text(self, longest: int = _LONGEST_TEXT) -> str:
        """Return its text, of so many characters at most; that of its HTML where it has no other."""
        for kinds, read in ((("text/plain",), str), (_HTML, _text_of_html)):
            pieces: list[str] = []
            left = longest
            for leaf in self.leaves:
                if left > 0 and not leaf.attachment and leaf.type in kinds:
                    octets = leaf.content(self.octets)
                    cut = len(octets) > _LONGEST_TEXT
                    text = read(
                        decoded(octets[:_LONGEST_TEXT], leaf.charset or self.charset, cut=cut)
                    )
                    text = text.replace("\r\n", "\n").replace("\r", "\n")[:left]
                    left -= len(text)
                    pieces.append(text)
            if any(piece.strip() for piece in pieces):
                return "\n".join(pieces)
        return ""


def read_mail(mail: IO[bytes], most: int = MOST_OCTETS) -> MailContent:
    """Read a mail of the machine's memory from the file's position on."""
    octets = mail.read(most)
    above = trace_length(octets)
    trace, octets = octets[:above], octets[above:]
    header, body = read_header(octets, 0, len(octets))
    charset = body_charset(octets, header, body, min(len(octets), LONGEST_HEAD))
    header = attrs.evolve(header, charset=charset)
    leaves: list[Leaf] = []
    for entity, start, end, nested in _walk(octets, header, body, len(octets), charset, 0):
        of_type = _type_of(entity, nested)
        name = entity.file_name()
        is_text = of_type == "text/plain" or of_type in _HTML
        leaves.append(
            Leaf(
                part=len(leaves) + 1,
                type=of_type,
                name=name,
                charset=entity.parameter("charset"),
                encoding=entity.encoding(),
                attachment=entity.is_attachment() or bool(name) or not is_text,
                start=start,
                end=end,
            )
        )
    return MailContent(
        octets=octets,
        envelope=envelope_of(trace),
        header=header,
        leaves=tuple(leaves),
        charset=charset,
    )


Json = dict[str, object]


def summarize_mail(mail: IO[bytes]) -> Json:
    """Return what a mail says of itself, with its size as it came and the text to search, for JSON."""
    content = read_mail(mail)
    sender, recipients = content.envelope
    header = content.header
    return {
        "size": len(content.octets),
        "text": content.text(_LONGEST_SEARCHED),
        "summary": {
            "sender": header.text("from"),
            "to": header.text("to"),
            "subject": header.text("subject"),
            "date": header.text("date"),
            "envelope_sender": sender,
            "envelope_recipients": recipients,
            "parts": [
                {
                    "part": leaf.part,
                    "type": leaf.type,
                    "name": leaf.name,
                    "size": len(leaf.content(content.octets)),
                    "charset": leaf.charset,
                    "attachment": leaf.attachment,
                }
                for leaf in content.leaves
            ],
        },
    }


def show_mail(mail: IO[bytes]) -> Json:
    """Return the header fields and the text of a mail, for JSON."""
    content = read_mail(mail)
    return {"headers": content.fields(), "text": content.text()}


Entity = tuple[Header, int, int, str]
"""A leaf's head, where its body begins and ends, and its type where it says none."""


def _walk(
    octets: bytes,
    header: Header,
    start: int,
    end: int,
    charset: str,
    depth: int,
    default: str = "text/plain",
) -> Iterator[Entity]:
    of_type = _type_of(header, default)
    if not of_type.startswith("multipart/") or depth >= _DEEPEST:
        yield header, start, end, default
        return
    found = split_multipart(octets, start, end, header.boundary(), _MOST_PARTS)
    if not found.body_parts:
        yield header, start, end, default
        return
    default = "message/rfc822" if of_type == "multipart/digest" else "text/plain"
    left = _MOST_PARTS
    for begin, finish in found.body_parts:
        inner, body = read_header(octets, begin, finish, charset)
        for entity in _walk(octets, inner, body, finish, charset, depth + 1, default):
            left -= 1
            if left < 0:
                return
            yield entity


def _type_of(header: Header, default: str) -> str:
    of_type = header.type()
    # A type that cannot be read says nothing, least of all that it is text.
    return "application/octet-stream" if of_type is None else of_type or default


class _Text(HTMLParser):
    """Collects the text of HTML; each block begins a line."""

    _BLOCKS = frozenset(
        ("p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol")
    )
    _HIDDEN = frozenset(("script", "style", "head", "title"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "body":
            # A head need not have an end.
            self._hidden = 0
        elif tag in self._HIDDEN:
            self._hidden += 1
        elif tag in self._BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in self._BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(re.sub(r"\s+", " ", data))


def _text_of_html(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
