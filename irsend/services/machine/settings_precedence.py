"""The layers of settings: model, file, what was changed at the machine, --set; the last wins."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.logger import Logger

from irsend.configuration import Configuration
from irsend.device.model import Model
from irsend.device.windows import Settings
from irsend.errors import SettingsRefused
from irsend.store.saved_settings import SavedSettings


class SettingsPrecedence:
    """Puts the layers together."""

    log = Logger()

    def __init__(self, saved: SavedSettings) -> None:
        self._saved = saved

    def settings(self, configuration: Configuration) -> Settings:
        """Return the settings as all layers make them; StateError where the saved ones cannot be read."""
        return self._together(configuration, self._saved.load())

    def as_configured(self, configuration: Configuration) -> Settings:
        """Return them as they are when nothing was changed at the machine."""
        return self._together(configuration, {})

    def for_model(self, configuration: Configuration, model: Model) -> Configuration:
        """Return a configuration for a machine that is this model and stays it."""

        def that_it_has(values: dict[str, Any]) -> dict[str, Any]:
            return {key: value for key, value in values.items() if model.has_item(key)}

        return attrs.evolve(
            configuration,
            model=model,
            settings=that_it_has(configuration.settings),
            overrides=that_it_has(configuration.overrides),
        )

    def _together(self, configuration: Configuration, saved: dict[str, object]) -> Settings:
        usable: dict[str, Any] = {}
        for key, value in saved.items():
            # Saved by another model or another release, perhaps: that is no reason not to start.
            try:
                usable.update(configuration.model.read_settings({key: value}))
            except SettingsRefused as error:
                self.log.warn("Saved setting not used: {error}", error=str(error))
        settings = configuration.model.initial_settings()
        for layer in (configuration.settings, usable, configuration.overrides):
            settings = settings.replace(layer)
        return settings
