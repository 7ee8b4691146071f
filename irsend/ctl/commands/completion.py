"""The command that prints the completion script of a shell; it asks no machine."""

from __future__ import annotations

import click

from irsend.ctl.command import command
from irsend.ctl.completion import SHELLS, script
from irsend.ctl.invocation import Invocation, pass_invocation
from irsend.ctl.parameter_types import Word


@command(
    examples=(
        "irsendctl completion bash > ~/.irsendctl.bash",
        "irsendctl completion zsh > ~/.zfunc/_irsendctl",
        "irsendctl completion fish > ~/.config/fish/completions/irsendctl.fish",
    )
)
@click.argument("shell", metavar=f"[{'|'.join(SHELLS)}]", type=Word(SHELLS))
@click.pass_context
@pass_invocation
def completion(call: Invocation, context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, options and values.

    Keys of settings and names of models are completed, and the numbers of the newest jobs,
    sessions, documents and mails, for which the machine is asked.
    """
    call.output.octets([script(context.find_root().command, shell).encode()])
