"""The commands that read and change nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irsend.ctl.command import command
from irsend.ctl.completion import job_numbers, session_ids, windows
from irsend.ctl.errors import CannotSave, listed_by
from irsend.ctl.invocation import Invocation, job_number, machine_options, pass_invocation
from irsend.ctl.json_values import JsonObject
from irsend.ctl.parameter_types import WholeNumber, Word

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST = 10_000
"""The largest --limit, which is that of the HTTP interface."""
_TABLE_ROWS = 20
"""Rows of a table for people without --limit."""

_REPORTS = {"text": "text/plain", "csv": "text/csv", "pdf": "application/pdf"}
"""The forms of the communication report."""

SESSION_KINDS = ("smtp-receive", "pop-receive", "smtp-send")


@command(examples=("irsendctl status --history",))
@click.option(
    "--history", is_flag=True, help="What has stood on the status line, newest first."
)
@machine_options
@pass_invocation
def status(call: Invocation, history: bool) -> None:
    """Show the status line and what the machine is doing."""
    if history:
        return _print_history(call)
    answer = call.machine.read_object("/api/status")
    if "status_line" not in answer:
        raise call.machine.not_irsend("its status has no status line")
    if call.as_json:
        return call.output.json(answer)
    from irsend.ctl import views

    return call.output.show(views.status(answer))


def _print_history(call: Invocation) -> None:
    path = "/api/status/history"
    answer = call.machine.read(path)
    if call.as_json:
        return call.output.json(answer)
    from irsend.ctl import views

    entries = call.machine.objects_in(answer, path, "history")
    if not entries:
        return call.output.line("Nothing has stood on the status line yet.")
    return call.output.show(views.history(entries))


@command(examples=("irsendctl settings authent_encryption",))
@click.argument("window", required=False, shell_complete=windows)
@machine_options
@pass_invocation
def settings(call: Invocation, window: str | None) -> None:
    """Show the settings windows, or one WINDOW by its key (authent_encryption)."""
    wanted = (window or "").removeprefix("settings.")
    path = f"/api/settings/{_in_path(wanted)}" if wanted else "/api/settings"
    answer = call.machine.read_object(path)
    if call.as_json:
        return call.output.json(answer)
    from irsend.ctl import views

    # The answer may be the window itself.
    windows = (
        [answer] if "items" in answer else call.machine.objects_in(answer, path, "windows")
    )
    return call.output.show(views.settings(windows, call.output.width))


@command(examples=("irsendctl jobs --limit 5",))
@click.option("--limit", type=WholeNumber(1, MOST), help="At most so many, the newest.")
@machine_options
@pass_invocation
def jobs(call: Invocation, limit: int | None) -> None:
    """Show the jobs: what was received and sent, newest first."""
    answer = call.machine.read("/api/jobs", limit=limit)
    rows = call.machine.objects_in(answer, "/api/jobs", "jobs")
    if call.as_json:
        return call.output.json(answer)
    from irsend.ctl import job_views

    print_newest(call, rows, limit, job_views.jobs, "No jobs yet.")
    return None


@command(examples=("irsendctl job 5001",))
@click.argument("number", callback=job_number, shell_complete=job_numbers)
@machine_options
@pass_invocation
def job(call: Invocation, number: str) -> None:
    """Show the job NUMBER whole: its result and why, its recipients, its sessions.

    `irsendctl transcript` shows what was said in a session.
    """
    with listed_by("jobs"):
        answer = call.machine.read_object(f"/api/jobs/{number}")
    if call.as_json:
        return call.output.json(answer)
    from irsend.ctl import job_views

    return call.output.show(job_views.job_with_recipients(answer))


@command(examples=("irsendctl report --format pdf --save report.pdf",))
@click.option("--format", "form", type=Word(list(_REPORTS)), default="text", show_default=True)
@click.option(
    "--save",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save it there.",
)
@machine_options
@pass_invocation
def report(call: Invocation, form: str, file: Path | None) -> None:
    """Print the communication report; with --json its jobs.

    As pdf it is as the machine prints it, for --save FILE, a file or a pipe.
    """
    if call.as_json:
        if file is not None or form == "pdf":
            raise click.UsageError("--json does not go with --save, nor with --format pdf.")
        return call.output.json(call.machine.read("/api/jobs"))
    media_type = _REPORTS[form]
    if file is not None:
        return _save_report(call, file, form)
    if form != "pdf":
        return call.output.served(
            call.machine.read_text("/api/report", media_type, **_report_query(form))
        )
    if call.output.console.is_terminal:
        raise click.UsageError(
            "A PDF is nothing for a terminal; name a file with --save FILE, or redirect the output."
        )
    with call.machine.file("/api/report", media_type, **_report_query(form)) as octets:
        return call.output.octets(octets)


def _report_query(form: str) -> dict[str, str]:
    from irsend.ctl.formatting import in_utc

    return {"format": form, **({"clock": "utc"} if in_utc() else {})}


def _save_report(call: Invocation, file: Path, form: str) -> None:
    from irsend.ctl.output_files import save

    try:
        with call.machine.file("/api/report", _REPORTS[form], **_report_query(form)) as octets:
            is_new = save(file, octets)
    except CannotSave as error:
        raise click.UsageError(f"{error}.") from None
    return call.output.line(f"Saved {file}" if is_new else f"{file} is there already.")


@command(
    examples=(
        "irsendctl sessions --kind smtp-receive --result NG",
        "irsendctl sessions --follow",
    )
)
@click.option("--follow", "-f", is_flag=True, help="Go on with each session as it ends.")
@click.option("--kind", type=Word(SESSION_KINDS), help="Only of this kind.")
@click.option("--peer", help="Only with this peer.")
@click.option("--result", type=Word(("OK", "NG")), help="Only so ended.")
@click.option("--code", help="Only with this result code, such as 810.")
@click.option("--limit", type=WholeNumber(1, MOST), help="At most so many, the newest.")
@machine_options
@pass_invocation
def sessions(
    call: Invocation,
    follow: bool,
    limit: int | None,
    kind: str | None,
    peer: str | None,
    result: str | None,
    code: str | None,
) -> None:
    """List protocol sessions, newest first."""
    filters = {"kind": kind, "peer": peer, "result": result, "code": code}
    if code:
        filters["code"] = "#" + code.removeprefix("#")
    if follow:
        from irsend.ctl.event_lines import follow_sessions

        return follow_sessions(call, filters, 10 if limit is None else limit)
    answer = call.machine.read("/api/sessions", limit=limit, **filters)
    rows = call.machine.objects_in(answer, "/api/sessions", "sessions")
    if call.as_json:
        return call.output.json(answer)
    from irsend.ctl import views

    none = "No such sessions." if any(filters.values()) else "No sessions yet."
    width = call.output.width
    return print_newest(call, rows, limit, lambda shown: views.sessions(shown, width), none)


@command(examples=("irsendctl transcript 12",))
@click.argument("session_id", metavar="ID", type=WholeNumber(0), shell_complete=session_ids)
@click.option(
    "--plain", is_flag=True, help="Print the C: and S: lines as the machine serves them."
)
@machine_options
@pass_invocation
def transcript(call: Invocation, session_id: int, plain: bool) -> None:
    """Show what was said in the session ID."""
    path = f"/api/sessions/{session_id}"
    with listed_by("sessions"):
        if plain and not call.as_json:
            return call.output.served(call.machine.read_text(path, "text/plain"))
        answer = call.machine.read_object(path)
    if call.as_json:
        return call.output.json(answer)
    from irsend.ctl import views

    return call.output.show(views.transcript(answer))


def print_newest(
    call: Invocation,
    rows: list[JsonObject],
    limit: int | None,
    view: Callable[[list[JsonObject]], RenderableType],
    none: str,
) -> None:
    """Print rows as a table, without --limit the newest; `none` is printed for no rows."""
    if not rows:
        return call.output.line(none)
    shown = rows[: limit or _TABLE_ROWS]
    call.output.show(view(shown))
    if limit is None and len(shown) < len(rows):
        from irsend.ctl.output import print_error

        print_error(f"The newest {len(shown)}; --limit shows more.")
    return None


def _in_path(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
