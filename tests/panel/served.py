"""A panel served on loopback TCP, and an HTTP client."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from irsend.panel import PanelOptions, panel_site
from tests.panel.machine import MachineDouble


@frozen
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")


class Wire(Protocol):
    """A connection that keeps what it receives."""

    def __init__(self) -> None:
        self.received = b""
        self.closed: Deferred[bytes] = Deferred()
        self._waiting: tuple[bytes, Deferred[bytes]] | None = None

    def dataReceived(self, data: bytes) -> None:
        """Keep it, and fire `until` where it is complete."""
        self.received += data
        if self._waiting and self._waiting[0] in self.received:
            (_, waiting), self._waiting = self._waiting, None
            waiting.callback(self.received)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fire `closed` with all that was received."""
        self.closed.callback(self.received)
        if self._waiting:
            (sought, waiting), self._waiting = self._waiting, None
            waiting.errback(
                AssertionError(f"closed before {sought!r} was received: {self.received!r}")
            )

    def until(self, sought: bytes) -> Deferred[bytes]:
        """Fire with all that was received, once `sought` is in it."""
        waiting: Deferred[bytes] = Deferred()
        if sought in self.received:
            waiting.callback(self.received)
        else:
            self._waiting = (sought, waiting)
        return waiting


class ServedPanel(TestCase):
    """Serves a machine's panel; a subclass says with which password and clock."""

    password = ""
    timeout = 20

    def setUp(self) -> None:
        """Serve a fresh machine."""
        self.machine = MachineDouble()
        self.clock = Clock()
        self.serve()

    def serve(self, **given: Any) -> None:
        """Listen on a free port until the test ends."""
        given = {"password": self.password, "hostnames": ("panel.bench.test",), **given}
        addresses, probes = given.pop("addresses", None), given.pop("probes", None)
        options = PanelOptions(**given)
        self.site = panel_site(
            self.machine,
            options=options,
            clock=self.clock,
            addresses=addresses,
            probes=probes,
        )
        self.port = reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.where = f"127.0.0.1:{self.port.getHost().port}"
        self.addCleanup(self.port.stopListening)

    async def until(self, condition: Any) -> None:
        """Let the reactor turn until the condition holds, or the test's time is up."""
        while not condition():
            turned: Deferred[None] = deferLater(reactor, 0.001, lambda: None)
            await turned

    async def connect(self) -> Wire:
        """Connect; the connection is aborted at the end of the test."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port.getHost().port)
        wire = await connectProtocol(endpoint, Wire())

        def end() -> Deferred[bytes]:
            wire.transport.abortConnection()
            return wire.closed

        self.addCleanup(end)
        return wire

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request over a connection of its own; a body that is not bytes is sent as JSON."""
        given = {"Host": self.where, "Connection": "close"}
        octets = b""
        if body is not None:
            octets = body if isinstance(body, bytes) else json.dumps(body).encode()
            given |= {"Content-Type": "application/json", "Content-Length": str(len(octets))}
        given |= headers or {}
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
        wire = await self.connect()
        wire.transport.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + octets)
        return read_answer(await wire.closed)

    async def refused(
        self, status: int, method: str, path: str, *given: Any, **more: Any
    ) -> Any:
        """Send a request, assert that the response is a problem of this status, and return its members."""
        answer = await self.ask(method, path, *given, **more)
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        members = answer.json()
        self.assertEqual(members["status"], status)
        self.assertTrue(members["type"] and members["title"] and members["detail"])
        self.assertNotIn("Traceback", answer.text)
        return members


def read_answer(response: bytes) -> Answer:
    """Parse a response, chunked or not."""
    head, _, body = response.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        whole = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            whole += body[: int(size, 16)]
            body = body[int(size, 16) + 2 :]
        body = whole
    return Answer(int(first.split()[1]), headers, body)
