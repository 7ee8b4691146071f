"""The options that every command has: which machine, and which form of output.

They are taken both before and after the subcommand.
httpx and rich are imported when they are needed, so that --help is fast.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click
from attrs import define

from irsend.ctl.errors import WrongURL

if TYPE_CHECKING:
    from irsend.ctl.http_client import Machine
    from irsend.ctl.output import Output

DEFAULT_URL = "http://127.0.0.1:8631"

F = TypeVar("F", bound=Callable[..., object])


@define(eq=False)
class Invocation:
    """One call of irsendctl."""

    url: str | None = None
    password: str | None = None
    as_json: bool = False
    timeout: float = 10.0
    pause: Callable[[float], None] = time.sleep
    """Sleeps for so many seconds before a machine that is gone is tried again."""
    _machine: Machine | None = None
    _output: Output | None = None

    @property
    def machine(self) -> Machine:
        """The client of the machine; UsageError where the URL is wrong."""
        if self._machine is None:
            from irsend.ctl.http_client import Machine

            url = self.url or os.environ.get("IRSEND_URL") or DEFAULT_URL
            try:
                self._machine = Machine(url, self._password_for(url), timeout=self.timeout)
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
        from irsend.ctl.http_client import Machine

        other = Machine(self.machine.url, self._password_for(self.machine.url))
        try:
            yield other
        finally:
            other.close()

    def close(self) -> None:
        """Close the connections."""
        if self._machine is not None:
            self._machine.close()

    def _password_for(self, url: str) -> str | None:
        # A password in the URL is for that machine; the environment's is for any.
        in_url = "@" in url.partition("://")[2].partition("/")[0]
        return self.password or (None if in_url else os.environ.get("IRSEND_PASSWORD"))


def job_number(_: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Return a job's number in its four digits; leading zeros may be left out."""
    if not (value.isascii() and value.isdigit() and len(value) <= 4):
        raise click.BadParameter(f"{value!r} is not allowed; allowed: a number such as 0001")
    return value.zfill(4)


def _store_option(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if isinstance(value, float) and math.isnan(value):
        raise click.BadParameter("nan is not allowed; allowed: a number of seconds.")
    if value is not None and value is not False and parameter.name is not None:
        setattr(context.ensure_object(Invocation), parameter.name, value)


_OPTIONS = [
    click.option(
        "--json", "as_json", is_flag=True, expose_value=False, callback=_store_option,
        help="Print the machine's JSON, for programs.",
    ),
    click.option(
        "--url", metavar="URL", expose_value=False, callback=_store_option,
        help=f"The machine's panel; else IRSEND_URL, else {DEFAULT_URL}.",
    ),
    click.option(
        "--password", metavar="TEXT", expose_value=False, callback=_store_option,
        help="The panel's password; else the one in the URL, else IRSEND_PASSWORD.",
    ),
    click.option(
        "--timeout", metavar="SECONDS", type=click.FloatRange(0, 86_400, min_open=True),
        expose_value=False, callback=_store_option,
        help="How long the machine may take to answer (default 10).",
    ),
]  # fmt: skip


json_option = _OPTIONS[0]
"""For a command that asks no machine."""


def machine_options(command: F) -> F:
    """Give a command the options that name the machine and the form of output."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)
