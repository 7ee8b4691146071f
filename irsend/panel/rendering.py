"""The page's templates and their filters, which write values for people."""

from __future__ import annotations

import datetime
import functools
import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from irsend.device import report
from irsend.device.codes import meaning
from irsend.device.sessions import SESSION_KINDS, SESSION_RESULTS, SessionKind
from irsend.device.status import CAUSES
from irsend.extras import PANEL
from irsend.panel import serializers

if TYPE_CHECKING:
    from jinja2 import Environment

_LONG_WORD = 20
"""Characters of a word that fits a line of a narrow column."""
HTML = "text/html; charset=utf-8"
_CHOICE_LABELS = {
    "apop": "APOP",
    "pop_auth": "POP AUTH",
    "ssl": "SSL",
    "true": "On",
    "false": "Off",
}


def pages_lack() -> str:
    """Return why there are no pages for people here; empty where there are."""
    return PANEL.lacks("The panel's page")


@functools.cache
def templates() -> Environment:
    """Return the templates of the panel; all of them escape values."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("irsend.panel"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        choice=_choice_label,
        breakable=_breakable,
        epoch=_epoch,
        iso=serializers.timestamp,
        session_kind=_session_kind,
        mb=_megabytes,
        setting=_setting,
        meaning=meaning,
        cause=cause_address,
    )
    environment.globals.update(
        report=report, session_kinds=SESSION_KINDS, session_results=SESSION_RESULTS
    )
    return environment


def cause_address(text: str, session: int) -> str:
    """Return where the page says what drew this text on the status line, in which session."""
    item = CAUSES[text].setting.replace(".", "-")
    return f"/sessions/{session}/cause#{item}-cause"


def _choice_label(word: object) -> str:
    text = str(word).lower() if isinstance(word, bool) else str(word)
    return _CHOICE_LABELS.get(text, text.replace("_", " ").capitalize())


def _setting(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return "On" if value is True else "Off" if value is False else str(value) or "empty"


def _session_kind(kind: SessionKind) -> str:
    protocol, _, direction = kind.partition("-")
    return f"{protocol.upper()} {direction}"


def _epoch(moment: str) -> float:
    """Return the seconds since the epoch of a time in ISO 8601."""
    return datetime.datetime.fromisoformat(moment).timestamp()


def _breakable(addresses: str) -> Markup:
    """Return mailboxes or hosts with places where a line may end in a long one: before its marks."""
    return Markup("").join(
        Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=.)(?=[@.:])", word))
        if len(word) > _LONG_WORD
        else escape(word)
        for word in re.split(r"(\s+)", addresses)
    )


def _megabytes(octets: int) -> str:
    return f"{octets / 1_000_000:.1f}"
