"""A POP3 server of a test's own, in memory, and a machine's polling before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.trial import unittest
from zope.interface import implementer

from irsend.device.sessions import Session
from irsend.services.pop_session_queue import POPSessionQueue
from irsend.services.receive.pop_poller import POPPoller
from tests.parts import Parts, make_parts
from tests.wire import Wire


@implementer(IStreamClientEndpoint)
class Maildrop:
    """Messages by their UIDL, and every line that the machine has said to it."""

    def __init__(self, messages: dict[bytes, bytes] | None = None) -> None:
        self.messages = dict(messages or {})
        self.capabilities = [b"UIDL", b"STLS"]
        self.commands: list[bytes] = []
        self.connections = 0
        self.refuses = False
        self.refused = b""
        """The number of a message that is not given."""
        self.refused_commands: set[bytes] = set()
        self.sizes: dict[bytes, int] = {}
        """What LIST says of a message instead of the truth, by its UIDL."""
        self.silent_to = b""
        """A command that is not answered."""
        self.tls: SSL.Context | None = None
        self.wire: Wire | None = None
        self._deleted: list[bytes] = []

    def connect(self, factory: Any) -> Deferred[Any]:
        """Take the machine's connection."""
        if self.refuses:
            return fail(error.ConnectionRefusedError())
        self.connections += 1
        self._deleted = []
        protocol = factory.buildProtocol(None)
        self.wire = Wire(protocol, protocol_is_client=True)
        self.wire.connect()
        connected: Deferred[Any] = Deferred()
        connected.callback(protocol)
        self.wire.deliver(b"+OK ready\r\n")
        return connected

    def serve(self) -> None:
        """Answer until the machine says nothing more."""
        assert self.wire is not None
        while not self.wire.closed:
            said = self.wire.taken()
            if not said:
                return
            for line in said.splitlines():
                self.commands.append(line)
                if self.silent_to and line.startswith(self.silent_to):
                    return
                self.wire.deliver(self._answer(*line.split(b" ")))
                if line == b"STLS":
                    assert self.tls is not None
                    begun = self.wire.peer_begins_tls(self.tls, server=True)
                    if begun and not self.wire.closed:
                        self.wire.deliver(b"+OK ready again\r\n")

    def _answer(self, command: bytes, *arguments: bytes) -> bytes:
        uidls = list(self.messages)
        if command in self.refused_commands:
            return b"-ERR unknown command\r\n"
        match command:
            case b"CAPA":
                return _lines(*self.capabilities)
            case b"LIST":
                return _lines(
                    *(
                        b"%d %d" % (n + 1, self.sizes.get(u, len(self.messages[u])))
                        for n, u in enumerate(uidls)
                    )
                )
            case b"UIDL":
                return _lines(*(b"%d %s" % (n + 1, uidl) for n, uidl in enumerate(uidls)))
            case b"RETR" if arguments[0] == self.refused:
                return b"-ERR cannot be read\r\n"
            case b"RETR":
                return b"+OK\r\n" + self.messages[uidls[int(arguments[0]) - 1]] + b".\r\n"
            case b"DELE":
                self._deleted.append(uidls[int(arguments[0]) - 1])
            case b"QUIT":
                for uidl in self._deleted:
                    self.messages.pop(uidl)
        return b"+OK\r\n"

    def count(self, command: bytes) -> int:
        """Count how often the machine gave a command."""
        return sum(1 for line in self.commands if line.split(b" ")[0] == command)


def _lines(*lines: bytes) -> bytes:
    return b"\r\n".join([b"+OK", *lines, b".", b""])


class PollingCase(unittest.SynchronousTestCase):
    """The service, with a maildrop in memory and a clock that stands still."""

    parts: Parts
    poller: POPPoller
    pop_sessions: POPSessionQueue

    def start_polling(self, drop: Maildrop, model: str = "ir2270", **settings: object) -> None:
        """Make a machine that polls this maildrop."""
        given: dict[str, object] = {
            "email_ifax.pop": True,
            "email_ifax.pop_server": "pop.bench.test",
            "email_ifax.pop_address": "ir",
            "email_ifax.pop_password": "marked-secret",
            **{name.replace("__", "."): value for name, value in settings.items()},
        }
        self.parts = make_parts(Path(self.mktemp()), model=model, settings=given)
        self.restart(drop)

    def restart(self, drop: Maildrop) -> None:
        """Switch the polling on, at this maildrop."""
        self.parts.network.connect = lambda *_: drop
        self.pop_sessions = self.parts.pop_sessions()
        self.poller = self.parts.pop_poller(self.pop_sessions)
        self.pop_sessions.startService()
        self.poller.startService()
        self.parts.clock.advance(0)

    def receive(self, drop: Maildrop) -> Session:
        """Fetch once and return the session."""
        answer = self.poller.receive()
        if drop.wire is not None:
            drop.serve()
        session: Session = self.successResultOf(answer)
        return session

    def endless_list(self, line: bytes) -> Session:
        """Answer LIST with 10 MB of this line; return the session."""
        drop = Maildrop()
        drop.silent_to = b"LIST"
        self.start_polling(drop)
        answer = self.poller.receive()
        drop.serve()
        assert drop.wire is not None
        drop.wire.deliver(b"+OK\r\n999999999 1\r\n")
        piece = line * (50_000 // len(line))
        for _ in range(200):
            drop.wire.deliver(piece)
        drop.wire.taken()
        session: Session = self.successResultOf(answer)
        return session
