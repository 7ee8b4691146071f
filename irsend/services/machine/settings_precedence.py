"""The precedence of settings: model, file and environment, changes at the machine, --set; the last wins."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from twisted.logger import Logger

from irsend.configuration import Configuration
from irsend.device.device import Device
from irsend.device.items import Value
from irsend.device.model import Model
from irsend.device.windows import Settings
from irsend.errors import ConfigurationError, NotKept, SettingsRefused, ValueRefused
from irsend.services.keyring import Keyring
from irsend.services.live_configuration import LiveConfiguration
from irsend.store.saved_settings import SavedSettings, usable


class SettingsPrecedence:
    """Makes the device's settings of the four layers, and keeps what is changed at the machine."""

    log = Logger()

    def __init__(
        self,
        *,
        device: Device,
        configuration: LiveConfiguration,
        saved: SavedSettings,
        keyring: Keyring,
    ) -> None:
        self._device = device
        self._configuration = configuration
        self._saved = saved
        self._keyring = keyring

    def load(self) -> None:
        """Give the device its settings at the start; ConfigurationError, StateError."""
        settings = self.of(self._configuration.current)
        try:
            self._keyring.check(settings)
        except ValueRefused as error:
            raise ConfigurationError(f"settings.{error}") from None
        self._device.settings = settings

    def of(self, configuration: Configuration) -> Settings:
        """Return the settings that a configuration makes, and log what it should have otherwise.

        StateError where the saved ones cannot be read.
        """
        for warning in configuration.warnings:
            self.log.warn("{sentence}", sentence=warning)
        return self._merge(configuration, self._saved.load())

    def factory_reset(self) -> None:
        """Forget what was changed at the machine.

        SettingsRefused where the other layers cannot be used, NotKept where it stays saved.
        """
        settings = self._merge(self._configuration.current, {})
        try:
            self._keyring.check(settings)
        except ValueRefused as error:
            raise SettingsRefused([error]) from None
        try:
            self._saved.forget()
        except OSError as error:
            raise NotKept.because_of(error) from error
        self._device.reset_settings(settings)

    def save(self, changes: Mapping[str, Value]) -> None:
        """Keep what is changed at the machine; NotKept."""
        try:
            self._saved.save(changes)
        except OSError as error:
            raise NotKept.because_of(error) from error

    def _merge(self, configuration: Configuration, saved: dict[str, object]) -> Settings:
        taken, refused = usable(configuration.model, saved)
        for error in refused:
            self.log.warn("Saved setting not used: {error}", error=str(error))
        settings = configuration.model.initial_settings()
        for layer in (configuration.settings, taken, configuration.overrides):
            settings = settings.replace(layer)
        return settings


def for_model(configuration: Configuration, model: Model) -> Configuration:
    """Return a configuration for a machine whose model does not change until the next start."""

    def of_model(values: Mapping[str, Value]) -> dict[str, Value]:
        return {key: value for key, value in values.items() if model.has_item(key)}

    return attrs.evolve(
        configuration,
        model=model,
        settings=of_model(configuration.settings),
        overrides=of_model(configuration.overrides),
    )
