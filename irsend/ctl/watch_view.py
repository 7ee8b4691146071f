"""The screen of `watch`: the status line in a frame; sessions, jobs and documents beneath it."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from irsend.ctl.formatting import (
    explained_codes,
    octets,
    outcome,
    result,
    short_time,
    visible,
    zone_name,
)
from irsend.ctl.json_values import JsonObject, objects, values
from irsend.ctl.machine_state import MachineState, Row
from irsend.ctl.views import (
    WIDE,
    memory,
    result_style,
    title,
    tls_version,
    truncated,
)

_FIXED = 6
"""Lines of fixed height: header, framed status line, memory and paper, footer."""
_SHARES = (("sessions", 5), ("jobs", 4), ("printed", 3))
"""The lists in order, and the share of the remaining lines that each gets."""
_LEAST = 3
"""Lines that a list has at least: its caption, and two rows."""
NARROW = 70
"""Columns below which a row has only its main cells."""
_BAR = 20
_STATES = {"ready": "green", "stopped": "bold red", "gone": "bold yellow"}
"""Styles of states; in all others the machine is busy."""


def render(state: MachineState, width: int, height: int) -> RenderableType:
    """Draw the state in so many columns and lines."""
    lines: list[RenderableType] = [
        _header(state),
        _status_line(state, width),
        _memory_and_paper(state, width),
    ]
    drawn = {"sessions": _sessions, "jobs": _jobs, "printed": _printed}
    for name, room in _heights(height - _FIXED).items():
        lines.append(drawn[name](state, room - 1, width))
    return Group(*lines, _footer(state))


def _heights(left: int) -> dict[str, int]:
    """Return how many lines each list gets; one for which there is no room is left out."""
    shares = list(_SHARES)
    while shares and left < _LEAST * len(shares):
        shares.pop()
    rooms = {}
    for at, (name, share) in enumerate(shares):
        room = max(_LEAST, left * share // sum(one for _, one in shares[at:]))
        rooms[name] = room
        left -= room
    return rooms


def _header(state: MachineState) -> RenderableType:
    doing = "gone" if state.gone else str(state.status.get("state") or "")
    said = Text(f"● {visible(doing)}", _STATES.get(doing, "bold cyan"))
    return _left_and_right(Text(title(state.status), "bold"), said)


def _status_line(state: MachineState, width: int) -> RenderableType:
    line, since = state.status.get("status_line"), short_time(state.status.get("since"))
    said, style = Text("The status line is empty.", "dim"), "dim"
    if line:
        said, style = Text(visible(line), "bold red"), "red"
    if state.gone:
        said, style = Text("The machine is gone; it showed: ", "bold yellow"), "yellow"
        said.append(visible(line or ""), "dim red")
        if not line:
            said = Text("The machine is gone.", "bold yellow")
    beside = Text(f"since {since}" if line and since else "", "dim")
    if said.cell_len + beside.cell_len > width - 5:
        # The text matters more than its time.
        beside = Text()
    return Panel(_left_and_right(said, beside), box=box.ROUNDED, border_style=style, height=3)


def _memory_and_paper(state: MachineState, width: int) -> RenderableType:
    status = state.status
    said = Text()
    if isinstance(fields := status.get("memory"), dict):
        if width >= 60:
            said.append("Memory ", "dim").append_text(_bar(fields)).append(" ")
        said.append_text(memory(fields))
    paper = Text()
    if "paper" in status:
        paper = Text("Paper loaded") if status["paper"] else Text("No paper", "bold red")
    return _left_and_right(said, paper)


def _bar(fields: JsonObject) -> Text:
    used, capacity = fields.get("used"), fields.get("capacity")
    part = (
        used / capacity
        if isinstance(used, int) and isinstance(capacity, int) and capacity
        else 0
    )
    full = min(_BAR, max(round(part * _BAR), 1 if part > 0 else 0))
    style = "red" if part >= 0.95 else "green"
    return Text("█" * full, style).append("░" * (_BAR - full), "dim")


def _sessions(state: MachineState, rows: int, width: int) -> RenderableType:
    under_way, ended = state.under_way, state.ended
    peer = 15 if width < WIDE else 40
    drawn = _grid(("", 0), (">", 4), ("", 12), ("", peer), ("", 4), (">", 7), ("*", 0))
    if width < NARROW:
        drawn = _grid(("", 0), (">", 4), ("*", 0), ("*", 0))
    for one in [*under_way, *ended][:rows]:
        over = bool(one.get("ended"))
        middle = [truncated(one.get("kind")), truncated(one.get("peer"))]
        middle += [Text(tls_version(one)), Text(octets(one.get("bytes")) if over else "")]
        drawn.add_row(
            short_time(one.get("ended") or one.get("started")),
            truncated(one.get("id")),
            *(middle[1:2] if width < NARROW else middle),
            Text(outcome(one), result_style(one) if over else "bold cyan"),
        )
    count = f"{len(under_way)} under way" if under_way else ""
    return _list("Sessions", count, drawn, rows)


def _jobs(state: MachineState, rows: int, width: int) -> RenderableType:
    drawn = _documents(width)
    for one in state.jobs[:rows]:
        party, more = one.get("party"), len(objects(one, "recipients")) - 1
        way = truncated(f"{one.get('direction', '')} {one.get('kind', '')}")
        if more > 0 and one.get("direction") == "tx":
            party = f"{party} +{more}"
        at = one.get("ended") or one.get("started")
        _add_row(drawn, one, at, way, party, _job_result(one))
    open_ones = sum(1 for one in state.jobs if not one.get("ended"))
    return _list("Jobs", f"{open_ones} not ended" if open_ones else "", drawn, rows)


def _printed(state: MachineState, rows: int, width: int) -> RenderableType:
    drawn = _documents(width)
    for one in state.documents[:rows]:
        codes = Text(visible(" ".join(map(str, values(one, "codes")))), "red")
        _add_row(drawn, one, one.get("printed"), Text(), one.get("from"), codes)
    return _list("Printed", "", drawn, rows)


def _documents(width: int) -> Table:
    """Return a table for jobs and documents, so that their columns are aligned."""
    if width < NARROW:
        return _grid(("", 0), ("", 4), ("*", 0), ("", 9))
    return _grid(("", 0), ("", 4), ("", 8), ("*", 0), ("*", 0), (">", 4), ("", 9))


def _add_row(
    table: Table, one: Row, at: object, way: Text, party: object, ending: Text
) -> None:
    pages = one.get("pages")
    # Where something is wrong, what matters more than the subject.
    codes = "; ".join(explained_codes(one)) if "codes" in one else one.get("code_text")
    about = truncated(codes or one.get("subject"))
    if codes:
        about.stylize("red")
    cells = [way, truncated(party), about]
    cells.append(Text("" if pages is None else f"{visible(pages)} p"))
    middle = cells if len(table.columns) > 4 else cells[1:2]
    table.add_row(short_time(at), truncated(one.get("number")), *middle, ending)


def _job_result(job: Row) -> Text:
    said = Text(result(job), result_style(job))
    if not job.get("ended"):
        said.stylize("bold cyan")
    return said


def _list(caption: str, count: str, rows: Table, room: int) -> RenderableType:
    """Draw a list with its caption, padded to this many rows."""
    head = Text(caption, "bold").append(f"  {count}" if count else "", "cyan")
    body: RenderableType = rows if rows.row_count else Text("   none yet", "dim")
    empty = room - max(1, rows.row_count)
    return Group(Rule(head, align="left", style="dim"), body, *[Text()] * empty)


def _footer(state: MachineState) -> RenderableType:
    if state.gone:
        return truncated(f"Waiting for it to come back: {state.gone}")
    beside = Text(f"Times are {zone_name()} · Ctrl-C ends it", "dim")
    return _left_and_right(Text(visible(state.url), "dim"), beside)


def _left_and_right(left: Text, right: Text) -> Table:
    """Put two texts at the ends of a line; the left one is truncated where room is short."""
    both = Table.grid(expand=True, padding=(0, 1, 0, 0), pad_edge=False)
    both.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    both.add_column(no_wrap=True, justify="right", min_width=right.cell_len)
    both.add_row(left, right)
    return both


def _grid(*columns: tuple[str, int]) -> Table:
    """Return a table of columns of these widths, 0 as wide as what stands there.

    One marked > is flush right, and those with * share what is left of the line.
    """
    grid = Table.grid(expand=True, padding=(0, 1))
    for mark, width in columns:
        grid.add_column(
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if mark == ">" else "left",
            ratio=1 if mark == "*" else None,
            width=width or None,
        )
    return grid
