"""The grammar of MAIL and RCPT: paths, mailboxes, address literals, parameters.

It does not say what a parameter means, or whether an address is anybody's.

Standards: RFC 5321 4.1.2 (syntax), 4.1.3 (address literals), 4.5.3.1 (lengths);
RFC 1870, 6152, 3461 (parameters); RFC 3461 4 (xtext).
"""

from __future__ import annotations

import ipaddress
import re

from irsend.interfaces import Mailbox

_ATEXT = rb"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]"
_DOT_STRING = _ATEXT + rb"+(?:\." + _ATEXT + rb"+)*"
_QUOTED = rb'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"'
_SUB_DOMAIN = rb"[A-Za-z0-9_](?:[A-Za-z0-9_\-]*[A-Za-z0-9_])?"
_DOMAIN = _SUB_DOMAIN + rb"(?:\." + _SUB_DOMAIN + rb")*"
_LITERAL = rb"\[[\x21-\x5a\x5e-\x7e]+\]"
_ROUTE = rb"(?:@" + _DOMAIN + rb"(?:,@" + _DOMAIN + rb")*:)?"

_MAILBOX = re.compile(
    rb"(?P<local>"
    + _DOT_STRING
    + rb"|"
    + _QUOTED
    + rb")@(?P<domain>"
    + _DOMAIN
    + rb"|"
    + _LITERAL
    + rb")"
)
# The seed writes "MAIL FROM <a@b>" without the colon, and its server says 250:
# the colon may be missing, and a blank stand at its place (docs/fidelity).
_PATH = re.compile(
    rb"(?P<word>FROM|TO)(?: *: *| +)(?:<"
    + _ROUTE
    + rb"(?P<path>(?:\"(?:[^\"\\]|\\.)*\"|[^<>\"])*)>"
    rb"|(?P<bare>[^\s<>]+))(?: +(?P<parameters>.*))?",
    re.IGNORECASE,
)
_PARAMETER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9\-]*)(?:=([\x21-\x3c\x3e-\x7e]+))?")
XTEXT = re.compile(rb"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})*")


class GrammarError(Exception):
    """A command's argument does not follow the grammar; says where it goes wrong."""


def parse_path(argument: bytes, word: bytes) -> tuple[Mailbox | None, dict[bytes, bytes]]:
    """Read what follows MAIL (word FROM) or RCPT (word TO): mailbox and parameters.

    The mailbox is None for the null path <>, and has an empty domain for the
    reserved <postmaster>. Parameter names come in upper case.
    """
    match = _PATH.fullmatch(argument.strip(b" "))
    if match is None or match["word"].upper() != word:
        raise GrammarError(f"expected {word.decode()}:<address>")
    path = match["path"] if match["bare"] is None else match["bare"]
    return _mailbox(path, word), _parameters(match["parameters"] or b"")


def _mailbox(path: bytes, word: bytes) -> Mailbox | None:
    if not path and word == b"FROM":
        return None
    if path.lower() == b"postmaster" and word == b"TO":
        return Mailbox(path, b"")
    if any(octet > 0x7F for octet in path):
        raise GrammarError("SMTPUTF8 was not announced: the address must be ASCII")
    match = _MAILBOX.fullmatch(path)
    if match is None:
        raise GrammarError("not a mail address")
    local, domain = match["local"], match["domain"]
    if len(local) > 64 or len(domain) > 255:
        raise GrammarError("the address is too long")
    if local.startswith(b'"'):
        local = re.sub(rb"\\(.)", rb"\1", local[1:-1])
    if domain.startswith(b"["):
        literal_address(domain)
    return Mailbox(local, domain)


def literal_address(domain: bytes) -> str:
    """Return the address in a literal such as [192.0.2.1] or [IPv6:2001:db8::1]."""
    text = domain[1:-1].decode("ascii")
    try:
        if text.lower().startswith("ipv6:") and "%" not in text:
            return str(ipaddress.IPv6Address(text[5:]))
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise GrammarError("not an address literal") from None


def _parameters(text: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for one in text.split():
        match = _PARAMETER.fullmatch(one)
        if match is None:
            raise GrammarError("a parameter is not of the form KEY=VALUE")
        key = match[1].upper()
        if key in found:
            raise GrammarError("a parameter is given twice")
        found[key] = match[2] or b""
    return found
