"""The settings that were changed at the machine: settings.toml in the state directory."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from irsend.device.items import Value
from irsend.device.model import Model
from irsend.device.windows import ITEMS
from irsend.errors import SettingsRefused, StateError
from irsend.store.state import replace_files


def usable(
    model: Model, saved: Mapping[str, object]
) -> tuple[dict[str, Value], list[SettingsRefused]]:
    """Return the saved values that a model takes, and why it takes no others.

    They may have been saved by another model or another release: that is no reason not to start.
    """
    values: dict[str, Value] = {}
    refused = []
    for key, value in saved.items():
        try:
            values.update(model.read_settings({key: value}))
        except SettingsRefused as error:
            refused.append(error)
    return values, refused


class SavedSettings:
    """Values that were changed at the machine, by window and key, in the form of TOML."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._plain: dict[str, dict[str, object]] = {}

    def load(self) -> dict[str, object]:
        """Return the values by whole key, not checked yet; StateError."""
        try:
            raw = tomllib.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            raw = {}
        except (OSError, ValueError) as error:
            # TOMLDecodeError and UnicodeDecodeError are ValueErrors.
            what = error.strerror if isinstance(error, OSError) else error
            raise StateError(
                f"{self._path}: {what}; mend it, or delete it to forget what was changed at the machine"
            ) from None
        self._plain = {
            window: values for window, values in raw.items() if isinstance(values, dict)
        }
        return {
            f"{window}.{key}": value
            for window, values in self._plain.items()
            for key, value in values.items()
        }

    def save(self, changes: Mapping[str, Value]) -> None:
        """Save these values in addition; OSError where nothing was changed."""
        # Imported when the first change is saved: it takes 10 ms of the start.
        import tomlkit

        plain = {window: dict(values) for window, values in self._plain.items()}
        for whole, value in changes.items():
            window, _, key = whole.partition(".")
            plain.setdefault(window, {})[key] = ITEMS[whole].kind.plain(value)
        heading = "# Changed at the machine; `irsendctl factory-reset` forgets it.\n\n"
        replace_files({self._path: (heading + tomlkit.dumps(plain)).encode("utf-8")})
        self._plain = plain

    def forget(self) -> None:
        """Delete the file, and forget all values; OSError where nothing was changed."""
        replace_files({self._path: None})
        self._plain = {}
