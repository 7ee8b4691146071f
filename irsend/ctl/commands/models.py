"""`irsendctl models`: the models that irsend comes with, and files of one's own. Needs no machine.

irsend.device is imported when a command runs, so that --help is fast.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irsend.ctl.command import Commands
from irsend.ctl.completion import model_names
from irsend.ctl.errors import DONE, REFUSED, NoMachine
from irsend.ctl.invocation import Invocation, machine_options, pass_invocation
from irsend.ctl.json_values import JsonObject
from irsend.ctl.parameter_types import ReadableFile

if TYPE_CHECKING:
    from irsend.ctl.model_check import Support
    from irsend.device import Model


class _NameOrCommand(Commands):
    """A group whose first argument may be the name of a model as well as a command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            return "show", _show, args
        return super().resolve_command(ctx, args)

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem[str]]:
        names = (
            [] if incomplete.startswith("-") else model_names(ctx, _show.params[0], incomplete)
        )
        return [*super().shell_complete(ctx, incomplete), *names]

    def invoke(self, ctx: click.Context) -> Any:
        # Without a name the models are listed.
        return click.Group.invoke(self, ctx)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[OPTIONS] [NAME | COMMAND ...]")


@click.group(cls=_NameOrCommand)
@machine_options
@pass_invocation
@click.pass_context
def models(context: click.Context, call: Invocation) -> None:
    """List the models that a machine can be, or show the one called NAME.

    NAME may be the path of a model file. A machine is asked for its list only where --url
    or IRSEND_URL names one.
    """
    if context.invoked_subcommand is not None:
        return None
    rows = _known(call)
    if call.as_json:
        return call.output.json(rows)
    from irsend.ctl import model_views

    return call.output.show(model_views.models(rows, call.output.width))


@models.command("show")
@click.argument("name")
@machine_options
@pass_invocation
def _show(call: Invocation, name: str) -> None:
    """Show the model NAME."""
    found = [row for row in _known(call) if row.get("name") == name]
    model = found[0] if found else _describe(_load(name))
    if call.as_json:
        return call.output.json(model)
    from irsend.ctl import model_views

    return call.output.show(model_views.model(model))


@models.command(examples=("irsendctl models check mine.toml",))
@click.argument("path", metavar="FILE", type=ReadableFile())
@machine_options
@pass_invocation
def check(call: Invocation, path: Path) -> int:
    """Check the model file FILE: say that it is right, or each thing that is wrong with it.

    Exit status: 0 it is right, 1 it is not.
    """
    from irsend.ctl.output import print_error
    from irsend.device.model import load_model_file
    from irsend.errors import ModelError

    try:
        model = load_model_file(str(path))
        support = _support(path, model)
    except ModelError as error:
        problems = str(error).splitlines()
        if call.as_json:
            call.output.json({"file": str(path), "right": False, "problems": problems})
        else:
            print_error(str(error))
        return REFUSED
    if call.as_json:
        call.output.json(
            {
                "file": str(path),
                "right": True,
                "problems": [],
                "warnings": list(model.warnings),
                "openssl_lacks": list(support.lacks),
                "model": _describe(model),
            }
        )
        return DONE
    call.output.line(f"{path} is right: {model.called}.")
    for sentence in (*model.warnings, _standings(model), str(support)):
        if sentence:
            call.output.line(sentence)
    return DONE


def _support(path: Path, model: Model) -> Support:
    """Return what OpenSSL lacks of a model; ModelError where a list, or the account of sources, is wrong."""
    from irsend.ctl.model_check import support_for
    from irsend.device.model_file import located
    from irsend.errors import ModelError, ValueRefused

    problems = list(model.provenance.problems())
    try:
        support = support_for(model)
    except ValueRefused as error:
        problems.append(error)
    if problems:
        raise ModelError(located(str(path), path.read_text("utf-8"), problems))
    return support


@models.command(examples=("irsendctl models new --from session.txt --name hp-m479",))
@click.option(
    "--from", "transcript", metavar="FILE", required=True, type=ReadableFile(stdin=True),
    help="The record of one SMTP session of the machine; - for standard input.",
)  # fmt: skip
@click.option(
    "--pcap", metavar="FILE", type=ReadableFile(),
    help="A packet capture of the same session: for its TLS hello, and its line ends.",
)  # fmt: skip
@click.option("--name", default="draft", help="What the model is called (default: draft).")
@machine_options
@pass_invocation
def new(call: Invocation, transcript: Path, pcap: Path | None, name: str) -> int:
    """Print a first draft of a model file, from a recorded session of a real machine.

    The record is a transcript with C: and S: lines, or the output of swaks, curl -v or
    msmtp -v, or a mail server's log in such a form.
    """
    from irsend.ctl.output import print_error
    from irsend.device.model_description import describe_model
    from irsend.errors import ModelError
    from irsend.model_draft.capture import NoCapture, read_capture
    from irsend.model_draft.draft import draft_model
    from irsend.model_draft.recorded_session import NoSession, read_transcript

    try:
        with click.open_file(str(transcript), "r", encoding="utf-8", errors="replace") as file:
            session = read_transcript(file.read())
        text, model = draft_model(name, session, read_capture(pcap) if pcap else None)
    except NoSession as error:
        print_error(f"{transcript}: {error}")
        return REFUSED
    except (NoCapture, ModelError) as error:
        print_error(str(error))
        return REFUSED
    if call.as_json:
        call.output.json({"file": text, "model": describe_model(model)})
    else:
        call.output.raw(text)
    return DONE


def _standings(model: Model) -> str:
    from irsend.device.model_sources import ABOUT_THE_FILE, STANDINGS

    provenance = model.provenance
    if not provenance.sources and not provenance.assumed:
        return (
            "It names no sources: [[sources]] and assumed say how far each key can be trusted."
        )
    counted = Counter(
        provenance.standing_of(key) for key in provenance.stated if key not in ABOUT_THE_FILE
    )
    said = [f"{counted[standing]} {standing}" for standing in STANDINGS if counted[standing]]
    number = len(provenance.sources)
    sources = "1 source" if number == 1 else f"{number} sources"
    return f"{counted.total()} keys, {sources}: {', '.join(said)}."


def _known(call: Invocation) -> list[JsonObject]:
    """Return the models: of a machine that was named, else those that irsend comes with."""
    if not call.url and not os.environ.get("IRSEND_URL"):
        return _own()
    try:
        answer = call.machine.read("/api/models")
    except NoMachine as error:
        if call.url:
            raise
        from irsend.ctl.output import print_error

        print_error(f"{error} These are the models that irsendctl comes with.")
        return _own()
    return call.machine.objects_in(answer, "/api/models", "models")


def _own() -> list[JsonObject]:
    from irsend.device.model import load_model, model_names

    return [_describe(load_model(name)) for name in model_names()]


def _describe(model: Model) -> JsonObject:
    from irsend.device.model_description import describe_model

    return describe_model(model)


def _load(name: str) -> Model:
    from irsend.device.model import load_model
    from irsend.errors import ModelError

    try:
        return load_model(name)
    except ModelError as error:
        raise click.UsageError(str(error)) from None
