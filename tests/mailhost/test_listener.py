"""The listener: the sessions it admits, and how it ends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial import unittest

from irsend.mailhost.listener import Listener


class _Session:
    """A session that ends when its test ends it."""

    def __init__(self, gone: Callable[[Any], None]) -> None:
        self.gone = gone
        self.transport = StringTransport()
        self.told = False

    def shut_down(self) -> None:
        self.told = True


class ListenerTests(unittest.TestCase):
    """A listener on a reactor in memory."""

    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.listener = Listener("SMTP", "tcp:25", self.reactor, _Session, most_sessions=2)
        self.listener.startService()
        self.factory = self.reactor.tcpServers[0][1]

    def test_too_many_sessions(self) -> None:
        """A session over the limit is refused until another has ended."""
        first = self.factory.buildProtocol(None)
        self.assertIsNotNone(self.factory.buildProtocol(None))
        self.assertIsNone(self.factory.buildProtocol(None))
        first.gone(first)
        self.assertIsNotNone(self.factory.buildProtocol(None))

    def test_stopping(self) -> None:
        """Stopping shuts each session down, and waits for the last one."""
        sessions = [self.factory.buildProtocol(None) for _ in range(2)]
        stopped = self.listener.stopService()
        self.assertTrue(all(session.told for session in sessions))
        sessions[0].gone(sessions[0])
        self.assertNoResult(stopped)
        sessions[1].gone(sessions[1])
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_who_does_not_go(self) -> None:
        """A session that does not end in two seconds is aborted."""
        session = self.factory.buildProtocol(None)
        self.listener.stopService()
        self.reactor.advance(1.9)
        self.assertFalse(session.transport.disconnected)
        self.reactor.advance(0.2)
        self.assertTrue(session.transport.disconnected)

    def test_off(self) -> None:
        """Without an endpoint it listens nowhere, and stops all the same."""
        listener = Listener("SMTP", "", self.reactor, _Session)
        listener.startService()
        self.assertEqual(listener.addresses, [])
        self.successResultOf(listener.stopService())
