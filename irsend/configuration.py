"""The configuration: etc/irsend.toml, the environment and --set, read into frozen values.

The items of the machine's own windows stand in `device.windows`, the sections of
the bench around it in `configuration_sections`. `sample_configuration` writes
etc/irsend.toml from the same declarations.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
from attrs import Factory, field, frozen

from irsend.configuration_environment import read_environment, variable_of
from irsend.configuration_limits import Limits
from irsend.configuration_sections import (
    IN_MEMORY,
    TLS,
    Faults,
    Link,
    Listen,
    MailHost,
    Panel,
    Printing,
    Sending,
)
from irsend.device.items import Item, Text, Value, item, items_of, read_values
from irsend.device.model import Model, load_model
from irsend.device.renamed_keys import OF_CONFIGURATION, read_renamed
from irsend.device.windows import ITEMS, windows
from irsend.errors import ConfigurationError, ModelError, SettingsRefused, ValueRefused
from irsend.wording import did_you_mean, nearest, no_such_key


def _section(made_of: type) -> Any:
    return field(default=Factory(made_of), metadata={type: made_of})


@frozen(kw_only=True)
class Configuration:
    """One bench: the model of its machine, its state directory, and the sections of the file."""

    model: Model
    state: str = item(
        "state directory",
        Text(4096, "a path"),
        "var/irsend",
        f'What the machine keeps; relative to where it is started. "{IN_MEMORY}" keeps it in RAM.',
        at_start=True,
    )
    listen: Listen = _section(Listen)
    panel: Panel = _section(Panel)
    settings: dict[str, Value] = field(factory=dict, repr=False)
    """Values of the file by whole key, already read."""
    overrides: dict[str, Value] = field(factory=dict, repr=False)
    """Values of --set by whole key, which win over what was changed at the machine."""
    tls: TLS = _section(TLS)
    sending: Sending = _section(Sending)
    printing: Printing = _section(Printing)
    link: Link = _section(Link)
    limits: Limits = _section(Limits)
    faults: Faults = _section(Faults)
    mailhost: MailHost = _section(MailHost)
    sources: dict[str, str] = field(factory=dict, eq=False, repr=False)
    """Where each key that is given anywhere has its value from: the file, a variable, --set."""
    variables: tuple[str, ...] = field(default=(), eq=False)
    """The names of the environment variables that count."""
    model_named: str = field(default="", eq=False)
    """What the model was named by: its name, or the path of its file."""
    warnings: tuple[str, ...] = field(default=(), eq=False)
    """What the files and --set should have otherwise, a sentence each."""

    def start_only_changes(self, other: Configuration) -> list[str]:
        """Return the keys that differ from another's and count from the next start on."""
        keys = [] if self.model == other.model else ["model"]
        for prefix, one, two in (
            ("", self, other),
            *((f"{name}.", getattr(self, name), getattr(other, name)) for name in SECTIONS),
        ):
            keys += [
                prefix + key
                for key, about, _ in items_of(type(one))
                if about.at_start and getattr(one, key) != getattr(two, key)
            ]
        return keys


SECTIONS: dict[str, type] = {
    one.name: one.metadata[type] for one in attrs.fields(Configuration) if type in one.metadata
}

_TABLES = ("mailhost.accounts.", "link.addresses.")


def read_configuration(
    path: str | None = None,
    *,
    without_file: Mapping[str, object] = MappingProxyType({}),
    model: str | None = None,
    state: str | None = None,
    sets: list[str] | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Configuration:
    """Read the file, the environment and --set; raise ConfigurationError with a line for each fault.

    Where there is no file, `without_file` stands for it: values by whole key. Of these, a
    setting that the model lacks is left out.
    """
    raw: dict[str, Any] = {}
    if path is not None:
        try:
            raw = tomllib.loads(Path(path).read_text("utf-8"))
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            # Not UTF-8, not TOML, nested too deeply, or a number of too many digits for Python.
            raise ConfigurationError(f"{path}: {error}") from None
    from_environment: dict[str, object] = {}
    variables = read_environment(environment, _all_items())
    for key, given in variables.items():
        _put(from_environment, key, given)
    from_set = read_assignments(sets or [])
    if model is not None:
        from_set["model"] = model
    if state is not None:
        from_set["state"] = state
    named: object = "ir2270"
    where = ""
    for layer, its_source in (
        (raw, f"{path}: "),
        (from_environment, f"{variable_of('model')}: "),
        (from_set, ""),
    ):
        if "model" in layer:
            named, where = layer["model"], its_source
    try:
        if not isinstance(named, str):
            raise ModelError(
                f"model: {named!r} is not allowed; allowed: a name or the path of a model file"
            )
        the_model = load_model(named)
    except ModelError as error:
        raise ConfigurationError(f"{where}{error}") from None
    if path is None:
        for key, usual in without_file.items():
            setting = key.removeprefix("settings.")
            if setting == key or the_model.has_item(setting):
                _put(raw, key, usual)
    base = _read(path or "", the_model, raw)
    between = _read("", the_model, from_environment, variable_of)
    top = _read("--set", the_model, from_set)
    sources = {
        **dict.fromkeys(_given(raw), path or "the bench"),
        **{one: variable_of(key) for key in variables for one in _given({key: None})},
        **dict.fromkeys(_given(from_set), "--set"),
        **({} if model is None else {"model": "--model"}),
        **({} if state is None else {"state": "--state"}),
    }
    warnings = [one for layer in (base, between, top) for one in layer.pop("warnings")]
    settings = {**base.pop("settings"), **between.pop("settings")}
    overrides = top.pop("settings")
    merged = {**base, **between, **top}
    for name, made_of in SECTIONS.items():
        section = made_of(**{**base.get(name, {}), **between.get(name, {})})
        merged[name] = attrs.evolve(section, **_merged(section, top.get(name, {})))
    return Configuration(
        model=the_model,
        settings=settings,
        overrides=overrides,
        sources=sources,
        variables=tuple(map(variable_of, variables)),
        model_named=named,
        warnings=(*the_model.warnings, *warnings),
        **merged,
    )


def _given(layer: Mapping[str, object], prefix: str = "") -> list[str]:
    """Return the whole keys that a layer gives; a table that is a value is one key."""
    keys = []
    for name, value in layer.items():
        key = prefix + name
        if isinstance(value, dict) and f"{key}." not in _TABLES:
            keys += _given(value, f"{key}.")
        else:
            # [quirks] is [settings.quirks].
            keys.append(f"settings.{key}" if key.startswith("quirks.") else key)
    return keys


def _all_items() -> dict[str, Item | None]:
    """Return the items of all keys there are, of any model; None for what is no item."""
    items: dict[str, Item | None] = {"model": None}
    items |= {key: about for key, about, _ in items_of(Configuration)}
    for name, made_of in SECTIONS.items():
        items |= {f"{name}.{key}": about for key, about, _ in items_of(made_of)}
    items |= dict.fromkeys(OF_CONFIGURATION)
    for whole, about in ITEMS.items():
        items[f"settings.{whole}"] = about
        if whole.startswith("quirks."):
            items[whole] = about
    return items


def _merged(section: object, changes: Mapping[str, Value]) -> dict[str, Value]:
    """Return values with tables merged: --set changes one account, say, and the others stay."""
    return {
        key: {**getattr(section, key), **value} if isinstance(value, dict) else value
        for key, value in changes.items()
    }


def configuration(*, model: str = "ir2270", **given: object) -> Configuration:
    """Return a configuration from values as the file would have them, without a file (for tests)."""
    the_model = load_model(model)
    values = _read("", the_model, given)
    for name, made_of in SECTIONS.items():
        values[name] = made_of(**values.get(name, {}))
    return Configuration(model=the_model, **values)


def read_assignments(assignments: Sequence[str]) -> dict[str, object]:
    """Return what `--set KEY=VALUE` gives, as the file would have it; ConfigurationError."""
    given: dict[str, object] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise ConfigurationError(f"--set {assignment}: write it as KEY=VALUE")
        _put(given, key.strip(), value)
    return given


def _put(into: dict[str, object], key: str, value: object) -> None:
    parts = key.split(".")
    # A key of a table may hold dots: mailhost.accounts.ir@bench.test=bench.
    if key.startswith(_TABLES) and len(parts) > 2:
        parts = [*parts[:2], ".".join(parts[2:])]
    for part in parts[:-1]:
        inner = into.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(f"--set {key}: {part} is a single value, not a table")
        into = inner
    into[parts[-1]] = value


def _read(
    source: str,
    model: Model,
    raw: Mapping[str, object],
    written: Callable[[str], str] = str,
) -> dict[str, Any]:
    """Read one layer; `written` returns how a key is written there."""
    values: dict[str, Any] = {}
    prefix = f"{source}: " if source else ""
    renamed = read_renamed(raw, OF_CONFIGURATION)
    raw, refused = renamed.tables, [*renamed.refused]
    values["warnings"] = tuple(prefix + one for one in renamed.warnings)
    single = {
        key: raw[key]
        for key in raw
        if key not in SECTIONS and key not in ("settings", "quirks", "model")
    }
    try:
        values.update(
            read_values(Configuration, "", {k: v for k, v in single.items() if k == "state"})
        )
    except SettingsRefused as error:
        refused += error.refused
    for key in [one for one in single if one != "state"]:
        refused.append(ValueRefused(key, _no_such_key(key, model)))
    for name, made_of in SECTIONS.items():
        if name not in raw:
            continue
        section = raw[name]
        if not isinstance(section, dict):
            refused.append(
                ValueRefused(name, f"{section!r} is not allowed; allowed: a table, [{name}]")
            )
            continue
        try:
            values[name] = read_values(made_of, name, section)
        except SettingsRefused as error:
            refused += error.refused
    values["settings"] = dict(renamed.values)
    # [quirks] is [settings.quirks] by a shorter name.
    windows_given = {"settings.": raw.get("settings", {})}
    if "quirks" in raw:
        windows_given[""] = {"quirks": raw["quirks"]}
    for where, given in windows_given.items():
        try:
            flat = _flat(where, given, model)
            values["settings"].update(model.read_settings(flat, prefix=where))
        except SettingsRefused as error:
            refused += error.refused
        except ValueRefused as error:
            refused.append(error)
    if refused:
        raise ConfigurationError(
            "\n".join(f"{prefix}{written(one.key)}: {one.problem}" for one in refused)
        )
    return values


def _no_such_key(key: str, model: Model) -> str:
    """Return the refusal of a key at the top, where one of a section or a window may be meant."""
    there_are = ["model", "state", "settings", "quirks", *SECTIONS]
    names = [*there_are, *(f"settings.{name}" for name, _, _ in windows())]
    names += [f"settings.{name}" for name in model.items()]
    for section, made_of in SECTIONS.items():
        names += [f"{section}.{name}" for name, _, _ in items_of(made_of)]
    return no_such_key(nearest(key, names), there_are)


def _flat(where: str, raw: object, model: Model) -> dict[str, object]:
    if not isinstance(raw, dict):
        raise ValueRefused(
            "settings", f"{raw!r} is not allowed; allowed: a table for each window"
        )
    flat: dict[str, object] = {}
    for window, values in raw.items():
        if not isinstance(values, dict):
            names = [name for name, _, _ in windows()]
            items = [f"settings.{name}" for name in model.items()]
            near = "" if window in names else did_you_mean(window, items)
            raise ValueRefused(
                f"{where}{window}",
                f"{values!r} is not allowed; allowed: "
                + (f"tables named {', '.join(names)}{near}" if where else "a table, [quirks]"),
            )
        flat.update({f"{window}.{key}": value for key, value in values.items()})
    return flat
