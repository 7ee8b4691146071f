"""A probe's report as one HTML file that can be mailed on: nothing in it is loaded from elsewhere."""

from __future__ import annotations

from datetime import datetime

from irsend.device.codes import meaning
from irsend.extras import PANEL
from irsend.probe.cells import lines_below, result_text, rows
from irsend.probe.outcome import Outcome, Report, settings_text


def report_page(report: Report) -> str:
    """Return the file. NotInstalled."""
    PANEL.require("The page of a probe")
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("irsend.probe"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        report=report,
        at=datetime.fromtimestamp(report.at).astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        lines=list(lines_below(report)),
        settings_text=settings_text,
        rows=list(rows(report)),
        result=result_text,
        status_line=_status_line,
        state=_state,
    )


def _status_line(outcome: Outcome) -> str:
    return outcome.panel or "Ready."


def _state(outcome: Outcome) -> str:
    """Return the line that the communication report has of it."""
    return " ".join(
        part for part in (outcome.result, outcome.code, meaning(outcome.code)) if part
    )
