"""The command `faults`: what the machine and its mail host are to do wrong on purpose."""

from __future__ import annotations

import click

from irsend.ctl.command import command
from irsend.ctl.formatting import visible
from irsend.ctl.invocation import Invocation, machine_options, pass_invocation
from irsend.ctl.json_values import Json, JsonObject


@command(
    examples=(
        "irsendctl faults 451-data",
        "irsendctl faults delay-30-greeting role=mailhost-smtp scope=next",
        "irsendctl faults --take-back",
    )
)
@click.argument("order", metavar="[ORDER [OPTION=VALUE]...]", nargs=-1)
@click.option("--take-back", is_flag=True, help="Take back ORDER; without one, all orders.")
@machine_options
@pass_invocation
def faults(call: Invocation, order: tuple[str, ...], take_back: bool) -> None:
    """Order a fault such as 451-data or drop-after-rcpt; without ORDER, list those in force.

    It holds for the sessions that begin from now on, until it is taken back. Options
    are role, scope (next, or a number of sessions), times, probability, seed and text.
    """
    line = " ".join(_quoted(word) for word in order)
    if take_back:
        _take_back(call, line)
        answer: Json = call.machine.read("/api/faults")
    elif line:
        answer = call.machine.ask("PUT", "/api/faults", {"order": line})
    else:
        answer = call.machine.read("/api/faults")
    rows = call.machine.objects_in(answer, "/api/faults", "faults")
    if call.as_json:
        return call.output.json(answer)
    if not rows:
        return call.output.line("No fault is ordered.")
    from irsend.ctl import fault_views

    return call.output.show(fault_views.faults(rows))


def _quoted(word: str) -> str:
    """Return a word of the command line as an order has it: the shell has taken its quotes."""
    name, equals, value = word.partition("=")
    if equals and any(sign.isspace() or sign in "'\"\\" for sign in value):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}="{escaped}"'
    return word


def _take_back(call: Invocation, line: str) -> None:
    if not line:
        call.machine.ask("DELETE", "/api/faults")
        return
    rows = call.machine.read_list("/api/faults", "faults")
    for one in rows:
        if _is(one, line):
            call.machine.ask("DELETE", f"/api/faults/{one.get('number')}")
            return
    there_are = ", ".join(visible(one.get("order", "")) for one in rows) or "none"
    raise click.UsageError(f"{line} is not ordered; ordered: {there_are}.")


def _is(one: JsonObject, line: str) -> bool:
    return line in (one.get("order"), str(one.get("number")))
