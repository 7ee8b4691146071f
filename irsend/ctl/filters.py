"""Options that choose among rows, as the query of the HTTP interface does (docs/http)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from irsend.ctl.parameter_types import Moment, WholeNumber, Word

F = TypeVar("F", bound=Callable[..., object])

Filters = Mapping[str, Mapping[str, Any]]

_TEXT = {"metavar": "TEXT"}
_SINCE = {
    "metavar": "TIME",
    "type": Moment(),
}

MAIL_FILTERS: Filters = {
    "--from": {
        **_TEXT,
        "help": "With TEXT in the From field, or in the sender of the envelope.",
    },
    "--to": {**_TEXT, "help": "With TEXT in the To field, or in a recipient of the envelope."},
    "--subject": {**_TEXT, "help": "With TEXT in the subject."},
    "--text": {**_TEXT, "help": "With TEXT in the text of the mail."},
    "--since": {**_SINCE, "help": "Received then or later: 14:03, or 2026-11-28T14:03."},
    "--session": {
        "metavar": "ID",
        "type": WholeNumber(1),
        "help": "Received in the session ID.",
    },
}
JOB_FILTERS: Filters = {
    "--direction": {"type": Word(("tx", "rx")), "help": "Sent (tx) or received (rx)."},
    "--result": {
        "type": Word(("OK", "NG", "--", "waiting", "running")),
        "help": "With this result.",
    },
    "--code": {"metavar": "CODE", "help": "With this result code, such as 810."},
    "--party": {
        **_TEXT,
        "help": "With TEXT in the address of the other side, or of a recipient.",
    },
    "--subject": {**_TEXT, "help": "With TEXT in the subject."},
    "--since": {**_SINCE, "help": "Begun then or later: 14:03, or 2026-11-28T14:03."},
}
DOCUMENT_FILTERS: Filters = {
    "--from": {**_TEXT, "help": "With TEXT in the sender."},
    "--subject": {**_TEXT, "help": "With TEXT in the subject."},
    "--code": {"metavar": "CODE", "help": "With this result code, such as 827."},
    "--since": {**_SINCE, "help": "Printed then or later: 14:03, or 2026-11-28T14:03."},
}

_PREFIX = "filter_"
"""Before the names of parameters: `from` is a word of Python."""


def filters(options: Filters) -> Callable[[F], F]:
    """Give a command these options; it takes them as keyword arguments for `query_of`."""

    def add(function: F) -> F:
        for name, about in reversed(list(options.items())):
            parameter = _PREFIX + name.removeprefix("--")
            function = click.option(name, parameter, **about)(function)
        return function

    return add


def query_of(given: Mapping[str, str | int | None]) -> dict[str, str | int]:
    """Return the query for what was given by these options."""
    return {
        name.removeprefix(_PREFIX): value for name, value in given.items() if value is not None
    }


def in_words(query: Mapping[str, str | int], leave_out: Iterable[str] = ()) -> str:
    """Return a query as people read it: from 'ann', since 14:03."""
    return ", ".join(
        f"{name} {value!r}" if isinstance(value, str) else f"{name} {value}"
        for name, value in query.items()
        if name not in leave_out
    )
