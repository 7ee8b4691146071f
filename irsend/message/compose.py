"""Composing: a scan as a mail, in canonical form and with the machine's own header (docs/sending).

Lines end in CR LF and have at most 998 octets, all in 7 bit, so that any server
takes the mail and none changes it. Attachments are read in blocks.

Standards: RFC 5322 (header), 2045 and 2046 (MIME), 2047 (encoded words), 2231 (attachment
names are ASCII here), 3798 (Disposition-Notification-To), 3965 (I-Fax).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from email.header import Header
from typing import IO

from attrs import frozen

from irsend.message.style import DATES, Style, fill_template

_LINE = 76
# Octets of content that are encoded in one go: whole lines of 57.
_BLOCK = 57 * 4096
_LONGEST_LINE = 998
# What a header line may have before it is folded.
_FOLD = 78
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ADDRESS = re.compile(r"[!-~]+@[!-~]+|\"[ -~]*\"@[!-~]+")


@frozen(kw_only=True)
class Attachment:
    """A file that goes with a mail."""

    type: str
    """Its MIME type, with parameters: "image/tiff; application=faxbw" (RFC 3250)."""
    extension: str
    open: Callable[[], IO[bytes]]


@frozen(kw_only=True)
class Draft:
    """A mail before it is written: its content, and the fields of its header."""

    at: float
    """Seconds since the epoch; written in local time."""
    number: str
    """The job's number."""
    count: int
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str = ""
    """Lines ending in LF."""
    domain: str
    """Of the Message-ID."""
    notify_to: str = ""
    """Where an MDN is to go; empty asks for none (RFC 3798 2.1)."""
    attachments: tuple[Attachment, ...] = ()


@frozen(kw_only=True)
class Composed:
    """A mail that was written: its Message-ID, its size, and its head in 8 bit."""

    message_id: str
    size: int
    head_length: int
    """Octets in front of the first attachment's part."""
    eight_bit_head: bytes | None
    """Replaces the head for a server with 8BITMIME; None where it would be the same."""


def compose(draft: Draft, style: Style, into: IO[bytes]) -> Composed:
    """Write a mail; ValueError where a value cannot stand in a header."""
    identity = _message_id(draft, style)
    boundary = fill_template(
        style.boundary, at=draft.at, number=draft.number, count=draft.count
    )
    seven, eight = _text_part(draft.text, boundary)
    head = _head(draft, style, identity, boundary, "7bit") + seven
    into.write(head)
    size = len(head)
    for page, attachment in enumerate(draft.attachments, 1):
        size += _write_part(draft, style, boundary, page, attachment, into)
    end = b"--" + boundary.encode("ascii") + b"--\r\n"
    into.write(end)
    eight_bit_head = None
    if eight is not None:
        eight_bit_head = _head(draft, style, identity, boundary, "8bit") + eight
    return Composed(
        message_id=identity,
        size=size + len(end),
        head_length=len(head),
        eight_bit_head=eight_bit_head,
    )


def _message_id(draft: Draft, style: Style) -> str:
    return message_id(
        style, at=draft.at, number=draft.number, count=draft.count, domain=draft.domain
    )


def message_id(style: Style, *, at: float, number: str, count: int, domain: str) -> str:
    """Return a Message-ID in a machine's style."""
    local = fill_template(style.message_id, at=at, number=number, count=count)
    return f"<{local}@{domain}{'.' if style.trailing_dot else ''}>"


# -- the header ---------------------------------------------------------------------


def _head(draft: Draft, style: Style, message_id: str, boundary: str, encoding: str) -> bytes:
    if style.declared_quoted_printable:
        encoding = "quoted-printable"
    fields = {
        "From": address_field("From", draft.sender),
        "To": ",\r\n ".join(address_field("To", one) for one in draft.recipients),
        "Subject": text_field("Subject", draft.subject),
        "Content-Type": f'multipart/mixed;\r\n boundary="{boundary}"',
        "Content-Transfer-Encoding": encoding,
        "Disposition-Notification-To": draft.notify_to
        and address_field("Disposition-Notification-To", draft.notify_to),
    }
    return header(fields, style, at=draft.at, message_id=message_id)


def header(fields: dict[str, str], style: Style, *, at: float, message_id: str) -> bytes:
    """Return a header in a machine's style, with its end; fields without a value are left out."""
    fields = {
        "Date": DATES[style.date](at),
        "MIME-Version": "1.0",
        "X-Priority": style.priority,
        "X-Mailer": text_field("X-Mailer", style.mailer),
        "Message-ID": message_id,
        **fields,
        **style.fixed,
    }
    omitted = {name.lower() for name in style.omits}
    # By their names in small letters: a machine may write Message-Id.
    written = {name.lower(): name for name in fields if name.lower() not in omitted}
    ordered = [name for name in style.order if name.lower() in written]
    named = {name.lower() for name in ordered}
    names = [*ordered, *(name for one, name in written.items() if one not in named)]
    lines = [
        f"{name}: {value}\r\n" for name in names if (value := fields[written[name.lower()]])
    ]
    return ("".join(lines) + "\r\n").encode("ascii")


def address_field(field: str, address: str) -> str:
    """Return an address as a field has it; ValueError."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{field}: {address!r} cannot stand in a header")
    return address


def text_field(field: str, text: str) -> str:
    """Return text as a field has it: ASCII that fits as it is, else in encoded words. ValueError."""
    if _CONTROL.search(text):
        raise ValueError(f"{field}: it holds a control character")
    fits = len(field) + 2 + len(text) <= _FOLD and "=?" not in text and text == text.strip()
    if text.isascii() and fits:
        return text
    header = Header(text, "utf-8", maxlinelen=_LINE, header_name=field)
    return header.encode(linesep="\r\n")


# -- the parts ----------------------------------------------------------------------


def _text_part(text: str, boundary: str) -> tuple[bytes, bytes | None]:
    """Return the text's part in 7 bit, and in 8 bit where that is another. None without a text."""
    if not text:
        # Only the pages: it is not known what real machines send when nothing was typed.
        return b"", None
    lines = text.removesuffix("\n").split("\n")
    plain = ("\r\n".join(lines) + "\r\n").encode("utf-8")
    short = all(len(line) <= _LONGEST_LINE for line in plain.split(b"\r\n"))
    readable = short and boundary.encode("ascii") not in plain
    encoded = b"\r\n".join(
        base64.b64encode(plain[at : at + 57]) for at in range(0, len(plain), 57)
    )
    if readable and plain.isascii():
        return _text_with(boundary, "us-ascii", "7bit", plain), None
    seven = _text_with(boundary, "utf-8", "base64", encoded + b"\r\n")
    return seven, _text_with(boundary, "utf-8", "8bit", plain) if readable else None


def _text_with(boundary: str, charset: str, encoding: str, content: bytes) -> bytes:
    head = (
        f"--{boundary}\r\n"
        f"Content-Type: text/plain; charset={charset}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n"
        "\r\n"
    )
    # The line end in front of a boundary belongs to it: one more keeps the text's own.
    return head.encode("ascii") + content + b"\r\n"


def _write_part(
    draft: Draft,
    style: Style,
    boundary: str,
    page: int,
    attachment: Attachment,
    into: IO[bytes],
) -> int:
    """Write an attachment's part; return how many octets it has."""
    name = fill_template(
        style.attachment, at=draft.at, number=draft.number, count=draft.count, page=page
    )
    name = f"{name}.{attachment.extension}"
    head = (
        f"--{boundary}\r\n"
        f'Content-Type: {attachment.type};\r\n name="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment;\r\n filename="{name}"\r\n'
        "\r\n"
    ).encode("ascii")
    into.write(head)
    size = len(head)
    with attachment.open() as content:
        while block := content.read(_BLOCK):
            encoded = _in_lines(binascii.b2a_base64(block, newline=False))
            into.write(encoded)
            size += len(encoded)
    return size


def _in_lines(encoded: bytes) -> bytes:
    """Return base64 in lines of 76.

    Whole lines are put together column by column, each column in one step: a
    loop over 76 columns costs a small part of one over thousands of lines.
    """
    whole = len(encoded) // _LINE
    lines = bytearray(whole * (_LINE + 2))
    for column in range(_LINE):
        lines[column :: _LINE + 2] = encoded[column : whole * _LINE : _LINE]
    lines[_LINE :: _LINE + 2] = b"\r" * whole
    lines[_LINE + 1 :: _LINE + 2] = b"\n" * whole
    rest = encoded[whole * _LINE :]
    return bytes(lines) + (rest + b"\r\n" if rest else b"")
