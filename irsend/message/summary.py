"""Sender and subject of a received mail, for the report.

Not a parser of mails: it reads the first octets only, and returns nothing where it finds nothing.
"""

from __future__ import annotations

import re
from email.errors import MessageError
from email.header import decode_header, make_header
from email.utils import parseaddr

_FIELD = re.compile(rb"^(%s)[ \t]*:((?:[^\r\n]|\r?\n[ \t])*)", re.IGNORECASE | re.MULTILINE)
_SUBJECT = re.compile(_FIELD.pattern % b"Subject", _FIELD.flags)
_FROM = re.compile(_FIELD.pattern % b"From", _FIELD.flags)
_RETURN_PATH = re.compile(_FIELD.pattern % b"Return-Path", _FIELD.flags)
_END = re.compile(rb"\r?\n\r?\n")

LONGEST_HEAD = 16_384
"""How many octets of a mail are read."""


def subject_of(head_octets: bytes) -> str:
    """Return the subject in a mail's first octets, decoded (RFC 2047), on one line."""
    return _field(_SUBJECT, head_octets)[:200]


def sender_of(head_octets: bytes) -> str:
    """Return the address the mail says it is from, else its return path, else nothing."""
    for pattern in (_FROM, _RETURN_PATH):
        try:
            address = parseaddr(_field(pattern, head_octets))[1]
        except RecursionError:
            # A thousand comments within each other are no address.
            continue
        if address:
            return address[:320]
    return ""


def _field(pattern: re.Pattern[bytes], head_octets: bytes) -> str:
    head = head_octets[:LONGEST_HEAD]
    end = _END.search(head)
    match = pattern.search(head[: end.start()] if end else head)
    if match is None:
        return ""
    raw = match[2].decode("utf-8", "replace")
    text = raw
    if "=?" in raw:
        try:
            text = str(make_header(decode_header(raw)))
        except (MessageError, LookupError, ValueError):
            text = raw
    return " ".join(
        "".join(character if character.isprintable() else " " for character in text).split()
    )
