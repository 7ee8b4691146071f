"""Secrets that are not on the command line: from a file, the environment, or typed at a terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from irsend.ctl.parameter_types import STDIN

_LONGEST = 4096
"""Octets of a secret; the machine allows less."""


def secret(what: str, *, file: Path | None, variable: str, option: str) -> str:
    """Return a secret: from the file, else from the environment, else as it is typed.

    UsageError where there is neither, nor a terminal. `option` is the one for the file.
    """
    if file is not None:
        return read_secret_file(file)
    if given := os.environ.get(variable):
        return given
    if not can_ask():
        raise click.UsageError(
            f"{what} cannot be asked for, as there is no terminal; give it by {option} FILE "
            f"or in the environment ({variable})"
        )
    return ask(what)


def can_ask() -> bool:
    """Say whether there is a terminal at which a question can be asked and answered."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask(what: str) -> str:
    """Ask at the terminal; what is typed is not shown. Abort at Ctrl-C and Ctrl-D."""
    answer: str = click.prompt(what, hide_input=True, default="", show_default=False, err=True)
    return answer


def read_secret_file(path: Path) -> str:
    """Return the one line of a file or of standard input, without its end; else UsageError."""
    name = "standard input" if path == STDIN else str(path)
    try:
        if path == STDIN:
            octets = sys.stdin.buffer.read(_LONGEST + 1)
        else:
            with path.open("rb") as file:
                octets = file.read(_LONGEST + 1)
        text = octets.decode("utf-8")
    except OSError as error:
        raise click.UsageError(f"{name}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        text = "\n\n"
    line = text.removesuffix("\n").removesuffix("\r")
    if len(octets) > _LONGEST or "\n" in line or "\r" in line:
        # Not even a part of it is repeated: it is a secret.
        raise click.UsageError(
            f"{name}: this is not allowed; allowed: the secret on one line of text in UTF-8"
        )
    return line
