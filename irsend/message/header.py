"""The head of a mail or of a part: where it ends, its fields, and their values.

No head makes reading it fail.

Standards: RFC 5322 2.2 and 3.6, RFC 2045 5 (Content-Type), 2047 (encoded words), 2183
(Content-Disposition), 2231 (parameters in pieces and charsets). Beyond them: file
names in encoded words, which RFC 2047 5 forbids and mail programs write.
"""

from __future__ import annotations

import re
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import collapse_rfc2231_value

from attrs import frozen

from irsend.message.charsets import decoded

LONGEST_HEAD = 1_000_000
"""Octets of a head; a longer one is read so far."""
_LONGEST_FIELD = 8_000
_LONGEST_LINE = 1_000
_MOST_FIELDS = 1_000
_LONGEST_NAME = 200
# The library reads the whole field again for each; a name in pieces has a hundred at most.
_MOST_PARAMETERS = 200
# The fields that are used; all others are skipped.
_WANTED = (
    *(b"date", b"from", b"message-id", b"to", b"subject", b"mime-version"),
    *(b"content-type", b"content-transfer-encoding", b"content-disposition"),
)
# Field lines and their continuations; possessive, so that nothing is tried twice.
_HEAD = re.compile(rb"(?:(?:[!-9;-~]++[ \t]*+:|[ \t])[^\r\n]*+(?:\r\n|\r|\n|\Z))*+")
_MAILBOX_LINE = re.compile(rb">?From (?![ \t]*:)[^\r\n]*+(?:\r\n|\r|\n)")
_BLANK = re.compile(rb"[ \t]*(?:\r\n|\r|\n)")
_LINE = re.compile(rb"\r\n|\r|\n")
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[BbQq]\?[^?]*\?=")
_TYPE = re.compile(r"\s*([\w!#$&^.+-]+)\s*/\s*([\w!#$&^.+-]+)")
# Controls, line separators and marks of direction: not to be printed on one line.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")


@frozen
class Header:
    """The fields of a head, by their names in small letters; of several with one name, the first."""

    raw: dict[bytes, bytes]
    whole: bool
    """Its end was found within the limits."""

    def has(self, name: str) -> bool:
        """Say whether there is such a field."""
        return name.encode("ascii") in self.raw

    def text(self, name: str) -> str:
        """Return a field's text: decoded, on one line, bounded; empty without such a field."""
        raw = decoded(self.raw.get(name.encode("ascii"), b""))
        return on_one_line(with_words_decoded(raw))[:_LONGEST_LINE]

    def encoding(self) -> str:
        """Return the transfer encoding, in small letters; empty without the field."""
        raw = self.raw.get(b"content-transfer-encoding", b"").decode("ascii", "replace")
        return raw.partition(";")[0].strip(" \t\r\n\"'").lower()

    def type(self) -> str | None:
        """Return the MIME type in small letters; empty without one, None where it cannot be read."""
        if b"content-type" not in self.raw:
            return ""
        match = _TYPE.match(self.raw[b"content-type"].decode("latin-1"))
        return f"{match[1]}/{match[2]}".lower() if match else None

    def parameter(self, name: str, field: str = "content-type") -> str:
        """Return a parameter of a field, decoded, on one line; empty where it has none."""
        raw = self.raw.get(field.encode("ascii"), b"")
        if name.encode("ascii") not in raw.lower() or raw.count(b";") > _MOST_PARAMETERS:
            return ""
        # 8-bit parameters are guessed; those with a charset (RFC 2231) are ASCII here.
        message = Message()
        message[field] = on_one_line(decoded(raw))
        try:
            value = message.get_param(name, "", field)
            if isinstance(value, tuple):
                octets = value[2].encode("latin-1", "replace")
                found = decoded(octets, value[0] or "")
            else:
                found = collapse_rfc2231_value(value or "")
        except Exception:
            # The library's parser raises exceptions of many kinds at hostile mails.
            return ""
        return on_one_line(with_words_decoded(found))

    def is_attachment(self) -> bool:
        """Say whether the sender declares it as an attachment (RFC 2183 2.2)."""
        raw = self.raw.get(b"content-disposition", b"")
        return raw.strip().lower().startswith(b"attachment")

    def file_name(self) -> str:
        """Return the file's name without folders; empty without one."""
        name = self.parameter("filename", "content-disposition") or self.parameter("name")
        return shortened(re.split(r"[/\\]", name)[-1])


def read_header(octets: bytes, start: int, end: int) -> tuple[Header, int]:
    """Return the head that begins at `start`, and where the body begins.

    A head ends with an empty line, or before a line that is no field; a mail
    that begins with such a line has an empty head.
    """
    last = min(end, start + LONGEST_HEAD)
    mailbox_line = _MAILBOX_LINE.match(octets, start, last)
    if mailbox_line:
        start = mailbox_line.end()
    match = _HEAD.match(octets, start, last)
    body = match.end() if match else start
    whole = body < last or last == end
    raw = _split(octets[start:body])
    blank = _BLANK.match(octets, body, end)
    return Header(raw, whole), blank.end() if blank else body


def _split(head: bytes) -> dict[bytes, bytes]:
    fields: dict[bytes, list[bytes]] = {}
    current: list[bytes] = []
    length = seen = 0
    for line in _LINE.split(head):
        if line[:1] in (b" ", b"\t"):
            if length < _LONGEST_FIELD:
                current.append(line)
                length += len(line)
            continue
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        seen += 1
        current, length = [], _LONGEST_FIELD
        if name in _WANTED and name not in fields and seen <= _MOST_FIELDS:
            current, length = [value], len(value)
            fields[name] = current
    return {name: b" ".join(lines)[:_LONGEST_FIELD].strip() for name, lines in fields.items()}


def with_words_decoded(text: str) -> str:
    """Return a field's text with its encoded words decoded."""
    if not _ENCODED_WORD.search(text):
        return text
    try:
        pieces = decode_header(text)
    except (MessageError, LookupError, ValueError):
        return text
    # The library joins words of one charset: a character that the sender cut in two is whole again.
    words = ""
    for piece, charset in pieces:
        if isinstance(piece, str):
            words += piece
        elif charset is None:
            words += piece.decode("raw-unicode-escape", "replace")
        else:
            words += decoded(piece, charset)
    return words


def on_one_line(text: str) -> str:
    """Return text on one line, without invisible characters."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def shortened(name: str) -> str:
    """Return a file's name short enough to be printed, with its extension."""
    if len(name) <= _LONGEST_NAME:
        return name
    _, dot, extension = name.rpartition(".")
    extension = dot + extension if dot and len(extension) < 10 else ""
    return name[: _LONGEST_NAME - len(extension)] + extension
