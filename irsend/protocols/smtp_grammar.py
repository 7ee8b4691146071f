"""The grammar of MAIL and RCPT: paths and parameters.

It does not say what a parameter means, or whether an address exists here; `addresses`
has the grammar of mailboxes.

Standards: RFC 5321 4.1.2 (syntax); RFC 1870, 6152, 3461 (parameters); RFC 3461 4 (xtext).
"""

from __future__ import annotations

import re

from irsend.addresses import DOMAIN, mailbox_of
from irsend.interfaces import Mailbox

_ROUTE = rb"(?:@" + DOMAIN + rb"(?:,@" + DOMAIN + rb")*:)?"
# The manual has "MAIL FROM <a@b>" without the colon, answered with 250: the colon may
# be missing, with a blank in its place (docs/fidelity).
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
    try:
        return mailbox_of(path)
    except ValueError as wrong:
        raise GrammarError(str(wrong)) from None


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
