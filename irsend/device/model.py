"""A printer model, read from a TOML file: what it has, what it speaks, in which order.

The files of the models that irsend comes with stand in `models/`; a user's own
file is named by its path. The items of the windows stand in `windows`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from irsend.device.items import Number, Text, Value, item, items_of, read_value, read_values
from irsend.device.model_tables import (
    EHLO_KEYWORDS,
    TLS_VERSIONS,
    ModelHeader,
    ModelReception,
    ModelSASL,
    ModelSending,
    ModelTLS,
    any_of,
)
from irsend.device.quirks import Quirks
from irsend.device.renamed_keys import OF_MODELS, read_renamed
from irsend.device.windows import DEFAULTS, ITEMS, Settings, windows
from irsend.errors import ModelError, SettingsRefused, ValueRefused

_TABLES = ("tls", "sasl", "sending", "reception", "header", "quirks", "defaults")


@frozen(kw_only=True)
class Model:
    """A printer as its file describes it."""

    name: str = item(
        "name", Text(40, "letters, digits, - and _", r"[\w-]+"), "", "What `--model` calls it."
    )
    title: str = item("title", Text(80), "", "Its name in full.")
    maker: str = item("maker", Text(40), "", "Who made it.")
    year: int = item("year", Number(1980, 2100), 2000, "When it came out.")
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

    def read_settings(self, given: Mapping[str, object]) -> dict[str, Value]:
        """Read values by whole key; raise SettingsRefused naming every wrong key.

        An item that this printer does not have is refused by the printer's name.
        """
        values, refused = {}, []
        for key, raw in given.items():
            try:
                if key not in ITEMS:
                    raise ValueRefused(key, f"there is no such setting{self._near(key)}")
                if not self.has_item(key):
                    raise ValueRefused(key, f"the {self.called} does not have this setting")
                values[key] = read_value(key, ITEMS[key], raw)
            except ValueRefused as error:
                refused.append(error)
        if refused:
            raise SettingsRefused(refused)
        return values

    def _near(self, key: str) -> str:
        window = key.partition(".")[0]
        names = [name for name, _, _ in windows()]
        if window not in names:
            return f"; its first part is one of {', '.join(names)}"
        there_are = [
            one.partition(".")[2] for one in self.items() if one.startswith(window + ".")
        ]
        return f" in {window}; there are: {', '.join(there_are)}"

    def initial_settings(self) -> Settings:
        """Return the settings of a printer fresh from its box."""
        return Settings().replace(self.defaults)

    def default(self, key: str) -> Value:
        """Return the factory setting at this whole key."""
        return self.defaults.get(key, DEFAULTS[key])


def model_names() -> list[str]:
    """Return the names of the models that irsend comes with."""
    files = resources.files("irsend.device.models").iterdir()
    return sorted(one.name.removesuffix(".toml") for one in files if one.name.endswith(".toml"))


def load_model(name: str) -> Model:
    """Return the model of this name, or of the file at this path; raise ModelError."""
    if "/" not in name and not name.endswith(".toml"):
        if name not in model_names():
            raise ModelError(
                f"model: {name!r} is not allowed; allowed: {', '.join(model_names())}, "
                "or the path of a model file (ending in .toml)"
            )
        text = (
            resources.files("irsend.device.models").joinpath(f"{name}.toml").read_text("utf-8")
        )
    else:
        try:
            text = Path(name).read_text("utf-8")
        except OSError as error:
            raise ModelError(f"model: {name}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ModelError(f"model: {name}: not a text file in UTF-8") from None
    try:
        model = _read_model(tomllib.loads(text))
        return attrs.evolve(model, warnings=tuple(f"{name}: {one}" for one in model.warnings))
    except ValueError as error:
        # TOMLDecodeError is one; an integer of thousands of digits is another.
        raise ModelError(f"{name}: {error}") from None
    except SettingsRefused as error:
        raise ModelError("\n".join(f"{name}: {one}" for one in error.refused)) from None


def _read_model(raw: dict[str, Any]) -> Model:
    tables: dict[str, dict[str, Any]] = {}
    for table in _TABLES:
        tables[table] = raw.pop(table, {})
        if not isinstance(tables[table], dict):
            raise SettingsRefused([ValueRefused(table, "this is a table, not a single value")])
    if not raw.get("name"):
        raise SettingsRefused([ValueRefused("name", "every model file has a name")])
    known = [key for key, _, _ in items_of(Model)]
    there_are = ", ".join([*known, *_TABLES])
    unknown = [key for key in raw if key not in known]
    if unknown:
        raise SettingsRefused(
            [
                ValueRefused(key, f"there is no such key; there are: {there_are}")
                for key in unknown
            ]
        )
    values = read_values(Model, "", raw)
    renamed = read_renamed(tables, OF_MODELS)
    if renamed.refused:
        raise SettingsRefused([*renamed.refused])
    tables = renamed.tables
    tls = ModelTLS(**read_values(ModelTLS, "tls", tables["tls"])) if tables["tls"] else None
    if tls and TLS_VERSIONS.index(tls.oldest) > TLS_VERSIONS.index(tls.newest):
        raise SettingsRefused(
            [ValueRefused("tls.oldest", f"{tls.oldest} is newer than tls.newest")]
        )
    parts: dict[str, Any] = {
        "tls": tls,
        "sasl": ModelSASL(**read_values(ModelSASL, "sasl", tables["sasl"])),
        "sending": ModelSending(**read_values(ModelSending, "sending", tables["sending"])),
        "reception": ModelReception(
            **read_values(ModelReception, "reception", tables["reception"])
        ),
        "header": ModelHeader(**read_values(ModelHeader, "header", tables["header"])),
    }
    model = Model(**parts, **values, warnings=renamed.warnings)
    given = {
        f"{window}.{key}": value
        for window, of_window in tables["defaults"].items()
        for key, value in (
            of_window.items() if isinstance(of_window, dict) else [("", of_window)]
        )
    }
    try:
        defaults = model.read_settings(given)
    except SettingsRefused as error:
        raise SettingsRefused(
            [ValueRefused(f"defaults.{one.key}", one.problem) for one in error.refused]
        ) from None
    quirks = read_values(Quirks, "quirks", tables["quirks"])
    defaults = {
        **renamed.values,
        **defaults,
        **{f"quirks.{key}": value for key, value in quirks.items()},
    }
    return attrs.evolve(model, defaults=defaults)
