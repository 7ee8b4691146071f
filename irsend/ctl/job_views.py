"""Jobs as tables: the list of them, and one in detail."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from irsend.ctl.formatting import full_time, octets, short_time, timed, visible
from irsend.ctl.json_values import JsonObject, objects, values
from irsend.ctl.views import pairs, styled_result, table, truncated

_WAYS = {"tx": "sent", "rx": "received"}
_KINDS = {"email": "E-mail", "ifax": "I-Fax"}


def jobs(rows: list[JsonObject]) -> RenderableType:
    """Draw the communication report."""
    drawn = table(
        "No.", "Mode", "*From / to", "*Subject", ("Pages", "right"), "*Result", timed("Started")
    )
    for job in rows:
        pages = job.get("pages")
        drawn.add_row(
            visible(job.get("number", "")),
            visible(f"{job.get('direction', '')} {job.get('kind', '')}".strip()),
            truncated(_parties(job)),
            truncated(job.get("subject")),
            "" if pages is None else visible(pages),
            styled_result(job),
            short_time(job.get("started")),
        )
    return drawn


def job(one: JsonObject) -> RenderableType:
    """Draw one job without its recipients."""
    way, kind = str(one.get("direction", "")), str(one.get("kind", ""))
    sessions = " ".join(map(str, values(one, "sessions")))
    sent = way == "tx"
    rows: list[tuple[str, object]] = [
        ("Job", one.get("number")),
        ("Mode", f"{_KINDS.get(kind, kind)}, {_WAYS.get(way, way)}"),
        ("To" if sent else "From", _parties(one)),
        ("Subject", one.get("subject")),
        ("Pages", one.get("pages")),
        ("Size", octets(one.get("size"))),
        ("Reason", one.get("reason")),
        ("Started", full_time(one.get("started"))),
        ("Ended", full_time(one.get("ended")) or "not yet"),
        ("Sessions", sessions or "none yet"),
    ]
    drawn = [(name, Text(visible(value))) for name, value in rows if value not in (None, "")]
    ending = ("Result", styled_result(one))
    at = next(number for number, (name, _) in enumerate(drawn) if name in ("Reason", "Started"))
    return pairs([*drawn[:at], ending, *drawn[at:]])


def job_with_recipients(one: JsonObject) -> RenderableType:
    """Draw one job with its recipients."""
    addressed = objects(one, "recipients")
    if not addressed:
        return job(one)
    return Group(job(one), Text(), recipients(addressed))


def recipients(rows: list[JsonObject]) -> RenderableType:
    """Draw the result of a job for each recipient."""
    drawn = table("*To", "*Result", "*Reason")
    for one in rows:
        drawn.add_row(
            visible(one.get("address", "")), styled_result(one), truncated(one.get("reason"))
        )
    return drawn


def _parties(job: JsonObject) -> str:
    """Return the job's party, and how many others there are."""
    party, more = str(job.get("party") or ""), len(objects(job, "recipients")) - 1
    return f"{party} +{more}" if more > 0 and job.get("direction") == "tx" else party
