r"""The man page of irsendctl, made from the help texts: one page with all commands.

python -m irsend.ctl.manual > etc/irsendctl.1
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Iterator

import click

from irsend import __version__
from irsend.ctl import errors
from irsend.ctl.command import Command
from irsend.ctl.program import irsendctl

_WIDTH = 68
_STATUSES = (
    (errors.DONE, "Done."),
    (errors.REFUSED, "The machine says NG, or refuses: its code or its sentence is printed."),
    (errors.WRONG_USE, "Wrong use."),
    (errors.NO_MACHINE, "There is no machine."),
)
_VARIABLES = (
    ("IRSEND_URL", "The machine's panel, where --url does not name it."),
    ("IRSEND_PASSWORD", "The panel's password, where neither an option nor the URL has it."),
    ("IRSEND_SECRET", "The secret of set --set-secret, and the password of probe --user."),
    ("IRSEND_SMTP_PASSWORD", "The password of send --smtp-user."),
    ("IRSEND_UTC", "Shows times in UTC."),
)


def manual(program: click.Group = irsendctl) -> str:
    """Return the page in the language of man(7)."""
    return "\n".join(_page(program)) + "\n"


def _page(program: click.Group) -> Iterator[str]:
    yield '.\\" Made by python -m irsend.ctl.manual'
    yield f'.TH IRSENDCTL 1 "" "irsend {__version__}" "User Commands"'
    # Keys and options are not hyphenated.
    yield ".nh"
    yield ".ad l"
    summary, *more = _paragraphs(program)
    yield ".SH NAME"
    yield f"irsendctl \\- {_text(summary[0].lower() + summary[1:].removesuffix('.'))}"
    yield from _synopsis(program, "irsendctl")
    yield ".SH DESCRIPTION"
    yield from _filled([summary, *(one for one in more if not one.startswith("Exit status"))])
    yield ".SH OPTIONS"
    yield from _options(program)
    yield ".SH COMMANDS"
    for path, command in _commands(program, "irsendctl"):
        yield f".SS {_text(path)}"
        yield from _usage(command, path)
        yield from _filled(_paragraphs(command), first=".PP")
        yield from _options(command)
        yield from _examples(command)
    yield ".SH EXIT STATUS"
    for status, meaning in _STATUSES:
        yield from _tagged(str(status), meaning)
    yield ".SH ENVIRONMENT"
    for name, meaning in _VARIABLES:
        yield from _tagged(name, meaning)


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")


def _synopsis(command: click.Command, path: str) -> Iterator[str]:
    yield ".SH SYNOPSIS"
    yield from _usage(command, path)


def _usage(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f".B {_text(path)}"
    yield _text(" ".join(command.collect_usage_pieces(context)))


def _paragraphs(command: click.Command) -> list[str]:
    text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    return [" ".join(one.split()) for one in re.split(r"\n\s*\n", text)]


def _filled(paragraphs: list[str], first: str = "") -> Iterator[str]:
    for number, paragraph in enumerate(paragraphs):
        if number or first:
            yield ".PP"
        yield from _sentences(paragraph)


def _options(command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    for option in command.params:
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None:
            yield from _tagged(*record)


def _examples(command: click.Command) -> Iterator[str]:
    if isinstance(command, Command) and command.examples:
        yield ".PP"
        yield ".nf"
        yield from (f"    {_text(one)}" for one in command.examples)
        yield ".fi"


def _tagged(tag: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield f".B {_text(tag)}"
    yield from _sentences(text)


def _sentences(text: str) -> Iterator[str]:
    """Give each sentence on lines of its own, as man pages are written."""
    for sentence in re.split(r"(?<=[.:;]) (?=[A-Z0-9])", text):
        lines = textwrap.wrap(sentence, _WIDTH, break_long_words=False, break_on_hyphens=False)
        yield from map(_text, lines)


def _text(text: str) -> str:
    r"""Return text of which man takes nothing for a request: a hyphen that can be copied is \-."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    text = text.replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    return f"\\&{text}" if text.startswith(".") else text


if __name__ == "__main__":
    sys.stdout.write(manual())
