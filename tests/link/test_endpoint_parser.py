"""Endpoint strings "mac:...", as any Twisted program can have them."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import getPlugins
from twisted.trial import unittest

from irsend.link.endpoints import LinkServerEndpoint
from tests.link.wires import Host, Peer, connect, server, until

_ADDRESS = "00-00-85-12-34-56"


class ParsingTests(unittest.TestCase):
    """`serverFromString` and `clientFromString`."""

    timeout = 30

    def test_plugin(self) -> None:
        """The parser is found among Twisted's plugins."""
        prefixes = [one.prefix for one in getPlugins(IStreamServerEndpointStringParser)]
        self.assertIn("mac", prefixes)

    async def listen(self, words: str) -> tuple[LinkServerEndpoint, Host, int]:
        """Listen at a free port behind a filter."""
        endpoint: Any = serverFromString(reactor, f"mac:{words}:tcp:0:interface=127.0.0.1")
        host = Host()
        port: Any = await endpoint.listen(host)
        self.addCleanup(port.stopListening)
        return endpoint, host, port.getHost().port

    async def test_reject(self) -> None:
        """A peer that is not rejected is served by the endpoint behind the filter."""
        _, _, port = await self.listen(f"reject={_ADDRESS},0000.8512.3457")
        peer: Peer = await connect("127.0.0.1", port)
        await until(lambda: peer.heard == b"hello")
        assert peer.transport is not None
        peer.transport.abortConnection()
        await peer.closed

    async def test_permit(self) -> None:
        """A peer that is not permitted is not served, be it dropped or reset."""
        endpoint, host, port = await self.listen("permit=00\\:00\\:85\\:12\\:34\\:56")
        connecting = connect("127.0.0.1", port)
        await until(lambda: endpoint.link.dropped > 0)
        self.assertEqual(host.peers, [])
        if connecting.called:
            peer: Peer = await connecting
            await peer.closed
        else:
            connecting.addErrback(lambda _: None)
            connecting.cancel()

    async def test_client(self) -> None:
        """A client connects by the endpoint behind the filter."""
        host = Host()
        port: Any = await server().listen(host)
        self.addCleanup(port.stopListening)
        where = f"tcp:host=127.0.0.1:port={port.getHost().port}"
        endpoint = clientFromString(reactor, f"mac:reject={_ADDRESS}:{where}")
        peer: Any = await connectProtocol(endpoint, Peer())
        await until(lambda: peer.heard == b"hello")
        peer.transport.abortConnection()
        await peer.closed

    async def test_client_with_tls(self) -> None:
        """An endpoint with TLS from its first octet is filtered too."""
        host = Host()
        port: Any = await server().listen(host)
        self.addCleanup(port.stopListening)
        where = f"ssl:host=127.0.0.1:port={port.getHost().port}:timeout=1"
        endpoint = clientFromString(reactor, f"mac:permit={_ADDRESS}:{where}")
        await self.assertFailure(connectProtocol(endpoint, Peer()), ConnectError)
        self.assertEqual(host.peers, [])

    def test_wrong(self) -> None:
        """A missing or wrong word is a ValueError that names it."""
        for words, why in (
            ("tcp:25", "either permit=ADDRESS,... or reject=ADDRESS"),
            (f"permit={_ADDRESS}:reject={_ADDRESS}:tcp:25", "either permit"),
            ("permit=x:tcp:25", "'x' is not a MAC address"),
            ("permit=ff-ff-ff-ff-ff-ff:tcp:25", "is a group address"),
            (f"permit={_ADDRESS}", "the endpoint is missing"),
        ):
            error = self.assertRaises(ValueError, serverFromString, reactor, f"mac:{words}")
            self.assertIn(why, str(error))
