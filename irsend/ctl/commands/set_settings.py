"""The command `set`: changes settings; secrets come from a file, the environment or the terminal."""

from __future__ import annotations

from pathlib import Path

import click

from irsend.ctl.command import command
from irsend.ctl.completion import assignments, secret_keys
from irsend.ctl.invocation import Invocation, machine_options, pass_invocation
from irsend.ctl.json_values import JsonObject, objects
from irsend.ctl.parameter_types import ReadableFile
from irsend.ctl.secret_input import secret
from irsend.wording import joined_by_or, nearest, no_such, shown

_VARIABLE = "IRSEND_SECRET"


@command(
    "set",
    examples=(
        "irsendctl set authent_encryption.allow_ssl_pop=on email_ifax.pop_interval=5",
        "irsendctl set --set-secret email_ifax.pop_password",
        "irsendctl set --set-secret email_ifax.pop_password --secret-file password.txt",
    ),
)
@click.argument("assignments", metavar="[KEY=VALUE]...", nargs=-1, shell_complete=assignments)
@click.option(
    "--set-secret",
    "secrets",
    metavar="KEY",
    multiple=True,
    shell_complete=secret_keys,
    help="Set a password: from --secret-file, else from IRSEND_SECRET, else a terminal is "
    "asked for it.",
)
@click.option(
    "--secret-file",
    "file",
    metavar="FILE",
    type=ReadableFile(stdin=True),
    help="A file with the secret; - is standard input.",
)
@machine_options
@pass_invocation
def set_(
    call: Invocation,
    assignments: tuple[str, ...],
    secrets: tuple[str, ...],
    file: Path | None,
) -> None:
    """Change settings, all or none.

    KEY is one such as authent_encryption.allow_ssl_pop; `irsendctl settings`
    shows them all with the values they take. What stands on the command line can
    be read with ps by every user of this host: a password is better set by
    --set-secret.
    """
    values = _assigned(assignments)
    keys = [key.strip().removeprefix("settings.") for key in secrets]
    for key in keys:
        if key in values or keys.count(key) > 1:
            raise click.UsageError(f"{key} is given twice")
    if not values and not keys:
        raise click.UsageError("nothing is to be set; allowed: KEY=VALUE, or --set-secret KEY")
    if file is not None and len(keys) != 1:
        raise click.UsageError("--secret-file goes with one --set-secret KEY")
    values |= _read_secrets(call, keys, file)
    answer = call.machine.ask("PATCH", "/api/settings", values)
    if call.as_json:
        return call.output.json({} if answer is None else answer)
    from irsend.ctl import views

    # Read again, so that the values shown are those that the machine now has.
    windows = call.machine.read_list("/api/settings", "windows")
    for line in views.changed(windows, values):
        call.output.line(line)
    return None


def _assigned(assignments: tuple[str, ...]) -> dict[str, str]:
    """Return the values by key; UsageError where one is no assignment."""
    values: dict[str, str] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        key = key.strip().removeprefix("settings.")
        if not equals or not key:
            near = ""
            if len(assignments) == 2 and not any("=" in one for one in assignments):
                near = f"; did you mean {'='.join(assignments)}?"
            raise click.UsageError(
                f"{shown(assignment)} is not allowed; allowed: KEY=VALUE{near}"
            )
        if key in values:
            raise click.UsageError(f"{key} is given twice")
        values[key] = value
    return values


def _read_secrets(call: Invocation, keys: list[str], file: Path | None) -> dict[str, str]:
    """Return the secrets by key; nothing is asked before the machine has said that they are secrets."""
    if not keys:
        return {}
    windows = call.machine.read_list("/api/settings", "windows")
    items = {str(item["key"]): item for window in windows for item in objects(window, "items")}
    for key in keys:
        _check_secret(key, items)
    values = {}
    for key in keys:
        what = f"{items[key].get('label')} ({key})"
        values[key] = secret(what, file=file, variable=_VARIABLE, option="--secret-file")
        if not values[key]:
            raise click.UsageError(
                f"{key}: nothing was given; `irsendctl set {key}=` takes the password away"
            )
    return values


def _check_secret(key: str, items: dict[str, JsonObject]) -> None:
    secrets = [name for name, item in items.items() if item.get("secret")]
    if key not in items:
        near = nearest(key, secrets) or nearest(key, items)
        otherwise = f"; secrets are {' and '.join(secrets)}"
        raise click.UsageError(f"{key}: {no_such('setting', near, otherwise)}")
    if key not in secrets:
        raise click.UsageError(
            f"{key} is no secret: set it by KEY=VALUE; allowed for --set-secret: "
            f"{joined_by_or(secrets)}"
        )
