"""Grammar of addresses: mailboxes, address literals, MAC addresses.

Standards: RFC 5321 4.1.2 (mailboxes), 4.1.3 (address literals), 4.5.3.1 (lengths); IEEE 802 8.2
(MAC addresses, their group bit).
"""

from __future__ import annotations

import ipaddress
import re

from irsend.interfaces import Mailbox

_ATEXT = rb"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]"
_DOT_STRING = _ATEXT + rb"+(?:\." + _ATEXT + rb"+)*"
_QUOTED = rb'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"'
_SUB_DOMAIN = rb"[A-Za-z0-9_](?:[A-Za-z0-9_\-]*[A-Za-z0-9_])?"
DOMAIN = _SUB_DOMAIN + rb"(?:\." + _SUB_DOMAIN + rb")*"
"""A domain as a regular expression; underscores are met in the wild."""
_LITERAL = rb"\[[\x21-\x5a\x5e-\x7e]+\]"
_MAILBOX = re.compile(
    rb"(?P<local>" + _DOT_STRING + rb"|" + _QUOTED + rb")"
    rb"@(?P<domain>" + DOMAIN + rb"|" + _LITERAL + rb")"
)
_MAC = re.compile(
    r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}",
    re.IGNORECASE,
)
NO_MAC = "00:00:00:00:00:00"
"""The MAC address of frames on loopback, which never were on a wire."""


def mailbox_of(address: bytes) -> Mailbox:
    """Return the mailbox of an address in a path (RFC 5321 4.1.2); ValueError says what is wrong."""
    if any(octet > 0x7F for octet in address):
        raise ValueError("the address must be ASCII")
    match = _MAILBOX.fullmatch(address)
    if match is None:
        raise ValueError("not a mail address")
    local, domain = match["local"], match["domain"]
    if len(local) > 64 or len(domain) > 255:
        raise ValueError("the address is too long")
    if local.startswith(b'"'):
        local = re.sub(rb"\\(.)", rb"\1", local[1:-1])
    if domain.startswith(b"["):
        literal_address(domain)
    return Mailbox(local, domain)


def literal_address(domain: bytes) -> str:
    """Return the address in a literal such as [192.0.2.1] or [IPv6:2001:db8::1]; ValueError."""
    text = domain[1:-1].decode("ascii")
    try:
        if text.lower().startswith("ipv6:") and "%" not in text:
            return str(ipaddress.IPv6Address(text[5:]))
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError("not an address literal") from None


def mail_address(given: str) -> str:
    """Return an e-mail address without white space around it; ValueError where it is none."""
    given = given.strip()
    try:
        mailbox_of(given.encode("ascii"))
    except ValueError:
        raise ValueError(f"{given!r} is not an e-mail address") from None
    return given


def mac_address(given: str) -> str:
    """Return a MAC address in the form 00:00:85:12:34:56; ValueError says what is wrong."""
    given = given.strip()
    if not _MAC.fullmatch(given):
        raise ValueError(f"{given!r} is not a MAC address")
    octets = bytes.fromhex(re.sub(r"[:.\-]", "", given))
    if not any(octets):
        raise ValueError(f"{given!r} is nobody's address")
    if octets[0] & 1:
        raise ValueError(f"{given!r} is a group address")
    return octets.hex(":")


def is_loopback(peer: str) -> bool:
    """Say whether an IP address is one of loopback: of IPv4, of IPv6, or of IPv4 mapped into IPv6."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
