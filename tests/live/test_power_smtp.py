"""The machine loses its power twenty times under a load of SMTP."""

from __future__ import annotations

import email
import email.policy
import random

from tests.live.case import LiveTestCase
from tests.live.loads import Ledger, Load
from tests.live.machine import ADDRESS, start_machine
from tests.live.mails import compare, subjects
from tests.live.waiting import pass_time

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
            await pass_time(self.reactor, draw.uniform(0, 0.03))
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
