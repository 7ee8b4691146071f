"""Where the statements of a model file come from, and how far each can be trusted.

A file names its sources, and for each source the keys that rest on it; what rests on
none is named as assumed. A name of a table stands for all keys of that table which
are not named themselves. Nothing here reads a file: see `model_file` and `model`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from irsend.device.items import Listing, OneOf, Text, item, read_values
from irsend.errors import SettingsRefused, ValueRefused

DOCUMENTED, REPORTED, SINGLE_REPORT, ASSUMED = (
    "documented",
    "reported",
    "single report",
    "assumed",
)
STANDINGS: dict[str, str] = {
    DOCUMENTED: "a manual, guide or white paper of the maker's says it",
    REPORTED: "several people who run such machines have said it in public",
    SINGLE_REPORT: "one public report says it, and no other is known",
    ASSUMED: "no source says it: chosen as likely for a machine of its kind and time",
}
"""What each standing means, the best first."""

ABOUT_THE_FILE = ("name", "title", "maker", "special", "sources", "assumed")
"""Keys that need no source: they name the machine, or sum up the others."""
_DATE = r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?"
_DATE_FORM = "YYYY, YYYY-MM or YYYY-MM-DD"


def _key(given: str) -> str:
    if not given.strip():
        raise ValueError("a key is empty")
    return given


def names_of_keys() -> Listing:
    """Return the kind of an item that names keys and tables of the same file."""
    return Listing(200, "keys or tables that the file sets, such as tls.newest or header", _key)


@frozen(kw_only=True)
class Source:
    """A public source, and the keys of the file that rest on it."""

    address: str = item(
        "address",
        Text(500, "an address that begins with https:// or http://", r"https?://[!-~]+"),
        "",
        "Where it can be read.",
    )
    date: str = item(
        "date", Text(10, _DATE_FORM, _DATE), "", "When it was published; empty: it has no date."
    )
    read: str = item(
        "read", Text(10, _DATE_FORM, _DATE), "", "When it was read, where it has no date."
    )
    standing: str = item(
        "standing",
        OneOf((DOCUMENTED, REPORTED, SINGLE_REPORT)),
        SINGLE_REPORT,
        "What it is: a document of the maker's, reports of several people, or of one.",
    )
    says: str = item("says", Text(600), "", "What it says, in words of one's own.")
    keys: tuple[str, ...] = item("keys", names_of_keys(), (), "The keys that rest on it.")

    @property
    def dated(self) -> str:
        """Its date in a sentence."""
        return self.date or f"no date, read {self.read}"


@frozen
class Provenance:
    """The sources of a model file, what it assumes, and the keys that it sets."""

    sources: tuple[Source, ...] = ()
    assumed: tuple[str, ...] = ()
    stated: tuple[str, ...] = field(default=(), repr=False)
    """The whole keys that the file sets, in its order."""

    def sources_of(self, key: str) -> list[int]:
        """Return the numbers of the sources that a key rests on, from 1."""
        for name in _names(key):
            found = [at for at, one in enumerate(self.sources, 1) if name in one.keys]
            if found or name in self.assumed:
                return found
        return []

    def standing_of(self, key: str) -> str:
        """Return how far a key can be trusted; empty where the file says nothing of it."""
        numbers = self.sources_of(key)
        standings = [self.sources[number - 1].standing for number in numbers]
        if DOCUMENTED in standings:
            return DOCUMENTED
        if REPORTED in standings or len(standings) > 1:
            return REPORTED
        if standings:
            return SINGLE_REPORT
        return ASSUMED if any(name in self.assumed for name in _names(key)) else ""

    def problems(self) -> Iterator[ValueRefused]:
        """Give what is wrong with the account of a file that names sources or assumes keys.

        A machine runs all the same: whoever copies a model and adds a key has none for it yet.
        """
        if not self.sources and not self.assumed:
            return
        named = [(f"sources[{at}].keys", one.keys) for at, one in enumerate(self.sources, 1)]
        for path, keys in [*named, ("assumed", self.assumed)]:
            for key in keys:
                # A file without [tls] says that there is none.
                if key != "tls" and not _is_set(key, self.stated):
                    yield ValueRefused(
                        path, f"{key!r} is not allowed; allowed: keys that the file sets"
                    )
        for key in self.assumed:
            if any(key in one.keys for one in self.sources):
                yield ValueRefused(
                    "assumed", f"{key!r} rests on a source too: name it in one place"
                )
        for key in self.stated:
            if key not in ABOUT_THE_FILE and not self.standing_of(key):
                yield ValueRefused(
                    key, "it rests on no source: name it in the keys of a source, or in assumed"
                )


def read_provenance(raw: Mapping[str, Any], stated: Iterable[str]) -> Provenance:
    """Read `sources` and `assumed` of a file that sets these keys; SettingsRefused."""
    tables = raw.get("sources", [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise SettingsRefused(
            [
                ValueRefused(
                    "sources", "this is an array of tables: each begins with [[sources]]"
                )
            ]
        )
    refused: list[ValueRefused] = []
    sources = []
    for number, table in enumerate(tables, 1):
        try:
            sources.append(_read_source(f"sources[{number}]", table))
        except SettingsRefused as error:
            refused += error.refused
    assumed: tuple[str, ...] = ()
    if "assumed" in raw:
        try:
            read = read_values(_Assumed, "", {"assumed": raw["assumed"]})
            assumed = read["assumed"]
        except SettingsRefused as error:
            refused += error.refused
    if refused:
        raise SettingsRefused(refused)
    return Provenance(tuple(sources), assumed, tuple(stated))


@frozen
class _Assumed:
    assumed: tuple[str, ...] = item("assumed", names_of_keys(), (), "")


def _read_source(path: str, table: Mapping[str, object]) -> Source:
    given = {
        # TOML has dates of its own.
        key: value.isoformat() if isinstance(value, datetime.date) else value
        for key, value in table.items()
    }
    source = Source(**read_values(Source, path, given))
    missing = [key for key in ("address", "says", "keys") if not getattr(source, key)]
    refused = [ValueRefused(f"{path}.{key}", "every source has this key") for key in missing]
    if not source.date and not source.read:
        refused.append(
            ValueRefused(f"{path}.date", "a source has a date, or says when it was read (read)")
        )
    if refused:
        raise SettingsRefused(refused)
    return source


def _is_set(name: str, stated: tuple[str, ...]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for key in stated)


def _names(key: str) -> Iterator[str]:
    """Give a whole key, then its tables, the innermost first."""
    while key:
        yield key
        key = key.rpartition(".")[0]
