"""The command `send`: uploads files, and shows the progress of their job."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irsend.ctl.command import command
from irsend.ctl.errors import REFUSED, FileChanged, MachineRefused, NoMachine
from irsend.ctl.invocation import Invocation, machine_options
from irsend.ctl.json_values import JsonObject, objects, values
from irsend.ctl.parameter_types import ReadableFile, Word
from irsend.ctl.secret_input import ask, can_ask, read_secret_file
from irsend.wording import did_you_mean, joined_by_or, shown

if TYPE_CHECKING:
    from irsend.ctl.progress import Progress

# A test compares these with what the machine takes.
FORMATS = ("pdf", "tiff", "jpeg")
RESOLUTIONS = (
    *("100x100", "150x150", "200x100", "200x200", "200x400"),
    *("300x300", "400x400", "600x600"),
)
PAPERS = ("auto", "A4", "A3", "A5", "B4", "B5", "LTR", "LGL", "11X17")
OPTIONS = {
    "page": "FILE",
    "to": "--to",
    "subject": "--subject",
    "text": "--text",
    "kind": "--ifax",
    "full": "--full",
    "format": "--format",
    "resolution": "--resolution",
    "paper": "--paper",
    "user": "--smtp-user",
    "password": "--smtp-password",
}
"""The options by the names that the machine has for them."""

_PATIENCE = 3
"""For how many times --timeout the machine may be gone while irsendctl waits for the job."""


def _resolution(_: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Take 300 for 300x300."""
    if value is None:
        return None
    dots = (f"{value}x{value}" if value.isdigit() else value).lower()
    if dots not in RESOLUTIONS:
        raise click.BadParameter(
            f"{shown(value)} is not allowed; allowed: {joined_by_or(RESOLUTIONS)}, where one number "
            f"stands for both{did_you_mean(dots, RESOLUTIONS)}"
        )
    return dots


@command(
    examples=(
        "irsendctl send letter.pdf photo.jpg --to ir@bench.test",
        "irsendctl send fax.tiff --to ir@bench.test --ifax --full",
        "scanimage --format=png | irsendctl send - --to ir@bench.test",
    )
)
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=ReadableFile(stdin=True)
)
@click.option("--to", metavar="ADDRESS", multiple=True, required=True, help="Once or more.")
@click.option("--subject", metavar="TEXT", help="Else the machine's Default Subject.")
@click.option("--text", metavar="TEXT", help="Text in front of the pages.")
@click.option("--ifax", is_flag=True, help="As an I-Fax.")
@click.option("--full", is_flag=True, help="I-Fax in full mode: asks for a confirmation.")
@click.option(
    "--format",
    "form",
    type=Word(FORMATS),
    help="Of the attachment (default pdf; an I-Fax is TIFF).",
)
@click.option(
    "--resolution",
    metavar="DPI",
    callback=_resolution,
    help=f"{', '.join(RESOLUTIONS)}; or one number for both (default 200).",
)
@click.option(
    "--paper",
    metavar="SIZE",
    type=Word(PAPERS),
    help=f"{', '.join(PAPERS)} (default auto).",
)
@click.option("--smtp-user", metavar="TEXT", help="User for Display Auth. Screen When Sending.")
@click.option(
    "--smtp-password",
    metavar="TEXT",
    help="The password of --smtp-user, which ps shows; else --smtp-password-file, else "
    "IRSEND_SMTP_PASSWORD. A terminal is asked for it.",
)
@click.option(
    "--smtp-password-file",
    metavar="FILE",
    type=ReadableFile(),
    help="A file with that password.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until the job has ended.")
@machine_options
@click.pass_context
def send(
    context: click.Context,
    /,
    files: tuple[Path, ...],
    to: tuple[str, ...],
    no_wait: bool,
    smtp_password_file: Path | None,
    **words: str | bool | None,
) -> None:
    """Put FILEs on the glass (PDF, TIFF, PNG, JPEG) and send them; - is standard input.

    The exit status is 1 when the job ends as NG.
    """
    if words["full"] and not words["ifax"]:
        raise click.UsageError("--full needs --ifax: only an I-Fax is sent in full mode")
    if words["ifax"] and words["form"] == "pdf":
        raise click.UsageError("--format pdf is not allowed with --ifax: an I-Fax is TIFF")
    if words["ifax"] and words["form"] == "jpeg" and not words["full"]:
        raise click.UsageError("--format jpeg with --ifax needs --full: it asks for colour")
    call = context.ensure_object(Invocation)
    words["smtp_password"] = words["smtp_password"] or _smtp_password(
        smtp_password_file, asked_for=bool(words["smtp_user"])
    )
    fields = _fields(to, words)
    from irsend.ctl.input_files import open_original
    from irsend.ctl.progress import progress_of

    with contextlib.ExitStack() as kept, progress_of(call) as progress:
        pages = [kept.enter_context(open_original(one)) for one in files]
        try:
            with _scan_progress(call, progress):
                job = call.machine.send_form("/api/send", fields, pages, progress.uploaded)
        except FileChanged as error:
            raise click.UsageError(str(error)) from None
        except MachineRefused as error:
            raise _with_option_names(error) from None
        if not no_wait and not job.get("ended"):
            job = _wait_for_end(call, job, progress)
    _print_job(call, job)
    if job.get("result") == "NG":
        context.exit(REFUSED)


def _smtp_password(file: Path | None, *, asked_for: bool) -> str | None:
    """Return the password of --smtp-user; None where the machine is to use the one that is set."""
    if file is not None:
        return read_secret_file(file)
    given = os.environ.get("IRSEND_SMTP_PASSWORD")
    if given or not (asked_for and can_ask()):
        return given or None
    return ask("Password for --smtp-user (empty: the one that is set at the machine)") or None


def _fields(
    to: tuple[str, ...], words: dict[str, str | bool | None]
) -> dict[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {"to": list(to)}
    if words.pop("ifax"):
        fields["kind"] = "ifax"
    if words.pop("full"):
        fields["full"] = "on"
    names = {"form": "format", "smtp_user": "user", "smtp_password": "password"}
    for name, value in words.items():
        if isinstance(value, str):
            fields[names.get(name, name)] = value
    return fields


def _with_option_names(refusal: MachineRefused) -> MachineRefused:
    """Return the refusal with the names of options in it."""
    if refusal.problem is None or not (errors := objects(refusal.problem, "errors")):
        return refusal
    said = [f"{OPTIONS.get(str(one['key']), one['key'])}: {one['problem']}" for one in errors]
    return MachineRefused("\n".join(said), refusal.problem)


@contextlib.contextmanager
def _scan_progress(call: Invocation, progress: Progress) -> Iterator[None]:
    """Show each page that is scanned while the body runs, on a terminal."""
    if not progress.is_visible:
        yield
        return
    ended = threading.Event()

    def follow_scan() -> None:
        from irsend.ctl.events import ServerEvent, follow

        with contextlib.suppress(MachineRefused, NoMachine), call.another_machine() as machine:
            for event in follow(machine, call.pause):
                if ended.is_set():
                    return
                if isinstance(event, ServerEvent) and event.name == "page":
                    progress.scanned(event.value())

    threading.Thread(target=follow_scan, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _wait_for_end(call: Invocation, job: JsonObject, progress: Progress) -> JsonObject:
    """Follow the machine's events until the job has ended; return it then."""
    from irsend.ctl.events import Connected, Disconnected, follow

    number = job["number"]
    progress.accepted(job)
    try:
        for event in follow(call.machine, call.pause, patience=_PATIENCE * call.timeout):
            if isinstance(event, Connected):
                # No event repeats what came before. If the machine is gone again already,
                # the stream reports it.
                with contextlib.suppress(NoMachine):
                    job = call.machine.read_object(f"/api/jobs/{number}")
            elif isinstance(event, Disconnected):
                continue
            elif isinstance(value := event.value(), dict):
                if event.name == "job" and value.get("number") == number:
                    job = value
                elif event.name == "session" and value.get("id") in values(job, "sessions"):
                    octets = value.get("bytes")
                    progress.sent(octets if isinstance(octets, int) else 0)
            progress.sending(job)
            if job.get("ended"):
                return job
    except KeyboardInterrupt:
        progress.close()
        click.echo(f"Job {number} goes on; `irsendctl cancel {number}` gives it up.", err=True)
        raise
    except (NoMachine, MachineRefused) as error:
        error.args = (
            f"{error}\nJob {number} was accepted, and goes on when the machine does; "
            f"`irsendctl job {number}` tells of it.",
        )
        raise
    return job


def _print_job(call: Invocation, job: JsonObject) -> None:
    if call.as_json:
        return call.output.json(job)
    from irsend.ctl import job_views, views
    from irsend.ctl.formatting import explained_result

    number, pages = job.get("number"), job.get("pages")
    said = f"Job {number}: {explained_result(job)}"
    if pages is not None:
        said += f", {pages} {'page' if pages == 1 else 'pages'}"
    reason = str(job.get("reason") or "").rstrip(".")
    if job.get("result") == "--":
        said += f", {reason or 'handed to the server'}"
    elif reason:
        said += f"; {reason}"
    call.output.line(said, views.result_style(job))
    recipients = objects(job, "recipients")
    if len(recipients) > 1:
        call.output.show(job_views.recipients(recipients))
    return None
