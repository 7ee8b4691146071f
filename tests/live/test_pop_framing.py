"""The machine polls a server on a real socket that does not stuff dots (docs/fidelity)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver

from tests.live.case import LiveTestCase
from tests.live.machine import Machine, start_machine

WHOLE = b"Subject: whole\r\n\r\ntext\r\n"
CUT = b"Subject: cut\r\n\r\nthe first half\r\n.\r\n" + b"the second half of the mail\r\n" * 300


class _UnstuffedMaildrop(LineReceiver):
    """POP3 as far as the machine speaks it; a mail goes out as it is, its dots not stuffed."""

    factory: _Server

    def connectionMade(self) -> None:
        """Greet."""
        self._deleted: list[bytes] = []
        self.sendLine(b"+OK ready")

    def lineReceived(self, line: bytes) -> None:
        """Answer a command."""
        verb, _, argument = line.partition(b" ")
        name = verb.decode("ascii").upper()
        answer: Callable[[bytes], None] | None = getattr(self, f"do_{name}", None)
        if answer is not None:
            answer(argument)
        elif name in ("USER", "PASS", "NOOP"):
            self.sendLine(b"+OK")
        else:
            self.sendLine(b"-ERR no such command")

    def _listed(self, of_each: Callable[[bytes], bytes]) -> None:
        uidls = list(self.factory.mails)
        self.sendLine(b"+OK")
        for number, uidl in enumerate(uidls, 1):
            self.sendLine(b"%d %b" % (number, of_each(uidl)))
        self.sendLine(b".")

    def do_LIST(self, _: bytes) -> None:
        """Give the true sizes."""
        self._listed(lambda uidl: b"%d" % len(self.factory.mails[uidl]))

    def do_UIDL(self, _: bytes) -> None:
        """Give the UIDLs."""
        self._listed(lambda uidl: uidl)

    def do_RETR(self, number: bytes) -> None:
        """Give a mail as it is."""
        mail = self.factory.mails[list(self.factory.mails)[int(number) - 1]]
        self.transport.write(b"+OK\r\n" + mail + b".\r\n")

    def do_DELE(self, number: bytes) -> None:
        """Mark a mail."""
        self._deleted.append(list(self.factory.mails)[int(number) - 1])
        self.sendLine(b"+OK")

    def do_QUIT(self, _: bytes) -> None:
        """Delete what is marked, and close."""
        for uidl in self._deleted:
            self.factory.mails.pop(uidl, None)
        self.sendLine(b"+OK")
        self.transport.loseConnection()


class _Server(Factory):
    protocol = _UnstuffedMaildrop

    def __init__(self, mails: dict[bytes, bytes]) -> None:
        self.mails = mails


class UnstuffedTests(LiveTestCase):
    """A server that ends a mail early and goes on with its rest."""

    async def polled(self, mails: dict[bytes, bytes]) -> tuple[Machine, _Server]:
        """Return a machine that polls a server with these mails."""
        server = _Server(mails)
        port = self.reactor.listenTCP(0, server, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        machine = await start_machine(
            self,
            email_ifax={
                "pop": True,
                "pop_server": "127.0.0.1",
                "pop_address": "ir",
                "pop_password": "bench",
            },
            service_mode={"pop3_port": port.getHost().port},
        )
        return machine, server

    async def test_cut_mail_is_not_kept(self) -> None:
        """A mail that is cut by its own dot is never taken, and stays at the server at each poll."""
        machine, server = await self.polled({b"cut": CUT})
        for _ in range(3):
            answer = await machine.receive()
            self.assertEqual(
                ("NG", "#810", 0), (answer["result"], answer["code"], answer["received"])
            )
            self.assertEqual([], machine.stored())
            self.assertEqual([b"cut"], list(server.mails))

    async def test_others_are_fetched(self) -> None:
        """A whole mail beside it is taken once, and deleted at the server."""
        machine, server = await self.polled({b"cut": CUT, b"whole": WHOLE})
        for _ in range(4):
            await machine.receive()
        self.assertEqual(1, len(machine.stored()))
        self.assertIn(b"Subject: whole", machine.stored()[0].read_bytes())
        self.assertEqual([b"cut"], list(server.mails))
