"""multipart/report: what the DSN and the MDN have in common.

Three parts: a sentence for people, the report for programs, the head of the mail
that is reported on. Lines end in CR LF, all of it is ASCII.

Standards: RFC 6522.
"""

from __future__ import annotations

import re

from attrs import frozen

from irsend.message.compose import address_field, header, message_id, text_field
from irsend.message.style import Style, fill_template

_HEAD_RETURNED = re.compile(rb"\r?\n\r?\n")
_MOST_RETURNED = 8000
_UNSAFE = re.compile(r"[^ -~]")
_LONGEST_LINE = 998


@frozen(kw_only=True)
class ReportHead:
    """The addresses and names in a report, and the mail that it reports on."""

    at: float
    """Seconds since the epoch."""
    number: str
    """Of the report's own job."""
    count: int
    sender: str
    """The machine's address."""
    to: str
    recipient: str
    """The recipient of the mail that is reported on."""
    host: str
    """The machine's name."""
    machine: str
    """The name of its model."""
    head_octets: bytes
    """The first octets of the mail that is reported on, whose head is returned."""


def multipart_report(
    head: ReportHead,
    style: Style,
    *,
    subject: str,
    kind: str,
    text: list[str],
    report: list[str],
) -> tuple[bytes, str]:
    """Return a report of this kind, and its Message-ID."""
    boundary = fill_template(style.boundary, at=head.at, number=head.number, count=head.count)
    identity = message_id(
        style,
        at=head.at,
        number=head.number,
        count=head.count,
        domain=head.sender.rpartition("@")[2],
    )
    octets = header(
        {
            "From": address_field("From", head.sender),
            "To": address_field("To", head.to),
            "Subject": text_field("Subject", subject),
            "Content-Type": f'multipart/report;\r\n report-type={kind};\r\n boundary="{boundary}"',
            "Content-Transfer-Encoding": "7bit",
            "Auto-Submitted": "auto-replied",
        },
        style,
        at=head.at,
        message_id=identity,
    )
    parts = (
        ("text/plain; charset=us-ascii", _lines(text)),
        (f"message/{kind}", _lines(report)),
        ("text/rfc822-headers", _returned(head.head_octets)),
    )
    body = b"".join(
        f"--{boundary}\r\nContent-Type: {of_type}\r\n\r\n".encode("ascii") + content + b"\r\n"
        for of_type, content in parts
    )
    return octets + body + f"--{boundary}--\r\n".encode("ascii"), identity


def _lines(lines: list[str]) -> bytes:
    """Join lines, each with its end; empty ones are left out, one that is CR LF stays as an empty line."""
    return b"".join(
        (one if one == "\r\n" else f"{one[:_LONGEST_LINE]}\r\n").encode("ascii")
        for one in lines
        if one
    )


def _returned(head_octets: bytes) -> bytes:
    """Return a mail's head in 7 bit, up to `_MOST_RETURNED` octets of it."""
    end = _HEAD_RETURNED.search(head_octets)
    head = head_octets[: end.start() if end else len(head_octets)][:_MOST_RETURNED]
    lines = head.decode("ascii", "replace").replace("\ufffd", "?").splitlines()
    return b"".join(
        _UNSAFE.sub("?", line)[:900].encode("ascii") + b"\r\n"
        for line in lines
        # Boundaries can be guessed: a line of the sender's must not be one of the report's.
        if not line.startswith("--")
    )


def ascii_value(text: str) -> str:
    """Return text as the value of a field may have it: what is not printable ASCII becomes "?"."""
    return _UNSAFE.sub("?", text)[:500]
