"""Our sending class by itself, with a transcript as the machine keeps it, and the mail read from its file.

Connected by the reactor's own connectTCP: the machine's HostnameEndpoint, which
looks names up, makes a session with one small mail take half as long again.
"""

from __future__ import annotations

import sys
import time
import traceback

from twisted.internet import reactor, stdio
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ClientFactory
from twisted.protocols.basic import LineReceiver

from benchmarks.mail import RECIPIENT, SENDER
from irsend.interfaces import Mailbox
from irsend.protocols.esmtp_client import ESMTPClient
from irsend.protocols.transcript import Transcript


def _mailbox(address: str) -> Mailbox:
    return Mailbox(*address.encode().split(b"@"))


class _Once(ClientFactory):
    noisy = False

    def __init__(self, client: ESMTPClient) -> None:
        self._client = client

    def buildProtocol(self, addr) -> ESMTPClient:
        return self._client

    def clientConnectionFailed(self, connector, reason) -> None:
        self._client.greeted.errback(reason)


class _Told(LineReceiver):
    delimiter = b"\n"

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path
        self._sender, self._recipients = _mailbox(SENDER), [_mailbox(RECIPIENT)]

    def connectionMade(self) -> None:
        self.sendLine(b"ready")

    def connectionLost(self, reason) -> None:
        if reactor.running:
            reactor.stop()

    def lineReceived(self, line: bytes) -> None:
        mails, sessions = map(int, line.split())
        sent = Deferred.fromCoroutine(self._send(mails // sessions, sessions))
        sent.addErrback(self._ended)

    def _ended(self, failure) -> None:
        traceback.print_exception(failure.value)
        self.transport.loseConnection()

    async def _send(self, mails: int, sessions: int):
        began = time.perf_counter()
        for _ in range(sessions):
            await self._session(mails)
        self.sendLine(b"%f" % (time.perf_counter() - began))

    async def _session(self, mails: int):
        client = ESMTPClient(Transcript(time.time), reactor, identity=b"localhost")
        reactor.connectTCP("127.0.0.1", self._port, _Once(client))
        await client.open_session(None)
        for _ in range(mails):
            with open(self._path, "rb") as content:
                answers = await client.send(self._sender, self._recipients, content)
            if not all(reply.positive for reply in answers.values()):
                raise ValueError(f"not taken: {answers}")
        await client.quit()


if __name__ == "__main__":
    stdio.StandardIO(_Told(int(sys.argv[1]), sys.argv[2]))
    reactor.run()
