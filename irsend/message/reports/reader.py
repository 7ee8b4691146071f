"""A reader of the DSNs and MDNs that come back to the sender in full mode.

It reads the beginning of a mail only, and no mail makes it fail.

Standards: RFC 3461 and 3464 (DSN), RFC 8098 with 3798 and 2298 before it (MDN), RFC 6533 (both
with addresses in UTF-8), RFC 2532 (what full mode makes of them).
"""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import Message
from typing import IO, Literal

from attrs import frozen

from irsend.message.encodings import from_transfer_encoding
from irsend.message.field_text import field_text
from irsend.message.header import Header, read_header
from irsend.message.multipart import split_multipart

_LONGEST = 300_000
_MOST_REPORTS = 1000
_MOST_PARTS = 20
_LONGEST_VALUE = 4000
_PATH = re.compile(r"^\s*(?:[\w-]+\s*;)?\s*<?\s*(.*?)\s*>?\s*$", re.DOTALL)
_IDENTITY = re.compile(r"<[^<>\s]{1,500}>")
_COMMENT = re.compile(r"\([^()]*\)")
_RETURNED = (
    *("message/rfc822", "message/global"),
    *("text/rfc822-headers", "message/global-headers"),
)
_DELIVERED, _FAILED = ("delivered",), ("failed",)
_READ = ("displayed", "processed", "dispatched")
_NOT_READ = ("deleted", "denied", "failed")


@frozen(kw_only=True)
class Report:
    """What a notification reports of one recipient."""

    addresses: tuple[str, ...]
    """Original-Recipient, where it is given, and Final-Recipient."""
    positive: bool | None
    """None: not final (delayed, relayed, expanded)."""
    text: str
    """What happened, for people."""


@frozen(kw_only=True)
class Notification:
    """A DSN or an MDN."""

    kind: Literal["dsn", "mdn"]
    original_message_id: str
    """With its angle brackets; empty where it is not given."""
    envelope_id: str = ""
    """Of a DSN: the ENVID of the mail."""
    reports: tuple[Report, ...] = ()
    features: str = ""
    """Of an MDN: what the receiver can take (Media-Accept-Features, RFC 2530)."""


def read_notification(mail: IO[bytes]) -> Notification | None:
    """Read a received mail; None where it is no notification."""
    beginning = mail.read(_LONGEST)
    if b"report" not in beginning[:65_536].lower():
        return None
    fields, body = read_header(beginning, 0, len(beginning))
    if fields.type() != "multipart/report":
        return None
    found = split_multipart(beginning, body, len(beginning), fields.boundary(), _MOST_PARTS)
    parts = [_part(beginning, *places) for places in found.body_parts]
    try:
        return _read(fields, parts)
    except Exception:
        # The library's parser raises exceptions of many kinds at hostile mails.
        return None


@frozen
class _Part:
    """A part of the report: its head, and its body, decoded."""

    fields: Header
    content: bytes

    @property
    def type(self) -> str:
        return self.fields.type() or ""


def _part(octets: bytes, start: int, end: int) -> _Part:
    fields, body = read_header(octets, start, end)
    content = octets[body:end]
    # RFC 2045 allows no encoding there; some use one.
    decoded = from_transfer_encoding(content, fields.encoding())
    return _Part(fields, decoded[0] if decoded else content)


def _read(head: Header, parts: list[_Part]) -> Notification | None:
    for part in parts:
        match part.type:
            case "message/delivery-status" | "message/global-delivery-status":
                return _dsn(_groups(part), head, parts)
            case "message/disposition-notification" | "message/global-disposition-notification":
                return _mdn(_groups(part), head, parts)
    return None


def _groups(part: _Part) -> list[Message]:
    """Return the groups of fields in a status part."""
    whole = part.content.replace(b"\r\n", b"\n").strip()
    groups = re.split(rb"\n[ \t]*\n", whole, maxsplit=_MOST_REPORTS)
    return [message_from_bytes(group) for group in groups[:_MOST_REPORTS]]


def _dsn(groups: list[Message], head: Header, parts: list[_Part]) -> Notification:
    reports = []
    envelope_id = ""
    for group in groups[:_MOST_REPORTS]:
        envelope_id = envelope_id or _line(group, "Original-Envelope-Id")
        addresses, action = _recipients(group), _line(group, "Action").lower()
        if not addresses or not action:
            continue
        positive = True if action in _DELIVERED else False if action in _FAILED else None
        values = (action, _line(group, "Status"), _path(group, "Diagnostic-Code"))
        text = " ".join(filter(None, values))
        reports.append(Report(addresses=addresses, positive=positive, text=text))
    return Notification(
        kind="dsn",
        original_message_id=_original(head, parts),
        envelope_id=_from_xtext(envelope_id),
        reports=tuple(reports),
    )


def _mdn(groups: list[Message], head: Header, parts: list[_Part]) -> Notification:
    fields = groups[0]
    disposition = _line(fields, "Disposition")
    without_comments = _COMMENT.sub("", disposition)
    of_type, _, modifiers = without_comments.rpartition(";")[2].strip().lower().partition("/")
    of_type = of_type.strip()
    words = {word.strip() for word in modifiers.split(",")}
    positive: bool | None = None
    if of_type in _NOT_READ or words & {"error", "failure", "failed"}:
        positive = False
    elif of_type in _READ:
        positive = True
    values = (disposition, _line(fields, "Error"), _line(fields, "Failure"))
    report = Report(
        addresses=_recipients(fields), positive=positive, text=" ".join(filter(None, values))
    )
    own = _IDENTITY.search(_line(fields, "Original-Message-ID"))
    return Notification(
        kind="mdn",
        original_message_id=own[0] if own else _original(head, parts),
        reports=(report,),
        features=_line(fields, "Media-Accept-Features"),
    )


def _recipients(fields: Message) -> tuple[str, ...]:
    paths = (_path(fields, name) for name in ("Original-Recipient", "Final-Recipient"))
    return tuple(dict.fromkeys(filter(None, paths)))


def _original(head: Header, parts: list[_Part]) -> str:
    """Return the Message-ID of the mail reported on: from its returned head, else from the references."""
    for part in reversed(parts):
        if part.type in _RETURNED:
            inner, _ = read_header(part.content, 0, len(part.content))
            found = _IDENTITY.search(inner.text("message-id", _LONGEST_VALUE))
            if found:
                return found[0]
    for name in ("in-reply-to", "references"):
        all_of_them = _IDENTITY.findall(head.text(name, _LONGEST_VALUE))
        if all_of_them:
            return str(all_of_them[-1])
    return ""


def _line(fields: Message, name: str) -> str:
    """Return a field's value, decoded, on one line, bounded."""
    for given, value in fields.raw_items():
        if given.lower() == name.lower():
            raw = str(value).encode("ascii", "surrogateescape")
            return field_text(raw, longest=_LONGEST_VALUE)
    return ""


def _path(fields: Message, name: str) -> str:
    """Return what follows the type and its semicolon, without angle brackets."""
    match = _PATH.match(_line(fields, name))
    return match[1] if match else ""


def _from_xtext(text: str) -> str:
    """Decode xtext (RFC 3461 4)."""
    return re.sub(r"\+([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), text)
