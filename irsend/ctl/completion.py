"""Shell completion: what may stand for the value of an argument. Nothing is printed where it fails.

Click makes the scripts of the shells and calls these functions. Words of irsend itself are
read here; numbers of jobs, sessions, documents and mails are asked of the machine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import click

from irsend.ctl.errors import MachineRefused, NoMachine, PasswordNeeded, WrongURL
from irsend.ctl.invocation import Invocation
from irsend.ctl.json_values import JsonObject

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Items = list[CompletionItem[str]]

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_IRSENDCTL_COMPLETE"
_MOST = "30"
"""Numbers of jobs, sessions, documents and mails that are offered: the newest."""
_SECONDS = 2.0
"""How long the machine may take for them."""
# Behind KEY= the value follows without a space.
_BASH_WITHOUT_SPACE = """\
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace

    return 0
"""


def script(program: click.Command, shell: str) -> str:
    """Return the script that makes a shell complete the command line of a program."""
    from click.shell_completion import BashComplete, ShellComplete, get_completion_class

    made_by = get_completion_class(shell)
    assert made_by is not None  # click knows all of SHELLS
    maker = made_by(program, {}, "irsendctl", _VARIABLE)
    # Bash's own runs bash to look at its version, and warns: every bash since 4.4 will do.
    source = ShellComplete.source(maker)
    if made_by is BashComplete:
        source = source.replace("    return 0\n", _BASH_WITHOUT_SPACE, 1)
    return source


def _item(value: object, help: str | None = None) -> CompletionItem[str]:
    # Imported here: each call of irsendctl imports this module, and few complete anything.
    from click.shell_completion import CompletionItem

    return CompletionItem(str(value), help=help)


def model_names(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Offer the names of the models that irsend comes with."""
    from irsend.device.model import load_model, model_names

    return [
        _item(name, help=load_model(name).title)
        for name in model_names()
        if name.startswith(incomplete)
    ]


def windows(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Offer the keys of the settings windows."""
    from irsend.device.windows import windows

    return [
        _item(name, help=about.title)
        for name, about, _ in windows()
        if name.startswith(incomplete)
    ]


def secret_keys(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Offer the keys of settings that are secret."""
    from irsend.device.windows import ITEMS

    return [
        _item(key, help=about.label)
        for key, about in ITEMS.items()
        if about.secret and key.startswith(incomplete)
    ]


def assignments(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Offer KEY= for each setting, and behind the = the words that the key takes."""
    from irsend.device.windows import ITEMS

    key, equals, begun = incomplete.partition("=")
    if equals:
        return _starting([f"{key}={word}" for word in _words(key)], incomplete)
    given: Sequence[str] = context.params.get(parameter.name or "") or ()
    # Bash takes KEY, = and the value for words of their own, and click leaves out a last =.
    before = [one for one in given if one != "="]
    if before and before[-1] in ITEMS:
        return _starting(_words(before[-1]), begun or incomplete)
    return [
        _item(f"{key}=", help=about.label)
        for key, about in ITEMS.items()
        if key.startswith(incomplete)
    ]


def codes(_: click.Context, __: click.Parameter, incomplete: str) -> Items:
    """Offer the codes that are explained."""
    from irsend.device.codes import CODES

    return [
        _item(code.removeprefix("#"), help=meaning)
        for code, meaning in CODES.items()
        if code.removeprefix("#").startswith(incomplete)
    ]


def _asked(
    path: str, number: str, describe: Sequence[str]
) -> Callable[[click.Context, click.Parameter, str], Items]:
    """Return what offers the members `number` of a list that the machine has."""

    def offer(context: click.Context, _: click.Parameter, incomplete: str) -> Items:
        return [
            _item(
                row.get(number),
                help=" ".join(str(row[one]) for one in describe if row.get(one)),
            )
            for row in _rows(context, path)
            if str(row.get(number)).startswith(incomplete)
        ]

    return offer


job_numbers = _asked("/api/jobs", "number", ("direction", "party", "subject", "result"))
session_ids = _asked("/api/sessions", "id", ("kind", "peer", "result"))
document_numbers = _asked("/api/tray", "number", ("from", "subject"))
mail_ids = _asked("/api/mails", "id", ("from", "subject"))


def _rows(context: click.Context, path: str) -> list[JsonObject]:
    call = context.find_object(Invocation)
    if call is None:
        return []
    call.timeout = min(call.timeout, _SECONDS)
    with contextlib.suppress(
        MachineRefused, NoMachine, PasswordNeeded, WrongURL, click.ClickException, OSError
    ):
        return call.machine.objects_in(call.machine.read(path, limit=_MOST), path, "")
    return []


def _words(key: str) -> Iterable[str]:
    from irsend.device.windows import ITEMS

    about = ITEMS.get(key.removeprefix("settings."))
    return about.kind.words if about else ()


def _starting(words: Iterable[str], incomplete: str) -> Items:
    return [_item(one) for one in words if one.startswith(incomplete)]
