"""Received mails: the list of them, and one with its head, text and attachments."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from irsend.ctl.formatting import full_time, octets, short_time, timed, visible
from irsend.ctl.json_values import JsonObject, objects, values
from irsend.ctl.views import pairs, table, truncated


def mails(rows: list[JsonObject]) -> RenderableType:
    """Draw the list of mails."""
    drawn = table(
        ("ID", "right"),
        timed("Received"),
        "*From",
        "*To",
        "*Subject",
        ("Size", "right"),
        "*Files",
    )
    for one in rows:
        drawn.add_row(
            visible(one.get("id", "")),
            short_time(one.get("at")),
            truncated(one.get("from") or _envelope(one)[0]),
            truncated(", ".join(_envelope(one)[1]) or one.get("to")),
            truncated(one.get("subject")),
            octets(one.get("size")),
            truncated(", ".join(_file_name(each) for each in objects(one, "attachments"))),
        )
    return drawn


def head(one: JsonObject) -> RenderableType:
    """Draw what is known of one mail."""
    sender, recipients = _envelope(one)
    sent_as = f"{sender or '<>'} to {', '.join(recipients)}" if recipients else ""
    rows: list[tuple[str, object]] = [
        ("Mail", one.get("id")),
        ("From", one.get("from")),
        ("To", one.get("to")),
        ("Subject", one.get("subject")),
        ("Date", one.get("date")),
        ("Received", full_time(one.get("at"))),
        ("Envelope", sent_as),
        ("Size", octets(one.get("size"))),
        ("Session", one.get("session")),
        ("Job", one.get("job")),
        ("Document", one.get("document") or "none"),
    ]
    return pairs(
        [(name, Text(visible(value))) for name, value in rows if value not in (None, "")]
    )


def header_fields(one: JsonObject) -> RenderableType:
    """Draw all header fields of one mail, in their order."""
    fields = [field for field in values(one, "headers") if isinstance(field, list)]
    return pairs([(visible(name), Text(visible(value))) for name, value in fields])


def text_lines(one: JsonObject) -> list[Text]:
    """Return the lines of a mail's text; of its control characters only tabs have an effect."""
    text = str(one.get("text") or "").rstrip("\n")
    if not text:
        return [Text("(no text)", "dim")]
    return [Text(visible(line.expandtabs())) for line in text.split("\n")]


def attachments(rows: list[JsonObject]) -> RenderableType:
    """Draw the attachments of one mail."""
    drawn = table(("Part", "right"), "*Name", "*Type", ("Size", "right"))
    for one in rows:
        drawn.add_row(
            visible(one.get("part", "")),
            visible(one.get("name") or ""),
            visible(one.get("type") or ""),
            octets(one.get("size")),
        )
    return drawn


def _file_name(attachment: JsonObject) -> str:
    return str(attachment.get("name") or attachment.get("type") or "")


def _envelope(one: JsonObject) -> tuple[str, list[str]]:
    envelope = one.get("envelope")
    if not isinstance(envelope, dict):
        return "", []
    return str(envelope.get("from") or ""), [str(each) for each in values(envelope, "to")]
