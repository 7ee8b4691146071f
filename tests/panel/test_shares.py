"""Shares of connections and streams, over real TCP and as rules."""

from __future__ import annotations

from attrs import define
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from irsend.panel import shares
from irsend.panel.problems import Problem
from irsend.panel.shares import ConnectionShares
from tests.panel.served import ServedPanel, Wire
from tests.panel.test_access_control import basic


class FloodCase(ServedPanel):
    """A peer with many connections."""

    timeout = 60

    async def flood(self, request: str, count: int = 300) -> list[Wire]:
        """Open so many connections, send this request on each, and read nothing."""
        wires = []
        for _ in range(count):
            wire = await self.connect()
            wire.transport.pauseProducing()
            wire.transport.write(request.format(where=self.where).encode())
            wires.append(wire)
        for _ in range(20):
            await deferLater(reactor, 0, lambda: None)
        return wires

    async def answers(self, path: str, headers: dict[str, str] | None = None) -> None:
        """Assert that this is answered."""
        answer = await self.ask("GET", path, headers=headers)
        self.assertEqual(answer.status, 200, answer.body)


class OpenPanelTests(FloodCase):
    """A panel without a password."""

    async def test_streams_that_nobody_reads(self) -> None:
        """Behind 300 event streams of one address the panel is answered as ever."""
        wires = await self.flood("GET /api/events HTTP/1.1\r\nHost: {where}\r\n\r\n")
        for path in ("/healthz", "/api/status", "/"):
            await self.answers(path)
        self.assertEqual(len(self.site._events._streams), 60)
        for wire in wires:
            wire.transport.resumeProducing()
        refused = await wires[-1].until(b"}\n")
        self.assertIn(b"HTTP/1.1 503 ", refused)
        self.assertIn(b"event streams open, and may have no more", refused)

    async def test_idle_connections(self) -> None:
        """A connection over the share takes the place of one that waits for its next request."""
        await self.flood("GET /healthz HTTP/1.1\r\nHost: {where}\r\n\r\n")
        for path in ("/healthz", "/api/status", "/"):
            await self.answers(path)

    async def test_requests_that_never_end(self) -> None:
        """Behind a share of requests under way status and health are answered, the rest with a 503."""
        await self.flood("GET / HTTP/1.1\r\nHost: {where}\r\n")
        for _ in range(60):
            await self.answers("/healthz")
            await self.answers("/api/status")
        members = await self.refused(503, "GET", "/api/jobs")
        self.assertRegex(
            members["detail"], "no connection to spare for 127.0.0.1, which has 150"
        )


class PanelWithPasswordTests(FloodCase):
    """A panel with a password."""

    password = "open sesame"

    async def test_strangers(self) -> None:
        """Strangers, whatever they send, keep nobody out who knows the password."""
        for request in (
            "",
            "GET / HTTP/1.1\r\nHost: {where}\r\n",
            "GET /api/events HTTP/1.1\r\nHost: {where}\r\n\r\n",
        ):
            await self.flood(request)
            await self.answers("/healthz")
            for path in ("/api/status", "/"):
                await self.answers(path, basic(self.password))
            strangers = [one for one in self.site.channels if not one.known]
            self.assertLessEqual(len(strangers), shares.MOST_OF_STRANGER)

    async def test_streams_of_those_who_know_the_password(self) -> None:
        """300 streams opened with the password leave the panel open to strangers' /healthz and to others."""
        credential = basic(self.password)["Authorization"]
        await self.flood(
            f"GET /api/events HTTP/1.1\r\nHost: {{where}}\r\nAuthorization: {credential}\r\n\r\n"
        )
        await self.answers("/healthz")
        for path in ("/api/status", "/"):
            await self.answers(path, basic(self.password))


@define(eq=False)
class _Connection:
    """A connection that was closed or not."""

    peer: str
    known: bool = False
    idle: bool = False
    surplus: bool = False
    closed: bool = False

    def loseConnection(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


class RuleTests(SynchronousTestCase):
    """The rules, without a wire."""

    def setUp(self) -> None:
        self.shares = ConnectionShares()

    def open(
        self, count: int, peer: str, *, known: bool = False, idle: bool = False
    ) -> list[_Connection]:
        """Open so many connections of a peer."""
        opened = []
        for _ in range(count):
            connection = _Connection(peer, known=known, idle=idle)
            self.shares.opened(connection)
            opened.append(connection)
        return opened

    def test_strangers_share(self) -> None:
        """One stranger has 20 connections, all strangers together 60; the oldest makes place."""
        first = self.open(21, "192.0.2.1")
        self.assertEqual([one.closed for one in first], [True] + [False] * 20)
        others = [self.open(20, f"192.0.2.{host}") for host in (2, 3, 4)]
        self.assertTrue(all(one.closed for one in first))
        self.assertFalse(any(one.closed for three in others for one in three))

    def test_known_share(self) -> None:
        """A known peer has 150 connections, all together 200; requests under way keep their place."""
        busy = self.open(150, "192.0.2.1", known=True)
        (over,) = self.open(1, "192.0.2.1", known=True)
        self.assertTrue(over.surplus)
        others = self.open(50, "192.0.2.2", known=True, idle=True)
        self.assertFalse(any(one.surplus or one.closed for one in busy + others))
        (last,) = self.open(1, "192.0.2.3", known=True)
        self.assertEqual([others[0].closed, last.surplus], [True, False])

    def test_last_used(self) -> None:
        """Of those that wait for a request, the one longest without makes place."""
        first, second, *_ = self.open(150, "192.0.2.1", known=True, idle=True)
        self.shares.used(first)
        self.open(1, "192.0.2.1", known=True)
        self.assertEqual([first.closed, second.closed], [False, True])

    def test_admitted(self) -> None:
        """A stranger whose request is admitted counts to those who are known."""
        (one,) = self.open(1, "192.0.2.1")
        self.shares.admitted(one)
        self.open(20, "192.0.2.1")
        self.assertEqual([one.known, one.closed], [True, False])

    def test_surplus(self) -> None:
        """Of the surplus 40 stay; they are answered for health and status only."""
        self.open(150, "192.0.2.1", known=True)
        surplus = self.open(41, "192.0.2.1", known=True)
        self.assertEqual([one.closed for one in surplus], [True] + [False] * 40)
        for path in (b"/healthz", b"/api/status"):
            self.shares.check(surplus[-1], path)
        with self.assertRaises(Problem) as refusal:
            self.shares.check(surplus[-1], b"/api/jobs")
        self.assertEqual(refusal.exception.status, 503)
