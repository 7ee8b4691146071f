"""The machine is switched off in an orderly way, by SIGTERM, in the midst of its work."""

from __future__ import annotations

import httpx
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions

from tests.live.case import LiveTestCase
from tests.live.dialogues import Dialogue, call, expect, greet
from tests.live.loads import Ledger, Load
from tests.live.machine import ADDRESS, Machine, start_machine
from tests.live.mails import compare, identity_of, make_mail

WITHIN = 5.0
"""Seconds."""


class SwitchedOffTests(LiveTestCase):
    async def dialogue(self, machine: Machine) -> Dialogue:
        """Call the machine; the connection ends with the test."""
        dialogue = await call(self.reactor, machine.smtp_port)
        self.addCleanup(dialogue.hang_up)
        return dialogue

    async def load(
        self, machine: Machine, *, connections: int = 4, largest: int = 2_000_000
    ) -> tuple[Load, Ledger]:
        """Put the machine under load, and wait until that has got going."""
        ledger = Ledger()
        load = Load(self.reactor, ledger, to=ADDRESS, seed=0, largest=largest)
        enough = load.acknowledged_so_many(2 * connections)
        load.start(machine.smtp_port, connections)
        self.addCleanup(load.hang_up)
        await enough.addTimeout(30, self.reactor)
        return load, ledger

    async def switch_off(self, machine: Machine) -> int:
        """Send SIGTERM, and return the exit status; it must come within 5 s."""
        began = self.reactor.seconds()
        machine.terminate()
        status = await machine.ended(20)
        self.assertLess(self.reactor.seconds() - began, WITHIN)
        self.assertFalse("Traceback" in machine.log, "the machine logged a traceback")
        return status

    async def test_status(self) -> None:
        """SIGTERM under load ends the process within 5 s with exit status 0."""
        machine = await start_machine(self)
        await self.load(machine)
        self.assertEqual(0, await self.switch_off(machine))

    async def test_sessions(self) -> None:
        """At SIGTERM each session that waits for its client hears 421, wherever it is."""
        machine = await start_machine(self)
        places = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "message")
        waiting = [await self.dialogue(machine) for _ in places]
        await waiting[0].reply()
        for steps, dialogue in enumerate(waiting[1:], 1):
            await greet(dialogue)
            if steps >= 2:
                expect("250", await dialogue.command("MAIL FROM:<sender@client.test>"))
            if steps >= 3:
                expect("250", await dialogue.command(f"RCPT TO:<{ADDRESS}>"))
            if steps >= 4:
                expect("354", await dialogue.command("DATA"))
        waiting[5].transport.write(make_mail("cut", 100_000).stuffed[:50_000])
        await self.switch_off(machine)
        for place, dialogue in zip(places, waiting, strict=True):
            heard = await dialogue.until_closed()
            self.assertRegex(heard[-1], "^421 ", f"behind {place}")
        self.assertEqual([], machine.stored())

    async def test_sessions_under_tls(self) -> None:
        """At SIGTERM a session under TLS hears 421 as well."""
        machine = await start_machine(
            self, model="iradvance", authent_encryption={"allow_ssl_smtp_receive": "ssl"}
        )
        dialogue = await self.dialogue(machine)
        await self.secure(dialogue)
        await self.switch_off(machine)
        self.assertRegex((await dialogue.until_closed())[-1], "^421 ")

    async def test_load(self) -> None:
        """At SIGTERM a load hears 421 in the midst of its messages; what got its 250 is stored."""
        machine = await start_machine(self)
        load, ledger = await self.load(machine)
        await self.switch_off(machine)
        await load.ended()
        for last in load.heard():
            self.assertRegex(last, "^421 ")
        compare(machine.memory, ledger.sent, must_have=ledger.acknowledged)

    async def test_nothing_stored_in_secret(self) -> None:
        """No mail is stored at SIGTERM whose client heard no 250: it would bring it again."""
        machine = await start_machine(self)
        for _ in range(5):
            # So many and so small that some of them are being synced at any moment.
            load, ledger = await self.load(machine, connections=12, largest=4_000)
            await self.switch_off(machine)
            await load.ended()
            stored = {identity_of(path.read_bytes()) for path in machine.stored()}
            self.assertEqual(set(), stored - ledger.acknowledged)
            for path in machine.stored():
                path.unlink()
            await machine.start()

    async def test_frozen_clients(self) -> None:
        """Clients that read nothing any more, under TLS or before it, do not hold it up."""
        machine = await start_machine(
            self, model="iradvance", authent_encryption={"allow_ssl_smtp_receive": "on"}
        )
        frozen, shaking, plain = [await self.dialogue(machine) for _ in range(3)]
        await self.secure(frozen)
        await greet(shaking)
        expect("220", await shaking.command("STARTTLS"))
        await greet(plain)
        for dialogue in (frozen, shaking, plain):
            dialogue.transport.pauseProducing()
        await self.switch_off(machine)

    async def test_silent_pop_server(self) -> None:
        """A POP server that says nothing does not hold it up."""
        silent = self.reactor.listenTCP(0, Factory.forProtocol(Protocol), interface="127.0.0.1")
        self.addCleanup(silent.stopListening)
        machine = await start_machine(
            self,
            email_ifax={"pop": True, "pop_server": "127.0.0.1", "pop_address": "ir"},
            service_mode={"pop3_port": silent.getHost().port},
        )

        async def ask() -> None:
            try:
                await machine.receive()
            except httpx.TransportError:
                return

        asked = Deferred.fromCoroutine(ask())
        await machine.until_state("receiving")
        await self.switch_off(machine)
        await asked

    async def test_again(self) -> None:
        """What was stored before is there at the next start, and the journal with it."""
        machine = await start_machine(self)
        load, _ = await self.load(machine)
        await self.switch_off(machine)
        await load.ended()
        before = machine.stored()
        await machine.start()
        self.assertEqual(before, machine.stored())
        self.assertEqual(len(before), sum((await machine.subjects_of_jobs()).values()))
        for session in await machine.get("/api/sessions"):
            self.assertIsNotNone(session["ended"], session)

    async def secure(self, dialogue: Dialogue) -> None:
        """Greet, begin TLS, and greet again."""
        await greet(dialogue)
        expect("220", await dialogue.command("STARTTLS"))
        dialogue.transport.startTLS(CertificateOptions())
        expect("250", await dialogue.command("EHLO load.client.test"))
