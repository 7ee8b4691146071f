"""MX look-up: the servers of a receiver's domain, by MX and address records.

Standards: RFC 5321 5.1 (order of preference, implicit MX), RFC 7505 (null MX).
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen
from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.names import client, dns, error

from irsend.services.reactor import IReactor

_DNS_PORT = 53
_TIMEOUTS = (1, 3, 5)
"""Seconds for each of the attempts at a name server."""
_MOST_HOSTS = 20
_MOST_ADDRESSES = 40


class NoRoute(Exception):
    """The domain has no server for mail; the text says why."""


class NameServersSilent(Exception):
    """The name servers do not answer now; a later attempt may succeed."""


@frozen
class Host:
    """A server that takes mail for a domain."""

    name: str
    address: str


class MXLookup:
    """Asks name servers: those given, such as "127.0.0.1:5353", else the system's.

    `close` it when nothing more is asked.
    """

    def __init__(
        self,
        reactor: IReactor,
        name_servers: Sequence[str],
        *,
        shuffle: Callable[[list[str]], None] = random.shuffle,
    ) -> None:
        servers = [_server(one) for one in name_servers]
        self._shuffle = shuffle
        self._resolver = (
            client.Resolver(servers=servers, timeout=_TIMEOUTS, reactor=reactor)
            if servers
            else client.createResolver()
        )

    def close(self) -> None:
        """Stop reading the system's list of name servers, which Twisted reads again every minute."""
        for resolver in (self._resolver, *getattr(self._resolver, "resolvers", ())):
            looking = getattr(resolver, "_parseCall", None)
            if looking is not None and looking.active():
                looking.cancel()

    def find(self, domain: str) -> Deferred[list[Host]]:
        """Fire with the servers of a domain in the order in which they are to be tried.

        Fails with NoRoute, NameServersSilent.
        """
        return Deferred.fromCoroutine(self._find(domain))

    async def _find(self, domain: str) -> list[Host]:
        if domain.startswith("["):
            return [_literal(domain)]
        try:
            name = domain.rstrip(".").encode("idna").decode("ascii")
        except UnicodeError:
            raise NoRoute(f"{domain} is no name of a domain") from None
        hosts: list[Host] = []
        silent: NameServersSilent | None = None
        for exchange in await self._exchanges(name):
            for lookup in (self._v4_addresses, self._v6_addresses):
                try:
                    addresses = await lookup(exchange)
                except NameServersSilent as why:
                    # Another of the domain's addresses may be known.
                    silent = why
                else:
                    hosts += [Host(exchange, address) for address in addresses]
            if len(hosts) >= _MOST_ADDRESSES:
                break
        if not hosts:
            raise silent or NoRoute(f"{domain} has no server for mail in DNS")
        return hosts

    async def _exchanges(self, name: str) -> list[str]:
        """Return the names in the MX records, in order; the domain's own where there are none."""
        records = await self._ask(self._resolver.lookupMailExchange, name)
        mx = [record.payload for record in records if record.type == dns.MX]
        if not mx:
            return [name]
        if all(one.name.name in (b"", b".") for one in mx):
            raise NoRoute(f"{name} takes no mail (null MX)")
        ordered: list[str] = []
        for preference in sorted({one.preference for one in mx}):
            names = [_text(one.name.name) for one in mx if one.preference == preference]
            self._shuffle(names)
            ordered += [one for one in names if one and one not in ordered]
        return ordered[:_MOST_HOSTS]

    async def _v4_addresses(self, name: str) -> list[str]:
        records = await self._ask(self._resolver.lookupAddress, name)
        found = [one.payload.dottedQuad() for one in records if one.type == dns.A]
        return list(dict.fromkeys(found))

    async def _v6_addresses(self, name: str) -> list[str]:
        records = await self._ask(self._resolver.lookupIPV6Address, name)
        found = [
            str(ipaddress.ip_address(one.payload.address))
            for one in records
            if one.type == dns.AAAA
        ]
        return list(dict.fromkeys(found))

    async def _ask(self, lookup: Callable[[str], Deferred[Any]], name: str) -> list[Any]:
        """Return the answers; none where there is no such name, or no such record of it."""
        try:
            answers, _, _ = await lookup(name)
        except (error.DNSNameError, error.AuthoritativeDomainError, UnicodeError):
            # Names that cannot be asked for stand in MX records too.
            return []
        except (error.DomainError, error.ResolverError, defer.TimeoutError) as why:
            said = type(why).__name__.removeprefix("DNS").removesuffix("Error").lower()
            raise NameServersSilent(f"DNS does not say where {name} is ({said})") from None
        records: list[Any] = answers
        return records


def _server(given: str) -> tuple[str, int]:
    if given.count(":") == 1:
        host, _, port = given.partition(":")
        return host, int(port)
    return given.strip("[]"), _DNS_PORT


def _literal(domain: str) -> Host:
    """Read an address literal (RFC 5321 4.1.3)."""
    inside = domain.strip("[]")
    address = inside[5:] if inside.lower().startswith("ipv6:") else inside
    try:
        return Host(domain, str(ipaddress.ip_address(address)))
    except ValueError:
        raise NoRoute(f"{domain} is no address") from None


def _text(name: bytes) -> str:
    return name.decode("ascii", "replace").rstrip(".")
