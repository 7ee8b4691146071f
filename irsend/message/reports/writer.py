"""What goes back to a sender who asked: that its mail was delivered (DSN), that it was printed or not (MDN).

Three parts: a sentence for people, the report for programs, the head of the mail
that it is about. Lines end in CR LF, all of it is ASCII.

Standards: RFC 3464 and 6522 (DSN), RFC 8098 (MDN), RFC 2530 (Media-Accept-Features), RFC 2532 3
(what a receiver in full mode says).
"""

from __future__ import annotations

import re

from attrs import frozen

from irsend.message.compose import address_field, header, message_id, text_field
from irsend.message.reports.requests import DeliveryRequest, ReportRequests
from irsend.message.style import Style, filled

_HEAD_RETURNED = re.compile(rb"\r?\n\r?\n")
_MOST_RETURNED = 8000
_UNSAFE = re.compile(r"[^ -~]")
_IDENTITY = re.compile(r"<[!-~]{1,900}>")
_LONGEST_LINE = 998


@frozen(kw_only=True)
class ReportHead:
    """What is known of the mail that is sent back."""

    at: float
    """Seconds since the epoch."""
    number: str
    """Of its job."""
    count: int
    sender: str
    """The machine's address."""
    to: str
    recipient: str
    """Whom the mail was for."""
    host: str
    """The machine's name."""
    machine: str
    """What it calls itself: its model."""
    beginning: bytes
    """The first octets of the mail that it is about, whose head is returned."""


def mdn(
    answer: ReportHead,
    style: Style,
    requests: ReportRequests,
    *,
    subject: str,
    original: str,
    code: str,
    problem: str,
    features: str,
) -> tuple[bytes, str]:
    """Return an MDN and its Message-ID: printed where there is no `code`, else what went wrong.

    `original` is the Message-ID of the mail, or empty; `features` what the
    machine takes, as an expression of RFC 2533.
    """
    disposition = "processed" + ("/error" if code else "")
    report = [
        f"Reporting-UA: {_ascii(answer.host)}; {_ascii(answer.machine)}",
        f"Original-Recipient: {_ascii(requests.original_recipient)}"
        if requests.original_recipient
        else "",
        f"Final-Recipient: rfc822; {answer.recipient}",
        f"Original-Message-ID: {original}" if _IDENTITY.fullmatch(original) else "",
        f"Disposition: automatic-action/MDN-sent-automatically; {disposition}",
        f"Error: {code} {_ascii(problem)}" if code else "",
        f"Media-Accept-Features: {features}" if features else "",
    ]
    told = "could not be printed whole" if code else "was printed"
    text = [
        f"The mail that was sent to {answer.recipient} {told}.",
        f"{code}: {_ascii(problem)}" if code else "",
    ]
    return _report(
        answer,
        style,
        subject=f"Disposition notification: {subject}"[:200],
        kind="disposition-notification",
        part="message/disposition-notification",
        text=text,
        report=report,
    )


def dsn(answer: ReportHead, style: Style, requests: ReportRequests) -> tuple[bytes, str]:
    """Return a DSN that says delivered for each recipient of whom that was asked, and its Message-ID."""
    report = [
        f"Original-Envelope-Id: {requests.envelope_id}" if requests.envelope_id else "",
        f"Reporting-MTA: dns; {answer.host}",
        *(line for one in requests.delivered for line in ("\r\n", *_delivered(one))),
    ]
    return _report(
        answer,
        style,
        subject="Delivery status notification: delivered",
        kind="delivery-status",
        part="message/delivery-status",
        text=["The mail was delivered to", *(one.address for one in requests.delivered)],
        report=report,
    )


def _delivered(one: DeliveryRequest) -> tuple[str, ...]:
    return (
        f"Original-Recipient: {_ascii(one.original)}" if one.original else "",
        f"Final-Recipient: rfc822; {one.address}",
        "Action: delivered",
        "Status: 2.0.0",
    )


def _report(
    answer: ReportHead,
    style: Style,
    *,
    subject: str,
    kind: str,
    part: str,
    text: list[str],
    report: list[str],
) -> tuple[bytes, str]:
    boundary = filled(style.boundary, at=answer.at, number=answer.number, count=answer.count)
    identity = message_id(
        style,
        at=answer.at,
        number=answer.number,
        count=answer.count,
        domain=answer.sender.rpartition("@")[2],
    )
    head = header(
        {
            "From": address_field("From", answer.sender),
            "To": address_field("To", answer.to),
            "Subject": text_field("Subject", subject),
            "Content-Type": f'multipart/report;\r\n report-type={kind};\r\n boundary="{boundary}"',
            "Content-Transfer-Encoding": "7bit",
            "Auto-Submitted": "auto-replied",
        },
        style,
        at=answer.at,
        message_id=identity,
    )
    parts = (
        ("text/plain; charset=us-ascii", _lines(text)),
        (part, _lines(report)),
        ("text/rfc822-headers", _returned(answer.beginning)),
    )
    body = b"".join(
        f"--{boundary}\r\nContent-Type: {of_type}\r\n\r\n".encode("ascii") + content + b"\r\n"
        for of_type, content in parts
    )
    return head + body + f"--{boundary}--\r\n".encode("ascii"), identity


def _lines(lines: list[str]) -> bytes:
    """Return lines with their ends; those that are empty are left out, one of CR LF is an empty line."""
    return b"".join(
        (one if one == "\r\n" else f"{one[:_LONGEST_LINE]}\r\n").encode("ascii")
        for one in lines
        if one
    )


def _returned(beginning: bytes) -> bytes:
    """Return a mail's head as text in 7 bit, as much of it as is worth a look."""
    end = _HEAD_RETURNED.search(beginning)
    head = beginning[: end.start() if end else len(beginning)][:_MOST_RETURNED]
    lines = head.decode("ascii", "replace").replace("\ufffd", "?").splitlines()
    return b"".join(
        _UNSAFE.sub("?", line)[:900].encode("ascii") + b"\r\n"
        for line in lines
        # Boundaries can be guessed: none of the sender's is to divide the answer.
        if not line.startswith("--")
    )


def _ascii(text: str) -> str:
    return _UNSAFE.sub("?", text)[:500]
