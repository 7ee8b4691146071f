"""The ClientHello of each model, recorded from a socket octet by octet: versions, ciphers, extensions."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase, TestCase

from irsend.device.model import load_model, model_names, read_model
from irsend.device.model_tables import ModelTLS
from irsend.protocols.esmtp_client import ESMTPClient
from irsend.protocols.smtp_client_replies import Timeouts
from irsend.protocols.tls import NothingInCommon, TLSFailed
from irsend.protocols.tls_context import MODERN, TLSProfile, make_context
from irsend.protocols.tls_hello import (
    GROUPS,
    SERVER_NAME,
    SESSION_TICKET,
    SIGNATURES,
    Hello,
    read_hello,
    suite_name,
    version_name,
)
from irsend.protocols.transcript import Transcript
from irsend.services.client_tls import client_tls, tls_profile
from tests.parts import make_parts
from tests.wire import Wire, old_tls

NAME = "mx.bench.test"
ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, EC_POINT_FORMATS = 22, 23, 11
_RENEGOTIATION = 0x00FF
_CODES = {
    "RSA+SHA1": 0x0201,
    "RSA+SHA256": 0x0401,
    "ECDSA+SHA256": 0x0403,
    "RSA+SHA384": 0x0501,
    "RSA+SHA512": 0x0601,
    "rsa_pss_rsae_sha256": 0x0804,
    "rsa_pss_rsae_sha384": 0x0805,
    "P-256": 23,
    "P-384": 24,
    "P-521": 25,
    "X25519": 29,
}
"""IANA's numbers of signature schemes and groups."""


class Recorder:
    """A plain socket that speaks SMTP to STARTTLS, and keeps what comes behind it."""

    def __init__(self) -> None:
        self.octets = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(20)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._socket, self._socket.accept()[0] as peer:
            peer.settimeout(20)
            peer.sendall(b"220 ready\r\n")
            for answer in (b"250-mx\r\n250 STARTTLS\r\n", b"220 go ahead\r\n"):
                line = b""
                while not line.endswith(b"\n"):
                    line += peer.recv(1)
                peer.sendall(answer)
            while len(self.octets) < 5 or len(self.octets) < 5 + int.from_bytes(
                self.octets[3:5], "big"
            ):
                more = peer.recv(65536)
                if not more:
                    return
                self.octets += more

    def end(self) -> None:
        """Wait until it has all."""
        self._thread.join(20)


class RecordedTests(TestCase):
    """What goes over the wire when a machine begins TLS."""

    timeout = 60

    async def record(self, tls: ModelTLS) -> tuple[bytes, Exception]:
        """Let a machine with this TLS begin STARTTLS; return what it sent, and why it failed."""
        recorder = Recorder()
        tcp: IReactorTCP = reactor  # type: ignore[assignment]
        client = ESMTPClient(
            Transcript(lambda: 0.0),
            reactor,  # type: ignore[arg-type]
            identity=b"printer",
            timeouts=Timeouts(greeting=20, command=20, data=20, block=20, end=20),
        )
        endpoint = TCP4ClientEndpoint(tcp, "127.0.0.1", recorder.port)
        await endpoint.connect(Factory.forProtocol(lambda: client))
        await client.greeted
        await client.hello()
        handshake: Deferred[None] = client.start_tls(
            client_tls(NAME, tls, verify=False, check_name=False, trust="")
        )
        try:
            await handshake
        except TLSFailed as failed:
            recorder.end()
            return recorder.octets, failed
        raise AssertionError("nobody shook hands")

    async def hello(self, name: str) -> Hello:
        """Return the ClientHello of a model."""
        tls = load_model(name).tls
        assert tls is not None
        octets, _ = await self.record(tls)
        hello = read_hello(octets)
        assert hello is not None
        self.assertTrue(hello.of_client)
        return hello

    async def test_ir2270_whole(self) -> None:
        """The imageRUNNER 2270 sends TLS 1.0, its two ciphers, and no extension: each octet is known."""
        tls = load_model("ir2270").tls
        assert tls is not None
        octets, _ = await self.record(tls)
        random = octets[11:43]
        self.assertEqual(
            octets,
            bytes.fromhex("1603010031 0100002d 0301")
            + random
            + bytes.fromhex("00 0006 002f 0035 00ff 0100"),
        )

    async def test_each_model(self) -> None:
        """Each model offers its versions, and its ciphers, groups and signatures in its own order."""
        for name in model_names():
            tls = load_model(name).tls
            if tls is None or tls.newest == "SSL 3.0":
                continue
            hello = await self.hello(name)
            versions = hello.versions or [hello.version]
            self.assertEqual(version_name(max(versions)), tls.newest, name)
            lacks = make_context(tls_profile(tls)).lacks
            suites = [suite_name(one) for one in hello.suites]
            if tls.newest == "TLS 1.3":
                self.assertEqual(suites[: len(tls.suites)], list(tls.suites), name)
            named = [one for one in tls.ciphers.split(":") if "-" in one and one not in lacks]
            if "+" not in tls.ciphers:
                self.assertEqual(suites[len(tls.suites) :], named, name)
            if tls.groups:
                self.assertEqual(hello.groups, [_CODES[one] for one in tls.groups], name)
            if tls.signatures:
                self.assertEqual(
                    hello.signatures, [_CODES[one] for one in tls.signatures], name
                )

    async def test_extensions(self) -> None:
        """Server name, tickets and extensions of later years are there where the file says so, only."""
        for name in model_names():
            tls = load_model(name).tls
            if tls is None or tls.newest == "SSL 3.0":
                continue
            hello = await self.hello(name)
            for number, offered in (
                (SERVER_NAME, tls.server_name),
                (SESSION_TICKET, "session_ticket" in tls.extensions),
                (EXTENDED_MASTER_SECRET, "extended_master_secret" in tls.extensions),
                (ENCRYPT_THEN_MAC, "encrypt_then_mac" in tls.extensions),
                (SIGNATURES, tls.newest >= "TLS 1.2"),
            ):
                self.assertEqual(
                    hello.extension(number) is not None, offered, f"{name}: {number}"
                )

    async def test_server_name(self) -> None:
        """A model that names the server sends the name as it is configured."""
        hello = await self.hello("iradvance")
        self.assertIn(NAME.encode(), hello.extension(SERVER_NAME) or b"")

    async def test_not_left_out(self) -> None:
        """What OpenSSL cannot leave out: the signal of RFC 5746, and point formats beside curves."""
        hello = await self.hello("ir2270")
        self.assertIn(_RENEGOTIATION, hello.all_suites)
        hello = await self.hello("bizhub")
        self.assertIsNotNone(hello.extension(EC_POINT_FORMATS))
        self.assertIsNotNone(hello.extension(GROUPS))
        self.assertIsNone((await self.hello("ricoh-mpc307")).extension(GROUPS))

    async def test_nothing_left(self) -> None:
        """SSL 3.0 only: no hello is sent, and the error names what is missing."""
        tls = load_model("hp-m276").tls
        assert tls is not None
        octets, failed = await self.record(tls)
        self.assertIsNone(read_hello(octets))
        self.assertIsInstance(failed, NothingInCommon)
        openssl = " ".join(SSL.OpenSSL_version(0).decode().split()[:2])
        self.assertTrue(
            str(failed).startswith(
                "no common protocol: the machine speaks SSL 3.0 only "
                f"(this system's {openssl} has no SSL 3.0"
            ),
            str(failed),
        )

    async def test_some_left(self) -> None:
        """Ciphers that this OpenSSL lacks are left out of the hello, and named in the error."""
        for written in (
            "EXP-RC4-MD5:AES128-SHA:@SECLEVEL=0",
            "EXP-RC4-MD5,AES128-SHA:@SECLEVEL=0",
        ):
            octets, failed = await self.record(ModelTLS(oldest="SSL 3.0", ciphers=written))
            hello = read_hello(octets)
            assert hello is not None
            self.assertEqual([suite_name(one) for one in hello.suites], ["AES128-SHA"])
            self.assertIn("the machine speaks SSL 3.0 to TLS 1.0 (this system's", str(failed))
            self.assertIn("has no SSL 3.0, EXP-RC4-MD5)", str(failed))


class ContextTests(SynchronousTestCase):
    """What is made of a profile."""

    def lacks(self, **profile: object) -> tuple[str, ...]:
        """Return what this OpenSSL lacks of it."""
        given = {"oldest": "TLS 1.2", "newest": "TLS 1.3", "ciphers": "ALL:@SECLEVEL=0"}
        return make_context(TLSProfile(**{**given, **profile})).lacks  # type: ignore[arg-type]

    def test_nothing(self) -> None:
        """Of what OpenSSL has nothing is lacking, by names, aliases and operators."""
        for ciphers in (
            "ALL:@SECLEVEL=0",
            "ECDHE+AESGCM:!aNULL:-MD5:+SHA1:@STRENGTH",
            "AES128-SHA",
        ):
            self.assertEqual(self.lacks(ciphers=ciphers), ())
        self.assertEqual(self.lacks(extensions=MODERN, groups=("X25519", "P-256")), ())

    def test_classes(self) -> None:
        """Classes of ciphers that OpenSSL has none of any more are named as they are written."""
        for ciphers, lacks in (
            ("RC4:3DES:EXPORT:AES128-SHA", ("RC4", "3DES", "EXPORT")),
            ("ECDHE+RC4:ECDHE+AES:!RC4", ("ECDHE+RC4",)),
            ("RC4:!aNULL:@SECLEVEL=0", ("RC4",)),
        ):
            self.assertEqual(self.lacks(ciphers=ciphers), lacks)

    def test_unknown_names(self) -> None:
        """Groups and signature algorithms that OpenSSL does not know are named, the others kept in order."""
        self.assertEqual(
            self.lacks(groups=("P-256", "P-12"), signatures=("RSA+MD2",)), ("P-12", "RSA+MD2")
        )

    def test_no_cipher_list(self) -> None:
        """A list that is none is an error of OpenSSL's."""
        self.assertRaises(SSL.Error, self.lacks, ciphers="!AES")
        self.assertRaises(SSL.Error, self.lacks, ciphers="no-such-cipher")

    def test_ciphers_of_tls_13(self) -> None:
        """Where all ciphers of TLS 1.2 are missing, TLS 1.3 is left: it has suites of its own."""
        made = make_context(
            TLSProfile(oldest="TLS 1.2", newest="TLS 1.3", ciphers="EXP-RC4-MD5:@SECLEVEL=0")
        )
        self.assertEqual(made.lacks, ("EXP-RC4-MD5",))
        connection = SSL.Connection(made.context, None)
        connection.set_connect_state()
        self.assertRaises(SSL.WantReadError, connection.do_handshake)
        hello = read_hello(connection.bio_read(65536))
        assert hello is not None
        self.assertEqual([version_name(one) for one in hello.versions], ["TLS 1.3"])


class ServerTests(SynchronousTestCase):
    """A machine with SSL 3.0 only as a server."""

    def test_refused(self) -> None:
        """It starts, offers STARTTLS, refuses each handshake by an alert, and says why."""
        path = Path(self.mktemp() + ".toml")
        path.write_text('name = "old"\n[tls]\noldest = "SSL 3.0"\nnewest = "SSL 3.0"\n')
        self.assertEqual(read_model("x", path.read_text()).name, "old")
        parts = make_parts(
            Path(self.mktemp()),
            model=str(path),
            settings={
                "email_ifax.smtp_receive": True,
                "authent_encryption.allow_ssl_smtp_receive": "on",
            },
        )
        wire = Wire(parts.smtp_listener()._session())
        wire.connect()
        wire.deliver(b"EHLO a.bench.test\r\nSTARTTLS\r\n")
        self.assertIn(b"STARTTLS", wire.taken())
        self.assertFalse(wire.peer_begins_tls(old_tls()))
        wire.lose()
        (session,) = self.successResultOf(parts.journal.sessions(9))
        self.assertEqual(session.status_line, "SSL Error (SMTP Receive)")
        self.assertRegex(
            session.reason,
            "no common protocol: the machine speaks SSL 3.0 only "
            r"\(this system's OpenSSL [0-9.]+ has no SSL 3.0\); "
            "the machine ended the handshake with alert ",
        )
