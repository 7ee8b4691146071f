"""The commands of `wait`: each ends when what it names is there, or its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from irsend.ctl.command import Commands
from irsend.ctl.completion import job_numbers
from irsend.ctl.errors import REFUSED
from irsend.ctl.filters import (
    DOCUMENT_FILTERS,
    JOB_FILTERS,
    MAIL_FILTERS,
    filters,
    in_words,
    query_of,
)
from irsend.ctl.invocation import Invocation, job_number, wait_options
from irsend.ctl.json_values import Json, JsonObject
from irsend.ctl.parameter_types import Word
from irsend.wording import shown

if TYPE_CHECKING:
    from rich.console import RenderableType

_ONE_REQUEST = 60.0
"""Seconds that one request waits: less than a proxy or the machine lets it wait."""
_PAUSE = 0.5
"""Seconds between two requests, at least."""
_MOST_ROWS = 20
_STATES = ("ready", "receiving", "sending", "printing", "stopped")
_NOT_ENDED = ("waiting", "running")


def _optional_number(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    return None if value is None else job_number(context, parameter, value)


@click.group(cls=Commands)
@wait_options
def wait() -> None:
    """Wait until something is there: a mail, a text on the status line, a job, a document.

    The exit status is 0 when it came, or was there already, and 1 when it did not come in time.
    """


@wait.command(
    "mail",
    examples=(
        "irsendctl wait mail --to scan@bench.test --subject invoice --timeout 10",
        "irsendctl wait mail --since 14:03 --json",
    ),
)
@filters(MAIL_FILTERS)
@wait_options
@click.pass_context
def wait_mail(context: click.Context, /, **given: str | int | None) -> None:
    """Wait for a received mail that fits, and print it as `irsendctl mails` does.

    One that was received before counts too: --since leaves out what is older.
    """
    from irsend.ctl import mail_views

    _wait_for_rows(context, "/api/mails", "mail", query_of(given), mail_views.mails)


@wait.command(
    "job",
    examples=(
        "irsendctl wait job 1 --result OK",
        "irsendctl wait job --direction rx --party scanner@bench.test",
    ),
)
@click.argument(
    "number",
    metavar="[NUMBER]",
    required=False,
    callback=_optional_number,
    shell_complete=job_numbers,
)
@filters(JOB_FILTERS)
@wait_options
@click.pass_context
def wait_job(context: click.Context, /, number: str | None, **given: str | int | None) -> None:
    """Wait for a job that fits and has ended, and print it as `irsendctl jobs` does.

    With --result waiting or --result running it has not ended.
    """
    from irsend.ctl import job_views

    query = query_of(given | {"number": number})
    what = f"job {number}" if number else "job"
    ended = {} if query.get("result") in _NOT_ENDED else {"ended": 1}
    _wait_for_rows(context, "/api/jobs", what, query | ended, job_views.jobs)


@wait.command(
    "document",
    examples=("irsendctl wait document --from scanner@bench.test --timeout 60",),
)
@filters(DOCUMENT_FILTERS)
@wait_options
@click.pass_context
def wait_document(context: click.Context, /, **given: str | int | None) -> None:
    """Wait for a printed document that fits, and print it as `irsendctl tray` does.

    One that was printed before counts too: --since leaves out what is older.
    """
    from irsend.ctl import tray_views

    _wait_for_rows(context, "/api/tray", "document", query_of(given), tray_views.documents)


@wait.command(
    "status",
    examples=(
        'irsendctl wait status "SSL Error"',
        "irsendctl wait status --clear --timeout 5",
        "irsendctl wait status --state ready",
    ),
)
@click.argument("text", metavar="[TEXT]", required=False)
@click.option("--clear", is_flag=True, help="Wait until the status line is empty.")
@click.option("--state", type=Word(_STATES), help="Wait until the machine is in this state.")
@wait_options
@click.pass_context
def wait_status(
    context: click.Context, text: str | None, clear: bool, state: str | None
) -> None:
    """Wait until TEXT is on the status line, anywhere in it, in capitals or small letters.

    Without TEXT, --clear and --state: until any text is on it.
    """
    if clear and text:
        raise click.UsageError(f"--clear does not go with {shown(text)}")
    query = {"text": "" if clear else text or None, "state": state}

    def fits(answer: Json) -> bool:
        if not isinstance(answer, dict) or "status_line" not in answer:
            raise call.machine.not_irsend("its status has no status line")
        line = str(answer["status_line"] or "")
        if clear:
            right = not line
        elif text:
            right = text.casefold() in line.casefold()
        else:
            right = bool(line) or state is not None
        return right and state in (None, answer.get("state"))

    call = context.ensure_object(Invocation)
    answer, came = _wait(call, "/api/status", query, fits)
    if call.as_json:
        call.output.json(answer)
    elif came and isinstance(answer, dict):
        from irsend.ctl import views

        call.output.show(views.status(answer))
    if not came and isinstance(answer, dict):
        wanted = _wanted(text, clear, state)
        line = shown(answer["status_line"]) if answer["status_line"] else "empty"
        _did_not_come(
            context,
            f"Waited {call.wait_seconds:g} s in vain for {wanted}: the status line is {line}, "
            f"and the machine is {answer.get('state')}.",
        )


def _wanted(text: str | None, clear: bool, state: str | None) -> str:
    line = "an empty status line" if clear else "a text on the status line"
    if text:
        line = f"{shown(text)} on the status line"
    elif state is not None and not clear:
        line = ""
    return " and ".join(part for part in (line, f"the state {state}" if state else "") if part)


def _wait_for_rows(
    context: click.Context,
    path: str,
    what: str,
    query: Mapping[str, str | int],
    view: Callable[[list[JsonObject]], RenderableType],
) -> None:
    """Wait for rows; print them, and set the exit status."""
    call = context.ensure_object(Invocation)
    answer, came = _wait(
        call,
        path,
        {**query, "limit": _MOST_ROWS},
        lambda answer: bool(call.machine.objects_in(answer, path, what)),
    )
    if call.as_json:
        call.output.json(answer)
    elif came:
        call.output.show(view(call.machine.objects_in(answer, path, what)))
    if not came:
        words = in_words(query, leave_out=("number", "ended"))
        wanted = f"{what} with {words}" if words else what
        verb = "ended" if "ended" in query else "came"
        _did_not_come(context, f"No {wanted} {verb} within {call.wait_seconds:g} s.")


def _wait(
    call: Invocation,
    path: str,
    query: Mapping[str, str | int | None],
    fits: Callable[[Json], bool],
) -> tuple[Json, bool]:
    """Ask, waiting, until the answer fits or the time is over; return the answer and whether it fits."""
    ends = time.monotonic() + call.wait_seconds
    while True:
        asked = time.monotonic()
        left = max(0.0, ends - asked)
        answer = call.machine.wait(path, min(left, _ONE_REQUEST), query)
        if fits(answer):
            return answer, True
        now = time.monotonic()
        if now >= ends:
            return answer, False
        if now < asked + _PAUSE:
            # A machine that ends answers at once.
            call.pause(min(_PAUSE, ends - now))


def _did_not_come(context: click.Context, sentence: str) -> None:
    from irsend.ctl.output import print_error

    print_error(sentence)
    context.exit(REFUSED)
