"""A bounce: the report to a sender that the machine refused the mail.

Standards: RFC 3462 (multipart/report), RFC 3464 (delivery status), RFC 5321 4.5.5
(the null sender: a bounce is never answered by another).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formatdate, make_msgid

from irsend.interfaces import Mailbox
from irsend.protocols.smtp_client_replies import ServerReply
from irsend.protocols.smtp_client_transaction import path_of

# Header values are written as they are: the other policies decode what looks like an
# encoded word, and a recipient's address may look like one.
_PLAIN = compat32.clone(linesep="\r\n")
_ENHANCED = re.compile(rb"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


def compose_bounce(
    sender: Mailbox,
    refused: Mapping[Mailbox, ServerReply],
    head_octets: bytes,
    *,
    host: str,
    at: float,
) -> tuple[bytes, bytes]:
    """Return trace and text of a bounce, lines ending in CR LF.

    `head_octets` are the first octets of the refused mail, whose head is returned.
    `at` is in seconds since the epoch.
    """
    to = _text(sender)
    report = MIMEMultipart("report", report_type="delivery-status", policy=_PLAIN)
    report["From"] = f"Mail Delivery System <MAILER-DAEMON@{host}>"
    report["To"] = to
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Date"] = formatdate(at, localtime=True)
    report["Message-ID"] = make_msgid(domain=host)
    report["Auto-Submitted"] = "auto-replied"
    report.attach(MIMEText(_explanation(host, refused), "plain", "us-ascii", policy=_PLAIN))
    report.attach(_delivery_status(host, refused, at))
    head = MIMENonMultipart("text", "rfc822-headers", policy=_PLAIN)
    found = _END_OF_HEAD.search(head_octets)
    lines = (head_octets[: found.start()] if found else head_octets).splitlines()
    head.set_payload(
        "\n".join(line.decode("ascii", "surrogateescape") for line in lines) + "\n"
    )
    report.attach(head)
    trace = b"Return-Path: <>\r\nDelivered-To: " + path_of(sender)[1:-1] + b"\r\n"
    return trace, report.as_bytes(policy=_PLAIN)


def _explanation(host: str, refused: Mapping[Mailbox, ServerReply]) -> str:
    return "\n".join(
        [
            f"This is the mail host at {host}.",
            "",
            "The machine would not have your mail, and will not at another time:",
            "",
            *(
                f"<{_text(recipient)}>: {_one_line(reply)}"
                for recipient, reply in refused.items()
            ),
            "",
        ]
    )


def _delivery_status(host: str, refused: Mapping[Mailbox, ServerReply], at: float) -> Message:
    about_all = Message(policy=_PLAIN)
    about_all["Reporting-MTA"] = f"dns; {host}"
    about_all["Arrival-Date"] = formatdate(at, localtime=True)
    parts: list[Message | str] = [about_all]
    for recipient, reply in refused.items():
        enhanced = _ENHANCED.match(reply.lines[0]) if reply.lines else None
        part = Message(policy=_PLAIN)
        part["Final-Recipient"] = f"rfc822; {_text(recipient)}"
        part["Action"] = "failed"
        part["Status"] = enhanced[1].decode("ascii") if enhanced else "5.0.0"
        part["Diagnostic-Code"] = f"smtp; {_one_line(reply)}"
        parts.append(part)
    status = Message(policy=_PLAIN)
    status["Content-Type"] = "message/delivery-status"
    status.set_payload(parts)
    return status


def _text(mailbox: Mailbox) -> str:
    return path_of(mailbox)[1:-1].decode("ascii", "replace")


def _one_line(reply: ServerReply) -> str:
    """Return a reply as printable ASCII, whatever the server put in it."""
    return "".join(sign if " " <= sign <= "~" else "?" for sign in str(reply))
