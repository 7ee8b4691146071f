"""The trace of a received mail: the fields put above it for its envelope, and the Received field.

Standards: RFC 5321 4.4 (trace), RFC 5322 3.6.7; RFC 3848 (protocol names). Mail programs keep
the recipients of the envelope in Delivered-To, one for each.
"""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache

from irsend.interfaces import Envelope, Mailbox


def mailbox_text(mailbox: Mailbox | None) -> str:
    """Return the address as people read it; empty for the null sender."""
    return bytes(mailbox).decode("ascii", "replace") if mailbox else ""


def smtp_trace(
    envelope: Envelope, *, peer: str, host: bytes, at: float, cipher: str = ""
) -> bytes:
    """Return the trace of a mail that came by SMTP, lines ending in CR LF.

    `at` is in seconds since the epoch, `cipher` empty for plain text.
    """
    lines = [b"Return-Path: <" + (bytes(envelope.sender) if envelope.sender else b"") + b">"]
    lines += [b"Delivered-To: " + bytes(recipient) for recipient in envelope.recipients]
    lines += _delivery_status_requests(envelope)
    literal = f"IPv6:{peer}" if ":" in peer else peer
    lines.append(
        b"Received: from %s ([%s])" % (envelope.helo, literal.encode("ascii", "replace"))
    )
    secured = f" ({cipher})".encode("ascii") if cipher else b""
    lines.append(b"\tby %s with %s%s;" % (host, envelope.protocol, secured))
    lines.append(b"\t" + _date(int(at)))
    return b"\r\n".join(lines) + b"\r\n"


def _delivery_status_requests(envelope: Envelope) -> list[bytes]:
    """Return X-Envelope-DSN, which keeps the sender's requests for DSNs (RFC 3461) for `reports.requests`."""
    asked: list[tuple[bytes, dict[bytes, bytes], tuple[bytes, ...]]] = [
        (b"", envelope.parameters, (b"RET", b"ENVID"))
    ]
    for recipient, parameters in zip(
        envelope.recipients, envelope.recipient_parameters, strict=False
    ):
        # A relay adds ORCPT to each mail; only one that differs from the recipient says anything.
        rewritten = parameters.get(b"ORCPT") != b"rfc822;" + bytes(recipient)
        of_recipient = (b"NOTIFY", *([b"ORCPT"] if rewritten else []))
        asked.append((b"<" + bytes(recipient) + b"> ", parameters, of_recipient))
    lines = []
    for whom, parameters, names in asked:
        given = b" ".join(
            name + b"=" + parameters[name] for name in names if name in parameters
        )
        if given:
            lines.append(b"X-Envelope-DSN: " + whom + given)
    return lines


def pop_trace(*, server: str, user: str, host: bytes, at: float, cipher: str = "") -> bytes:
    """Return the trace of a mail that was fetched from a maildrop, lines ending in CR LF."""
    secured = f" ({cipher})" if cipher else ""
    lines = [
        f"Received: from {server} (maildrop {user})".encode("ascii", "replace"),
        b"\tby %s with POP3%s;" % (host, secured.encode("ascii")),
        b"\t" + _date(int(at)),
    ]
    return b"\r\n".join(lines) + b"\r\n"


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, localtime=True).encode("ascii")
