"""The machine's key and certificate: made at the first start, imported, or files of the configuration.

Standards: RFC 5280 (certificates), RFC 7468 (PEM).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import field, frozen
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from irsend.errors import KeyMaterialError, NotKept
from irsend.store.state import replace_files

_VALID_DAYS = 3650


@frozen
class KeyMaterial:
    """A certificate, the chain behind it, and the private key that fits it."""

    certificates: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes = field(repr=False)

    @property
    def certificate(self) -> x509.Certificate:
        """The machine's own certificate."""
        return self.certificates[0]

    def certificates_pem(self) -> bytes:
        """Return the certificates, the machine's own first."""
        return b"".join(
            one.public_bytes(serialization.Encoding.PEM) for one in self.certificates
        )

    def check_valid(self, now: float) -> None:
        """Raise KeyMaterialError where the certificate is not valid at this time."""
        at = datetime.fromtimestamp(now, UTC)
        if at > self.certificate.not_valid_after_utc:
            raise KeyMaterialError(
                f"the certificate expired on {self.certificate.not_valid_after_utc:%Y-%m-%d}"
            )
        if at < self.certificate.not_valid_before_utc:
            raise KeyMaterialError(
                f"the certificate is not valid before {self.certificate.not_valid_before_utc:%Y-%m-%d}"
            )

    def describe(self) -> dict[str, object]:
        """Return subject, names, validity, key length and fingerprint of the certificate."""
        certificate = self.certificate
        return {
            "subject": certificate.subject.rfc4514_string(),
            "names": _names_in(certificate),
            "not_before": certificate.not_valid_before_utc.isoformat(),
            "not_after": certificate.not_valid_after_utc.isoformat(),
            "bits": getattr(certificate.public_key(), "key_size", None),
            "sha256": certificate.fingerprint(hashes.SHA256()).hex(":"),
        }


class KeyStore:
    """Where the machine's key and certificate are."""

    def __init__(self, directory: Path, certificate: str = "", key: str = "") -> None:
        self._own = not certificate and not key
        if not self._own and not (certificate and key):
            raise KeyMaterialError("tls.certificate and tls.key are given both or not at all")
        self._certificate = Path(certificate) if certificate else directory / "certificate.pem"
        self._key = Path(key) if key else directory / "key.pem"

    def load(self) -> KeyMaterial:
        """Return key and certificate from their files; KeyMaterialError says what is wrong."""
        try:
            certificate, key = self._certificate.read_bytes(), self._key.read_bytes()
        except OSError as error:
            raise KeyMaterialError(f"{error.filename}: {error.strerror}") from None
        return read_key_material(certificate, key)

    def load_or_generate(self, hostnames: Iterable[str], bits: int, now: float) -> KeyMaterial:
        """Return key and certificate, making them first where there are none; KeyMaterialError."""
        if self._own and not self._certificate.exists() and not self._key.exists():
            return self.save(*generate_key_material(hostnames, bits, now))
        return self.load()

    def made_here(self, material: KeyMaterial) -> bool:
        """Say whether irsend made this certificate, so that it may replace it."""
        certificate = material.certificate
        return self._own and certificate.issuer == certificate.subject

    def save(self, certificate: bytes, key: bytes) -> KeyMaterial:
        """Keep a certificate and its key (PEM), both or none, and return them; KeyMaterialError, NotKept."""
        material = read_key_material(certificate, key)
        if not self._own:
            raise KeyMaterialError(
                f"the configuration names {self._certificate} and {self._key}; change these files instead"
            )
        try:
            replace_files({self._key: key, self._certificate: certificate})
        except OSError as error:
            raise NotKept.because_of(error) from error
        return material


def read_key_material(certificate: bytes, key: bytes) -> KeyMaterial:
    """Read PEM; KeyMaterialError where one cannot be read or they do not fit each other."""
    try:
        certificates = tuple(x509.load_pem_x509_certificates(certificate))
    except ValueError:
        raise KeyMaterialError("the certificate is not a certificate in PEM form") from None
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except TypeError:
        raise KeyMaterialError(
            "the key is protected by a password; give it without one"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyMaterialError("the key is not a private key in PEM form") from None
    spki = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*spki) != certificates[0].public_key().public_bytes(
        *spki
    ):
        raise KeyMaterialError("the key does not fit the certificate")
    return KeyMaterial(certificates, private)


def generate_key_material(
    hostnames: Iterable[str], bits: int, now: float
) -> tuple[bytes, bytes]:
    """Make a key and a self-signed certificate; both as PEM.

    Signed with SHA-256: today's libraries no longer sign with SHA-1, which the
    printers of that time used.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    names = list(hostnames)
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, (names or ["irsend"])[0][:64])]
    )
    begins = datetime.fromtimestamp(now, UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=_VALID_DAYS))
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        # They tell certificates of one name apart: every one that irsend makes is for localhost.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_in(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    ]
