"""The commands for paper and what is printed on it: `paper` and `tray`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import click
from attrs import define, field

from irsend.ctl.command import command
from irsend.ctl.commands.read import MOST, print_newest
from irsend.ctl.errors import REFUSED, WRONG_USE, CannotSave, MachineRefused
from irsend.ctl.invocation import Invocation, job_number, machine_options, pass_invocation
from irsend.ctl.json_values import Json, JsonObject
from irsend.ctl.parameter_types import WholeNumber, Word

_PAPER = {"in": True, "out": False}
_NO_SUCH, _NOT_DRAWN = 404, 409
"""HTTP statuses that concern one document or a page of it."""

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
@click.argument("numbers", metavar="[NUMBER]...", nargs=-1, callback=_numbers)
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
            if not _concerns_one_document(error):
                raise
            print_error(str(error))
            status = REFUSED
    return answers, status


def _concerns_one_document(error: MachineRefused) -> bool:
    return (error.problem or {}).get("status") in (_NO_SUCH, _NOT_DRAWN)


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
    saving = _Saving(call, directory, dots)
    # Oldest first: after an interruption the newer ones are missing.
    for row in rows if numbers else reversed(rows):
        saving.save(row)
    if call.as_json:
        call.output.json(saving.saved)
    return max(status, saving.status)


@define(eq=False)
class _Saving:
    """Saves documents into a directory; keeps the list of files and the exit status."""

    call: Invocation
    directory: Path
    dots: int | None
    """Resolution of the page images; None: no page images."""
    saved: list[dict[str, object]] = field(factory=list)
    status: int = 0

    def save(self, document: JsonObject) -> None:
        """Save one document; a failure is printed, and does not stop the next."""
        number = str(document.get("number"))
        if not re.fullmatch(r"[0-9]{4}", number):
            # The number becomes the name of a file.
            raise self.call.machine.not_irsend("a document has no number of four digits")
        files: list[str] = []
        try:
            for name, path, media_type, query in self._parts(number, document):
                self._save_file(self.directory / name, path, media_type, query)
                files.append(str(self.directory / name))
        except CannotSave as error:
            self._report_failure(f"{error}.", WRONG_USE)
        except MachineRefused as error:
            if not _concerns_one_document(error):
                raise
            self._report_failure(str(error), REFUSED)
        if files:
            self.saved.append({"number": number, "files": files})

    def _parts(
        self, number: str, document: JsonObject
    ) -> Iterator[tuple[str, str, str, dict[str, object]]]:
        """Yield the files of a document: name, path at the machine, media type, query."""
        yield f"{number}.pdf", f"/api/tray/{number}.pdf", "application/pdf", {}
        if self.dots is not None:
            for page in range(1, int(str(document["pages"])) + 1):
                path = f"/api/tray/{number}/{page}.png"
                yield f"{number}-{page}.png", path, "image/png", {"dots": self.dots}

    def _save_file(
        self, file: Path, path: str, media_type: str, query: dict[str, object]
    ) -> None:
        from irsend.ctl.output_files import save

        with self.call.machine.file(path, media_type, **query) as octets:
            is_new = save(file, octets)
        if not self.call.as_json:
            said = f"Saved {file}" if is_new else f"{file} is there already."
            self.call.output.line(said)

    def _report_failure(self, sentence: str, status: int) -> None:
        from irsend.ctl.output import print_error

        print_error(sentence)
        self.status = max(self.status, status)
