"""The machine loses its power twenty times under a load, and is switched off under one."""

from __future__ import annotations

import email
import email.policy
import random

from twisted.internet.task import deferLater

from tests.live.case import LiveTestCase
from tests.live.dialogues import call, greet
from tests.live.loads import Ledger, Load
from tests.live.machine import ADDRESS, start_machine
from tests.live.mails import compare, make_mail, subjects

KILLS = 20
CONNECTIONS = 4


class PowerTests(LiveTestCase):
    timeout = 240

    async def test_killed_twenty_times(self) -> None:
        """Every mail that got its 250 before any of twenty kills is stored, once and whole."""
        machine = await start_machine(self)
        ledger = Ledger()
        for kill in range(KILLS):
            draw = random.Random(kill)
            load = Load(self.reactor, ledger, to=ADDRESS, seed=kill)
            enough = load.acknowledged_so_many(draw.randint(2, 9))
            load.start(machine.smtp_port, CONNECTIONS)
            enough.addTimeout(30, self.reactor)
            await enough
            await deferLater(self.reactor, draw.uniform(0, 0.03))
            await machine.kill()
            await load.ended()
            compare(machine.memory, ledger.sent, must_have=ledger.acknowledged)
            await machine.start()
        self.assertEqual([], ledger.refusals)
        self.assertGreaterEqual(len(ledger.acknowledged), 2 * KILLS)
        # Otherwise nothing was in the middle of anything.
        self.assertGreaterEqual(len(ledger.interrupted), KILLS)
        compare(machine.memory, ledger.sent, must_have=ledger.acknowledged)
        # A job each, since a job is what is printed.
        self.assertEqual(subjects(machine.memory), await machine.subjects_of_jobs())
        for path in machine.stored():
            with path.open("rb") as stored:
                mail = email.message_from_binary_file(stored, policy=email.policy.default)
            self.assertEqual([], mail.defects)
            self.assertTrue(mail["Message-ID"])


class SwitchedOffTests(LiveTestCase):
    async def test_sigterm(self) -> None:
        """At SIGTERM sessions hear 421, it ends with 0 within 5 s, and no 250 was in vain."""
        machine = await start_machine(self)
        ledger = Ledger()
        load = Load(self.reactor, ledger, to=ADDRESS, seed=0)
        waiting = [await call(self.reactor, machine.smtp_port) for _ in range(4)]
        for dialogue in waiting:
            self.addCleanup(dialogue.hang_up)
        await waiting[0].reply()
        for dialogue in waiting[1:]:
            await greet(dialogue)
        for dialogue in waiting[2:]:
            await dialogue.command("MAIL FROM:<sender@client.test>")
            await dialogue.command(f"RCPT TO:<{ADDRESS}>")
        await waiting[3].command("DATA")
        waiting[3].transport.write(make_mail("cut", 100_000).stuffed[:50_000])
        load.start(machine.smtp_port, CONNECTIONS)
        await self.until(lambda: len(ledger.acknowledged) >= 5, "the load runs")
        began = self.reactor.seconds()
        machine.terminate()
        status = await machine.ended(20)
        took = self.reactor.seconds() - began
        self.assertEqual(0, status)
        self.assertLess(took, 5)
        for place, dialogue in zip(("greeting", "EHLO", "RCPT", "DATA"), waiting, strict=True):
            heard = await dialogue.until_closed()
            self.assertRegex(heard[-1], "^421 ", f"behind {place}")
        await load.ended()
        for last in load.heard():
            self.assertRegex(last, "^421 ", "a connection of the load")
        compare(machine.memory, ledger.sent, must_have=ledger.acknowledged)
        self.assertNotIn("Traceback", machine.log)
