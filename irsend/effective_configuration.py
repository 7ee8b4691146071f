"""`twistd irsend --print-config`: the configuration in force as TOML, and where each value is from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from irsend.configuration import SECTIONS, Configuration
from irsend.configuration_sections import IN_MEMORY
from irsend.device.items import Item, Value, items_of
from irsend.device.windows import ITEMS
from irsend.sample_configuration import toml
from irsend.store.saved_settings import SavedSettings, usable

_MASK = "********"
_HEAD = """\
# What is in force, and behind each value where it is from: the default, the model, the file,
# an environment variable, the machine (changed there), --set. Secrets are shown as ********."""


def effective(configuration: Configuration) -> str:
    """Return the whole configuration; StateError where what was changed at the machine cannot be read."""
    sources = configuration.sources
    lines = [_HEAD, ""]
    lines.append(
        _line("model", toml(configuration.model_named), sources.get("model", "default"))
    )
    lines += _values(configuration, "", sources)
    for name in SECTIONS:
        lines += ["", f"[{name}]", *_values(getattr(configuration, name), f"{name}.", sources)]
    window = ""
    for whole, value, source in _settings(configuration):
        name, _, key = whole.partition(".")
        if name != window:
            window = name
            lines += ["", f"[settings.{name}]"]
        lines.append(_line(key, _shown(ITEMS[whole], value), source))
    return "\n".join(lines)


def _values(section: object, prefix: str, sources: dict[str, str]) -> Iterator[str]:
    for key, about, _ in items_of(type(section)):
        source = sources.get(prefix + key, "default")
        yield _line(key, _shown(about, getattr(section, key)), source)


def _settings(configuration: Configuration) -> Iterator[tuple[str, Value, str]]:
    """Give each setting that the model has, by whole key, with its value and where that is from."""
    model = configuration.model
    saved: dict[str, Value] = {}
    if configuration.state != IN_MEMORY:
        file = Path(configuration.state) / "settings.toml"
        saved, _ = usable(model, SavedSettings(file).load())
    initial = model.initial_settings()
    for key in model.items():
        if key in configuration.overrides:
            yield key, configuration.overrides[key], "--set"
        elif key in saved:
            yield key, saved[key], "machine"
        elif key in configuration.settings:
            source = configuration.sources.get(f"settings.{key}", "the file")
            yield key, configuration.settings[key], source
        else:
            yield key, initial.value(key), "model"


def _shown(about: Item, value: Value) -> str:
    plain = about.kind.plain(value)
    if about.secret and plain:
        plain = dict.fromkeys(plain, _MASK) if isinstance(plain, dict) else _MASK
    return toml(plain)


def _line(key: str, value: str, source: str) -> str:
    # A path may hold any character, a comment of TOML may not.
    readable = "".join(one if one.isprintable() else "?" for one in source)
    return f"{key} = {value}  # {readable}"
