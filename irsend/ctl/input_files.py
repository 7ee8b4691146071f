"""Originals to send: open files of known size, with their names.

A pipe has no size before its end: it is copied to a temporary file first. The machine,
not irsendctl, reads the pages.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click
from attrs import frozen

from irsend.ctl.parameter_types import STDIN

COPY_LIMIT = 200_000_000
"""Octets that a pipe may give: the limit of a machine with default settings."""
_PIECE = 1_000_000


@frozen
class OpenOriginal:
    """A file to send."""

    name: str
    """Its name, replaced where it is not UTF-8."""
    file: IO[bytes]
    size: int
    """Octets when it was opened; what is appended later is not sent."""


@contextlib.contextmanager
def open_original(path: Path, copy_limit: int = COPY_LIMIT) -> Iterator[OpenOriginal]:
    """Open a file, a pipe or, for "-", standard input; wrong use where that fails."""
    name = "standard input" if path == STDIN else _text(path.name)
    with contextlib.ExitStack() as kept:
        try:
            original = _open(path, name, kept, copy_limit)
        except OSError as error:
            raise click.UsageError(f"{name}: {error.strerror or error}") from None
        yield original


def _open(path: Path, name: str, kept: contextlib.ExitStack, copy_limit: int) -> OpenOriginal:
    if path == STDIN:
        # Not closed here: it belongs to the process.
        source: IO[bytes] = sys.stdin.buffer
    else:
        source = kept.enter_context(path.open("rb"))
    status = os.fstat(source.fileno())
    if path != STDIN and stat.S_ISREG(status.st_mode):
        return OpenOriginal(name, source, status.st_size)
    copy = kept.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    return OpenOriginal(name, copy, _copy(source, copy, name, copy_limit))


def _copy(source: IO[bytes], into: IO[bytes], name: str, most: int) -> int:
    size = 0
    while piece := source.read(_PIECE):
        size += len(piece)
        if size > most:
            raise click.UsageError(
                f"{name}: more than {most // 1_000_000} MB come from it; "
                "allowed: a file, or what ends before that"
            )
        into.write(piece)
    into.seek(0)
    return size


def _text(name: str) -> str:
    # A file name may be any octets.
    return os.fsencode(name).decode("utf-8", "replace")
