"""The commands for received mail: `mails` and `mail`."""

from __future__ import annotations

from pathlib import Path

import click

from irsend.ctl.command import command
from irsend.ctl.commands.read import MOST, print_newest
from irsend.ctl.completion import mail_ids
from irsend.ctl.errors import CannotSave, listed_by
from irsend.ctl.filters import MAIL_FILTERS, filters, query_of
from irsend.ctl.invocation import Invocation, machine_options, pass_invocation
from irsend.ctl.json_values import JsonObject, objects
from irsend.ctl.parameter_types import WholeNumber

_ID = WholeNumber(0)


@command(
    examples=(
        "irsendctl mails --to scan@bench.test --since 14:00",
        "irsendctl mails --subject invoice --limit 5",
    )
)
@filters(MAIL_FILTERS)
@click.option("--limit", type=WholeNumber(1, MOST), help="At most so many, the newest.")
@click.option(
    "--before", metavar="ID", type=_ID, help="Only mails older than the one with this ID."
)
@machine_options
@pass_invocation
def mails(
    call: Invocation, /, limit: int | None, before: int | None, **given: str | int | None
) -> None:
    """List the received mails, newest first.

    Mails that wait for paper are among them, and printed ones for as long as they
    are kept. Texts are found anywhere, in capitals or small letters.
    """
    query = query_of(given)
    answer = call.machine.read("/api/mails", limit=limit, before=before, **query)
    rows = call.machine.objects_in(answer, "/api/mails", "mails")
    if call.as_json:
        return call.output.json(answer)
    from irsend.ctl import mail_views

    none = "No such mails." if query or before is not None else "No mails yet."
    return print_newest(call, rows, limit, mail_views.mails, none)


@command(
    examples=(
        "irsendctl mail 7",
        "irsendctl mail 7 --raw > scan.eml",
        "irsendctl mail 7 --part 2 --output scan.pdf",
    )
)
@click.argument("mail_id", metavar="ID", type=_ID, shell_complete=mail_ids)
@click.option("--headers", is_flag=True, help="All header fields, in their order.")
@click.option("--raw", is_flag=True, help="Write the octets of the mail as they came.")
@click.option(
    "--part", metavar="N", type=WholeNumber(1, 99_999), help="Write this part of it, decoded."
)
@click.option(
    "--output",
    "-o",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --raw or --part: save it there; another file of that name is left as it is.",
)
@click.option(
    "--delete", is_flag=True, help="Delete it, for good; if it waits, it is not printed."
)
@machine_options
@pass_invocation
def mail(
    call: Invocation,
    mail_id: int,
    headers: bool,
    raw: bool,
    part: int | None,
    file: Path | None,
    delete: bool,
) -> None:
    """Show the mail ID, as `irsendctl mails` lists it: its head, its text and its attachments."""
    chosen = [
        name
        for name, given in (
            ("--headers", headers),
            ("--raw", raw),
            ("--part", part is not None),
            ("--delete", delete),
        )
        if given
    ]
    if len(chosen) > 1:
        raise click.UsageError(f"{chosen[0]} does not go with {chosen[1]}")
    if file is not None and not (raw or part is not None):
        raise click.UsageError("--output needs --raw or --part N")
    if call.as_json and (raw or part is not None):
        raise click.UsageError(f"--json does not go with {chosen[0]}")
    with listed_by("mails" if part is None else f"mail {mail_id}"):
        if raw or part is not None:
            _write_octets(call, mail_id, part, file)
        elif delete:
            _delete(call, mail_id)
        else:
            _print_mail(call, call.machine.read_object(f"/api/mails/{mail_id}"), headers)


def _write_octets(call: Invocation, mail_id: int, part: int | None, file: Path | None) -> None:
    """Write the source of a mail, or a part of it."""
    path = f"/api/mails/{mail_id}"
    if part is None:
        return _write(call, f"{path}/raw", "message/rfc822", file)
    if file is None and call.output.console.is_terminal:
        _check_for_terminal(call.machine.read_object(path), part)
    return _write(call, f"{path}/parts/{part}", "*/*", file)


def _delete(call: Invocation, mail_id: int) -> None:
    call.machine.ask("DELETE", f"/api/mails/{mail_id}")
    if call.as_json:
        return call.output.json({"deleted": [mail_id]})
    return call.output.line(f"Mail {mail_id} is deleted.")


def _print_mail(call: Invocation, answer: JsonObject, headers: bool) -> None:
    if call.as_json:
        return call.output.json(answer)
    from irsend.ctl import mail_views

    drawn = mail_views.header_fields if headers else mail_views.head
    call.output.show(drawn(answer))
    call.output.line("")
    # Line by line, so that a pipe gets each as it stands in the mail.
    for line in mail_views.text_lines(answer):
        call.output.line(line)
    if attached := objects(answer, "attachments"):
        call.output.line("")
        call.output.show(mail_views.attachments(attached))
    return None


def _write(call: Invocation, path: str, media_type: str, file: Path | None) -> None:
    """Write a file of the machine to standard output, or save it."""
    if file is None:
        with call.machine.file(path, media_type) as octets:
            if not call.output.console.is_terminal:
                return call.output.octets(octets)
            text = b"".join(octets).decode("utf-8", "replace")
        # What a sender has written must not steer the terminal.
        for line in text.splitlines():
            call.output.line(line)
        return None
    from irsend.ctl.output_files import save

    try:
        with call.machine.file(path, media_type) as octets:
            is_new = save(file, octets)
    except CannotSave as error:
        raise click.UsageError(f"{error}.") from None
    return call.output.line(f"Saved {file}" if is_new else f"{file} is there already.")


def _check_for_terminal(answer: JsonObject, number: int) -> None:
    """Raise UsageError for a part that is no text: it would steer the terminal."""
    for part in objects(answer, "parts"):
        kind = str(part.get("type") or "")
        if part.get("part") == number and not kind.startswith("text/"):
            raise click.UsageError(
                f"part {number} is {kind or 'no text'}, which is nothing for a terminal; name a "
                "file with --output FILE, or redirect the output"
            )
