"""Faults that are ordered, as a table."""

from __future__ import annotations

from rich.console import RenderableType

from irsend.ctl.formatting import visible
from irsend.ctl.json_values import Json, JsonObject
from irsend.ctl.views import table


def faults(rows: list[JsonObject]) -> RenderableType:
    """Draw the orders in force."""
    drawn = table(("No.", "right"), "*Order", ("Happened", "right"), "Left")
    for one in rows:
        drawn.add_row(
            visible(one.get("number", "")),
            visible(one.get("order", "")),
            visible(one.get("happened", "")),
            _left(one),
        )
    return drawn


def _left(one: JsonObject) -> str:
    sessions, times = one.get("sessions_left"), one.get("times_left")
    said = [] if sessions is None else [_counted(sessions, "session")]
    said += [] if times is None else [_counted(times, "time")]
    return ", ".join(said) or "until taken back"


def _counted(number: Json, what: str) -> str:
    return f"{visible(number)} {what}{'' if number == 1 else 's'}"
