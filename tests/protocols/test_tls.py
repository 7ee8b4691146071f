"""TLS as a printer of its time speaks it: versions, ciphers, checks (docs/fidelity)."""

from __future__ import annotations

import contextlib
import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from irsend.device import load_model
from irsend.protocols.tls import (
    ClientTLS,
    ServerTLS,
    TLSFailed,
    describe_tls,
    tls_failure,
)
from irsend.protocols.tls_context import TLSProfile

ANYTHING = "ALL:@SECLEVEL=0"
VERSIONS = ("TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3")
_CHECKS = ("server_name", "verify", "check_name", "trust")
_keys: dict[int, rsa.RSAPrivateKey] = {}


def key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key of this length, the same for all tests of a run."""
    if bits not in _keys:
        _keys[bits] = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return _keys[bits]


def profile(**options: Any) -> TLSProfile:
    """What a side can do that can do anything, but for these."""
    anything = {"oldest": "TLS 1.0", "newest": "TLS 1.3", "ciphers": ANYTHING}
    return TLSProfile(**{**anything, **options})


class Authority:
    """A certificate authority; all its keys are one, for speed."""

    def __init__(self, name: str = "Bench CA", bits: int = 2048) -> None:
        self.bits = bits
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, authority=True)

    def issue(self, *names: str, subject: str = "server", days: int = 30) -> x509.Certificate:
        """Issue a server's certificate for names and addresses; none: without any."""
        whom = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        return self._sign(whom, names, days=days)

    def _sign(
        self,
        subject: x509.Name,
        names: tuple[str, ...] = (),
        *,
        authority: bool = False,
        days: int = 30,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key(self.bits).public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]), False
            )
        return builder.sign(key(self.bits), hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Handle:
    """A transport, as far as describe_tls looks at it."""

    def __init__(self, connection: SSL.Connection) -> None:
        self.getHandle = lambda: connection


class Case(SynchronousTestCase):
    """Shakes hands in memory."""

    def server(
        self,
        certificate: x509.Certificate | None = None,
        *,
        chain: tuple[x509.Certificate, ...] = (),
        bits: int = 2048,
        **options: str,
    ) -> ServerTLS:
        """What a server needs."""
        certificate = certificate or Authority(bits=bits).issue("server.bench.test")
        return ServerTLS.build((certificate, *chain), key(bits), profile(**options))

    def client(self, host: str = "server.bench.test", **options: Any) -> ClientTLS:
        """What a client needs."""
        checks = {key: options.pop(key) for key in _CHECKS if key in options}
        return ClientTLS.build(host, profile(**options), **checks)

    def shake(
        self, client: ClientTLS, server: ServerTLS, session: SSL.Session | None = None
    ) -> tuple[SSL.Connection, SSL.Connection]:
        """Shake hands; SSL.Error where one of them refuses."""
        near = client.clientConnectionForTLS(None)
        if session is not None:
            near.set_session(session)
        far = server.serverConnectionForTLS(None)
        near.set_connect_state()
        far.set_accept_state()
        done: set[SSL.Connection] = set()
        for _ in range(10):
            for one, other in ((near, far), (far, near)):
                try:
                    one.do_handshake()
                    done.add(one)
                except SSL.WantReadError:
                    pass
                with contextlib.suppress(SSL.WantReadError):
                    other.bio_write(one.bio_read(1 << 16))
            if len(done) == 2:
                return near, far
        return self.fail("no end of the handshake")

    def refused(self, client: ClientTLS, server: ServerTLS) -> str:
        """Why a handshake fails, in words."""
        error = self.assertRaises(SSL.Error, self.shake, client, server)
        return tls_failure(Failure(error))

    def trust(self, *authorities: Authority) -> str:
        """A file of root certificates."""
        path = Path(self.mktemp())
        path.write_bytes(
            b"".join(
                one.certificate.public_bytes(serialization.Encoding.PEM) for one in authorities
            )
        )
        return str(path)


class VersionTests(Case):
    """A range of versions."""

    def test_interfaces(self) -> None:
        """Twisted takes both for makers of connections."""
        verifyObject(IOpenSSLServerConnectionCreator, self.server())
        verifyObject(IOpenSSLClientConnectionCreator, self.client())

    def test_each(self) -> None:
        """Each version can be spoken, and both sides describe it by the same name and cipher."""
        for version in VERSIONS:
            near, far = self.shake(self.client(oldest=version, newest=version), self.server())
            told = describe_tls(Handle(near))
            self.assertEqual(told, describe_tls(Handle(far)))
            self.assertEqual(told[0], version)
            self.assertRegex(told[1], r"^[A-Z0-9_-]+$")

    def test_newest_of_both(self) -> None:
        """The newest version that both speak is taken."""
        for client, server, taken in (
            (("TLS 1.0", "TLS 1.3"), ("TLS 1.0", "TLS 1.3"), "TLS 1.3"),
            (("TLS 1.0", "TLS 1.2"), ("TLS 1.1", "TLS 1.3"), "TLS 1.2"),
            (("TLS 1.0", "TLS 1.0"), ("TLS 1.0", "TLS 1.3"), "TLS 1.0"),
        ):
            near, _ = self.shake(
                self.client(oldest=client[0], newest=client[1]),
                self.server(oldest=server[0], newest=server[1]),
            )
            self.assertEqual(describe_tls(Handle(near))[0], taken)

    def test_no_common_version(self) -> None:
        """Ranges that do not meet refuse each other, in words."""
        for client, server in (("TLS 1.0", "TLS 1.2"), ("TLS 1.3", "TLS 1.0")):
            reason = self.refused(
                self.client(oldest=client, newest=client),
                self.server(oldest=server, newest=server),
            )
            self.assertRegex(reason, r"^[a-z0-9 ;]+$")

    def test_no_common_cipher(self) -> None:
        """Ciphers that do not meet refuse each other, in words that name ciphers or the handshake."""
        reason = self.refused(
            self.client(ciphers="AES256-SHA:@SECLEVEL=0", newest="TLS 1.2"),
            self.server(ciphers="AES128-SHA:@SECLEVEL=0", newest="TLS 1.2"),
        )
        self.assertRegex(reason, "cipher|handshake")

    def test_server_chooses(self) -> None:
        """Of the ciphers in common the server's first is taken."""
        near, _ = self.shake(
            self.client(ciphers="AES128-SHA:AES256-SHA:@SECLEVEL=0", newest="TLS 1.2"),
            self.server(ciphers="AES256-SHA:AES128-SHA:@SECLEVEL=0", newest="TLS 1.2"),
        )
        self.assertEqual(describe_tls(Handle(near))[1], "AES256-SHA")

    def test_no_renegotiation(self) -> None:
        """A handshake in the middle of a session is refused."""
        near, _ = self.shake(self.client(newest="TLS 1.2"), self.server(newest="TLS 1.2"))
        self.assertRaises(SSL.Error, near.renegotiate)

    def test_not_resumed(self) -> None:
        """Nothing is resumed: each session has its whole handshake."""
        server, client = self.server(newest="TLS 1.2"), self.client(newest="TLS 1.2")
        near, _ = self.shake(client, server)
        again, _ = self.shake(client, server, near.get_session())
        self.assertNotEqual(again.master_key(), near.master_key())


class ModelTests(Case):
    """The profiles of the models, under today's OpenSSL."""

    def tls(self, name: str) -> dict[str, str]:
        """Versions and ciphers of a model."""
        tls = load_model(name).tls
        assert tls is not None
        return {"oldest": tls.oldest, "newest": tls.newest, "ciphers": tls.ciphers}

    def test_ir2270(self) -> None:
        """The iR 2270 speaks TLS 1.0 with AES128-SHA, with a key of 1,024 bits, to whoever still does."""
        near, _ = self.shake(self.client(), self.server(bits=1024, **self.tls("ir2270")))
        self.assertEqual(describe_tls(Handle(near)), ("TLS 1.0", "AES128-SHA"))

    def test_ir2270_refuses_what_is_new(self) -> None:
        """A peer that asks for TLS 1.2 has nothing in common with it."""
        self.refused(
            self.client(oldest="TLS 1.2"), self.server(bits=1024, **self.tls("ir2270"))
        )

    def test_iradvance(self) -> None:
        """The later machine takes TLS 1.3, TLS 1.2 with forward secrecy, and nothing older."""
        server = self.server(**self.tls("iradvance"))
        near, _ = self.shake(self.client(), server)
        self.assertEqual(describe_tls(Handle(near))[0], "TLS 1.3")
        near, _ = self.shake(self.client(newest="TLS 1.2"), server)
        self.assertTrue(describe_tls(Handle(near))[1].startswith("ECDHE-RSA-"))
        self.refused(self.client(newest="TLS 1.1"), server)

    def test_models_among_themselves(self) -> None:
        """A new machine and an old one have no TLS in common, whichever is the server."""
        old, new = self.tls("ir2270"), self.tls("iradvance")
        self.refused(self.client(**old), self.server(**new))
        self.refused(self.client(**new), self.server(**old))


class BuildTests(Case):
    """What cannot be made."""

    def test_key_does_not_fit(self) -> None:
        """A key that does not fit its certificate is refused when it is made."""
        certificate = Authority().issue("x")
        with self.assertRaises(SSL.Error):
            ServerTLS.build([certificate], key(1024), profile())

    def test_no_such_ciphers(self) -> None:
        """A list without a single cipher is refused when it is made."""
        self.assertRaises(SSL.Error, self.server, ciphers="!AES")
        self.assertRaises(SSL.Error, self.client, ciphers="no-such-cipher")

    def test_trust_that_is_none(self) -> None:
        """Roots that cannot be read are refused when it is made."""
        for trust in ("there-is-no-such.pem", __file__):
            self.assertRaises(SSL.Error, self.client, verify=True, trust=trust)

    def test_repr(self) -> None:
        """The repr shows no key."""
        self.assertEqual(repr(self.server()), "ServerTLS()")


class VerifyTests(Case):
    """Confirm Certificate, and Add CN to Verification Items."""

    def setUp(self) -> None:
        self.authority = Authority()
        self.trusted = self.trust(self.authority)

    def verifying(self, host: str = "server.bench.test", **options: Any) -> ClientTLS:
        """A client that asks for a chain to a trusted root."""
        return self.client(host, **{"verify": True, "trust": self.trusted, **options})

    def checked(self, host: str, *names: str, **options: Any) -> None:
        """Shake hands with a server of these names, and check them; TLSFailed."""
        client = self.verifying(host, check_name=True, **options)
        near, _ = self.shake(client, self.server(self.authority.issue(*names)))
        client.check(near)

    def test_not_asked(self) -> None:
        """A client that does not verify takes any certificate."""
        client = self.client()
        near, _ = self.shake(client, self.server(Authority("Nobody").issue()))
        client.check(near)

    def test_trusted(self) -> None:
        """A certificate from a trusted root is taken; one from another is refused, in words."""
        self.shake(self.verifying(), self.server(self.authority.issue("x")))
        self.assertIn(
            "certificate verify failed",
            self.refused(self.verifying(), self.server(Authority("Nobody").issue("x"))),
        )

    def test_expired(self) -> None:
        """An expired certificate is refused."""
        self.refused(self.verifying(), self.server(self.authority.issue("x", days=-1)))

    def test_system_roots(self) -> None:
        """Without roots of its own a client trusts the system's, which do not know the bench."""
        self.refused(self.verifying(trust=""), self.server(self.authority.issue("x")))

    def test_chain(self) -> None:
        """The chain behind the server's certificate is sent."""
        server = self.server(self.authority.issue("x"), chain=(self.authority.certificate,))
        near, _ = self.shake(self.client(), server)
        self.assertEqual(len(near.get_peer_cert_chain() or []), 2)

    def test_name_not_asked(self) -> None:
        """Verified without the name, a certificate may be for any host."""
        client = self.verifying()
        near, _ = self.shake(client, self.server(self.authority.issue("other.test")))
        client.check(near)

    def test_name(self) -> None:
        """With the name, it must be for the host: by name, by wildcard, or by address."""
        self.checked("server.bench.test", "server.bench.test")
        self.checked("SERVER.Bench.test", "server.bench.test")
        self.checked("server.bench.test", "x.test", "*.bench.test")
        self.checked("192.0.2.1", "192.0.2.1")
        self.checked("2001:db8::1", "2001:db8:0:0::1")

    def test_other_name(self) -> None:
        """For any other host it fails, and the host is named."""
        for host, names in (
            ("server.bench.test", ("other.test",)),
            ("a.b.bench.test", ("*.bench.test",)),
            ("bench.test", ("*.bench.test",)),
            ("192.0.2.1", ("192.0.2.2",)),
            ("192.0.2.1", ("server.bench.test",)),
            ("server.bench.test", ("192.0.2.1",)),
        ):
            error = self.assertRaises(TLSFailed, self.checked, host, *names)
            self.assertEqual(str(error), f"the certificate is not for {host}")

    def test_certificate_without_names(self) -> None:
        """Of a certificate without names the CN is compared, as those of the printers' time want it."""
        for subject, host, taken in (
            ("pop.bench.test", "POP.bench.test", True),
            ("server", "pop.bench.test", False),
            ("server", "192.0.2.1", False),
        ):
            client = self.verifying(host, check_name=True)
            certificate = self.authority.issue(subject=subject)
            near, _ = self.shake(client, self.server(certificate))
            if taken:
                client.check(near)
            else:
                self.assertRaises(TLSFailed, client.check, near)

    def test_strange_hosts(self) -> None:
        """What cannot be the name of a host fails like any other; it is no error of the program."""
        for host in ("1.2", "12", "a..b", "[2001:db8::1]", "host:25", "-", "x" * 64):
            self.assertRaises(TLSFailed, self.checked, host, "server.bench.test")


class ServerNameTests(Case):
    """SNI."""

    def asked(self, host: str, *, server_name: bool) -> bytes | None:
        """The name that a server is asked for."""
        client = self.client(host, server_name=server_name)
        _, far = self.shake(client, self.server())
        return far.get_servername()

    def test_told(self) -> None:
        """A model with SNI sends the server's name; one without does not."""
        self.assertEqual(
            self.asked("server.bench.test", server_name=True), b"server.bench.test"
        )
        self.assertIsNone(self.asked("server.bench.test", server_name=False))

    def test_addresses(self) -> None:
        """An address is never sent as SNI (RFC 6066 3)."""
        for host in ("192.0.2.1", "2001:db8::1"):
            self.assertIsNone(self.asked(host, server_name=True))

    def test_strange_hosts(self) -> None:
        """A name that SNI cannot carry is not sent; the handshake goes on."""
        for host in ("a..b", "x" * 64, "[2001:db8::1]"):
            self.assertIsNone(self.asked(host, server_name=True), host)


class FailureTests(SynchronousTestCase):
    """Why it failed, in words."""

    def test_words(self) -> None:
        """Whatever a connection is lost with, the reason is a line of words."""
        for error, words in (
            (SSL.Error([("SSL routines", "", "no shared cipher")]), "no shared cipher"),
            (
                SSL.Error([("SSL routines", "", "a"), ("SSL routines", "", "b")]),
                "a; b",
            ),
            (SSL.Error([("", "", "")]), "TLS error"),
            (SSL.Error([]), "the connection was closed during the handshake"),
            (SSL.Error(), "the connection was closed during the handshake"),
            (SSL.SysCallError(-1, "Unexpected EOF"), None),
            (TLSFailed("plain text behind STARTTLS"), "plain text behind STARTTLS"),
            (ConnectionLost(), "the connection was closed during the handshake"),
        ):
            said = tls_failure(Failure(error))
            self.assertTrue(said and said.isprintable(), said)
            if words is not None:
                self.assertEqual(said, words)
