"""A server that says yes to everything, and notes what it sees of a client, on a port of loopback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.python.failure import Failure

_HANDSHAKE = 22
"""The first octet of TLS."""
Answers = Callable[[str], bytes]


def smtp_answer(verb: str) -> bytes:
    """Return a reply of SMTP."""
    return {
        "": b"220 server.test ESMTP\r\n",
        "EHLO": b"250-server.test\r\n250 STARTTLS\r\n",
        "STARTTLS": b"220 go ahead\r\n",
        "DATA": b"354 go on\r\n",
        "QUIT": b"221 bye\r\n",
    }.get(verb, b"250 ok\r\n")


def pop_answer(verb: str) -> bytes:
    """Return a reply of POP3."""
    return {
        "CAPA": b"+OK\r\nUIDL\r\nSTLS\r\n.\r\n",
        "LIST": b"+OK\r\n1 20\r\n.\r\n",
        "UIDL": b"+OK\r\n1 a\r\n.\r\n",
        "RETR": b"+OK\r\nSubject: one\r\n\r\none\r\n.\r\n",
    }.get(verb, b"+OK <1@server.test>\r\n")


class _Session(Protocol):
    """One connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._behind = b""
        self._content = False
        self._raw = False

    def connectionMade(self) -> None:
        """Greet."""
        self.transport.write(self._server.answer(""))  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        """Note what comes, and answer."""
        transport: Any = self.transport
        seen = self._server.seen
        if self._raw:
            if seen[-1] != "octets":
                seen.append("octets")
            self._server.raw += data
            if self._server.raw[0] != _HANDSHAKE:
                transport.loseConnection()
            return
        if self._content and seen[-1] != "content":
            seen.append("content")
        self._behind += data
        while b"\n" in self._behind:
            line, _, self._behind = self._behind.partition(b"\n")
            word = line.strip().split(b" ")[0].decode()
            if self._content and word != ".":
                continue
            self._content = word == "DATA"
            self._raw = word in ("STARTTLS", "STLS")
            seen.append(word)
            transport.write(self._server.answer(word))

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        """Note how it ended, and half a command before that."""
        if self._behind and not self._content:
            self._server.seen.append("half a command")
        self._server.seen.append("FIN" if reason.check(ConnectionDone) else "RST")
        self._server.ended.callback(None)


class Server(ServerFactory):
    """Listens, and notes in `seen` what comes on its one connection."""

    noisy = False

    def __init__(self, reactor: Any, answer: Answers) -> None:
        self.answer = answer
        self.seen: list[str] = []
        self.raw = b""
        """What came in the place of a handshake."""
        self.ended: Deferred[None] = Deferred()
        self._port = reactor.listenTCP(0, self, interface="127.0.0.1")

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._port.getHost().port)

    def buildProtocol(self, addr: object) -> _Session:
        """Make a session."""
        return _Session(self)

    def stop(self) -> Any:
        """Listen no more."""
        return self._port.stopListening()
