"""Commands: their help, and what click calls the wrong use of them.

The options of irsendctl itself are taken behind each command too (`invocation`), and
stand in the help of irsendctl alone. `usage` has the sentences about wrong use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from irsend.ctl.usage import CommandMissing, no_such_command, superfluous

_SHARED = ("--url", "--password", "--json", "--timeout")
"""The options of irsendctl that the help of its commands names."""


class Command(click.Command):
    """A command, with examples in its help."""

    # What is superfluous is refused here, with the option that may be meant.
    allow_extra_args = True

    def __init__(self, *of: Any, examples: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*of, **more)
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raise UsageError for arguments that it does not take, always with the context."""
        try:
            super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise
        if ctx.args and not ctx.resilient_parsing:
            raise click.UsageError(superfluous(ctx), ctx)
        return ctx.args

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return what stands behind the command's name: first the options that it needs."""
        needed = [
            f"{max(one.opts, key=len)} {one.metavar}"
            for one in self.params
            if isinstance(one, click.Option) and one.required
        ]
        return needed + super().collect_usage_pieces(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, and where the options of irsendctl are."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{' ' * formatter.current_indent}{example}\n")
        _write_where_shared(self, formatter)


class Commands(click.Group):
    """A group of commands, in the order in which they were added."""

    command_class = Command

    def __init__(self, *of: Any, **more: Any) -> None:
        super().__init__(*of, **more)
        # What is said without a command differs among releases of click: `invoke` says it.
        self.invoke_without_command, self.no_args_is_help = True, False

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; CommandMissing where none is given."""
        result = super().invoke(ctx)
        if ctx.invoked_subcommand is None:
            raise CommandMissing(ctx.get_help(), ctx)
        return result

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in that order."""
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raise UsageError always with the context."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of this name; UsageError names the nearest."""
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            raise click.UsageError(no_such_command(self, args[0]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with the first sentence of its help, whole."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, _first_sentence(command.help or ""))
                    for name, command in self.commands.items()
                ]
            )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write where the options of irsendctl are, in the help of a group below it."""
        if ctx.parent is not None:
            _write_where_shared(self, formatter)


def command(
    name: str | None = None, *, examples: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function."""
    return click.command(name, cls=Command, examples=examples)


def _write_where_shared(command: click.Command, formatter: click.HelpFormatter) -> None:
    hidden = {
        one.opts[0] for one in command.params if isinstance(one, click.Option) and one.hidden
    }
    names = ", ".join(one for one in _SHARED if one in hidden)
    if not names:
        # A command that asks no machine takes none of them.
        return
    # Whole on one line, in a narrow terminal too.
    formatter.write(f"\nOptions of irsendctl: {names}: see irsendctl --help\n")


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=\.)\s", paragraph)[0]
