r"""Endpoint strings with a MAC address filter before them, for any Twisted program.

    mac:permit=00-00-85-12-34-56,00-00-85-12-34-57:tcp:8025
    mac:reject=0000.8512.3456:tcp:host=192.0.2.1:port=25

Behind the filter's own words follows another endpoint string. Colons in addresses
are escaped, as in all endpoint strings: `00\:00\:...`.

twistd reads this module at every start: it imports the rest where it needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import (
    IStreamClientEndpointStringParserWithReactor,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin
from zope.interface import implementer

if TYPE_CHECKING:
    from irsend.link.endpoints import LinkClientEndpoint, LinkServerEndpoint
    from irsend.link.link import Link


@implementer(
    IPlugin, IStreamServerEndpointStringParser, IStreamClientEndpointStringParserWithReactor
)
class MacParser:
    """Parses "mac:..." for servers and clients; ValueError says what is wrong."""

    prefix = "mac"

    def parseStreamServer(self, reactor: Any, *args: Any, **kwargs: Any) -> LinkServerEndpoint:
        """Return the endpoint."""
        from twisted.internet.endpoints import serverFromString

        from irsend.link.endpoints import LinkServerEndpoint

        link, inner = _link(kwargs), _inner(args, kwargs)
        return LinkServerEndpoint(
            reactor, link, lambda prepared: serverFromString(prepared, inner)
        )

    def parseStreamClient(self, reactor: Any, *args: Any, **kwargs: Any) -> LinkClientEndpoint:
        """Return the endpoint."""
        from twisted.internet.endpoints import clientFromString

        from irsend.link.endpoints import LinkClientEndpoint

        link, inner = _link(kwargs), _inner(args, kwargs)
        clientFromString(reactor, inner)  # raises now what is wrong with it
        return LinkClientEndpoint(
            reactor, link, lambda prepared: clientFromString(prepared, inner)
        )


def _inner(words: tuple[str, ...], more: dict[str, str]) -> str:
    from twisted.internet.endpoints import quoteStringArgument

    def quoted(word: str) -> str:
        # An equals sign was escaped, and is escaped again.
        return str(quoteStringArgument(word)).replace("=", r"\=")

    if not words:
        raise ValueError(
            "mac: the endpoint is missing, as in mac:permit=00-00-85-12-34-56:tcp:8025"
        )
    named = [f"{key}={quoted(value)}" for key, value in more.items()]
    return ":".join([*map(quoted, words), *named])


def _link(words: dict[str, str]) -> Link:
    """Take the filter's words out of an endpoint's, and return the wire that they describe."""
    from irsend.addresses import mac_address
    from irsend.link.admission import Admission
    from irsend.link.link import Link

    permit, reject = words.pop("permit", ""), words.pop("reject", "")
    if bool(permit) == bool(reject):
        raise ValueError("mac: it needs either permit=ADDRESS,... or reject=ADDRESS,...")
    listed = frozenset(mac_address(one) for one in (permit or reject).split(","))
    return Link(admission=Admission(listed, permits=bool(permit)))
