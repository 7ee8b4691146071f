"""The text of a model file: the line that an error is about, and the key that was meant.

tomllib says where a file is no TOML, but not where a value stood. `line_of` finds
that by the headers of tables and the keys at the beginnings of lines, which is where
people write them; of a value within another it returns the outer one's line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from irsend.device.items import items_of, read_values
from irsend.errors import SettingsRefused, ValueRefused

_HEADER = re.compile(r"\s*(\[{1,2})\s*([^\]#]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(
    r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_MULTILINE = ('"""', "'''")


def line_of(text: str, key: str) -> int | None:
    """Return the number of the line where a key, or what is nearest around it, is set.

    `key` is whole: tls.oldest, or sources[2].date, the date of the second of them.
    """
    lines = _lines(text)
    while key:
        if key in lines:
            return lines[key]
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return None


def located(name: str, text: str, refused: Iterable[ValueRefused]) -> str:
    """Return the sentences of errors, each with the file, the line and the key."""
    sentences = []
    for one in refused:
        line = line_of(text, one.key)
        where = f"{name}: line {line}" if line else name
        sentences.append(f"{where}: {one}")
    return "\n".join(sentences)


def read_table(made_of: type, path: str, given: Mapping[str, object]) -> dict[str, Any]:
    """Read the values of a table as `read_values` does; for a misspelt key, name the one that was meant."""
    known = [key for key, _, _ in items_of(made_of)]
    refused = list(unknown_keys(path, given, known))
    try:
        values = read_values(
            made_of, path, {key: raw for key, raw in given.items() if key in known}
        )
    except SettingsRefused as error:
        refused += error.refused
    if refused:
        raise SettingsRefused(refused)
    return values


def unknown_keys(
    path: str, given: Iterable[str], known: Iterable[str]
) -> Iterator[ValueRefused]:
    """Give an error for each key of a table that there is not."""
    known = list(known)
    for key in given:
        if key not in known:
            yield ValueRefused(
                f"{path}.{key}" if path else key,
                f"there is no such key{meant(key, known)}; there are: {', '.join(known)}",
            )


def meant(word: str, known: Iterable[str]) -> str:
    """Return a question for the known word that is nearest to a misspelt one; empty without one."""
    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.7)
    return f" (did you mean {near[0]}?)" if near else ""


def _lines(text: str) -> dict[str, int]:
    """Return the line of each table and key."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    table, within = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        if within:
            within = "" if within in line else within
            continue
        if header := _HEADER.match(line):
            table = _plain(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, 0) + 1
                found.setdefault(table, number)
                table = f"{table}[{counts[table]}]"
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            whole = _plain(key[1])
            found.setdefault(f"{table}.{whole}" if table else whole, number)
            value = line[key.end() :]
            within = next((one for one in _MULTILINE if value.count(one) == 1), "")
    return found


def _plain(written: str) -> str:
    """Return a key without the quotes and spaces that TOML allows in it."""
    return ".".join(part.strip().strip("\"'") for part in written.split("."))
