"""Wrong certificates on order: expired, for another name, of an unknown authority, with a wrong chain.

A test that trusts `authority` meets the one thing that is wrong.

Standards: RFC 5280.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from irsend.protocols.tls import ServerTLS
from irsend.store.keys import general_name

_FOREIGN = ("foreign.invalid",)
_DAYS = 3650
_BITS = 2048


@define(eq=False)
class _Authority:
    """A certificate authority, with its key."""

    name: str
    now: float
    issuer: _Authority | None = None
    key: rsa.RSAPrivateKey = field(
        factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    )
    certificate: x509.Certificate = field(init=False)

    @certificate.default
    def _certify(self) -> x509.Certificate:
        signer = self.issuer or self
        return (
            _builder(self.name, signer.name, self.key, self.now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(signer.key, hashes.SHA256())
        )

    def issue(
        self, names: Iterable[str], key: rsa.RSAPrivateKey, *, expired: bool = False
    ) -> x509.Certificate:
        """Issue a certificate for these names."""
        names = list(names)
        end = self.now - 86_400 if expired else None
        return (
            _builder(names[0], self.name, key, self.now, end)
            .add_extension(
                x509.SubjectAlternativeName([general_name(name) for name in names]), False
            )
            .sign(self.key, hashes.SHA256())
        )


def _builder(
    subject: str, issuer: str, key: rsa.RSAPrivateKey, now: float, end: float | None = None
) -> x509.CertificateBuilder:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])

    begins = datetime.fromtimestamp(now, UTC) - timedelta(days=_DAYS)
    ends = datetime.fromtimestamp(end if end is not None else now + _DAYS * 86_400, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


class FaultCertificates:
    """Makes each wrong certificate when it is first ordered."""

    def __init__(self, names: Callable[[], Iterable[str]], now: Callable[[], float]) -> None:
        self._names = names
        self._now = now
        self._authority: _Authority | None = None
        self._key: rsa.RSAPrivateKey | None = None
        self._chains: dict[str, list[x509.Certificate]] = {}

    @property
    def authority(self) -> str:
        """The certificate (PEM) of the authority behind expired, foreign and chain; empty before these."""
        if self._authority is None:
            return ""
        return self._authority.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def certified(self, which: str) -> Callable[[ServerTLS], ServerTLS]:
        """Return what puts a wrong certificate in the place of a server's own."""
        chain = self._chain(which)
        key = self._key
        assert key is not None
        return lambda tls: tls.with_certificate(chain, key)

    def _chain(self, which: str) -> list[x509.Certificate]:
        if which not in self._chains:
            self._chains[which] = self._make(which)
        return self._chains[which]

    def _make(self, which: str) -> list[x509.Certificate]:
        now = self._now()
        authority = self._authority = self._authority or _Authority("irsend faults", now)
        key = self._key = self._key or rsa.generate_private_key(
            public_exponent=65537, key_size=_BITS
        )
        names = list(self._names())
        match which:
            case "expired":
                return [authority.issue(names, key, expired=True)]
            case "foreign":
                return [authority.issue(_FOREIGN, key)]
            case "unknown":
                return [_Authority("unknown authority", now).issue(names, key)]
        between = _Authority("irsend faults, intermediate", now, authority)
        other = _Authority("irsend faults, another intermediate", now, authority)
        return [between.issue(names, key), other.certificate]
