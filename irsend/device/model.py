"""A printer model, read from a TOML file: what it has, what it speaks, in which order.

The files of the models that irsend comes with stand in `models/`; a user's own
file is named by its path. The items of the windows stand in `windows`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from irsend.device.items import Number, Text, Value, item, items_of, read_value, read_values
from irsend.device.model_file import located, unknown_keys
from irsend.device.model_sources import Provenance, read_provenance
from irsend.device.model_tables import (
    EHLO_KEYWORDS,
    MODEL_TABLES,
    TLS_VERSIONS,
    ModelHeader,
    ModelReception,
    ModelSASL,
    ModelSending,
    ModelTLS,
    any_of,
)
from irsend.device.renamed_keys import OF_MODELS, read_renamed
from irsend.device.windows import DEFAULTS, ITEMS, Settings, windows
from irsend.errors import ModelError, SettingsRefused, ValueRefused
from irsend.wording import did_you_mean, nearest, no_such

_MOST_SEARCHES = 20
"""Wrong keys for which the nearest right one is searched: each search takes a millisecond."""
_TABLES = (*MODEL_TABLES, "defaults")
_OF_SOURCES = ("sources", "assumed")


@frozen(kw_only=True)
class Model:
    """A printer as its file describes it."""

    name: str = item(
        "name", Text(40, "letters, digits, - and _", r"[\w-]+"), "", "What `--model` calls it."
    )
    title: str = item("title", Text(80), "", "Its name in full.")
    maker: str = item("maker", Text(40), "", "Who made it.")
    year: int = item("year", Number(1980, 2100), 2000, "When it came out.")
    special: str = item(
        "special", Text(200), "", "What is special about it, in a sentence for lists."
    )
    ehlo: tuple[str, ...] = item(
        "EHLO words",
        any_of(EHLO_KEYWORDS),
        EHLO_KEYWORDS,
        "What it announces when it receives by SMTP.",
    )
    lacks: tuple[str, ...] = item(
        "lacks", any_of(tuple(ITEMS)), (), "Settings that its windows do not have."
    )
    has: tuple[str, ...] = item(
        "has", any_of(tuple(ITEMS)), (), "Settings of later models that it has."
    )
    tls: ModelTLS | None = None
    sasl: ModelSASL = field(factory=ModelSASL)
    sending: ModelSending = field(factory=ModelSending)
    reception: ModelReception = field(factory=ModelReception)
    header: ModelHeader = field(factory=ModelHeader)
    defaults: dict[str, Value] = field(factory=dict)
    provenance: Provenance = field(factory=Provenance, repr=False)
    warnings: tuple[str, ...] = field(default=(), eq=False)
    """What its file should have otherwise, a sentence each."""

    @property
    def called(self) -> str:
        """Its name in a sentence: the title and the model's name."""
        return f"{self.title} ({self.name})" if self.title else self.name

    def has_item(self, key: str) -> bool:
        """Say whether the item at this whole key is on one of the printer's windows."""
        if key in self.lacks:
            return False
        return not ITEMS[key].later or key in self.has

    def items(self) -> list[str]:
        """Return the whole keys of all items it has, in the panel's order."""
        return [key for key in ITEMS if self.has_item(key)]

    def read_settings(
        self, given: Mapping[str, object], *, prefix: str = ""
    ) -> dict[str, Value]:
        """Read values by whole key; raise SettingsRefused naming every wrong key.

        An item that this printer does not have is refused by the printer's name.
        A refusal names keys with the prefix that they have where they were given.
        """
        values: dict[str, Value] = {}
        refused: list[ValueRefused] = []
        for key, raw in given.items():
            try:
                if key not in ITEMS:
                    search = len(refused) < _MOST_SEARCHES
                    raise ValueRefused(prefix + key, self._no_such_setting(key, prefix, search))
                if not self.has_item(key):
                    problem = f"the {self.called} does not have this setting"
                    raise ValueRefused(prefix + key, problem)
                values[key] = read_value(prefix + key, ITEMS[key], raw)
            except ValueRefused as error:
                refused.append(error)
        if refused:
            raise SettingsRefused(refused)
        return values

    def _no_such_setting(self, key: str, prefix: str, search: bool) -> str:
        window = key.partition(".")[0]
        names = [name for name, _, _ in windows()]
        if window in names:
            there_are = [
                one.partition(".")[2] for one in self.items() if one.startswith(window + ".")
            ]
            otherwise = f" in {window}; there are: {', '.join(there_are)}"
        else:
            otherwise = f"; its first part is one of {', '.join(names)}"
        near = nearest(key, self.items()) if search else []
        return no_such("setting", [prefix + one for one in near], otherwise)

    def initial_settings(self) -> Settings:
        """Return the settings of a printer fresh from its box."""
        return Settings().replace(self.defaults)

    def default(self, key: str) -> Value:
        """Return the factory setting at this whole key."""
        return self.defaults.get(key, DEFAULTS[key])


def model_names() -> list[str]:
    """Return the names of the models that irsend comes with."""
    return list(_shipped_names())


@cache
def _shipped_names() -> tuple[str, ...]:
    files = resources.files("irsend.device.models").iterdir()
    names = (one.name.removesuffix(".toml") for one in files if one.name.endswith(".toml"))
    return tuple(sorted(names))


def load_model(name: str) -> Model:
    """Return the model of this name, or of the file at this path; raise ModelError."""
    if "/" in name or name.endswith(".toml"):
        return load_model_file(name)
    if name not in model_names():
        raise ModelError(
            f"model: {name!r} is not allowed; allowed: {', '.join(model_names())}, "
            f"or the path of a model file (ending in .toml){did_you_mean(name, model_names())}"
        )
    return _shipped_model(name)


@cache
def _shipped_model(name: str) -> Model:
    file = resources.files("irsend.device.models").joinpath(f"{name}.toml")
    return read_model(name, file.read_text("utf-8"))


def load_model_file(path: str) -> Model:
    """Return the model of the file at this path, whatever its name; raise ModelError."""
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise ModelError(f"model: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ModelError(f"model: {path}: not a text file in UTF-8") from None
    except ValueError as error:
        raise ModelError(f"model: {path!r}: {error}") from None
    return read_model(path, text)


def read_model(name: str, text: str) -> Model:
    """Return the model that a file's text describes; ModelError names file, line and key."""
    try:
        model = _read_model(tomllib.loads(text))
        return attrs.evolve(model, warnings=tuple(f"{name}: {one}" for one in model.warnings))
    except (ValueError, RecursionError) as error:
        # TOMLDecodeError is one; an integer of thousands of digits is another.
        raise ModelError(f"{name}: {error}") from None
    except SettingsRefused as error:
        raise ModelError(located(name, text, error.refused)) from None


def _read_model(raw: dict[str, Any]) -> Model:
    tables: dict[str, dict[str, Any]] = {}
    for table in _TABLES:
        tables[table] = raw.get(table, {})
        if not isinstance(tables[table], dict):
            raise SettingsRefused([ValueRefused(table, "this is a table, not a single value")])
    if not raw.get("name"):
        raise SettingsRefused([ValueRefused("name", "every model file has a name")])
    known = [key for key, _, _ in items_of(Model)]
    refused = list(unknown_keys(raw, [*known, *_TABLES, *_OF_SOURCES]))
    single = {key: value for key, value in raw.items() if key in known}
    renamed = read_renamed(tables, OF_MODELS)
    refused += renamed.refused
    tables = renamed.tables
    parts: dict[str, Any] = {}
    for made_of, table, given in (
        (Model, "", single),
        *((made_of, table, tables[table]) for table, made_of in MODEL_TABLES.items()),
    ):
        try:
            values = read_values(made_of, table, given)
        except SettingsRefused as error:
            refused += error.refused
            continue
        if table == "quirks":
            quirks = values
        else:
            parts.update({table: made_of(**values)} if table else values)
    if refused:
        raise SettingsRefused(refused)
    if "tls" not in raw:
        parts["tls"] = None
    elif TLS_VERSIONS.index(parts["tls"].oldest) > TLS_VERSIONS.index(parts["tls"].newest):
        raise SettingsRefused(
            [ValueRefused("tls.oldest", f"{parts['tls'].oldest} is newer than tls.newest")]
        )
    model = Model(
        **parts,
        provenance=read_provenance(raw, _stated(raw)),
        warnings=renamed.warnings,
    )
    given = {
        f"{window}.{key}": value
        for window, of_window in tables["defaults"].items()
        for key, value in (
            of_window.items() if isinstance(of_window, dict) else [("", of_window)]
        )
    }
    defaults = {
        **renamed.values,
        **model.read_settings(given, prefix="defaults."),
        **{f"quirks.{key}": value for key, value in quirks.items()},
    }
    return attrs.evolve(model, defaults=defaults)


def _stated(raw: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the whole keys that a file sets, but those of its sources."""
    stated: list[str] = []
    for key, value in raw.items():
        if not prefix and key in _OF_SOURCES:
            continue
        whole = f"{prefix}{key}"
        stated += _stated(value, f"{whole}.") if isinstance(value, dict) else [whole]
    return stated
