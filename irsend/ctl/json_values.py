"""JSON as the machine answers it: its type, and the arrays in it.

A member of another type than the HTTP contract has it raises TypeError; `program` reports it.
"""

from __future__ import annotations

from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"


def objects(parent: JsonObject, name: str) -> list[JsonObject]:
    """Return the objects of this array; none where it is missing or null."""
    rows: list[JsonObject] = []
    for row in values(parent, name):
        if not isinstance(row, dict):
            raise TypeError(f"{name} is no array of objects")
        rows.append(row)
    return rows


def values(parent: JsonObject, name: str) -> list[Json]:
    """Return this array; an empty one where it is missing or null."""
    array = parent.get(name) or []
    if not isinstance(array, list):
        raise TypeError(f"{name} is no array")
    return array
