"""The types of arguments and options: each refuses with what was given and what is allowed."""

from __future__ import annotations

import datetime
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irsend.wording import did_you_mean, joined_by_or, nearest, question, shown

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    _Choice = click.Choice[str]
    _Type = click.ParamType[object, object]
else:
    # Click before 8.2 has no types in brackets here.
    _Choice, _Type = click.Choice, click.ParamType

STDIN = Path("-")
"""The name that stands for standard input."""
_MOST_NAMES = 1000
"""Names in a directory, among which the nearest is searched."""


class WholeNumber(_Type):
    """A whole number in a range."""

    name = "number"

    def __init__(self, minimum: int, maximum: int | None = None) -> None:
        self._minimum, self._maximum = minimum, maximum
        self.allowed = f"a whole number from {minimum} " + (
            "on" if maximum is None else f"to {maximum}"
        )

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Take its digits."""
        if re.fullmatch(r"[0-9]{1,18}", str(value)):
            number = int(str(value))
            if self._minimum <= number and (self._maximum is None or number <= self._maximum):
                return number
        raise click.BadParameter(
            f"{shown(value)} is not allowed; allowed: {self.allowed}", ctx, param
        )


class Seconds(_Type):
    """A number of seconds, with a fraction; 0 only with `zero`."""

    name = "seconds"

    def __init__(self, maximum: int = 86_400, *, zero: bool = False) -> None:
        self._maximum, self._zero = maximum, zero
        self.allowed = (
            f"a number of seconds {'from' if zero else 'above'} 0{'' if zero else ','}"
        )
        self.allowed += f" {'to' if zero else 'up to'} {maximum}"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Take a decimal number."""
        try:
            seconds = float(str(value))
        except ValueError:
            seconds = math.nan
        # False for nan, too.
        if 0 < seconds <= self._maximum or (self._zero and seconds == 0):
            return seconds
        raise click.BadParameter(
            f"{shown(value)} is not allowed; allowed: {self.allowed}", ctx, param
        )


class Moment(_Type):
    """A time, which goes to the machine with its zone: without one it is a local time."""

    name = "time"
    allowed = (
        "a local time such as 14:03 (of today) or 2026-11-28T14:03, one with its zone such as "
        "2026-11-28T14:03Z, or seconds since the epoch"
    )

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Take ISO 8601, a time of today, or seconds."""
        given = str(value).strip()
        if re.fullmatch(r"[0-9]{5,12}(\.[0-9]{1,9})?", given, re.ASCII):
            return given
        today = datetime.date.today().isoformat()
        whole = f"{today}T{given}" if re.match(r"[0-9]{1,2}:", given) else given
        whole = re.sub(r"T([0-9]:)", r"T0\1", whole)
        try:
            return datetime.datetime.fromisoformat(whole).astimezone().isoformat()
        except (ValueError, OverflowError, OSError):
            raise click.BadParameter(
                f"{shown(value)} is not allowed; allowed: {self.allowed}", ctx, param
            ) from None


class Word(_Choice):
    """One of a few words, in any case."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(words, case_sensitive=False)
        self.allowed = joined_by_or(words)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the word as it is written here."""
        words = [str(one) for one in self.choices]
        for word in words:
            if word.lower() == str(value).strip().lower():
                return word
        near = did_you_mean(str(value), words)
        raise click.BadParameter(
            f"{shown(value)} is not allowed; allowed: {self.allowed}{near}", ctx, param
        )


class ReadableFile(_Type):
    """The path of a file that can be read, or with `stdin` "-" for standard input."""

    name = "file"

    def __init__(self, *, stdin: bool = False) -> None:
        self._stdin = stdin
        self.allowed = "a file that can be read" + (", or - for standard input" * stdin)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        """Have the shell offer files."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """Take the path of what is there, and is no directory."""
        near = ""
        path = Path(os.fspath(value) if isinstance(value, os.PathLike) else str(value))
        if path == STDIN and self._stdin:
            return path
        try:
            if path.is_dir():
                reason = "it is a directory"
            elif os.access(path, os.R_OK):
                return path
            else:
                # Raises where there is nothing.
                path.stat()
                reason = "it may not be read"
        except OSError as error:
            reason, near = error.strerror or str(error), _near_file(path)
        except ValueError as error:
            reason = str(error)
        raise click.BadParameter(
            f"{_text(path)}: {reason}; allowed: {self.allowed}{near}", ctx, param
        )


def _near_file(path: Path) -> str:
    """Suggest the file of the same directory whose name is nearest."""
    try:
        names = os.listdir(path.parent)
    except OSError:
        return ""
    # Without dots: nothing of a file's name may be wrong or missing as a whole.
    plain = {name.replace(".", " "): name for name in names[:_MOST_NAMES]}
    near = nearest(path.name.replace(".", " "), plain)
    return question([_text(path.with_name(plain[one])) for one in near])


def _text(path: Path) -> str:
    # A file name may be any octets.
    return os.fsencode(path).decode("utf-8", "replace")
