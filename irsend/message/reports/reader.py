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
from irsend.message.reports.disposition import read_disposition
from irsend.message.structured_field import without_comments

_LONGEST = 300_000
_MOST_REPORTS = 1000
_MOST_PARTS = 20
_LONGEST_VALUE = 4000
_PATH = re.compile(r"^\s*(?:[\w-]+\s*;)?\s*<?\s*(.*?)\s*>?\s*$", re.DOTALL)
_IDENTITY = re.compile(r"<[^<>\s]{1,500}>")
_RETURNED = (
    *("message/rfc822", "message/global"),
    *("text/rfc822-headers", "message/global-headers"),
)
_ACTIONS = {
    "delivered": True,
    "failed": False,
    "delayed": None,
    "relayed": None,
    "expanded": None,
}
_STATUSES = {"2": True, "5": False}


@frozen(kw_only=True)
class Report:
    """What a notification reports of one recipient."""

    addresses: tuple[str, ...]
    """Original-Recipient, where it is given, and Final-Recipient."""
    positive: bool | None
    """None: not final (delayed, relayed, expanded), or in no word that is known."""
    text: str
    """What happened, for people."""
    warning: bool = False
    """The mail was printed, but not as it should be."""


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
        addresses, status = _recipients(group), _line(group, "Status")
        action = without_comments(_line(group, "Action")).strip().lower()
        if not addresses or not (action or status):
            continue
        # Without a known action, which RFC 3464 demands, the class of the status decides.
        positive = _ACTIONS[action] if action in _ACTIONS else _STATUSES.get(status[:1])
        values = (action, status, _path(group, "Diagnostic-Code"))
        text = " ".join(filter(None, values))
        reports.append(Report(addresses=addresses, positive=positive, text=text))
    return Notification(
        kind="dsn",
        original_message_id=_original(head, parts),
        envelope_id=_from_xtext(envelope_id),
        reports=tuple(reports),
    )


def _mdn(groups: list[Message], head: Header, parts: list[_Part]) -> Notification:
    # Some put empty lines between the fields.
    fields = Message()
    for group in groups:
        for name, value in group.raw_items():
            fields.set_raw(name, value)
    disposition = _line(fields, "Disposition")
    positive, warning = read_disposition(disposition)
    failed = [one for one in (_line(fields, "Error"), _line(fields, "Failure")) if one]
    if failed:
        positive = False
    told = _line(fields, "Warning") if positive else ""
    text = " ".join(filter(None, (disposition, *failed, told)))
    report = Report(
        addresses=_recipients(fields),
        positive=positive,
        text=text,
        warning=bool(positive and (warning or told)),
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
