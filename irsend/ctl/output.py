"""Output: tables and sentences for people, JSON for programs, errors on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from irsend.ctl.errors import OutputClosed
from irsend.ctl.formatting import visible

UNFOLDED = 1000
"""The width where there is no terminal: each row is one line, as grep needs it."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise OutputClosed


class Output:
    """Standard output and standard error of one call."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = _console(sys.stdout)

    @property
    def width(self) -> int:
        """Columns to draw in."""
        return self.console.width

    @property
    def can_draw(self) -> bool:
        """Whether standard output is a terminal that can be drawn on."""
        return _is_terminal(sys.stdout) and not self.console.is_dumb_terminal

    def show(self, drawn: RenderableType) -> None:
        """Show a table or a text."""
        if self.console.is_terminal:
            self.console.print(drawn)
            return
        with self.console.capture() as captured:
            self.console.print(drawn)
        # The padding of table cells is of no use in a file or a pipe.
        self.raw("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))

    def line(self, text: str | Text, style: str = "") -> None:
        """Print one line; the terminal wraps it."""
        drawn = text if isinstance(text, Text) else Text(visible(text), style)
        self.console.print(drawn, soft_wrap=True)

    def json(self, answer: object, *, on_one_line: bool = False) -> None:
        """Print an answer as JSON, in ASCII with escapes, which every terminal and locale can show."""
        indent, separators = (None, (",", ":")) if on_one_line else (2, None)
        self.raw(json.dumps(answer, indent=indent, separators=separators) + "\n")

    def served(self, text: str) -> None:
        """Print text as the machine served it; to a terminal without control characters."""
        if sys.stdout.isatty():
            text = "".join(visible(line) + "\n" for line in text.splitlines())
        self.raw(text if text.endswith("\n") or not text else text + "\n")

    def raw(self, text: str) -> None:
        """Print text unchanged."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise OutputClosed from None

    def octets(self, pieces: Iterable[bytes]) -> None:
        """Write a file's octets, as they come."""
        try:
            sys.stdout.flush()
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise OutputClosed from None

    @contextlib.contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show a spinner on stderr while the body runs, where stderr is a terminal."""
        if not sys.stderr.isatty():
            yield
            return
        with _console(sys.stderr).status(text):
            yield


def print_error(sentence: str) -> None:
    """Print an error on stderr."""
    with contextlib.suppress(BrokenPipeError):
        for line in sentence.splitlines():
            print(visible(line), file=sys.stderr)


def _console(stream: TextIO) -> Console:
    on_terminal = any(_is_terminal(one) for one in (sys.stdin, sys.stdout, sys.stderr))
    width = None if on_terminal or os.environ.get("COLUMNS", "").isdigit() else UNFOLDED
    return _Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def _is_terminal(stream: TextIO | None) -> bool:
    with contextlib.suppress(ValueError):
        return stream is not None and stream.isatty()
    return False
