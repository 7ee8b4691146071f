"""The command that explains a code or a text of the status line; it asks no machine."""

from __future__ import annotations

import attrs
import click

from irsend.ctl.command import command
from irsend.ctl.completion import codes
from irsend.ctl.invocation import Invocation, json_option, pass_invocation


@command(examples=("irsendctl explain 843", "irsendctl explain SSL Error"))
@click.argument("code", metavar="CODE-OR-TEXT", nargs=-1, required=True, shell_complete=codes)
@json_option
@pass_invocation
def explain(call: Invocation, code: tuple[str, ...]) -> None:
    """Say what a code (843, '#843') or a text ('SSL Error (POP)') means, and what to look at.

    No machine is asked.
    """
    from irsend.device.explanations import NotExplained
    from irsend.device.explanations import explain as explanation_of

    try:
        found = explanation_of(" ".join(code))
    except NotExplained as error:
        raise click.UsageError(f"{error}.") from None
    if call.as_json:
        return call.output.json(attrs.asdict(found))
    from rich.text import Text

    from irsend.ctl import views

    return call.output.show(
        views.pairs(
            [
                (found.name, Text(found.meaning)),
                ("Drawn by", Text(found.drawn_by)),
                ("Look at", Text(found.look_at)),
            ]
        )
    )
