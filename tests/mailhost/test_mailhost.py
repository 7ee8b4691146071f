"""The mail host as a service, on real sockets and with real TLS."""

from __future__ import annotations

import hashlib
import socket
import time
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.mail.pop3 import ServerErrorResponse
from twisted.python.failure import Failure
from twisted.trial import unittest

from irsend.configuration_sections import MailHost as Configuration
from irsend.errors import ConfigurationError
from irsend.interfaces import Mailbox
from irsend.mailhost import MailHost
from irsend.protocols.esmtp_client import ESMTPClient
from irsend.protocols.pop3_client import POP3Client
from irsend.protocols.pop3_exchange import ProtocolViolation
from irsend.protocols.sasl import Credentials, make_mechanism
from irsend.protocols.tls import ClientTLS
from irsend.protocols.tls_context import TLSProfile
from irsend.protocols.transcript import Transcript
from irsend.store.keys import KeyStore, generate_key_material
from irsend.testing import PrinterMixin
from tests.mailhost.hosts import ACCOUNTS, StandInMachine, mails_in, put

FREE = "tcp:0:interface=127.0.0.1"
IR = Mailbox(b"ir", b"bench.test")
_KEY = generate_key_material(["localhost", "127.0.0.1"], 2048, time.time())


def tls(version: str = "TLS 1.0") -> ClientTLS:
    """Return the TLS context of a program of that time."""
    ciphers = "AES128-SHA:@SECLEVEL=0" if version < "TLS 1.2" else "ALL:@SECLEVEL=0"
    profile = TLSProfile(oldest=version, newest=version, ciphers=ciphers)
    return ClientTLS.build("localhost", profile)


class _Peer(Protocol):
    """Connects, sends one line, and keeps what it receives."""

    def __init__(self, says: bytes = b"") -> None:
        self.says = says
        self.heard = b""
        self.closed: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self.says)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.closed.callback(self.heard)


class HostCase(unittest.TestCase):
    """A mail host on free ports."""

    def make(self, **given: Any) -> MailHost:
        self.directory = Path(self.mktemp()).absolute()
        return MailHost(
            Configuration(**{"smtp": FREE, "pop3": FREE, "accounts": ACCOUNTS, **given}),
            self.directory,
            reactor,
            time.time,
            StandInMachine(),
        )

    def start(self, **given: Any) -> None:
        self.host = self.make(**given)
        keys = self.directory / "keys"
        keys.mkdir(parents=True)
        KeyStore(keys).save(*_KEY)
        self.host.startService()
        self.addCleanup(lambda: self.host.stopService() if self.host.running else None)
        self.smtp: Any = next(iter(self.host.smtp_addresses), None)
        self.pop3: Any = next(iter(self.host.pop3_addresses), None)

    def connect(self, address: Any, protocol: Any) -> Deferred[Any]:
        return connectProtocol(
            TCP4ClientEndpoint(reactor, address.host, address.port), protocol
        )

    async def pop(self) -> None:
        client = POP3Client(Transcript(time.time), reactor)  # type: ignore[arg-type]
        await self.connect(self.pop3, client)
        await client.greeted
        return client


class LifeTests(HostCase):
    """Starting and stopping."""

    def test_nothing_before_it_starts(self) -> None:
        """Making it makes nothing on the disk."""
        self.make()
        self.assertFalse(self.directory.exists())

    def test_account_that_is_no_address(self) -> None:
        """An account that is no address is refused before anything listens, by its name."""
        error = self.assertRaises(ConfigurationError, self.make, accounts={"ir": "x"})
        self.assertIn("mailhost.accounts: 'ir' is not allowed", str(error))

    def test_first_start(self) -> None:
        """The first start makes a key of 2,048 bits and a certificate for localhost."""
        self.host = self.make()
        self.directory.parent.mkdir(exist_ok=True)
        self.host.startService()
        self.addCleanup(self.host.stopService)
        made = KeyStore(self.directory / "keys").load().describe()
        self.assertEqual(made["bits"], 2048)
        self.assertEqual(made["names"], ["localhost", "127.0.0.1"])

    async def test_address_in_use(self) -> None:
        """An address in use raises, and the other one is closed again."""
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        free = socket.create_server(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        host = self.make(
            smtp=f"tcp:{port}:interface=127.0.0.1",
            pop3=f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1",
        )
        self.assertRaises(CannotListenError, host.startService)
        self.assertEqual(host.smtp_addresses, [])
        await host.stopService()

    def test_off(self) -> None:
        """An empty endpoint is off."""
        self.start(smtp="")
        self.assertEqual(self.host.smtp_addresses, [])
        self.assertEqual(len(self.host.pop3_addresses), 1)

    async def test_stopping_ends_sessions(self) -> None:
        """Stopping sends SMTP clients 421 and POP3 clients -ERR, and leaves no session."""
        self.start()
        of_smtp, of_pop3 = _Peer(), _Peer(b"USER ir@bench.test\r\n")
        await self.connect(self.smtp, of_smtp)
        await self.connect(self.pop3, of_pop3)
        client = await self.pop()
        await self.host.stopService()
        self.assertIn(b"\r\n421 ", (await of_smtp.closed))
        self.assertIn(b"\r\n-ERR [SYS/TEMP]", (await of_pop3.closed))
        # There was no QUIT.
        await self.assertFailure(client.leave(), ProtocolViolation)

    async def test_stopping_does_not_wait_for_the_deaf(self) -> None:
        """A client that takes nothing of a large mail does not keep the host from stopping."""
        self.start()
        memory = self.host.maildirs.of_account("ir@bench.test")
        name = put(memory, b"x" * 30_000_000)
        while memory.size(name) == 0:
            await soon()
        deaf = _Peer(b"USER ir@bench.test\r\nPASS bench\r\nRETR 1\r\n")
        await self.connect(self.pop3, deaf)
        while b"octets" not in deaf.heard:
            await soon()
        deaf.transport.pauseProducing()  # type: ignore[union-attr]
        await self.host.stopService()
        deaf.transport.abortConnection()  # type: ignore[union-attr]
        await deaf.closed

    async def test_stopping_does_not_wait_for_the_deaf_under_tls(self) -> None:
        """The same under TLS; and the file of the mail is closed."""
        if not Path("/proc/self/fd").exists():
            raise unittest.SkipTest("which files are open is seen in /proc only")
        self.start()
        memory = self.host.maildirs.of_account("ir@bench.test")
        name = put(memory, b"x\r\n" * 10_000_000)
        while memory.size(name) == 0:
            await soon()
        client = await self.pop()
        await client.start_tls(tls())
        await client.user(b"ir@bench.test")
        await client.password(b"bench")
        lines: list[bytes] = []
        retrieving = client.retrieve(0, lines.append)
        while not lines:
            await soon()
        client.transport.pauseProducing()
        self.assertIn(str(memory.path(name)), _open_files())
        await self.host.stopService()
        self.assertNotIn(str(memory.path(name)), _open_files())
        client.transport.abortConnection()
        await self.assertFailure(retrieving, Exception)


class SessionTests(HostCase):
    """Mail in by SMTP, and out by POP3."""

    async def deliver(
        self, content: bytes = b"Subject: x\r\n\r\n.x\r\n", version: str = ""
    ) -> None:
        client = ESMTPClient(Transcript(time.time), reactor, identity=b"me")  # type: ignore[arg-type]
        await self.connect(self.smtp, client)
        await client.open_session(tls(version) if version else None)
        self.assertEqual(client.tls[0] if client.tls else "", version)
        path = Path(self.mktemp())
        path.write_bytes(content)
        with path.open("rb") as mail:
            answers = await client.send(IR, [IR], mail, size=len(content))
        await client.quit()
        self.assertEqual(str(answers[IR]), "250 2.6.0 Message accepted")

    async def test_each_tls_version(self) -> None:
        """Mail is taken and served by TLS 1.0, 1.1, 1.2 and 1.3, and in plain text."""
        self.start()
        content = b"Subject: x\r\n\r\n" + b".line\r\n" * 5_000
        for number, version in enumerate(["", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"]):
            await self.deliver(content, version)
            client = await self.pop()
            if version:
                await client.start_tls(tls(version))
                self.assertEqual(client.tls[0], version)
            await client.user(b"ir@bench.test")
            await client.password(b"bench")
            memory = self.host.maildirs.of_account("ir@bench.test")
            kept = mails_in(memory)[number]
            lines: list[bytes] = []
            await client.retrieve(number, lines.append)
            self.assertEqual(b"\r\n".join(lines) + b"\r\n", kept)
            self.assertTrue(kept.endswith(content))
            await client.leave()

    async def test_each_login(self) -> None:
        """Each way of logging in works with the right password, and is refused with another."""
        self.start()
        for way in (
            "USER",
            "APOP",
            "PLAIN",
            "LOGIN",
            "CRAM-MD5",
            "DIGEST-MD5",
            "SCRAM-SHA-256",
        ):
            for password in (b"bench", b"wrong"):
                client = await self.pop()
                try:
                    await self.log_in(client, way, password)
                except ServerErrorResponse as refusal:
                    self.assertEqual(password, b"wrong", way)
                    self.assertTrue(refusal.args[0].startswith(b"[AUTH]"))
                else:
                    self.assertEqual(password, b"bench", way)
                    self.assertEqual((await client.stat()), (0, 0))
                await client.leave()

    async def log_in(self, client: POP3Client, way: str, password: bytes) -> None:
        if way == "USER":
            await client.user(b"ir@bench.test")
            await client.password(password)
        elif way == "APOP":
            digest = hashlib.md5(client.serverChallenge + password).hexdigest()
            await client.apop(b"ir@bench.test", digest.encode())
        else:
            credentials = Credentials(
                user=b"ir@bench.test", password=password, service="pop", host="localhost"
            )
            await client.authenticate(make_mechanism(way, credentials))

    async def test_mails_survive(self) -> None:
        """What was accepted is there when the mail host is started again."""
        self.start()
        await self.deliver()
        await self.host.stopService()
        directory = self.directory
        self.host = self.make()
        self.directory.parent.mkdir(exist_ok=True)
        directory.rename(self.directory)
        self.host.startService()
        self.assertEqual(len(mails_in(self.host.maildirs.of_account("ir@bench.test"))), 1)


class BesideAMachineTests(PrinterMixin, unittest.TestCase):
    """The mail host and the machine in one process."""

    async def send(self, printer: Any, to: Mailbox) -> None:
        client = ESMTPClient(Transcript(time.time), reactor, identity=b"me")  # type: ignore[arg-type]
        await connectProtocol(TCP4ClientEndpoint(reactor, *printer.mailhost_smtp), client)
        await client.open_session(None)
        path = Path(self.mktemp())
        path.write_bytes(b"Subject: hello\r\n\r\nhello\r\n")
        with path.open("rb") as mail:
            answers = await client.send(IR, [to], mail)
        await client.quit()
        return answers[to].code

    async def poll(self, **settings: Any) -> None:
        printer = self.start_printer(accounts={"ir@bench.test": "bench"}, **settings)
        self.assertEqual((await self.send(printer, IR)), 250)
        session = await printer.receive()
        self.assertEqual((session.result, session.reason), ("OK", ""))
        mails = await printer.wait_for_mail(1)
        self.assertEqual(mails[0].message["Subject"], "hello")
        again = await printer.receive()
        self.assertEqual((again.result, again.messages), ("OK", 0))
        return session

    async def test_polled_under_tls(self) -> None:
        """The iR 2270 polls its mail host at TLS 1.0, and deletes what it has taken."""
        session = await self.poll(authent_encryption__allow_ssl_pop=True)
        self.assertEqual(session.tls.version, "TLS 1.0")

    async def test_many(self) -> None:
        """A hundred mails are fetched, pipelined and under TLS, each once and whole."""
        printer = self.start_printer(
            accounts={"ir@bench.test": "bench"}, authent_encryption__allow_ssl_pop=True
        )
        memory = printer._assembly.mailhost.maildirs.of_account("ir@bench.test")
        mails = [
            b"Subject: %d\r\n\r\n" % number + b".line\r\n..\r\n.\r\n" * (number * 97 % 500)
            for number in range(100)
        ]
        for mail in mails:
            put(memory, mail)
        while len(memory.names()) < 100:
            await soon()
        session = await printer.receive()
        self.assertEqual((session.result, session.messages), ("OK", 100))
        contents = [mail.content for mail in printer.mails]
        found = {b"Subject:" + content.partition(b"Subject:")[2] for content in contents}
        self.assertEqual((len(contents), found), (100, set(mails)))
        self.assertEqual(memory.names(), [])

    async def test_polled_by_each_model(self) -> None:
        """Each model that has Allow SSL (POP) polls it under its own TLS."""
        for model in ("ir2200", "iradvance"):
            session = await self.poll(model=model, authent_encryption__allow_ssl_pop=True)
            self.assertIsNotNone(session.tls, model)

    async def test_polled_by_each_method(self) -> None:
        """Each POP AUTH method of the machine logs in to it."""
        for method, auth in (("standard", None), ("apop", "APOP"), ("pop_auth", "CRAM-MD5")):
            session = await self.poll(authent_encryption__pop_auth_method=method)
            self.assertEqual(session.auth, auth)

    async def test_handed_to_the_machine(self) -> None:
        """Mail for the machine arrives there: in plain text with SSL off, else by STARTTLS."""
        for policy in ("off", "on", "ssl"):
            printer = self.start_printer(
                accounts={"ir@bench.test": "bench"},
                authent_encryption__allow_ssl_smtp_receive=policy,
            )
            self.assertEqual((await self.send(printer, Mailbox(b"fax", b"localhost"))), 250)
            (mail,) = await printer.wait_for_mail(1)
            self.assertEqual(b"with ESMTPS (TLS 1.0 AES" in mail.content, policy != "off")
            self.assertEqual(mail.content.count(b"Return-Path:"), 1)


def _open_files() -> set[str]:
    """Return the paths of what this process has open."""
    return {str(one.resolve()) for one in Path("/proc/self/fd").iterdir()}


def soon() -> Deferred[None]:
    """Fire a moment later."""
    return deferLater(reactor, 0.001)  # type: ignore[arg-type]
