"""Use Route via Server off: a job goes to each receiver's own server, asked of a real name server."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.names import dns, server
from twisted.names.authority import BindAuthority
from twisted.python.filepath import FilePath
from twisted.trial import unittest

from irsend.configuration_sections import MailHost as Configuration
from irsend.mailhost import MailHost
from irsend.store.keys import KeyStore
from irsend.testing import PrinterMixin
from tests.imaging.originals import PNG
from tests.mailhost.hosts import StandInMachine
from tests.parts import key_pem
from tests.services.relay import OnePageScanner

# one.test has two servers, of which the first is not there; two.test has one,
# which knows b alone; gone.test has none that can be reached.
ZONE = b"""\
$ORIGIN test.
$TTL 60
test. 60 IN SOA ns.test. root.test. 1 60 60 60 60
one.test. 60 IN MX 10 first.one.test.
one.test. 60 IN MX 20 second.one.test.
first.one.test. 60 IN A 127.0.0.31
second.one.test. 60 IN A 127.0.0.32
two.test. 60 IN A 127.0.0.33
gone.test. 60 IN A 127.0.0.31
"""
_FREE = "tcp:0:interface=127.0.0.1"


class DirectTests(PrinterMixin, unittest.TestCase):
    """A machine, a name server, and a mail host for each domain."""

    timeout = 60

    def setUp(self) -> None:
        """Start the servers; all of them take mail at one port, each at its own address."""
        zone = FilePath(self.mktemp())
        zone.setContent(ZONE)
        factory = server.DNSServerFactory(authorities=[BindAuthority(zone.path)])
        names: Any = reactor.listenUDP(  # type: ignore[attr-defined]
            0, dns.DNSDatagramProtocol(factory), interface="127.0.0.1"
        )
        self.addCleanup(names.stopListening)
        free = socket.create_server(("127.0.0.32", 0))
        self.port = free.getsockname()[1]
        free.close()
        self.hosts = {
            "one": self.mail_host("127.0.0.32", {"a@one.test": "x"}),
            "two": self.mail_host("127.0.0.33", {"b@two.test": "x"}),
        }
        self.printer = self.start_printer(
            sending={"name_servers": [f"127.0.0.1:{names.getHost().port}"]},
            email_ifax__via_server=False,
            email_ifax__email_address="ir@bench.test",
            service_mode__smtp_tx_port=self.port,
        )
        self.printer._machine.scanner.scan = OnePageScanner().scan  # type: ignore[method-assign]

    def mail_host(self, address: str, accounts: dict[str, str]) -> MailHost:
        """Start a mail host at an address of loopback."""
        directory = Path(self.mktemp()).absolute()
        (directory / "keys").mkdir(parents=True)
        KeyStore(directory / "keys").save(*key_pem(2048))
        host = MailHost(
            Configuration(
                smtp=f"tcp:{self.port}:interface={address}", pop3=_FREE, accounts=accounts
            ),
            directory,
            reactor,
            time.time,
            StandInMachine(),
        )
        host.startService()
        self.addCleanup(host.stopService)
        return host

    async def send(self, *to: str) -> Any:
        """Send a page; return each address with its result and code, and the servers asked."""
        job = await self.printer.send(PNG, to=to, format="tiff")
        sessions = await self.printer.sessions()
        servers = [one.peer for one in reversed(sessions) if one.id in job.sessions]
        return {one.address: one.code or one.result for one in job.recipients}, servers

    def mails(self, host: str, account: str) -> int:
        """Count what an account holds."""
        return len(list(self.hosts[host].maildirs.of_account(account).names()))

    async def test_each_domain(self) -> None:
        """Each domain's own server has its mail, the second where the first is not there: all are OK."""
        results, servers = await self.send("a@one.test", "b@two.test")
        self.assertEqual(results, {"a@one.test": "OK", "b@two.test": "OK"})
        self.assertEqual(servers, ["first.one.test", "second.one.test", "two.test"])
        self.assertEqual(
            (self.mails("one", "a@one.test"), self.mails("two", "b@two.test")), (1, 1)
        )

    async def test_server_without_smtp(self) -> None:
        """A server that does not speak SMTP does not keep the mail from the domain's next one."""

        class Nonsense(Protocol):
            def connectionMade(self) -> None:
                assert self.transport is not None
                self.transport.write(b"nonsense\r\n")

        port: Any = reactor.listenTCP(  # type: ignore[attr-defined]
            self.port, Factory.forProtocol(Nonsense), interface="127.0.0.31"
        )
        self.addCleanup(port.stopListening)
        results, servers = await self.send("a@one.test")
        self.assertEqual(results, {"a@one.test": "OK"})
        self.assertEqual(servers, ["first.one.test", "second.one.test"])

    async def test_no_login(self) -> None:
        """The relay's user and password go to no receiver's server, though it offers AUTH."""
        self.printer.set(
            authent_encryption__smtp_authentication=True,
            authent_encryption__user="ir",
            authent_encryption__password="marked",
        )
        results, _ = await self.send("b@two.test")
        self.assertEqual(results, {"b@two.test": "OK"})
        said = "".join(await self.printer.transcripts())
        self.assertIn("AUTH ", said)
        self.assertNotIn("C: AUTH", said)
        self.assertIn("-- a receiver's own server: no login", said)

    async def test_some_fail(self) -> None:
        """A receiver that is refused, unreachable or not in DNS has a code; the others have their mail."""
        results, _ = await self.send(
            "b@two.test", "nobody@two.test", "c@gone.test", "d@missing.test"
        )
        self.assertEqual(
            results,
            {
                "b@two.test": "OK",
                "nobody@two.test": "#806",
                "c@gone.test": "#801",
                "d@missing.test": "#802",
            },
        )
        self.assertEqual(self.mails("two", "b@two.test"), 1)
