"""A probe's report as a table, and the lines below it."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from irsend.ctl.formatting import visible
from irsend.ctl.views import pairs, result_style, table
from irsend.probe.cells import advice_text, lines_below, login_text, result_text, tls_text
from irsend.probe.outcome import Outcome, Report, settings_text

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
    for model in found.models():
        for place, outcome in enumerate(found.of_model(model)):
            called = (model.title or model.name, str(model.year)) if place == 0 else ("", "")
            advice = "" if outcome.same_as else visible(advice_text(outcome))
            if wrapped and advice:
                advice = notes.setdefault(advice, str(len(notes) + 1))
            drawn.add_row(
                *(Text(visible(one)) for one in called),
                Text(settings_text(outcome.varied)),
                *_cells(outcome),
                Text(advice),
            )
    parts: list[RenderableType] = [drawn, Text()]
    if notes:
        parts += [pairs([(number, Text(note)) for note, number in notes.items()]), Text()]
    return Group(*parts, *(Text(visible(line)) for line in lines_below(found)))


def _cells(outcome: Outcome) -> list[Text]:
    result = Text(result_text(outcome), result_style({"result": outcome.result}))
    panel = Text(visible(outcome.panel))
    if outcome.same_as:
        return [Text(f"as {outcome.same_as}", "dim"), Text(), result, panel]
    return [
        Text(visible(_short(tls_text(outcome)))),
        Text(visible(_short(login_text(outcome)))),
        result,
        panel,
    ]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_WHY else text[: _LONGEST_WHY - 3] + "..."
