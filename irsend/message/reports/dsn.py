"""The DSN that says to which recipients a mail was delivered.

`mdn` writes the report of its printing, `requests` says whether a DSN was asked for.

Standards: RFC 3464.
"""

from __future__ import annotations

from irsend.message.reports.multipart_report import ReportHead, ascii_value, multipart_report
from irsend.message.reports.requests import DeliveryRequest, ReportRequests
from irsend.message.style import Style


def dsn(head: ReportHead, style: Style, requests: ReportRequests) -> tuple[bytes, str]:
    """Return a DSN of success for each recipient for whom one was asked for, and its Message-ID."""
    report = [
        f"Original-Envelope-Id: {requests.envelope_id}" if requests.envelope_id else "",
        f"Reporting-MTA: dns; {head.host}",
        *(line for one in requests.delivered for line in ("\r\n", *_delivered(one))),
    ]
    return multipart_report(
        head,
        style,
        subject="Delivery status notification: delivered",
        kind="delivery-status",
        text=["The mail was delivered to", *(one.address for one in requests.delivered)],
        report=report,
    )


def _delivered(one: DeliveryRequest) -> tuple[str, ...]:
    return (
        f"Original-Recipient: {ascii_value(one.original)}" if one.original else "",
        f"Final-Recipient: rfc822; {one.address}",
        "Action: delivered",
        "Status: 2.0.0",
    )
