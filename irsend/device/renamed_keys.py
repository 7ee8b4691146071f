"""Keys that have another name now: the old name is read still, with a warning that names the new one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from irsend.device.items import Item, Kind, OneOf, OnOff, Value, read_value
from irsend.device.quirks import HELO_FORMS
from irsend.errors import ValueRefused


@frozen
class RenamedKey:
    """The new name of a key, and how its value is written there."""

    kind: Kind[Any]
    """What the old key takes."""
    new: str
    translated: Callable[[Any], Value | None] = lambda value: value
    """None for a value that says nothing: the new key keeps its default."""


OF_MODELS: dict[str, RenamedKey] = {
    "sasl.user_inline": RenamedKey(OnOff(), "quirks.inline_login_name"),
    "sasl.strict_prompts": RenamedKey(
        OnOff(), "quirks.login_prompts", lambda strict: "strict" if strict else "loose"
    ),
    "sending.helo": RenamedKey(OneOf(HELO_FORMS), "quirks.helo_name"),
    "sending.quits": RenamedKey(OnOff(), "quirks.no_quit", lambda quits: not quits),
    "header.trailing_dot": RenamedKey(OnOff(), "quirks.message_id_trailing_dot"),
    "header.declared_quoted_printable": RenamedKey(
        OnOff(), "quirks.multipart_quoted_printable"
    ),
}
"""Of a model file."""

OF_CONFIGURATION: dict[str, RenamedKey] = {
    "sending.helo": RenamedKey(
        OneOf(("model", *HELO_FORMS)),
        "quirks.helo_name",
        lambda form: None if form == "model" else form,
    ),
}
"""Of etc/irsend.toml and --set."""


@frozen
class Renamed:
    """What was read of old keys."""

    tables: dict[str, Any]
    """The tables without them."""
    values: dict[str, Value]
    """Their values by the new whole keys."""
    warnings: tuple[str, ...]
    """A sentence for each."""
    refused: tuple[ValueRefused, ...]
    """Their values that are not allowed."""


def read_renamed(raw: Mapping[str, Any], renamed: Mapping[str, RenamedKey]) -> Renamed:
    """Take the old keys out of tables, and read them."""
    tables = {
        name: dict(table) if isinstance(table, Mapping) else table
        for name, table in raw.items()
    }
    values: dict[str, Value] = {}
    warnings: list[str] = []
    refused: list[ValueRefused] = []
    for old, about in renamed.items():
        name, _, key = old.partition(".")
        table = tables.get(name)
        if not isinstance(table, dict) or key not in table:
            continue
        given = table.pop(key)
        try:
            value = read_value(old, Item(label=key, kind=about.kind, meaning=""), given)
        except ValueRefused as error:
            refused.append(error)
            continue
        translated = about.translated(value)
        if translated is None:
            warnings.append(f"{old} is called {about.new} now; take it out")
        else:
            values[about.new] = translated
            shown = json.dumps(translated)  # as TOML writes it
            warnings.append(f"{old} is called {about.new} now; write {about.new} = {shown}")
    return Renamed(tables, values, tuple(warnings), tuple(refused))
