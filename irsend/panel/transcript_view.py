"""A transcript as the page shows it: where TLS began, and what was sent in cleartext that should not be."""

from __future__ import annotations

import re

from attrs import frozen

from irsend.interfaces import TranscriptLine

_TLS_BEGAN = re.compile(r"(TLS|SSL) ?v?[0-9]")
# Commands with addresses, user names or passwords.
_CONFIDENTIAL = ("MAIL ", "RCPT ", "AUTH", "USER ", "PASS ", "APOP ")


@frozen
class TranscriptRow:
    """A line of a transcript, with what the page shows beside it."""

    line: TranscriptLine
    secured: bool
    """It was sent under TLS."""
    tls_began: bool
    """TLS began with this line."""
    exposed: bool
    """It is confidential, and was sent in cleartext."""


def transcript_rows(lines: list[TranscriptLine]) -> list[TranscriptRow]:
    """Return the rows of a transcript."""
    rows, secured = [], False
    for line in lines:
        tls_began = line.speaker == "-" and bool(_TLS_BEGAN.match(line.text))
        secured = secured or tls_began
        confidential = line.speaker == "C" and line.text.upper().startswith(_CONFIDENTIAL)
        rows.append(
            TranscriptRow(
                line=line,
                secured=secured,
                tls_began=tls_began,
                exposed=confidential and not secured,
            )
        )
    return rows


def exposure(rows: list[TranscriptRow]) -> str:
    """Return a sentence on what anybody between client and server could read; empty without rows."""
    words = dict.fromkeys(row.line.text.split()[0].upper() for row in rows if row.exposed)
    if words:
        return f"In clear, readable on the way: {', '.join(words)}."
    if any(row.secured for row in rows):
        return "Everything that names people or passwords went under TLS."
    return "In clear, but nothing that names people or passwords." if rows else ""
