"""irsendctl faults, beside a real machine."""

from __future__ import annotations

import json

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from irsend.testing import PrinterMixin
from tests.ctl.calls import Ended, call
from tests.services.faults.clients import smtp_session


class FaultsTests(PrinterMixin, TestCase):
    """Orders by the command line."""

    timeout = 60

    def setUp(self) -> None:
        """Start a machine."""
        self.printer = self.start_printer()

    async def faults(self, *arguments: str) -> Ended:
        """Call irsendctl faults in a thread, the reactor running."""
        ended: Ended = await deferToThread(
            call, "faults", *arguments, url=self.printer.panel, COLUMNS="100"
        )
        return ended

    async def test_order(self) -> None:
        """An order is in force from the next session on, and listed with how often it has happened."""
        self.assertEqual((await self.faults()).out, "No fault is ordered.\n")
        self.assertIn("451-data", (await self.faults("451-data", "text=not now")).out)
        seen = await deferToThread(smtp_session, self.printer.smtp)
        self.assertEqual(seen.end, "data: 451 not now")
        listed = json.loads((await self.faults("--json")).out)
        [one] = listed["faults"]
        self.assertEqual((one["order"], one["happened"]), ("451-data text='not now'", 1))
        self.assertIn("until taken back", (await self.faults()).out)

    async def test_take_back(self) -> None:
        """An order is taken back by its line or number, or all of them."""
        await self.faults("451-data")
        await self.faults("550-rcpt", "scope=next")
        listed = await self.faults("--take-back", "550-rcpt", "scope=next")
        self.assertIn("451-data", listed.out)
        self.assertNotIn("550-rcpt", listed.out)
        self.assertEqual((await self.faults("--take-back")).out, "No fault is ordered.\n")

    async def test_not_ordered(self) -> None:
        """To take back what is not ordered is wrong use, and what is ordered is named."""
        await self.faults("451-data")
        ended = await self.faults("--take-back", "452-data")
        self.assertEqual(ended.status, 2)
        self.assertIn("452-data is not ordered; ordered: 451-data", ended.err)

    async def test_wrong(self) -> None:
        """A wrong order is refused with the machine's sentence, which names the nearest."""
        ended = await self.faults("451-dat")
        self.assertEqual(ended.status, 1)
        self.assertIn("did you mean 451-data?", ended.err)
