"""Listening where an endpoint string says: at once, or not at all and with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from irsend.errors import ConfigurationError


def server_endpoint(reactor: Any, key: str, description: str) -> Any:
    """Return the endpoint of a description; ConfigurationError names the key it stands at."""
    try:
        endpoint = serverFromString(reactor, description)
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
    through: Callable[[Callable[[Any], Any]], Any] | None = None,
) -> list[IListeningPort]:
    """Listen; raises ConfigurationError or CannotListenError where that cannot be.

    `through` gets what makes the endpoint with a reactor, and returns another,
    such as one with a filter. Returns the port in a list, or an empty list for
    an empty description.
    """
    if not description:
        return []
    outcome: list[Any] = []

    def make(reactor: Any) -> Any:
        return server_endpoint(reactor, key, description)

    endpoint = make(reactor) if through is None else through(make)
    endpoint.listen(factory).addBoth(outcome.append)
    # Twisted's server endpoints answer at once.
    for port in outcome:
        if isinstance(port, Failure):
            port.raiseException()
    return outcome


def address_text(address: Any) -> str:
    """Return an address as people write it: 127.0.0.1:2525, [::1]:2525, or a socket's path."""
    host = getattr(address, "host", None)
    if host is None:
        return str(getattr(address, "name", address))
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"
