"""A line of our own to a mail server, command by command: for loads, and for hanging on."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver

from tests.live.mails import Mail


class Dialogue(LineReceiver):
    """An SMTP or POP3 client that asks for each reply by itself."""

    MAX_LENGTH = 1 << 20
    transport: Any

    def __init__(self) -> None:
        self.heard: list[str] = []
        """Every line of the server's so far."""
        self._taken = 0
        self._wanted: Deferred[None] | None = None
        self.closed = False

    def lineReceived(self, line: bytes) -> None:
        """Keep it, and wake whoever waits."""
        self.heard.append(line.decode("utf-8", "replace"))
        self._wake()

    def connectionLost(self, reason: Any = connectionDone) -> None:
        """Nothing more will be heard."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted:
            wanted.callback(None)

    async def _line(self) -> str:
        while self._taken == len(self.heard):
            if self.closed:
                raise ConnectionDone(f"the server hung up behind {self.heard[-3:]}")
            self._wanted = Deferred()
            await self._wanted
        self._taken += 1
        return self.heard[self._taken - 1]

    async def reply(self) -> str:
        """Return the last line of the next SMTP reply; ConnectionDone where none comes."""
        while (line := await self._line())[3:4] == "-":
            pass
        return line

    async def command(self, line: str) -> str:
        """Send a command and return the last line of its reply."""
        self.sendLine(line.encode("ascii"))
        return await self.reply()

    async def until_closed(self) -> list[str]:
        """Wait until the server has hung up; return everything it said."""
        while not self.closed:
            self._wanted = Deferred()
            await self._wanted
        return self.heard

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self.transport.abortConnection()


async def call(reactor: Any, port: int) -> Dialogue:
    """Connect to a server on 127.0.0.1; what it greets with is the first reply."""
    dialogue: Dialogue = await connectProtocol(
        TCP4ClientEndpoint(reactor, "127.0.0.1", port, timeout=10), Dialogue()
    )
    dialogue.transport.setTcpNoDelay(True)
    return dialogue


class RefusalError(Exception):
    """A reply was another than the one that lets a mail through."""


async def greet(dialogue: Dialogue) -> None:
    """Hear the greeting and say EHLO."""
    expect("220", await dialogue.reply())
    expect("250", await dialogue.command("EHLO load.client.test"))


async def deliver(dialogue: Dialogue, mail: Mail, to: str) -> str:
    """Deliver one mail over a connection that was greeted; return the 250 to its end."""
    expect("250", await dialogue.command("MAIL FROM:<sender@client.test>"))
    expect("250", await dialogue.command(f"RCPT TO:<{to}>"))
    expect("354", await dialogue.command("DATA"))
    dialogue.transport.write(mail.stuffed)
    return expect("250", await dialogue.reply())


async def submit(reactor: Any, port: int, mail: Mail, to: str) -> str:
    """Deliver one mail over a connection of its own."""
    dialogue = await call(reactor, port)
    try:
        await greet(dialogue)
        reply = await deliver(dialogue, mail, to)
        await dialogue.command("QUIT")
    finally:
        dialogue.hang_up()
        await dialogue.until_closed()
    return reply


def expect(code: str, reply: str) -> str:
    """Return the reply where it begins with the code; RefusalError where it does not."""
    if not reply.startswith(code):
        raise RefusalError(f"expected {code}, heard {reply!r}")
    return reply
