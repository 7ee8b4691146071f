"""The communication report (docs/fidelity), as text and as CSV.

Pure functions of jobs; the journal says which jobs stand in the report.
Times are the machine's local time, and the report names the zone.
"""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterable

from irsend.device.codes import meaning
from irsend.device.jobs import Job
from irsend.device.local_time import LocalTime

DESTINATION = 20
"""Characters of the destination that the machine shows."""

_COLUMNS = ("Start time", "Destination", "No.", "Mode", "Pages", "Result")
# Of several destinations the first stands there, and behind it how many others: +99 at most.
_WIDTHS = (16, DESTINATION + 4, 4, 9, 5, 8)
_KIND = {"email": "E-mail", "ifax": "I-Fax"}
# Spreadsheets take a cell that begins like this as a formula.
_FORMULA = ("=", "+", "-", "@")


def as_text(jobs: Iterable[Job], *, title: str, clock: LocalTime) -> str:
    """Return the report as a table of fixed width, with the machine's heading.

    `title` is the machine's name in full, `clock` writes the times; its `now` is the time of printing.
    """
    rule = "-" * (sum(_WIDTHS) + 2 * (len(_WIDTHS) - 1))
    printed = f"{clock.minute(clock.now)} {clock.name}"
    lines = [
        "COMMUNICATION REPORT".center(len(rule)).rstrip(),
        title + " " + printed.rjust(len(rule) - len(title) - 1),
        rule,
        _line(_COLUMNS),
        rule,
    ]
    rows: list[str] = []
    for job in jobs:
        cells = (
            clock.minute(job.started),
            marked_destination(job),
            job.number,
            mode(job),
            _pages(job),
            result(job),
        )
        rows += [_line(cells), *_beneath(job, len(rule), clock)]
    return "\n".join([*lines, *(rows or ["Nothing sent or received yet."]), rule, ""])


def as_csv(jobs: Iterable[Job], *, clock: LocalTime) -> str:
    """Return the report as CSV (RFC 4180), with subject, number of other destinations, reason, and zone."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow([*_COLUMNS, "Subject", "Others", "Reason", "Meaning", "Zone"])
    for job in jobs:
        table.writerow(
            [
                clock.minute(job.started),
                _without_formula(destination(job)),
                job.number,
                mode(job),
                _pages(job),
                result(job),
                _without_formula(_one_line(job.subject)),
                others(job) or "",
                _without_formula(_one_line(reason(job))),
                meaning(job.code),
                clock.zone_of(job.started),
            ]
        )
    return written.getvalue()


def destination(job: Job) -> str:
    """Return who the job is for or from, as far as the machine shows it."""
    return _one_line(job.party)[:DESTINATION]


def others(job: Job) -> int:
    """Return how many destinations a job has beside the one that is shown."""
    return max(0, len(job.recipients) - 1) if job.direction == "tx" else 0


def marked_destination(job: Job) -> str:
    """Return the destination as the machine shows it, and how many others there are."""
    return destination(job) + (f" +{others(job)}" if others(job) else "")


def reason(job: Job) -> str:
    """Return why the job is NG, or how its last attempt failed; of several destinations, for which."""
    failed = [one for one in job.recipients if one.result == "NG"]
    if job.result != "NG" or not failed or len(job.recipients) == 1:
        return job.reason
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"{failed[0].address}{more}: {failed[0].reason or job.reason}"


def explanation(job: Job) -> str:
    """Return what the job's code means and why it is NG, on one line."""
    # A reason may be the meaning in the same words.
    return ": ".join(dict.fromkeys(one for one in (meaning(job.code), reason(job)) if one))


def mode(job: Job) -> str:
    """Return what kind of transmission it was, and which way it went."""
    return f"{_KIND[job.kind]} {job.direction.upper()}"


def result(job: Job) -> str:
    """Return OK, NG with its code, -- where delivery is not known, or what the job is doing."""
    return f"{job.result} {job.code}" if job.result == "NG" and job.code else job.result


def _pages(job: Job) -> str:
    return "" if job.pages is None else str(job.pages)


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _beneath(job: Job, width: int, clock: LocalTime) -> list[str]:
    """Return the lines beneath a job's row: a zone unlike the heading's, its code's meaning, the reason."""
    of_code, zone = meaning(job.code), clock.zone_of(job.started)
    said = [f"({zone})"] if zone != clock.name else []
    if of_code:
        said.append(f"{job.code} {of_code}")
    why = _one_line(reason(job))
    if job.result != "OK" and why not in ("", of_code):
        said.append(why)
    indent = " " * (_WIDTHS[0] + 2)
    return [
        line
        for text in said
        for line in textwrap.wrap(
            text, width, initial_indent=indent, subsequent_indent=indent + " " * 5
        )
    ]


def _line(cells: tuple[str, ...]) -> str:
    shown = [
        cell.rjust(width) if column == "Pages" else cell.ljust(width)
        for column, cell, width in zip(_COLUMNS, cells, _WIDTHS, strict=True)
    ]
    return "  ".join(shown).rstrip()


def _without_formula(cell: str) -> str:
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell
