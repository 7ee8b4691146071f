"""Octets that are no command and no reply: what they look like, and how a transcript shows them."""

from __future__ import annotations

import re

from irsend.interfaces import ITranscript

TEXT = "text"
_MOST_SHOWN = 64

# The first that matches names them.
_BEGINNINGS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\x16\x03[\x00-\x04]..\x01", re.DOTALL), "a TLS ClientHello"),
    (re.compile(rb"\x16\x03[\x00-\x04]..\x02", re.DOTALL), "a TLS ServerHello"),
    (re.compile(rb"\x16\x03[\x00-\x04]...", re.DOTALL), "a TLS handshake"),
    (re.compile(rb"\x15\x03[\x00-\x04]"), "a TLS alert"),
    (re.compile(rb"[\x14\x17]\x03[\x00-\x04]"), "a TLS record"),
    (
        re.compile(rb"[\x80-\xff].\x01\x00\x02|[\x80-\xff].\x01\x03", re.DOTALL),
        "an SSL 2.0 ClientHello",
    ),
    (re.compile(rb"PRI \* HTTP/2"), "an HTTP/2 preface"),
    (re.compile(rb"[A-Z]{3,10} \S+ HTTP/\d"), "an HTTP request"),
    (re.compile(rb"HTTP/\d"), "an HTTP response"),
    (re.compile(rb"CONNECT \S+:\d+"), "an HTTP request"),
    (re.compile(rb"\x04[\x01\x02].{6}", re.DOTALL), "a SOCKS 4 request"),
    (re.compile(rb"\x05[\x01-\x10][\x00-\xff]"), "a SOCKS 5 greeting"),
    (re.compile(rb"PROXY (TCP|UNKNOWN)"), "a PROXY protocol header"),
    (re.compile(rb"\r\n\r\n\x00\r\nQUIT\n"), "a PROXY protocol header"),
    (re.compile(rb"SSH-\d"), "an SSH greeting"),
    (re.compile(rb"\x03\x00..\x02?", re.DOTALL), "a remote desktop request"),
    (re.compile(rb"\x00...[\xff\xfe]SMB", re.DOTALL), "an SMB request"),
    (re.compile(rb"\xff[\xfa-\xfe]"), "a Telnet negotiation"),
    (re.compile(rb"220[ -]"), "the greeting of an SMTP or FTP server"),
    (re.compile(rb"\+OK"), "the greeting of a POP3 server"),
    (re.compile(rb"\* (OK|PREAUTH|BYE)"), "the greeting of an IMAP server"),
)
_TEXT = re.compile(rb"[\t\x20-\x7e]+")
_TEXT_LINES = re.compile(rb"[\t\r\n\x20-\x7e\x80-\xff]+")


def foreign_protocol(octets: bytes) -> str:
    """Return what octets are that belong to another protocol; empty where they may be of any."""
    return next((name for form, name in _BEGINNINGS if form.match(octets)), "")


def name_of(octets: bytes) -> str:
    """Return what octets are that are no line of the protocol."""
    foreign = foreign_protocol(octets)
    if foreign:
        return foreign
    if _TEXT.fullmatch(octets):
        return TEXT
    if _TEXT_LINES.fullmatch(octets):
        return "text whose lines do not end in CR LF"
    return "octets of no protocol that is known"


def note_unread(transcript: ITranscript, octets: bytes, *, ended: bool = True) -> str:
    """Write octets that are not understood into a transcript, as hex with their name; return that.

    `ended` says whether they were a line.
    """
    name = name_of(octets)
    if name == TEXT and not ended:
        name = "text without a line end"
    transcript.note(f"not understood: {name}, {shown_octets(octets)}")
    return name


def is_binary(octets: bytes) -> bool:
    """Return whether octets cannot be the beginning of a line of text."""
    return not _TEXT_LINES.fullmatch(octets)


def shown_octets(octets: bytes) -> str:
    """Return how many octets they are, and the first of them as hex."""
    more = " ..." if len(octets) > _MOST_SHOWN else ""
    count = "1 octet" if len(octets) == 1 else f"{len(octets)} octets"
    return f"{count}: {octets[:_MOST_SHOWN].hex(' ')}{more}"
