"""The command `watch`: follows what happens."""

from __future__ import annotations

import click

from irsend.ctl.command import command
from irsend.ctl.invocation import Invocation, machine_options


@command(examples=("irsendctl watch --lines",))
@click.option("--lines", is_flag=True, help="Print a line for each event, on a terminal too.")
@machine_options
@click.pass_context
def watch(context: click.Context, lines: bool) -> None:
    """Follow what happens: status line, sessions, jobs, the tray. Ctrl-C ends it.

    A terminal shows the machine as it is; a file or a pipe is given a line for
    each event, settings too, and with --json its JSON.
    """
    call = context.ensure_object(Invocation)
    if call.output.can_draw and not (lines or call.as_json):
        from irsend.ctl.watch_terminal import watch_live

        context.exit(watch_live(call))
    from irsend.ctl.event_lines import print_events

    print_events(call)
