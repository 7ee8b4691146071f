"""A model as data for lists, pages and programs: what it speaks, and where each statement comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from irsend.device.items import items_of
from irsend.device.model import Model
from irsend.device.model_sources import ABOUT_THE_FILE
from irsend.device.model_tables import MODEL_TABLES, ModelTLS
from irsend.device.windows import ITEMS


def describe_model(model: Model) -> dict[str, Any]:
    """Return all that a model's file says, as JSON has it."""
    return {
        "name": model.name,
        "title": model.title,
        "maker": model.maker,
        "year": model.year,
        "special": model.special,
        "tls": None if model.tls is None else _values(model.tls),
        "mechanisms": {"secured": list(model.sasl.secured), "plain": list(model.sasl.plain)},
        "statements": list(_statements(model)),
        "sources": [
            {"number": number, **_values(source)}
            for number, source in enumerate(model.provenance.sources, 1)
        ],
    }


def tls_range(tls: ModelTLS | None) -> str:
    """Return the versions that a model speaks, in words."""
    if tls is None:
        return "none"
    if tls.oldest == tls.newest:
        return f"{tls.oldest} only"
    return f"{tls.oldest} to {tls.newest}"


def _statements(model: Model) -> Iterator[dict[str, Any]]:
    """Give each key that the file sets with its value, its standing, and the numbers of its sources."""
    stated = [key for key in model.provenance.stated if key not in ABOUT_THE_FILE]
    if model.tls is None:
        stated.append("tls")
    for key in stated:
        yield {
            "key": key,
            "value": _value(model, key),
            "standing": model.provenance.standing_of(key),
            "sources": model.provenance.sources_of(key),
        }


def _value(model: Model, key: str) -> object:
    """Return the value at a whole key of the file."""
    setting = key.removeprefix("defaults.")
    if setting in ITEMS and setting in model.defaults:
        return ITEMS[setting].kind.plain(model.defaults[setting])
    table, _, name = key.partition(".")
    if table in MODEL_TABLES:
        part = getattr(model, table)
        return _values(part)[name] if name else None
    return _values(model)[key]


def _values(part: object) -> dict[str, Any]:
    return {key: about.kind.plain(getattr(part, key)) for key, about, _ in items_of(type(part))}
