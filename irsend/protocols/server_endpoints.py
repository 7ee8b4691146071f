"""Endpoints of servers from their strings, and listening there: at once, or an error with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IStreamServerEndpoint,
)
from twisted.python.failure import Failure

from irsend.errors import ConfigurationError
from irsend.protocols.listen_failures import CannotListen

EndpointMaker = Callable[[Any], IStreamServerEndpoint]
"""Makes an endpoint with the reactor that it gets."""


def server_endpoint(reactor: Any, key: str, description: str) -> IStreamServerEndpoint:
    """Return the endpoint of a description; ConfigurationError names the key of the description."""
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
        port = getattr(endpoint, "_port", 0)
        if isinstance(port, int) and not 0 <= port <= 65_535:
            raise ValueError(f"there is no port {port}")
    except Exception as error:  # endpoint parsers raise whatever their parsing meets
        reason = str(error).rstrip(".") or type(error).__name__
        raise ConfigurationError(
            f"{key}: {description!r} is not allowed ({reason}); allowed: a Twisted endpoint string "
            'such as "tcp:2525:interface=127.0.0.1", or "" for off'
        ) from None
    return endpoint


def listen(
    reactor: Any,
    key: str,
    description: str,
    factory: IProtocolFactory,
    *,
    through: Callable[[EndpointMaker], IStreamServerEndpoint] | None = None,
) -> list[IListeningPort]:
    """Listen; raises ConfigurationError or CannotListen.

    `key` is the configuration's key of the description, or the setting whose value is its port.
    `through` gets the maker of the endpoint, and returns another endpoint, such as one
    with a filter. Returns the port in a list, or an empty list for
    an empty description.
    """
    if not description:
        return []
    outcome: list[IListeningPort | Failure] = []

    def make(reactor: Any) -> IStreamServerEndpoint:
        return server_endpoint(reactor, key, description)

    endpoint = make(reactor) if through is None else through(make)
    endpoint.listen(factory).addBoth(outcome.append)
    # The Deferred of a server endpoint of Twisted's has fired already.
    ports: list[IListeningPort] = []
    for port in outcome:
        if not isinstance(port, Failure):
            ports.append(port)
            continue
        error = port.value
        if isinstance(error, OSError):
            # Twisted leaves the error of a lock file as it is, beside a UNIX socket.
            error = CannotListenError(None, _path_in(description), error)
        if isinstance(error, CannotListenError):
            raise CannotListen(key, description, error) from None
        port.raiseException()
    return ports


def _path_in(description: str) -> bytes:
    """Return the path of a UNIX socket; the description itself where it has none."""
    match = re.match(r"unix:(?:address=)?((?:\\.|[^:\\])+)", description)
    path = re.sub(r"\\(.)", r"\1", match[1]) if match else description
    return path.encode("utf-8", "surrogateescape")


_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def reachable_host(address: IPv4Address | IPv6Address) -> str:
    """Return where a program on this host reaches what listens there."""
    return _LOOPBACK_OF.get(address.host, address.host)


def address_text(address: IAddress) -> str:
    """Return an address as people write it: 127.0.0.1:2525, [::1]:2525, or a socket's path."""
    if not isinstance(address, IPv4Address | IPv6Address):
        return str(getattr(address, "name", address))
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"
