"""The machine's endpoints: all that connects and listens, behind its MAC address filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IAddress, IStreamClientEndpoint, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol

from irsend.link.endpoints import LinkClientEndpoint, LinkServerEndpoint
from irsend.link.link import Link
from irsend.services.reactor import IReactor
from irsend.store.group_commit import InThread

Client = TypeVar("Client", bound=Protocol)


class Network:
    """Makes endpoints on one link. `on_disk` runs look-ups in the kernel's tables in a thread."""

    def __init__(self, *, reactor: IReactor, link: Link, on_disk: InThread) -> None:
        self._reactor = reactor
        self.link = link
        self._on_disk = on_disk

    def client_endpoint(self, host: str, port: int, timeout: float) -> IStreamClientEndpoint:
        """Return an endpoint to a server, by name or address; connecting may take `timeout` seconds."""
        return LinkClientEndpoint(
            self._reactor,
            self.link,
            lambda reactor: HostnameEndpoint(reactor, host, port, timeout=timeout),
        )

    def server_endpoint(
        self, make: Callable[[IReactor], IStreamServerEndpoint]
    ) -> LinkServerEndpoint:
        """Return an endpoint that listens on the link; `make` makes it of a reactor."""
        return LinkServerEndpoint(self._reactor, self.link, make)

    def mac_behind(self, endpoint: IStreamClientEndpoint) -> Deferred[str | None]:
        """Fire with the MAC address that an endpoint last connected to; None where it is not known."""
        address: str | None = getattr(endpoint, "address", None)
        if address is None:
            return succeed(None)
        return self._on_disk(lambda: self.link.mac_of_address(address))


def connect_client(endpoint: IStreamClientEndpoint, client: Client) -> Deferred[Client]:
    """Connect this protocol; fires with it."""
    return endpoint.connect(_SingleClientFactory(client)).addCallback(lambda _: client)


class _SingleClientFactory(Factory):
    """Gives the endpoint one client, made before."""

    noisy = False

    def __init__(self, client: Protocol) -> None:
        self._client = client

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        return self._client
