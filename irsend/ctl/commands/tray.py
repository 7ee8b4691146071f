"""The commands for paper and what is printed on it: `paper` and `tray`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import click

from irsend.ctl.command import command
from irsend.ctl.commands.read import MOST, print_newest
from irsend.ctl.completion import document_numbers
from irsend.ctl.errors import REFUSED, MachineRefused
from irsend.ctl.invocation import Invocation, job_number, machine_options, pass_invocation
from irsend.ctl.json_values import Json
from irsend.ctl.parameter_types import WholeNumber, Word

_PAPER = {"in": True, "out": False}

T = TypeVar("T")


@command(examples=("irsendctl paper out",))
@click.argument("change", metavar="[in|out]", required=False, type=Word(list(_PAPER)))
@machine_options
@pass_invocation
def paper(call: Invocation, change: str | None) -> None:
    """Put paper into the drawer, or take it out; without in or out, say whether there is any.

    While there is none, what is received waits in memory; with the paper it is
    printed. Programs (--json) are given the machine's status.
    """
    status: Json
    if change is None:
        status = call.machine.read_object("/api/status")
    else:
        status = call.machine.ask("PUT", "/api/paper", {"paper": _PAPER[change]})
    if not isinstance(status, dict) or not isinstance(status.get("paper"), bool):
        raise call.machine.not_irsend("its status says nothing of paper")
    if call.as_json:
        return call.output.json(status)
    none = "There is no paper; what is received waits in memory."
    return call.output.line("There is paper." if status["paper"] else none)


def _numbers(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(dict.fromkeys(job_number(context, parameter, one) for one in values))


@command(examples=("irsendctl tray 5001", "irsendctl tray --save printed --png"))
@click.argument(
    "numbers",
    metavar="[NUMBER]...",
    nargs=-1,
    callback=_numbers,
    shell_complete=document_numbers,
)
@click.option("--limit", type=WholeNumber(1, MOST), help="At most so many, the newest.")
@click.option(
    "--save",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Save them there, each as NUMBER.pdf.",
)
@click.option("--png", is_flag=True, help="With --save: also each page, as NUMBER-PAGE.png.")
@click.option(
    "--dots", type=WholeNumber(10, 600), help="With --png: dots an inch (default 100)."
)
@click.option("--delete", is_flag=True, help="Take these documents out, for good.")
@machine_options
@click.pass_context
def tray(
    context: click.Context,
    numbers: tuple[str, ...],
    limit: int | None,
    directory: Path | None,
    png: bool,
    dots: int | None,
    delete: bool,
) -> None:
    """List the printed documents, newest first, or show those with these numbers in full.

    --save DIR saves all of them, or only those whose numbers are given. Nothing
    that is there already under such a name is overwritten.
    """
    call = context.ensure_object(Invocation)
    _check_use(numbers, limit, directory, png, dots, delete)
    if directory is not None:
        context.exit(_save(call, numbers, limit, directory, (dots or 100) if png else None))
    if delete:
        context.exit(_delete(call, numbers))
    if numbers:
        context.exit(_print_documents(call, numbers))
    answer = call.machine.read("/api/tray", limit=limit)
    rows = call.machine.objects_in(answer, "/api/tray", "documents")
    if call.as_json:
        return call.output.json(answer)
    from irsend.ctl import tray_views

    return print_newest(call, rows, limit, tray_views.documents, "The tray is empty.")


def _check_use(
    numbers: tuple[str, ...],
    limit: int | None,
    directory: Path | None,
    png: bool,
    dots: int | None,
    delete: bool,
) -> None:
    for wrong, why in (
        (delete and directory is not None, "--delete does not go with --save"),
        (delete and not numbers, "--delete needs the numbers of the documents"),
        (limit is not None and bool(numbers or delete), "--limit does not go with numbers"),
        (png and directory is None, "--png needs --save DIR"),
        (dots is not None and not png, "--dots needs --png"),
    ):
        if wrong:
            raise click.UsageError(f"{why}.")


def _print_documents(call: Invocation, numbers: tuple[str, ...]) -> int:
    rows, status = _request_each(
        numbers, lambda number: call.machine.read_object(f"/api/tray/{number}")
    )
    if call.as_json:
        call.output.json(rows)
    elif rows:
        from irsend.ctl import tray_views

        call.output.show(tray_views.document_details(rows))
    return status


def _delete(call: Invocation, numbers: tuple[str, ...]) -> int:
    def delete(number: str) -> str:
        call.machine.ask("DELETE", f"/api/tray/{number}")
        if not call.as_json:
            call.output.line(f"Document {number} is deleted.")
        return number

    gone, status = _request_each(numbers, delete)
    if call.as_json:
        call.output.json({"deleted": gone})
    return status


def _request_each(numbers: Iterable[str], ask: Callable[[str], T]) -> tuple[list[T], int]:
    """Make a request for each document, print which are missing; return answers and exit status."""
    from irsend.ctl.output import print_error

    answers, status = [], 0
    for number in numbers:
        try:
            answers.append(ask(number))
        except MachineRefused as error:
            if not error.concerns_one:
                raise
            print_error(str(error))
            status = REFUSED
    return answers, status


def _save(
    call: Invocation,
    numbers: tuple[str, ...],
    limit: int | None,
    directory: Path,
    dots: int | None,
) -> int:
    if numbers:
        rows, status = _request_each(
            numbers, lambda number: call.machine.read_object(f"/api/tray/{number}")
        )
    else:
        rows = call.machine.read_list("/api/tray", "documents", limit=limit or MOST)
        status = 0
        if not rows and not call.as_json:
            call.output.line("The tray is empty.")
    if rows:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.UsageError(f"{directory}: {error.strerror or error}") from None
    from irsend.ctl.document_saving import DocumentSaving

    saving = DocumentSaving(call, directory, dots)
    # Oldest first: after an interruption the newer ones are missing.
    for row in rows if numbers else reversed(rows):
        saving.save(row)
    if call.as_json:
        call.output.json(saving.saved)
    return max(status, saving.status)
