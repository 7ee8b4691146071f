"""A transcript as the page shows it: where TLS began, what went under it, and what ought to have."""

from __future__ import annotations

import re

from attrs import frozen

from irsend.interfaces import TranscriptLine

_TLS_BEGAN = re.compile(r"(TLS|SSL) ?v?[0-9]")
# What ought not to be readable on the way: who is meant, and who asks.
_DELICATE = ("MAIL ", "RCPT ", "AUTH", "USER ", "PASS ", "APOP ")


@frozen
class Said:
    """A line of a transcript, with what the page shows beside it."""

    line: TranscriptLine
    secured: bool
    """It was said under TLS."""
    began: bool
    """Here TLS began."""
    in_clear: bool
    """It ought to have been said under TLS."""


def shown(lines: list[TranscriptLine]) -> list[Said]:
    """Return the lines with what the page shows beside them."""
    told, secured = [], False
    for line in lines:
        began = line.speaker == "-" and bool(_TLS_BEGAN.match(line.text))
        secured = secured or began
        delicate = line.speaker == "C" and line.text.upper().startswith(_DELICATE)
        told.append(
            Said(line=line, secured=secured, began=began, in_clear=delicate and not secured)
        )
    return told


def in_clear(told: list[Said]) -> str:
    """Return in a sentence what anybody on the way could read."""
    words = dict.fromkeys(one.line.text.split()[0].upper() for one in told if one.in_clear)
    if words:
        return f"In clear, readable on the way: {', '.join(words)}."
    if any(one.secured for one in told):
        return "Everything that names people or passwords went under TLS."
    return "In clear, but nothing that names people or passwords." if told else ""
