"""Printed documents as tables: the list of them, and each in detail."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from irsend.ctl.formatting import explained_codes, full_time, octets, short_time, timed, visible
from irsend.ctl.json_values import JsonObject, values
from irsend.ctl.views import pairs, table, truncated


def documents(rows: list[JsonObject]) -> RenderableType:
    """Draw the documents in the tray."""
    drawn = table("No.", timed("Printed"), "*From", "*Subject", ("Pages", "right"), "*Codes")
    for one in rows:
        drawn.add_row(
            visible(one.get("number", "")),
            short_time(one.get("printed")),
            truncated(one.get("from")),
            truncated(one.get("subject")),
            visible(one.get("pages", "")),
            Text(visible("; ".join(explained_codes(one))), "red"),
        )
    return drawn


def document_details(rows: list[JsonObject]) -> RenderableType:
    """Draw documents in detail, one beneath the other."""
    drawn = [_document(one) for one in rows]
    between = itertools.chain.from_iterable((Text(), one) for one in drawn)
    return Group(*itertools.islice(between, 1, None))


def _document(one: JsonObject) -> RenderableType:
    rows = [
        ("Document", one.get("number")),
        ("From", one.get("from")),
        ("Subject", one.get("subject")),
        ("Pages", one.get("pages")),
        ("Size", octets(one.get("size"))),
        ("Printed", full_time(one.get("printed"))),
    ]
    drawn = [(name, Text(visible(value))) for name, value in rows if value not in (None, "")]
    for name, lines, style in (
        ("Codes", explained_codes(one), "red"),
        ("Notices", _notices(one), ""),
    ):
        # The label stands beside the first line alone.
        drawn += [
            (name if at == 0 else "", Text(visible(line), style))
            for at, line in enumerate(lines)
        ]
    return pairs(drawn)


def _notices(one: JsonObject) -> Iterator[str]:
    """Yield the notices of parts that were not printed, each on one line."""
    for notice in values(one, "notices"):
        yield str(notice).replace("\n", ": ")
