"""The servers of a domain, asked of a real name server on loopback."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import DatagramProtocol
from twisted.names import client, dns, error, server
from twisted.names.authority import BindAuthority
from twisted.python.filepath import FilePath
from twisted.trial import unittest

from irsend.services.send.mx import Host, MXLookup, NameServersSilent, NoRoute

ZONE = b"""\
$ORIGIN bench.test.
$TTL 60
bench.test. 60 IN SOA ns.bench.test. root.bench.test. 1 60 60 60 60
bench.test. 60 IN MX 20 second.bench.test.
bench.test. 60 IN MX 10 first.bench.test.
bench.test. 60 IN MX 30 lost.bench.test.
first.bench.test. 60 IN A 192.0.2.1
first.bench.test. 60 IN AAAA 2001:db8::1
second.bench.test. 60 IN A 192.0.2.2
plain.bench.test. 60 IN A 192.0.2.3
equal.bench.test. 60 IN MX 10 first.bench.test.
equal.bench.test. 60 IN MX 10 second.bench.test.
nowhere.bench.test. 60 IN MX 10 lost.bench.test.
null.bench.test. 60 IN MX 0 .
odd.bench.test. 60 IN MX 10 b\xe9nch.test.
odd.bench.test. 60 IN MX 20 first.bench.test.
"""


class MXLookupTests(unittest.TestCase):
    """MX, addresses, and their order."""

    timeout = 30

    def setUp(self) -> None:
        """Serve a zone."""
        zone = FilePath(self.mktemp())
        zone.setContent(ZONE)
        factory = server.DNSServerFactory(authorities=[BindAuthority(zone.path)])
        port: Any = reactor.listenUDP(  # type: ignore[attr-defined]
            0, dns.DNSDatagramProtocol(factory), interface="127.0.0.1"
        )
        self.addCleanup(port.stopListening)
        self.lookup = self.asking(port)

    def asking(self, port: Any) -> MXLookup:
        """Return what asks at this port; equal preferences come in reverse."""
        return MXLookup(
            reactor,
            [f"127.0.0.1:{port.getHost().port}"],
            shuffle=lambda names: names.sort(reverse=True),
        )

    async def test_order(self) -> None:
        """The smallest preference comes first, IPv4 before IPv6; a server without address is left out."""
        hosts = await self.lookup.find("Bench.test.")
        self.assertEqual(
            hosts,
            [
                Host("first.bench.test", "192.0.2.1"),
                Host("first.bench.test", "2001:db8::1"),
                Host("second.bench.test", "192.0.2.2"),
            ],
        )

    async def test_equal(self) -> None:
        """Servers of equal preference are shuffled."""
        hosts = await self.lookup.find("equal.bench.test")
        self.assertEqual(hosts[0].name, "second.bench.test")

    async def test_no_mx(self) -> None:
        """Without an MX record the domain's own address is its server (RFC 5321 5.1)."""
        hosts = await self.lookup.find("plain.bench.test")
        self.assertEqual(hosts, [Host("plain.bench.test", "192.0.2.3")])

    async def test_no_route(self) -> None:
        """No such domain, servers without address, a null MX, and no name at all take no mail."""
        for domain in (
            "missing.bench.test",
            "nowhere.bench.test",
            "null.bench.test",
            "[bench]",
            "a" * 64 + ".test",
        ):
            await self.assertFailure(self.lookup.find(domain), NoRoute)

    async def test_literals(self) -> None:
        """Address literals are asked of no name server."""
        for literal, address in (
            ("[192.0.2.9]", "192.0.2.9"),
            ("[IPv6:2001:db8::9]", "2001:db8::9"),
        ):
            hosts = await self.lookup.find(literal)
            self.assertEqual(hosts, [Host(literal, address)])

    async def test_partly_silent(self) -> None:
        """What name servers do not say of one address hides nothing of the others."""

        class Partly(client.Resolver):
            def lookupIPV6Address(self, name: str, timeout: Any = None) -> Deferred[Any]:
                return fail(error.DNSServerError())

        self.lookup._resolver = Partly(servers=self.lookup._resolver.servers, reactor=reactor)
        hosts = await self.lookup.find("bench.test")
        self.assertEqual([one.address for one in hosts], ["192.0.2.1", "192.0.2.2"])

    async def test_name_that_is_none(self) -> None:
        """A server whose name cannot be asked for is passed over."""
        hosts = await self.lookup.find("odd.bench.test")
        self.assertEqual({one.name for one in hosts}, {"first.bench.test"})

    def test_closed(self) -> None:
        """A lookup by the system's name servers leaves nothing running when it is closed."""
        before = set(reactor.getDelayedCalls())  # type: ignore[attr-defined]
        MXLookup(reactor, []).close()
        self.assertEqual(set(reactor.getDelayedCalls()) - before, set())  # type: ignore[attr-defined]

    async def test_silent(self) -> None:
        """Name servers that do not know are no answer for good."""

        class Failing(DatagramProtocol):
            def datagramReceived(self, datagram: bytes, addr: Any) -> None:
                message = dns.Message()
                message.fromStr(datagram)
                answer = dns.Message(id=message.id, answer=1, rCode=dns.ESERVER)
                answer.queries = message.queries
                assert self.transport is not None
                self.transport.write(answer.toStr(), addr)

        port = reactor.listenUDP(0, Failing(), interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        await self.assertFailure(self.asking(port).find("bench.test"), NameServersSilent)
