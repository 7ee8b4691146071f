"""TLS as a printer of its time speaks it: both sides, their checks, and why a handshake fails.

What a side can do is a `tls_context.TLSProfile`.

Standards: RFC 3207, RFC 2595 (their use); RFC 6125 (names in certificates).
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Sequence

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    ISystemHandle,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.protocols.certificate_verdicts import distrust
from irsend.protocols.tls_context import TLSProfile, make_context
from irsend.protocols.tls_handshake import Handshake, handshake_of

_NAMES = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}


class TLSFailed(Exception):
    """TLS could not begin, or failed; says why."""


class NothingInCommon(TLSFailed):
    """The two sides have no version, cipher or key length in common."""


class CertificateAsked(TLSFailed):
    """The server wanted a certificate of the client's, and would not go on without."""


# What OpenSSL calls it, on either side.
_NOTHING_IN_COMMON = (
    "no protocols available",
    "no ciphers available",
    "unsupported protocol",
    "wrong ssl version",
    "unsupported ssl version",
    "no shared cipher",
    "dh key too small",
    "ee key too small",
    "handshake failure",
    "protocol version",
    "insufficient security",
    "legacy sigalg disallowed or unsupported",
)


_NO_PROTOCOL = "no common protocol: "
"""Said where what OpenSSL lacks may be why there is none."""


@implementer(IOpenSSLServerConnectionCreator)
@frozen
class ServerTLS:
    """What a server needs to answer STARTTLS or STLS."""

    context: SSL.Context = field(repr=False)
    speaks: str = field(repr=False)
    lacks_some: bool = field(repr=False)
    """Whether this system's OpenSSL lacks some of the profile, which `speaks` names."""

    @classmethod
    def build(
        cls,
        certificate: Sequence[x509.Certificate],
        key: PrivateKeyTypes,
        profile: TLSProfile,
    ) -> ServerTLS:
        """Make it from a certificate, the chain behind it, and the private key.

        Raises SSL.Error when they do not fit each other or the ciphers.
        """
        made = make_context(profile)
        context = made.context
        context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
        context.use_certificate(certificate[0])
        for issuer in certificate[1:]:
            context.add_extra_chain_cert(issuer)
        # Keys of the kinds that OpenSSL's TLS does not know raise TypeError.
        context.use_privatekey(key)  # type: ignore[arg-type]
        context.check_privatekey()
        context.set_info_callback(_note_state)
        return cls(context, made.speaks, bool(made.lacks))

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:
        """Make the connection (called by Twisted)."""
        connection = SSL.Connection(self.context, None)
        Handshake(connection, peer="client", speaks=self.speaks, lacks_some=self.lacks_some)
        return connection


@implementer(IOpenSSLClientConnectionCreator)
@frozen
class ClientTLS:
    """What a client needs to begin TLS, and the checks that it makes of the certificate."""

    context: SSL.Context = field(repr=False)
    host: str
    server_name: bool
    check_name: bool
    speaks: str
    lacks_some: bool
    _handshakes: list[Handshake] = field(factory=list, repr=False)
    _asked: list[bool] = field(factory=list, repr=False)
    _distrust: list[str] = field(factory=list, repr=False)

    @classmethod
    def build(
        cls,
        host: str,
        profile: TLSProfile,
        *,
        server_name: bool = False,
        verify: bool = False,
        check_name: bool = False,
        trust: str = "",
    ) -> ClientTLS:
        """Make it for a server called `host`.

        `verify` asks for a chain to a trusted root (of `trust`, else the
        system's), `check_name` for the host's name in the certificate too;
        `server_name` sends the name ahead (SNI). Raises SSL.Error.
        """
        made = make_context(profile)
        context = made.context
        if verify:
            if trust:
                context.load_verify_locations(trust)
            else:
                context.set_default_verify_paths()
        tls = cls(
            context,
            host.strip("[]"),
            server_name,
            verify and check_name,
            made.speaks,
            bool(made.lacks),
        )
        if verify:
            context.set_verify(SSL.VERIFY_PEER, tls._note_verdict)
        context.set_info_callback(tls._note_state)
        return tls

    def _note_verdict(
        self, _: SSL.Connection, cert: crypto.X509, number: int, depth: int, valid: int
    ) -> bool:
        if not valid:
            self._distrust.append(distrust(number))
        return bool(valid)

    def _note_state(self, connection: SSL.Connection, where: int, value: int) -> None:
        _note_state(connection, where, value)
        if where & SSL.SSL_CB_LOOP and b"certificate request" in connection.get_state_string():
            self._asked.append(True)

    def failed(self, reason: Failure) -> TLSFailed:
        """Return why TLS failed, from the reason a connection was lost with."""
        error, text = reason.value, tls_failure(reason)
        if isinstance(error, TLSFailed):
            return error
        sides = "; ".join(one.described() for one in self._handshakes[-1:])
        if self._distrust and isinstance(error, SSL.Error):
            why = f"the server's certificate is refused: {self._distrust[0]}"
            return TLSFailed(f"{why}; {sides} ({text})")
        if self._asked and isinstance(error, SSL.Error) and "alert" in text:
            why = "the server asks for a client certificate"
            return CertificateAsked(f"{why}; {sides} ({text})")
        if isinstance(error, SSL.Error) and _nothing_in_common(text):
            said = _NO_PROTOCOL if self.lacks_some else ""
            return NothingInCommon(f"{said}{sides} ({text})")
        return TLSFailed(f"{sides} ({text})" if sides else text)

    def check_refusal(self, reply: str) -> None:
        """Raise CertificateAsked where the first reply under TLS is a refusal for want of a certificate.

        Postfix completes the handshake and refuses then.
        """
        if self._asked and "certificate" in reply.lower():
            raise CertificateAsked(f"the server asks for a client certificate ({reply})")

    def clientConnectionForTLS(self, protocol: object) -> SSL.Connection:
        """Make the connection (called by Twisted)."""
        connection = SSL.Connection(self.context, None)
        self._handshakes.append(
            Handshake(connection, peer="server", speaks=self.speaks, lacks_some=self.lacks_some)
        )
        if self.server_name and not _is_address(self.host):
            # A name that no certificate can have is not sent.
            with contextlib.suppress(UnicodeError):
                connection.set_tlsext_host_name(self.host.encode("idna"))
        return connection

    def check(self, connection: SSL.Connection) -> None:
        """Compare the certificate's names with the host's (RFC 6125); TLSFailed."""
        if not self.check_name:
            return
        verify = verify_ip_address if _is_address(self.host) else verify_hostname
        try:
            verify(connection, self.host)
        except CertificateError:
            # No names in its extension, as certificates of the printers' time: the
            # item is called Add CN to Verification Items.
            certificate = connection.get_peer_certificate()
            common_name = certificate.get_subject().CN if certificate else None
            if (common_name or "").lower() != self.host.lower():
                raise TLSFailed(f"the certificate is not for {self.host}") from None
        except (VerificationError, crypto.Error, ValueError):
            raise TLSFailed(f"the certificate is not for {self.host}") from None


def _note_state(connection: SSL.Connection, where: int, value: int) -> None:
    handshake = handshake_of(connection)
    if handshake is not None:
        handshake.state_changed(where, value)


def server_handshake_failure(transport: ISystemHandle, reason: Failure) -> str:
    """Say in words why a client's handshake failed, and what each side offered."""
    text = tls_failure(reason)
    handshake = handshake_of(transport.getHandle())
    if handshake is None:
        return text
    said = _NO_PROTOCOL if handshake.lacks_some and _nothing_in_common(text) else ""
    return f"{said}{handshake.described()} ({text})"


def _nothing_in_common(text: str) -> bool:
    return any(words in text for words in _NOTHING_IN_COMMON)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def describe_tls(transport: ISystemHandle) -> tuple[str, str]:
    """Return version and cipher in use, such as ("TLS 1.2", "ECDHE-RSA-AES256-GCM-SHA384")."""
    connection = transport.getHandle()
    assert isinstance(connection, SSL.Connection)
    version = connection.get_protocol_version_name()
    return _NAMES.get(version, version), connection.get_cipher_name() or ""


def tls_failure(reason: Failure) -> str:
    """Say in words why TLS failed, from the reason a connection was lost with."""
    error = reason.value
    if isinstance(error, SSL.Error) and error.args and error.args[0]:
        try:
            return "; ".join(part[2] for part in error.args[0] if part[2]) or "TLS error"
        except (TypeError, IndexError):
            return str(error)
    if isinstance(error, TLSFailed):
        return str(error)
    return "the connection was closed during the handshake"
