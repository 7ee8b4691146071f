"""The command that sends: files go to the machine, and what becomes of them is shown as it happens."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from irsend.ctl.invocation import Invocation, machine_options
from irsend.ctl.refusals import REFUSED

if TYPE_CHECKING:
    from irsend.ctl.progress import Progress

_FORMATS = ("pdf", "tiff", "jpeg")


@click.command()
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
)
@click.option("--to", metavar="ADDRESS", multiple=True, required=True, help="Once or more.")
@click.option("--subject", metavar="TEXT", help="Else the machine's Default Subject.")
@click.option("--text", metavar="TEXT", help="Text in front of the pages.")
@click.option("--ifax", is_flag=True, help="As an I-Fax.")
@click.option("--full", is_flag=True, help="I-Fax in full mode: asks for a confirmation.")
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Of the attachment.")
@click.option("--resolution", metavar="DPI", help="Such as 200x200 or 300x300.")
@click.option("--paper", metavar="SIZE", help="Such as A4, A3 or LTR.")
@click.option("--smtp-user", metavar="TEXT", help="For Display Auth. Screen When Sending.")
@click.option("--smtp-password", metavar="TEXT", help="The same.")
@click.option("--no-wait", is_flag=True, help="Do not wait until the job has ended.")
@machine_options
@click.pass_context
def send(
    context: click.Context,
    /,
    files: tuple[Path, ...],
    to: tuple[str, ...],
    no_wait: bool,
    **words: Any,
) -> None:
    """Put FILEs on the glass (PDF, TIFF, PNG, JPEG) and send them.

    The exit status is 1 when the job ends as NG.
    """
    call = context.ensure_object(Invocation)
    fields = _fields(to, words)
    from irsend.ctl.progress import progress_of

    with contextlib.ExitStack() as opened, progress_of(call) as progress:
        pages = [(one.name, opened.enter_context(_open(one))) for one in files]
        with _scanning_shown(call, progress):
            job = call.machine.send_form("/api/send", fields, pages, progress.uploaded)
        if not no_wait and not job.get("ended"):
            job = _until_ended(call, job, progress)
    _tell(call, job)
    if job.get("result") == "NG":
        context.exit(REFUSED)


def _fields(to: tuple[str, ...], words: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {"to": list(to)}
    if words.pop("ifax"):
        fields["kind"] = "ifax"
    if words.pop("full"):
        fields["full"] = "on"
    names = {"form": "format", "smtp_user": "user", "smtp_password": "password"}
    for name, value in words.items():
        if value is not None:
            fields[names.get(name, name)] = value
    return fields


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None


@contextlib.contextmanager
def _scanning_shown(call: Invocation, progress: Progress) -> Iterator[None]:
    """Show each page that goes over the glass meanwhile, where somebody looks."""
    if not progress.seen:
        yield
        return
    from irsend.ctl.refusals import MachineRefused, NoMachine

    ended = threading.Event()

    def look() -> None:
        from irsend.ctl.events import follow

        with contextlib.suppress(MachineRefused, NoMachine), call.another_machine() as machine:
            for happened in follow(machine):
                if ended.is_set():
                    return
                if getattr(happened, "name", "") == "page":
                    progress.scanned(happened.value())  # type: ignore[union-attr]

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _until_ended(call: Invocation, job: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Follow the machine's events until the job has ended; return it then."""
    from irsend.ctl.events import Connected, Gone, follow

    number = job["number"]
    progress.sending(job)
    try:
        for happened in follow(call.machine):
            if isinstance(happened, Connected):
                # What came before is told by no event any more.
                job = call.machine.read_object(f"/api/jobs/{number}")
            elif isinstance(happened, Gone):
                continue
            else:
                value = happened.value()
                if happened.name == "job" and value.get("number") == number:
                    job = value
                elif happened.name == "session" and value.get("id") in job["sessions"]:
                    progress.sent(value.get("bytes") or 0)
            progress.sending(job)
            if job.get("ended"):
                return job
    except KeyboardInterrupt:
        progress.close()
        click.echo(f"Job {number} goes on; `irsendctl cancel {number}` gives it up.", err=True)
        raise
    return job


def _tell(call: Invocation, job: dict[str, Any]) -> None:
    if call.as_json:
        return call.output.json(job)
    from irsend.ctl import views
    from irsend.ctl.words import result

    number, pages = job.get("number"), job.get("pages")
    said = f"Job {number}: {result(job)}"
    if pages is not None:
        said += f", {pages} {'page' if pages == 1 else 'pages'}"
    if job.get("result") == "--":
        said += ", handed to the server"
    if job.get("reason"):
        said += f"; {str(job['reason']).rstrip('.')}"
    call.output.line(said, views.hue_of(job))
    recipients = job.get("recipients") or []
    if len(recipients) > 1:
        call.output.show(views.recipients(recipients))
    return None
