"""A sender's requests for reports: for a DSN when its mail is delivered, for an MDN when it is printed.

Read from a mail's head; no head makes reading it fail. A report goes only to
the sender of the mail, and never answers a report: so there are no loops.

Standards: RFC 3461 (DSN), RFC 8098 2.1 (when no MDN is sent automatically), RFC 3834 2 (what is
not answered).
"""

from __future__ import annotations

import re
from email.utils import getaddresses

from attrs import field, frozen

from irsend.addresses import mail_address

ASKING = (b"disposition-notification-to", b"x-envelope-dsn")
"""A head with a request has one of these names in it, in any case."""
# Possessive, so that nothing is tried twice: it runs in the machine's own process.
_FIELD = re.compile(rb"^([!-9;-~]++)[ \t]*+:((?:[^\r\n]++|\r?\n[ \t])*+)\r?\n", re.MULTILINE)
_LONGEST = 2000
_MOST_RECIPIENTS = 100
_PATH = re.compile(r"<([^<>]*)>")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_BULK = ("bulk", "junk", "list")


@frozen(kw_only=True)
class DeliveryRequest:
    """A recipient for whom the sender asked for a DSN of success."""

    address: str
    original: str = ""
    """ORCPT, with its type."""


@frozen(kw_only=True)
class ReportRequests:
    """Which reports were asked for, and where they go."""

    delivered: tuple[DeliveryRequest, ...] = ()
    """Recipients with NOTIFY=SUCCESS."""
    return_path: str = ""
    """Where a DSN goes; empty for the null sender."""
    envelope_id: str = ""
    """ENVID, decoded."""
    notify_to: str = ""
    """Where an MDN goes; empty for none."""
    mdn_suppressed: str = field(default="", eq=False)
    """Why no MDN is sent though one was asked for."""
    original_recipient: str = ""
    """For the MDN: the field that a gateway added (RFC 8098 2.3)."""

    @property
    def any(self) -> bool:
        """True where a report was asked for."""
        return bool(self.delivered or self.notify_to)


NO_REQUESTS = ReportRequests()


def requests_in(head_octets: bytes) -> ReportRequests:
    """Return the requests in a mail's head and in the trace above it."""
    lower = head_octets.lower()
    if not any(word in lower for word in ASKING):
        return NO_REQUESTS
    fields: dict[str, list[str]] = {}
    own_trace: list[str] = []
    end = re.search(rb"\r?\n\r?\n", head_octets)
    for match in _FIELD.finditer(head_octets[: end.start() + 2] if end else head_octets):
        name = match[1].decode("ascii").lower()
        text = " ".join(match[2].decode("ascii", "replace").split())[:_LONGEST]
        fields.setdefault(name, []).append(text)
        if name == "x-envelope-dsn" and "received" not in fields:
            # Below the first Received field the machine has written nothing.
            own_trace.append(text)
    return_path = _path_in(fields.get("return-path", [""])[0])
    delivered, envelope_id = _delivery(own_trace)
    notify_to, mdn_suppressed = _notify_to(fields, return_path)
    return ReportRequests(
        delivered=delivered if return_path else (),
        return_path=return_path,
        envelope_id=envelope_id,
        notify_to=notify_to,
        mdn_suppressed=mdn_suppressed,
        original_recipient=fields.get("original-recipient", [""])[0],
    )


def _notify_to(fields: dict[str, list[str]], return_path: str) -> tuple[str, str]:
    """Return where an MDN goes, or why none is sent though one was asked for (RFC 8098 2.1)."""
    asked = fields.get("disposition-notification-to", [])
    if not asked:
        return "", ""
    if len(asked) > 1:
        return "", "the mail asks for a notification more than once"
    try:
        addresses = [address for _, address in getaddresses(asked)]
    except (RecursionError, ValueError):
        addresses = []
    if len(addresses) != 1 or not _is_address(addresses[0]):
        return "", "the mail does not name one address that is to be notified"
    if "return-path" not in fields:
        return "", "it is not known where the mail comes from"
    if not return_path:
        return "", "the mail comes from the null sender"
    if not _same(addresses[0], return_path):
        return "", "another address is to be notified than the mail comes from"
    automatic = fields.get("auto-submitted", ["no"])[0].lower()
    if not automatic.startswith("no"):
        return "", "the mail was sent automatically"
    if fields.get("precedence", [""])[0].lower() in _BULK or "list-id" in fields:
        return "", "the mail was sent to many"
    return addresses[0], ""


def _same(one: str, other: str) -> bool:
    """Compare addresses: local parts exactly, domains without regard to case."""
    local, _, domain = one.rpartition("@")
    other_local, _, other_domain = other.rpartition("@")
    return local == other_local and domain.lower() == other_domain.lower()


def _delivery(lines: list[str]) -> tuple[tuple[DeliveryRequest, ...], str]:
    """Read the lines that the machine's own trace has of the envelope's requests."""
    wanted = []
    envelope_id = ""
    for line in lines[: _MOST_RECIPIENTS + 1]:
        words = dict(word.partition("=")[::2] for word in line.split())
        envelope_id = envelope_id or _from_xtext(words.get("ENVID", ""))
        notify = words.get("NOTIFY", "").upper().split(",")
        address = _path_in(line)
        if "SUCCESS" in notify and address:
            original = _from_xtext(words.get("ORCPT", ""))
            wanted.append(DeliveryRequest(address=address, original=original))
    return tuple(wanted), envelope_id


def _path_in(text: str) -> str:
    match = _PATH.search(text)
    return match[1] if match and _is_address(match[1]) else ""


def _is_address(text: str) -> bool:
    try:
        mail_address(text)
    except ValueError:
        return False
    return True


def _from_xtext(text: str) -> str:
    """Decode xtext (RFC 3461 4), leaving out what is not printable ASCII."""
    decoded = _XTEXT.sub(lambda match: chr(int(match[1], 16)), text)
    return "".join(character for character in decoded if " " <= character <= "~")
