"""The head of a mail or of a part: where it ends, its fields, and their values.

No head makes reading it fail.

`field_text` decodes what is shown of them, `structured_field` takes those of MIME apart.

Standards: RFC 5322 2.2 and 3.6, RFC 2045 5 and 6 (Content-Type, Content-Transfer-Encoding), 2183
(Content-Disposition). Beyond them: file names in encoded words, which RFC 2047 5 forbids
and mail programs write.
"""

from __future__ import annotations

import re

from attrs import frozen

from irsend.message.field_text import (
    LONGEST_TEXT,
    field_text,
    file_name,
    on_one_line,
    raw_text,
    words_decoded,
)
from irsend.message.structured_field import StructuredField, read_structured

LONGEST_HEAD = 1_000_000
"""Octets of a head; a longer one is read so far."""
_LONGEST_FIELD = 8_000
# A name in pieces has a hundred at most.
_MOST_PARAMETERS = 200
# The fields that are used, in lines that end in LF; all others are skipped. Possessive, so that nothing
# is tried twice.
_FIELD = re.compile(
    rb"^(date|from|return-path|message-id|to|subject|in-reply-to|references"
    rb"|content-(?:type|transfer-encoding|disposition))[ \t]*+:((?:[^\n]++|\n[ \t])*+)",
    re.IGNORECASE | re.MULTILINE,
)
# Field lines and their continuations.
_HEAD = re.compile(rb"(?:(?:[!-9;-~]++[ \t]*+:|[ \t])[^\r\n]*+(?:\r\n|\r|\n|\Z))*+")
_MAILBOX_LINE = re.compile(rb">?From (?![ \t]*:)[^\r\n]*+(?:\r\n|\r|\n)")
_BLANK = re.compile(rb"[ \t]*(?:\r\n|\r|\n)")
_TYPE = re.compile(r"\s*([\w!#$&^.+-]+)\s*/\s*([\w!#$&^.+-]+)")


@frozen
class Header:
    """The fields of a head, by their names in small letters; of several with one name, the first."""

    raw: dict[bytes, bytes]
    whole: bool
    """Its end was found within the limits."""
    charset: str = ""
    """That of the mail's body, which raw octets of fields are in most often; empty where it is not known."""

    def has(self, name: str) -> bool:
        """Say whether there is such a field."""
        return name.encode("ascii") in self.raw

    def text(self, name: str, longest: int = LONGEST_TEXT) -> str:
        """Return a field's text: decoded, on one line, bounded; empty without such a field."""
        return field_text(self._octets(name), self.charset, longest)

    def encoding(self) -> str:
        """Return the transfer encoding, in small letters; empty without the field."""
        return self._structured("content-transfer-encoding").value.strip("' ").lower()

    def type(self) -> str | None:
        """Return the MIME type in small letters; empty without one, None where it cannot be read."""
        if not self.has("content-type"):
            return ""
        match = _TYPE.match(self._structured("content-type").value)
        return f"{match[1]}/{match[2]}".lower() if match else None

    def parameter(self, name: str, field: str = "content-type") -> str:
        """Return a parameter of a field, on one line; empty where it has none."""
        return on_one_line(self._structured(field, name).parameter(name)[0])

    def boundary(self) -> str:
        """Return the boundary of a multipart as it stands; empty where it has none."""
        return self._structured("content-type", "boundary").parameter("boundary")[0]

    def is_attachment(self) -> bool:
        """Say whether the sender declares it as an attachment (RFC 2183 2.2)."""
        return self._structured("content-disposition").value.lower().startswith("attachment")

    def file_name(self) -> str:
        """Return the file's name without folders; empty without one."""
        for name, field in (("filename", "content-disposition"), ("name", "content-type")):
            given, guessed = self._structured(field, name).parameter(name)
            found, word_guessed = words_decoded(given)
            raw_guessed = raw_text(self._octets(field), self.charset)[1]
            shown = file_name(found, guessed or word_guessed or raw_guessed)
            if shown:
                return shown
        return ""

    def _octets(self, name: str) -> bytes:
        return self.raw.get(name.encode("ascii"), b"")

    def _structured(self, field: str, parameter: str = "") -> StructuredField:
        """Return a field taken apart, but for one that cannot have this parameter."""
        raw = self._octets(field)
        if parameter.encode("ascii") not in raw.lower() or raw.count(b";") > _MOST_PARAMETERS:
            # Most have no such parameter, and are not read for it.
            raw = raw.partition(b";")[0] if not parameter else b""
        return read_structured(raw_text(raw, self.charset)[0])


def read_header(octets: bytes, start: int, end: int, charset: str = "") -> tuple[Header, int]:
    """Return the head that begins at `start`, and where the body begins; `charset` is the mail's.

    A head ends with an empty line, or before a line that is no field; a mail
    that begins with such a line has an empty head.
    """
    last = min(end, start + LONGEST_HEAD)
    start, body = find_head(octets, start, last)
    whole = body < last or last == end
    raw = _split(octets[start:body])
    blank = _BLANK.match(octets, body, end)
    return Header(raw, whole, charset), blank.end() if blank else body


def find_head(octets: bytes, start: int, last: int) -> tuple[int, int]:
    """Return where the fields of a head begin and end, between `start` and `last`."""
    mailbox_line = _MAILBOX_LINE.match(octets, start, last)
    if mailbox_line:
        start = mailbox_line.end()
    match = _HEAD.match(octets, start, last)
    return start, match.end() if match else start


def _split(head: bytes) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    lines = head.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for match in _FIELD.finditer(lines):
        value = match[2][:_LONGEST_FIELD].replace(b"\n", b" ").strip()
        fields.setdefault(match[1].lower(), value)
    return fields
