"""A probe's report as a table, and the lines below it."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from irsend.ctl.formatting import visible
from irsend.ctl.views import pairs, result_style, table
from irsend.probe.cells import lines_below, rows
from irsend.probe.outcome import Report

WIDE = 200
"""Columns from which the advice stands in the table; else it has a number there, and stands below."""
_LONGEST_WHY = 60
"""Characters of a reason in a column; the whole of it is in --html and --json."""


def report(found: Report, width: int) -> RenderableType:
    """Draw a row for each run, with the model at its first."""
    wrapped = "*" if width < WIDE else ""
    titles = ("Model", "Year", "Settings", "TLS", "Login", "Result", "Panel", "Advice")
    drawn = table(*(title if title == "Year" else wrapped + title for title in titles))
    notes: dict[str, str] = {}
    for row in rows(found):
        advice = visible(row.advice)
        if wrapped and advice:
            advice = notes.setdefault(advice, str(len(notes) + 1))
        as_another = f"as {row.same_as}" if row.same_as else ""
        drawn.add_row(
            Text(visible(row.model)),
            Text(row.year),
            Text(row.settings),
            Text(as_another, "dim") if as_another else Text(visible(_short(row.tls))),
            Text(visible(_short(row.login))),
            Text(row.result, result_style({"result": row.result.partition(" #")[0]})),
            Text(visible(row.panel)),
            Text(advice),
        )
    parts: list[RenderableType] = [drawn, Text()]
    if notes:
        parts += [pairs([(number, Text(note)) for note, number in notes.items()]), Text()]
    return Group(*parts, *(Text(visible(line)) for line in lines_below(found)))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_WHY else text[: _LONGEST_WHY - 3] + "..."
