"""Transfer encodings: base64, quoted-printable and uuencode, also where they are broken.

What can be decoded is decoded; a flag beside it says whether it was right.

Standards: RFC 2045 6.7 (quoted-printable), 6.8 (base64); POSIX uuencode, of which mail has
no other standard.
"""

from __future__ import annotations

import binascii
import re
import string

PLAIN = ("", "7bit", "8bit", "binary", "7-bit", "8-bit")
"""Transfer encodings that change nothing."""
_BASE64 = (string.ascii_letters + string.digits + "+/").encode("ascii")
_WHITE = b" \t\r\n\f\v\0"
# What stands between paddings, with its own, and whether it is lines of nothing but base64.
_RUN = re.compile(rb"([^=\s\0][^=]*+)(=*+)")
_LINES_OF_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]++[ \t\f\v\0]*+(?:[\r\n][\s\0]*+|\Z))*+")
_MOST_RUNS = 1000
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*(?:\r|\n|\Z))")
# Possessive, since a line may be all spaces: no backtracking. White space behind the name is stripped later.
_BEGIN = re.compile(rb"^begin 0?[0-7]{3} ++([^ \t\r\n][^\r\n]{0,254}+)\r?$", re.M)


def from_transfer_encoding(octets: bytes, encoding: str) -> tuple[bytes, bool] | None:
    """Return a decoded body, and whether it was right; None where the encoding is not known.

    `encoding` is in small letters, without comments and white space.
    """
    if encoding in PLAIN:
        return octets, True
    # x-uuencode is the same as uuencode.
    match encoding.removeprefix("x-"):
        case "base64":
            return from_base64(octets)
        case "quoted-printable":
            return from_quoted_printable(octets)
        case "uuencode" | "uue":
            content, _, right = from_uuencode(octets)
            return content, right
    return None


def from_base64(octets: bytes) -> tuple[bytes, bool]:
    """Return decoded base64, and whether it was right. Missing padding is no fault.

    Base64 may go on behind its padding: list software appends its footer so. What is
    no whole base64 there ends it, and is not decoded.
    """
    first, padding, behind = octets.partition(b"=")
    content, right = _decoded_run(first)
    if not padding or not behind.strip(_WHITE + b"="):
        return content, right
    runs = [content]
    for count, run in enumerate(_RUN.finditer(behind)):
        symbols = run[1].translate(None, _WHITE)
        whole = (len(symbols) + len(run[2])) % 4 == 0
        if not whole or not _LINES_OF_BASE64.fullmatch(run[1]) or count >= _MOST_RUNS:
            return b"".join(runs), False
        runs.append(_decoded_run(symbols)[0])
    return b"".join(runs), right


def _decoded_run(octets: bytes) -> tuple[bytes, bool]:
    """Decode base64 up to its padding, leaving out what is none; return whether it was right."""
    content = octets.translate(None, _WHITE)
    symbols = content.translate(None, content.translate(None, _BASE64))
    right = len(symbols) == len(content) and len(symbols) % 4 != 1
    whole = len(symbols) - (1 if len(symbols) % 4 == 1 else 0)
    padded = symbols[:whole] + b"=" * (-whole % 4)
    return binascii.a2b_base64(padded), right


def from_quoted_printable(octets: bytes) -> tuple[bytes, bool]:
    """Return decoded quoted-printable, and whether it was right."""
    return binascii.a2b_qp(octets), not _BAD_ESCAPE.search(octets)


def from_uuencode(octets: bytes) -> tuple[bytes, str, bool]:
    """Return the first file in uuencoded octets, its name in latin-1, and whether it was right."""
    match = _BEGIN.search(octets)
    if match is None:
        return b"", "", False
    content, _, right = _lines(octets, match.end())
    return content, match[1].rstrip().decode("latin-1"), right


def uuencoded_files(octets: bytes, most: int) -> tuple[bytes, list[tuple[bytes, bytes, bool]]]:
    """Return a text without the files that are uuencoded in it, and the files: name, content, right.

    A line that begins with "begin" and is followed by no uuencoded line is text.
    """
    text: list[bytes] = []
    files: list[tuple[bytes, bytes, bool]] = []
    at = 0
    for match in _BEGIN.finditer(octets):
        if match.start() < at or len(files) >= most:
            continue
        content, end, right = _lines(octets, match.end())
        if not content:
            continue
        files.append((match[1].rstrip(), content, right))
        text.append(octets[at : match.start()])
        at = end
    return b"".join((*text, octets[at:])), files


def _lines(octets: bytes, at: int) -> tuple[bytes, int, bool]:
    """Decode the lines from `at` on; return the content, where they end, and whether "end" was there.

    A line that is not uuencoded ends them: text or another part follows a file that was cut.
    """
    decoded = bytearray()
    at = _next_line(octets, at)
    while at < len(octets):
        following = _next_line(octets, at)
        line = octets[at:following].rstrip(b"\r\n")
        if line == b"end":
            return bytes(decoded), following, True
        content = _line(line) if line else b""
        if content is None:
            return bytes(decoded), at, False
        decoded += content
        at = following
    return bytes(decoded), at, False


def _next_line(octets: bytes, at: int) -> int:
    found = octets.find(b"\n", at)
    return len(octets) if found < 0 else found + 1


def _line(line: bytes) -> bytes | None:
    length = (line[0] - 32) & 63
    if not 32 <= line[0] <= 96 or len(line) > 90:
        return None
    needed = (length + 2) // 3 * 4
    # White space at its end may be lost on the way; some programs put a checksum there.
    if len(line) - 1 < (length * 8 + 5) // 6 - 2 and length and not line[1:].strip():
        line = line.ljust(needed + 1)
    try:
        return binascii.a2b_uu(line[: needed + 1])
    except binascii.Error:
        return None
