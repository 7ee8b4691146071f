"""The options that every command has: which machine, and which form of output.

They are taken both before and after the subcommand; the help of irsendctl alone shows them.
httpx and rich are imported when they are needed, so that --help is fast.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import define, field

from irsend.ctl.errors import WrongURL
from irsend.ctl.formatting import in_utc, show_utc
from irsend.ctl.parameter_types import ReadableFile, Seconds
from irsend.ctl.secret_input import read_secret_file
from irsend.wording import shown

if TYPE_CHECKING:
    from irsend.ctl.http_client import Machine
    from irsend.ctl.output import Output

DEFAULT_URL = "http://127.0.0.1:8631"

F = TypeVar("F", bound=Callable[..., object])


@define(eq=False)
class Invocation:
    """One call of irsendctl."""

    url: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    as_json: bool = False
    timeout: float = 10.0
    wait_seconds: float = 30.0
    """How long `wait` waits."""
    pause: Callable[[float], None] = time.sleep
    """Sleeps for so many seconds before a machine that is gone is tried again."""
    _machine: Machine | None = None
    _output: Output | None = None

    @property
    def utc(self) -> bool:
        """Whether times are shown in UTC."""
        return in_utc()

    @utc.setter
    def utc(self, chosen: bool) -> None:
        if chosen:
            show_utc()

    @property
    def machine(self) -> Machine:
        """The client of the machine; UsageError where the URL is wrong."""
        if self._machine is None:
            try:
                self._machine = self._new_machine()
            except WrongURL as error:
                raise click.UsageError(str(error)) from None
        return self._machine

    @property
    def output(self) -> Output:
        """Standard output and standard error of this call."""
        if self._output is None:
            from irsend.ctl.output import Output

            self._output = Output(as_json=self.as_json)
        return self._output

    @contextlib.contextmanager
    def another_machine(self) -> Iterator[Machine]:
        """Give a second connection to the same machine, for another thread."""
        other = self._new_machine()
        try:
            yield other
        finally:
            other.close()

    def forget_machine(self) -> None:
        """Close the connections; others are opened, with the password of then, when needed."""
        if self._machine is not None:
            self._machine.close()
            self._machine = None

    close = forget_machine

    def _new_machine(self) -> Machine:
        from irsend.ctl.http_client import Machine

        url = self.url or os.environ.get("IRSEND_URL") or DEFAULT_URL
        return Machine(url, self._password_for(url), timeout=self.timeout)

    def _password_for(self, url: str) -> str | None:
        if self.password is None and self.password_file is not None:
            self.password = read_secret_file(self.password_file)
        # A password in the URL is for that machine; the environment's is for any.
        in_url = "@" in url.partition("://")[2].partition("/")[0]
        return self.password or (None if in_url else os.environ.get("IRSEND_PASSWORD"))


def job_number(_: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Return a job's number in its four digits; leading zeros may be left out."""
    if not (value.isascii() and value.isdigit() and len(value) <= 4):
        raise click.BadParameter(
            f"{shown(value)} is not allowed; allowed: a number of up to four digits, such as 0001"
        )
    return value.zfill(4)


def _store_option(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value is not None and value is not False and parameter.name is not None:
        setattr(context.ensure_object(Invocation), parameter.name, value)


_OPTIONS: dict[tuple[str, ...], dict[str, Any]] = {
    ("--url",): {
        "metavar": "URL",
        "help": f"The machine's panel; else IRSEND_URL, else {DEFAULT_URL}.",
    },
    ("--password",): {
        "metavar": "TEXT",
        "help": "The panel's password, which ps shows; else --password-file, else the one in "
        "the URL, else IRSEND_PASSWORD. A terminal is asked for it.",
    },
    ("--password-file",): {
        "metavar": "FILE",
        "type": ReadableFile(stdin=True),
        "help": "A file with that password; - is standard input.",
    },
    ("--json", "as_json"): {
        "is_flag": True,
        "help": "Print the machine's JSON, for programs.",
    },
    ("--utc",): {
        "is_flag": True,
        "help": "Show times in UTC, as with IRSEND_UTC=1; else they are local time.",
    },
    ("--timeout",): {
        "metavar": "SECONDS",
        "type": Seconds(),
        "help": "How long the machine may take to answer (default 10).",
    },
}
"""The options of irsendctl, by their names."""

_WAIT_TIMEOUT = {
    "metavar": "SECONDS",
    "type": Seconds(zero=True),
    "help": "How long to wait (default 30); 0 only looks.",
}


def machine_options(command: F) -> F:
    """Give a command the options that name the machine and the form of output."""
    return _with_options(command, _OPTIONS, hidden=True)


def json_option(command: F) -> F:
    """Give a command that asks no machine the option for the form of output."""
    names = ("--json", "as_json")
    return _with_options(command, {names: _OPTIONS[names]}, hidden=True)


def shown_machine_options(command: F) -> F:
    """Give irsendctl itself these options, in its help."""
    return _with_options(command, _OPTIONS, hidden=False)


def wait_options(command: F) -> F:
    """Give `wait` or a command of it these options; there, --timeout is the time that it waits."""
    others = {names: about for names, about in _OPTIONS.items() if names != ("--timeout",)}
    command = _with_options(command, others, hidden=True)
    return _with_options(command, {("--timeout", "wait_seconds"): _WAIT_TIMEOUT}, hidden=False)


def _with_options(
    command: F, options: Mapping[tuple[str, ...], Mapping[str, Any]], *, hidden: bool
) -> F:
    for names, about in reversed(list(options.items())):
        option = click.option(
            *names, **about, hidden=hidden, expose_value=False, callback=_store_option
        )
        command = option(command)
    return command


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)
