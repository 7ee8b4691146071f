"""The text of a model file: the line that an error is about, and the key that was meant.

tomllib says where a file is no TOML, but not where a value stood. `line_of` finds
that by the headers of tables and the keys at the beginnings of lines, which is where
people write them; of a value within another it returns the outer one's line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from irsend.errors import ValueRefused
from irsend.wording import nearest, no_such_key

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


def unknown_keys(given: Iterable[str], known: Sequence[str]) -> Iterator[ValueRefused]:
    """Give an error for each key at the top of a file that there is not, with the nearest."""
    for key in given:
        if key not in known:
            yield ValueRefused(key, no_such_key(nearest(key, known), known))


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
