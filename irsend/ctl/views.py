"""Answers as tables and text: one function for each kind.

Each takes the machine's JSON and returns something that rich can print, legible
without colour and in 80 columns. A field that is missing is left blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from irsend.ctl.formatting import (
    allowed,
    encryption,
    explained_result,
    full_time,
    local_time,
    octets,
    outcome,
    session_notes,
    session_result,
    setting,
    short_time,
    timed,
    visible,
)
from irsend.ctl.json_values import JsonObject, objects, values

WIDE = 125
"""Columns from which a settings item stands on one line."""

NEARLY_FULL = 0.95
"""The share of the memory in use from which it is called nearly full."""

_TLS_BEGAN = re.compile(r"(?:TLS|SSL) ?v?[0-9]")
"""The note of a transcript after which TLS is in use."""

_STYLES = {"OK": "green", "NG": "red", "C": "cyan", "S": "green", "-": "yellow"}


def status(answer: JsonObject) -> RenderableType:
    """Draw the status of the machine."""
    line, state, in_use = (answer.get(name) for name in ("status_line", "state", "memory"))
    rows = [
        ("Model", Text(title(answer))),
        ("Status line", Text(visible(line), "bold red") if line else Text("(empty)", "dim")),
        ("State", Text(visible(state or ""))),
    ]
    if answer.get("since"):
        rows.insert(2, ("Since", Text(full_time(answer["since"]))))
    if isinstance(cause := answer.get("cause"), dict):
        rows[-1:-1] = _cause(cause)
    if answer.get("next_login"):
        next_login = f"not before {short_time(answer['next_login'])} (the server's LOGIN-DELAY)"
        rows.append(("POP login", Text(next_login)))
    if isinstance(in_use, dict):
        rows.append(("Memory", memory(in_use)))
    mac_filter = answer.get("mac_filter")
    if isinstance(mac_filter, dict) and (mac_filter.get("on") or mac_filter.get("dropped")):
        rows.append(("MAC filter", Text(_mac_filter(mac_filter))))
    if "paper" in answer:
        out = Text("out; what is received waits in memory", "bold red")
        rows.append(("Paper", Text("loaded") if answer["paper"] else out))
    return pairs(rows)


def _cause(cause: JsonObject) -> list[tuple[str, Text]]:
    """Return the rows of what a text on the status line means, and what to do."""
    named = f"{cause.get('label', '')} ({cause.get('setting', '')})"
    rows = [
        ("Meaning", cause.get("meaning")),
        ("Setting", named),
        ("To do", cause.get("remedy")),
    ]
    if cause.get("session") is not None:
        rows.append(("Session", f"{cause['session']}, as irsendctl transcript shows it"))
    return [(name, Text(visible(value or ""))) for name, value in rows]


def memory(described: JsonObject) -> Text:
    """Return how much of the memory is in use, and whether it is full or nearly full."""
    used, capacity = described.get("used"), described.get("capacity")
    said = Text(f"{octets(used)} of {octets(capacity)} in use")
    if isinstance(used, int) and isinstance(capacity, int):
        # A mail is refused when it does not fit, which is before the last octet is used.
        nearly = used >= capacity * NEARLY_FULL
        full = ", full" if used >= capacity else ", nearly full" if nearly else ""
        said.append(full, "bold red")
    return said


def _mac_filter(described: JsonObject) -> str:
    on = "on" if described.get("on") else "off"
    dropped = described.get("dropped", 0)
    what = "frames dropped" if described.get("way") == "kernel" else "connections refused"
    return f"{on} ({visible(described.get('way', ''))}), {dropped} {what}"


def history(entries: list[JsonObject]) -> RenderableType:
    """Draw the history of the status line."""
    drawn = table(timed("At"), "Text", ("Session", "right"))
    for entry in entries:
        session = entry.get("session")
        drawn.add_row(
            short_time(entry.get("at")),
            Text(visible(entry.get("text", ""))),
            visible(session or ""),
        )
    return drawn


def settings(windows: list[JsonObject], width: int) -> RenderableType:
    """Draw settings windows, each under the keys pressed to reach it."""
    drawn: list[RenderableType] = []
    for window in windows:
        drawn.append(Text(" > ".join(visible(step) for step in values(window, "path")), "bold"))
        items = list(_items(window))
        drawn.append(
            Padding(
                _wide(items) if width >= WIDE else _narrow(items), (0, 0, 1, 2), expand=False
            )
        )
    return Group(*drawn)


def changed(windows: list[JsonObject], keys: Iterable[str]) -> Iterator[str]:
    """Yield the values that the machine now has for these keys, as `KEY = VALUE`."""
    values = {key: value for window in windows for key, _, value, _ in _items(window)}
    for key in keys:
        yield f"{visible(key)} = {values.get(key, '')}"


def sessions(rows: list[JsonObject], width: int) -> RenderableType:
    """Draw a list of sessions; the notes of one stand beneath it where room is short."""
    titles = ("ID", timed("Started"), "Kind", "Peer", "TLS", "Size", "Result")
    cells = [
        (
            visible(session.get("id", "")),
            short_time(session.get("started")),
            visible(session.get("kind", "")),
            visible(session.get("peer", "")),
            tls_version(session),
            octets(session.get("bytes")),
            session_result(session),
        )
        for session in rows
    ]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    lines: list[RenderableType] = [
        Text(_row(titles, widths), "bold"),
        Text("─" * min(sum(widths) + 12, width)),
    ]
    for session, row in zip(rows, cells, strict=True):
        style, said = result_style(session), session_notes(session)
        line = Text(_row(row[:-1], widths) + "  ").append(row[-1], style)
        lines.append(line)
        if not said:
            continue
        if len(line) + 2 + len(said) <= width:
            line.append(f": {said}", style)
        else:
            beneath = (0, 0, 0, widths[0] + 2)
            lines.append(Padding(Text(said, style), beneath, expand=False))
    return Group(*lines)


def session_line(session: JsonObject) -> Text:
    """Return one session that has ended as a line, for lists that grow."""
    parts = [
        f"{visible(session.get('id', '')):>5}",
        f"{visible(session.get('kind', '')):<12}",
        f"{visible(session.get('peer', '')):<15}",
        f"{tls_version(session):<4}",
        f"{octets(session.get('bytes')):>8}",
    ]
    line = Text("  ".join([f"{short_time(session.get('ended')):<8}", *parts]) + "  ")
    return line.append(outcome(session), _STYLES.get(str(session.get("result")), ""))


def transcript(session: JsonObject) -> RenderableType:
    """Draw the transcript of a session, with a bar beside the lines under TLS."""
    facts = [f"Session {session.get('id', '')}", session.get("kind"), session.get("peer")]
    facts += [encryption(session), session.get("auth"), outcome(session)]
    heading = Text(" · ".join(visible(fact) for fact in facts if fact), "bold")
    began = full_time(session.get("started"))
    table = Table.grid(padding=(0, 1))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    secured = False
    for line in objects(session, "transcript"):
        speaker, said = str(line.get("speaker", "-")), visible(line.get("text", ""))
        then = local_time(line.get("at"))
        clock = Text(f"{then:%H:%M:%S}.{then.microsecond // 1000:03d}" if then else "", "dim")
        style = _STYLES.get(speaker, "")
        begins = speaker == "-" and not secured and _TLS_BEGAN.match(said) is not None
        secured = secured or begins
        bar = Text("┏━" if begins else "┃ " if secured else "  ", "magenta")
        if begins:
            style = "bold magenta"
        mark = "--" if speaker == "-" else f"{speaker}:"
        table.add_row(clock, bar, Text(mark, f"bold {style}"), Text(said, style))
    return Group(heading, Text(f"began {began}", "dim") if began else Text(), Text(), table)


def certificate(described: JsonObject) -> RenderableType:
    """Draw the machine's certificate."""
    names = described.get("names")
    rows = [
        ("Subject", described.get("subject")),
        ("Names", ", ".join(map(str, names)) if isinstance(names, list) else names),
        ("Not before", full_time(described.get("not_before"))),
        ("Not after", full_time(described.get("not_after"))),
        ("Key", f"{described['bits']} bits" if described.get("bits") else None),
        ("SHA-256", described.get("sha256")),
    ]
    return pairs(
        [(label, Text(visible(value), overflow="fold")) for label, value in rows if value]
    )


def event_line(at: str, name: str, said: str, style: str = "") -> Text:
    """Return one line of `watch`."""
    return Text(f"{at:<8}  {visible(name):<8} ").append(visible(said), style)


def result_style(row: JsonObject) -> str:
    """Return the colour of a result."""
    return _STYLES.get(str(row.get("result")), "")


def title(answer: JsonObject) -> str:
    """Return the model's title and name."""
    name, title = visible(answer.get("model", "")), visible(answer.get("title") or "")
    return f"{title} ({name})" if title else name


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    """Return cells as a line; those of the number columns of sessions are flush right."""
    return "  ".join(
        cell.rjust(width) if at in (0, 5) else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=False))
    ).rstrip()


def _items(window: JsonObject) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, label, value and what is allowed of a window's items."""
    prefix = f"{window.get('key', '')}."
    for item in objects(window, "items"):
        key = visible(item.get("key", ""))
        yield (
            key if key.startswith(prefix) else prefix + key,
            visible(item.get("label", "")),
            _value(item),
            allowed(item.get("allowed")),
        )


def _value(item: JsonObject) -> str:
    if item.get("secret") and item.get("set") is False:
        return "(none)"
    return setting(item.get("value"), secret=bool(item.get("secret")))


def _wide(items: list[tuple[str, str, str, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold", style="bold")
    table.add_column(overflow="fold", style="dim")
    for key, label, value, range_ in items:
        table.add_row(label, key, value, range_)
    return table


def _narrow(items: list[tuple[str, str, str, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for key, label, value, range_ in items:
        table.add_row(Text(key), Text(value, "bold"))
        table.add_row(Text(f"  {label}", "dim"), Text(range_, "dim"))
    return table


def pairs(rows: list[tuple[str, Text]]) -> Table:
    """Return a table of labels and their values."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for label, value in rows:
        table.add_row(label, value)
    return table


def table(*columns: str | tuple[str, Literal["right"]]) -> Table:
    """Return a table with these columns; one marked with * is wrapped where room is short."""
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    for column in columns:
        title = column if isinstance(column, str) else column[0]
        table.add_column(
            title.removeprefix("*"),
            justify="left" if isinstance(column, str) else "right",
            no_wrap=not title.startswith("*"),
            overflow="fold",
        )
    return table


def truncated(text: object) -> Text:
    """Return text that is truncated, not wrapped, where room is short."""
    return Text(visible(text or ""), no_wrap=True, overflow="ellipsis")


def styled_result(row: JsonObject) -> Text:
    """Return a result with its code and what that means, in its colour."""
    return Text(explained_result(row), result_style(row))


def tls_version(session: JsonObject) -> str:
    """Return the version of TLS of a session, empty for plain text."""
    tls = session.get("tls")
    return (
        visible(tls.get("version", "")).removeprefix("TLS").lstrip(" v")
        if isinstance(tls, dict)
        else ""
    )
