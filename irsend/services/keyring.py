"""The keyring: the key and certificate that encrypted SMTP reception needs (docs/fidelity)."""

from __future__ import annotations

from collections.abc import Callable, Container
from pathlib import Path

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.configuration import Configuration
from irsend.configuration_sections import TLS
from irsend.device.device import Device
from irsend.device.model_tables import ModelTLS
from irsend.device.windows import Settings, SSLPolicy
from irsend.errors import ConfigurationError, KeyMaterialError, NotKept, ValueRefused
from irsend.protocols.tls import ServerTLS, tls_failure
from irsend.services.client_tls import tls_profile
from irsend.services.live_configuration import LiveConfiguration
from irsend.store.group_commit import InThread
from irsend.store.keys import (
    KeyMaterial,
    KeyStore,
    generate_key_material,
    read_key_material,
)

POLICY = "authent_encryption.allow_ssl_smtp_receive"


class Keyring:
    """Holds the machine's key and certificate, as far as its model can use them.

    With `at_first_use` the first key is made when it is needed, not at the start.
    """

    log = Logger()

    def __init__(
        self,
        directory: Path,
        *,
        device: Device,
        configuration: LiveConfiguration,
        at_first_use: bool,
    ) -> None:
        tls = configuration.current.tls
        self._directory = directory
        self._device = device
        self._configuration = configuration
        self._keys = KeyStore(directory, tls.certificate, tls.key)
        self._at_first_use = at_first_use
        self._key: KeyMaterial | None = None
        self._tls: ServerTLS | None = None

    def load(self) -> None:
        """Load the key, or make it at the first start; without a usable one nothing is encrypted."""
        if not self._at_first_use:
            self._load()

    @property
    def server_tls(self) -> ServerTLS | None:
        """What answers STARTTLS; None while there is no usable key."""
        self._load_at_first_use()
        return self._tls

    def _load_at_first_use(self) -> None:
        if self._at_first_use:
            self._at_first_use = False
            self._load()

    def _load(self) -> None:
        model = self._device.model
        if model.tls is None or not model.has_item(POLICY):
            return
        try:
            self._use(self._load_or_generate(self._keys, self._configuration.current.tls))
        except (KeyMaterialError, NotKept) as error:
            self._key = self._tls = None
            self.log.warn("No encrypted SMTP reception: {error}", error=str(error))

    def prepare(self, tls: TLS, settings: Settings) -> Callable[[], None]:
        """Check another configuration's key; KeyMaterialError or ValueRefused.

        Returns a callable that uses it. Nothing changes before that is called.
        """
        keys = KeyStore(self._directory, tls.certificate, tls.key)
        self._check(keys, settings)
        model = self._device.model
        usable = model.tls is not None and model.has_item(POLICY)
        key = self._load_or_generate(keys, tls) if usable else None
        if key is not None:
            self._build_tls(key)

        def use() -> None:
            self._keys = keys
            if key is not None:
                self._use(key)

        return use

    def check(self, settings: Settings, changes: Container[str] = (POLICY,)) -> None:
        """Refuse to turn on encrypted reception without a valid key and certificate; ValueRefused."""
        if POLICY in changes:
            self._check(self._keys, settings)

    def describe(self) -> dict[str, object] | None:
        """Return what is known of the certificate in use; None without one."""
        self._load_at_first_use()
        return self._key.describe() if self._key else None

    def certificates_pem(self) -> bytes:
        """Return the certificates in use; empty without a key."""
        self._load_at_first_use()
        return self._key.certificates_pem() if self._key else b""

    def generate(self, in_thread: InThread) -> Deferred[dict[str, object]]:
        """Make a new key in a thread, as it takes seconds, and use it; fires with its description."""
        bits, now = self._model_tls().key_bits, self._device.now()
        names = self._configuration.current.tls.hostnames
        made = in_thread(lambda: generate_key_material(names, bits, now))
        return made.addCallback(lambda pair: self.import_key(*pair))

    def import_key(self, certificate: bytes, key: bytes) -> dict[str, object]:
        """Keep and use another key (PEM) from the next session on.

        KeyMaterialError or NotKept change nothing.
        """
        material = read_key_material(certificate, key)
        self._build_tls(material)
        if self._policy(self._device.settings) is not SSLPolicy.OFF:
            material.check_valid(self._device.now())
        self._keys.save(certificate, key)
        self._use(material)
        return material.describe()

    def _load_or_generate(self, keys: KeyStore, tls: TLS) -> KeyMaterial:
        bits, now = self._model_tls().key_bits, self._device.now()
        material = keys.load_or_generate(tls.hostnames, bits, now)
        try:
            self._build_tls(material)
        except KeyMaterialError as error:
            if not keys.made_here(material):
                raise
            # Made for another model that used this state directory before.
            self.log.warn("A new key is made: {error}", error=str(error))
            material = keys.save(*generate_key_material(tls.hostnames, bits, now))
        return material

    def _check(self, keys: KeyStore, settings: Settings) -> None:
        policy = self._policy(settings)
        if policy is SSLPolicy.OFF:
            return
        self._load_at_first_use()
        try:
            key = keys.load()
            key.check_valid(self._device.now())
            self._build_tls(key)
        except KeyMaterialError as error:
            raise ValueRefused(
                POLICY,
                f"{policy.value} needs a valid key and certificate in the machine: {error}",
            ) from None

    def _policy(self, settings: Settings) -> SSLPolicy:
        return settings.authent_encryption.allow_ssl_smtp_receive

    def _model_tls(self) -> ModelTLS:
        model = self._device.model
        if model.tls is None:
            raise KeyMaterialError(f"the {model.called} has no TLS")
        return model.tls

    def _build_tls(self, key: KeyMaterial) -> ServerTLS:
        tls = self._model_tls()
        try:
            return ServerTLS.build(
                key.certificates,
                key.key,
                tls_profile(tls),
            )
        except (SSL.Error, ValueError) as error:
            why = tls_failure(Failure(error)) if isinstance(error, SSL.Error) else str(error)
            raise KeyMaterialError(f"the key cannot be used by this model: {why}") from None

    def _use(self, key: KeyMaterial) -> None:
        self._tls = self._build_tls(key)
        self._key = key


def check_key(configuration: Configuration) -> None:
    """Raise ConfigurationError where the key and certificate that it names cannot be used."""
    tls = configuration.tls
    if not tls.certificate and not tls.key:
        return
    try:
        KeyStore(Path(), tls.certificate, tls.key).load()
    except KeyMaterialError as error:
        raise ConfigurationError(f"tls: {error}") from None
