"""The command that lets every model meet a mail server; it asks no machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irsend.ctl.command import command
from irsend.ctl.completion import assignments, model_names
from irsend.ctl.errors import REFUSED, CannotSave
from irsend.ctl.invocation import Invocation, json_option
from irsend.ctl.parameter_types import ReadableFile, Seconds, WholeNumber
from irsend.ctl.secret_input import secret
from irsend.extras import PANEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from irsend.probe.probe import Step

_OPTIONS = {"url": "URL", "to": "--to", "from": "--from", "user": "--user", "model": "--model"}
SECRET = "IRSEND_SECRET"
"""The environment variable with the password."""


@command(
    examples=(
        "irsendctl probe smtp://relay.example.com --to me@example.com --dry-run",
        "irsendctl probe smtp://relay.example.com:587 --to me@example.com --user me",
        "irsendctl probe pop3://mail.example.com --user me --model ir2270",
    )
)
@click.argument("url")
@click.option(
    "--to", "recipients", metavar="ADDRESS", multiple=True, help="Whom the mail is for."
)
@click.option("--from", "sender", metavar="ADDRESS", help="The sender; else --user, else --to.")
@click.option("--user", metavar="NAME", help="The login; its password is not an argument.")
@click.option(
    "--password-file",
    metavar="FILE",
    type=ReadableFile(stdin=True),
    help=f"Its one line is the password; else {SECRET}, else it is asked for.",
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=ReadableFile(),
    help="The access token, for models that know XOAUTH2.",
)
@click.option(
    "--model",
    "names",
    metavar="NAME",
    multiple=True,
    shell_complete=model_names,
    help="Only this model; may be repeated.",
)
@click.option(
    "--setting",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    shell_complete=assignments,
    help="A setting that all machines have; one that varies else is fixed.",
)
@click.option("--dry-run", is_flag=True, help="Stop before DATA: no mail is sent.")
@click.option(
    "--pause",
    metavar="SECONDS",
    type=Seconds(3600, zero=True),
    default=0.2,
    show_default=True,
    help="Between two connections.",
)
@click.option(
    "--timeout",
    "patience",
    metavar="SECONDS",
    type=WholeNumber(1, 3600),
    default=30,
    show_default=True,
    help="How long the server may take for one answer.",
)
@click.option(
    "--allow-clear",
    is_flag=True,
    help="Give the password in plain text where the model would.",
)
@click.option(
    "--trust",
    metavar="FILE",
    type=ReadableFile(),
    help="Root certificates, for settings that check the server's.",
)
@click.option(
    "--html",
    "page",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the report there, as one HTML file.",
)
@json_option
@click.pass_context
def probe(
    context: click.Context,
    url: str,
    recipients: tuple[str, ...],
    sender: str | None,
    user: str | None,
    password_file: Path | None,
    token_file: Path | None,
    names: tuple[str, ...],
    settings: tuple[str, ...],
    dry_run: bool,
    pause: float,
    patience: int,
    allow_clear: bool,
    trust: Path | None,
    page: Path | None,
) -> None:
    """Let each model send through the mail server at URL, or open a maildrop there.

    URL is smtp://HOST[:PORT], smtps://, pop3:// or pop3s://. Each model tries each of
    the settings that change what it does, one connection at a time. No machine is
    asked, and no configuration is read. Nothing is fetched or deleted by POP.

    Exit status: 0 every model passes, 1 one does not, 2 wrong use, 3 no server there.
    """
    from irsend.errors import SettingsRefused
    from irsend.probe.offers import NoServer
    from irsend.probe.program import run_probe
    from irsend.probe.reading import read_order, with_password

    call = context.ensure_object(Invocation)
    if page is not None and page.exists():
        raise click.UsageError(f"--html: {page} is there already; allowed: a new file")
    if password_file is not None and not user:
        raise click.UsageError("--password-file: whose password is it? Name --user too.")
    # Said before the mails are sent.
    lacking = PANEL.lacks("--html") if page is not None else ""
    if lacking:
        raise click.UsageError(lacking)
    given = _assignments(settings)
    try:
        order = read_order(
            url=url,
            to=recipients,
            sender=sender or "",
            user=user or "",
            token_file=str(token_file or ""),
            models=names,
            settings=given,
            dry_run=dry_run,
            pause=pause,
            patience=patience,
            allow_clear=allow_clear,
            trust=str(trust or ""),
        )
        if user:
            order = with_password(order, _password(user, password_file))
    except SettingsRefused as error:
        lines = [f"{_OPTIONS.get(one.key, one.key)}: {one.problem}" for one in error.refused]
        raise click.UsageError("\n".join(lines)) from None
    try:
        with _progress() as show:
            report = run_probe(order, show)
    except NoServer as error:
        from irsend.ctl.errors import NoMachine

        raise NoMachine(str(error)) from None
    if page is not None:
        _save(page, report)
    if call.as_json:
        from irsend.probe.document import report_document

        call.output.json(report_document(report))
    else:
        from irsend.ctl import probe_view

        call.output.show(probe_view.report(report, call.output.width))
    if not report.all_pass:
        context.exit(REFUSED)


def _assignments(settings: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for assignment in settings:
        key, equals, value = assignment.partition("=")
        key = key.strip()
        if not equals or not key:
            # What stands there may be a secret.
            raise click.UsageError(f"--setting: {key!r} is not allowed; allowed: KEY=VALUE")
        if key in values:
            raise click.UsageError(f"--setting: {key} is given twice")
        values[key] = value
    return values


def _password(user: str, file: Path | None) -> str:
    """Return the password: of the file, else of the environment, else as it is typed."""
    password = secret(
        f"Password of {user}", file=file, variable=SECRET, option="--password-file"
    )
    if not password and file is not None:
        raise click.UsageError(f"{file}: it is empty; allowed: the password")
    return password


@contextmanager
def _progress() -> Iterator[Callable[[Step], None]]:
    """Give a function that shows a step on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )
    task = bars.add_task("Probing", total=None)
    with bars:
        yield lambda step: bars.update(
            task, description=step.text, completed=step.done, total=step.of
        )


def _save(page: Path, report: object) -> None:
    from irsend.ctl.output_files import save
    from irsend.probe.outcome import Report
    from irsend.probe.page import report_page

    assert isinstance(report, Report)
    try:
        save(page, [report_page(report).encode("utf-8")])
    except CannotSave as error:
        raise click.UsageError(f"{error}.") from None
