"""Wrong use in words: what was given, what is allowed, and what to type instead.

Click's own texts are not shown, so that they are the same with each of its releases.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from irsend.wording import joined_by_or, nearest, no_such, question, shown


class CommandMissing(click.UsageError):
    """No command is given: what there is to say is the help."""


def explained(error: click.ClickException) -> str:
    """Return the sentence about wrong use, and the command whose help says more."""
    if isinstance(error, CommandMissing):
        return error.message
    said = _sentence(error)
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{said}\nSee: {context.command_path} --help" if context else said


def no_such_command(group: click.Group, given: str) -> str:
    """Return that a group has no command of this name."""
    names = [*_command_paths(group), *_options(group)]
    otherwise = f"; commands are: {', '.join(group.commands)}"
    return f"{given}: {no_such('command', nearest(given, names), otherwise)}"


def superfluous(context: click.Context) -> str:
    """Return that a command does not take the arguments that are left."""
    first = context.args[0]
    options = [one for one in _options(context.command) if not one.startswith("-h")]
    near = question(nearest(first, options))
    return f"{shown(first)} is one too many{near or f'; {_usage(context)}'}"


def _sentence(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.NoSuchOption):
        return _no_such_option(error.option_name, context)
    if isinstance(error, click.BadOptionUsage) and context is not None:
        return _wrong_option(error.option_name, context)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        said = f"{_name(error.param, with_value=True)} is missing"
        return f"{said}; {_usage(context)}" if context else said
    if isinstance(error, click.BadParameter) and error.param is not None:
        said = error.message.rstrip(".")
        if isinstance(error.param.type, click.Path):
            said = said[:1].lower() + said[1:]
        name = _name(error.param)
        # [in|out] names the words themselves.
        return said if "|" in name else f"{name}: {said}"
    return error.format_message()


def _no_such_option(given: str, context: click.Context | None) -> str:
    if context is None:
        return f"{given}: there is no such option"
    command = context.command
    if isinstance(command, click.Group):
        having = [
            name for name, one in command.commands.items() if given in _options(one, all_=False)
        ]
        if having:
            return (
                f"{given} is an option of {joined_by_or(having)}: it stands behind the command, as in "
                f"{context.command_path} {having[0]} {given}"
            )
    options = list(_options(command))
    otherwise = f"; options are: {', '.join(options)}"
    return f"{given}: {no_such('option', nearest(given, options), otherwise)}"


def _wrong_option(name: str, context: click.Context) -> str:
    for option in context.command.params:
        if isinstance(option, click.Option) and name in option.opts:
            if option.is_flag:
                return f"{name} takes no value"
            allowed = getattr(option.type, "allowed", None) or _value(option)
            return f"{name} needs a value; allowed: {allowed}"
    return f"{name} is not allowed like that"


def _name(parameter: click.Parameter, *, with_value: bool = False) -> str:
    if not isinstance(parameter, click.Option):
        return _value(parameter)
    name = max(parameter.opts, key=len)
    return f"{name} {_value(parameter)}" if with_value and not parameter.is_flag else name


def _value(parameter: click.Parameter) -> str:
    """Return what stands for a value in the help: FILE."""
    if parameter.metavar:
        return parameter.metavar.strip("[].")
    of_option = isinstance(parameter, click.Option)
    return (parameter.type.name if of_option else str(parameter.name)).upper()


def _usage(context: click.Context) -> str:
    pieces = context.command.collect_usage_pieces(context)
    return f"usage: {' '.join([context.command_path, *pieces])}"


def _options(command: click.Command, *, all_: bool = True) -> Iterator[str]:
    """Yield the options of a command; without `all_` those alone that its help shows."""
    for option in command.params:
        if isinstance(option, click.Option) and (all_ or not option.hidden):
            yield max(option.opts, key=len)
    if all_:
        yield "--help"


def _command_paths(group: click.Group) -> Iterator[str]:
    for name, command in group.commands.items():
        yield name
        if isinstance(command, click.Group):
            yield from (f"{name} {inner}" for inner in command.commands)
