"""The MDN that says whether a mail was printed, and with which code it was not.

`dsn` writes the report of its delivery, `requests` says whether an MDN was asked for.

Standards: RFC 8098, RFC 2530 (Media-Accept-Features), RFC 2532 3 (what a receiver in full mode
says).
"""

from __future__ import annotations

import re

from irsend.message.reports.multipart_report import ReportHead, ascii_value, multipart_report
from irsend.message.reports.requests import ReportRequests
from irsend.message.style import Style

_IDENTITY = re.compile(r"<[!-~]{1,900}>")


def mdn(
    head: ReportHead,
    style: Style,
    requests: ReportRequests,
    *,
    subject: str,
    original: str,
    code: str,
    problem: str,
    features: str,
) -> tuple[bytes, str]:
    """Return an MDN and its Message-ID: without a `code` the mail was printed whole.

    `original` is the Message-ID of the mail, or empty; `features` says what the
    machine takes, as an expression of RFC 2533.
    """
    disposition = "processed" + ("/error" if code else "")
    report = [
        f"Reporting-UA: {ascii_value(head.host)}; {ascii_value(head.machine)}",
        f"Original-Recipient: {ascii_value(requests.original_recipient)}"
        if requests.original_recipient
        else "",
        f"Final-Recipient: rfc822; {head.recipient}",
        f"Original-Message-ID: {original}" if _IDENTITY.fullmatch(original) else "",
        f"Disposition: automatic-action/MDN-sent-automatically; {disposition}",
        f"Error: {code} {ascii_value(problem)}" if code else "",
        f"Media-Accept-Features: {features}" if features else "",
    ]
    outcome = "could not be printed whole" if code else "was printed"
    text = [
        f"The mail that was sent to {head.recipient} {outcome}.",
        f"{code}: {ascii_value(problem)}" if code else "",
    ]
    return multipart_report(
        head,
        style,
        subject=f"Disposition notification: {subject}"[:200],
        kind="disposition-notification",
        text=text,
        report=report,
    )
