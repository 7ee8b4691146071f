"""What a mail is called by: sender and subject for the report, and the fields printed above its text.

Not a parser of mails: it reads the first octets only, and returns nothing where it finds nothing.
"""

from __future__ import annotations

import re
from email.utils import parseaddr

import attrs

from irsend.message.charsets import charset_of_fields
from irsend.message.field_text import on_one_line, raw_text, words_decoded
from irsend.message.header import Header, find_head, read_header
from irsend.message.multipart import split_multipart
from irsend.message.parsed_message import Head

LONGEST_HEAD = 65_536
"""How many octets of a mail are read."""
_SUBJECT = re.compile(rb"^subject[ \t]*:", re.IGNORECASE | re.MULTILINE)
_PLAIN_VALUE = re.compile(rb"([\t -~]{0,200})\r?\n(?![ \t])")
_LONGEST_IDENTITY = 1000
_LONGEST_ADDRESS = 320
_DEEPEST = 10
_MOST_PARTS = 20


def head_of(head_octets: bytes) -> Head:
    """Return the fields of a mail that are shown, from its first octets."""
    fields = mail_header(head_octets)
    return Head(
        date=fields.text("date"),
        sender=fields.text("from"),
        message_id=fields.text("message-id", _LONGEST_IDENTITY),
        to=fields.text("to"),
        subject=fields.text("subject"),
    )


def subject_of(head_octets: bytes) -> str:
    """Return the subject in a mail's first octets, decoded (RFC 2047), on one line.

    Reception asks for it at each mail: one that needs no decoding is found by itself.
    """
    start, end = find_head(head_octets, 0, min(len(head_octets), LONGEST_HEAD))
    head = head_octets[start:end]
    if head.isascii() and b"=?" not in head and head.count(b"\r") == head.count(b"\r\n"):
        first = _SUBJECT.search(head)
        plain = _PLAIN_VALUE.match(head, first.end()) if first else None
        if plain:
            return " ".join(plain[1].decode("ascii").split())
    return mail_header(head_octets).text("subject")


def sender_of(head_octets: bytes) -> str:
    """Return the address the mail says it is from, else its return path, else nothing."""
    fields = mail_header(head_octets)
    for name in (b"from", b"return-path"):
        # Taken apart before its words are decoded: they may hold anything.
        text = raw_text(fields.raw.get(name, b""), fields.charset)[0]
        for given in (text, words_decoded(text)[0]):
            address = _address(on_one_line(given))
            if "@" in address and "=?" not in address:
                return address[:_LONGEST_ADDRESS]
    return ""


def mail_header(head_octets: bytes) -> Header:
    """Return the head of a mail, from its first octets, with the charset of its body."""
    octets = head_octets[:LONGEST_HEAD]
    fields, body = read_header(octets, 0, len(octets))
    if octets[:body].isascii() and b"\x1b" not in octets[:body]:
        # Most mails: the body's charset says nothing of their head.
        return fields
    return attrs.evolve(fields, charset=body_charset(octets, fields, body, len(octets)))


def body_charset(octets: bytes, fields: Header, start: int, end: int, depth: int = 0) -> str:
    """Return the charset of a body's first text that has one; empty where none says it."""
    if not (fields.type() or "").startswith("multipart/"):
        return charset_of_fields(fields.parameter("charset"))
    found = split_multipart(octets, start, end, fields.boundary(), _MOST_PARTS)
    for begin, finish in found.body_parts if depth < _DEEPEST else ():
        inner, body = read_header(octets, begin, finish)
        charset = body_charset(octets, inner, body, finish, depth + 1)
        if charset:
            return charset
    return ""


def _address(field: str) -> str:
    try:
        return parseaddr(field)[1]
    except (RecursionError, ValueError):
        # A thousand comments within each other are no address.
        return ""
