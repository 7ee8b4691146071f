"""Paper and memory with real peers: what waits, what is refused, and what is printed once."""

from __future__ import annotations

import io
import random
import subprocess
from collections import Counter
from typing import Any

from tests.imaging.originals import PNG
from tests.live.case import LiveTestCase
from tests.live.dialogues import RefusalError, call, deliver, greet
from tests.live.dovecot import PASSWORD, USER, start_dovecot
from tests.live.loads import Ledger, Load
from tests.live.machine import ADDRESS, Machine, start_machine
from tests.live.mails import Mail, make_mail
from tests.live.waiting import pass_time
from tests.message.test_fragments import parts_of

KILLS = 20
_LOADED = {"loaded": True}


class PaperTests(LiveTestCase):
    """A machine with paper, or without."""

    programs = ("pdftotext",)
    timeout = 240

    async def deliver(self, machine: Machine, *mails: Mail) -> None:
        """Hand mails over by SMTP; RefusalError where one is not taken."""
        dialogue = await call(self.reactor, machine.smtp_port)
        try:
            await greet(dialogue)
            for mail in mails:
                await deliver(dialogue, mail, ADDRESS)
        finally:
            dialogue.hang_up()
            await dialogue.until_closed()

    def text(self, machine: Machine, number: str) -> str:
        """Return what pdftotext reads of a document."""
        path = machine.state / "tray" / f"{number}.pdf"
        told = subprocess.run(
            ["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True
        )
        return told.stdout

    async def test_killed_while_printing(self) -> None:
        """Every mail that got its 250 before any of twenty kills is printed, once."""
        machine = await start_machine(self, printing=_LOADED)
        ledger = Ledger()
        for kill in range(KILLS):
            draw = random.Random(kill)
            load = Load(self.reactor, ledger, to=ADDRESS, seed=kill, largest=20_000)
            enough = load.acknowledged_so_many(draw.randint(2, 9))
            load.start(machine.smtp_port, 4)
            enough.addTimeout(30, self.reactor)
            await enough
            # No more than can be printed in the time of a test.
            load.hang_up()
            # Somewhere between the first page and the last mail out of memory.
            await pass_time(self.reactor, draw.uniform(0, 0.6))
            await machine.kill()
            await load.ended()
            await machine.start()
        documents = await machine.printed_all(120)
        printed = Counter(one["subject"].removeprefix("mail ") for one in documents)
        self.assertEqual([one for one, times in printed.items() if times > 1], [])
        self.assertEqual(ledger.acknowledged - printed.keys(), set())
        self.assertEqual(printed.keys() - ledger.sent.keys(), set())
        self.assertEqual(
            await machine.subjects_of_jobs(), Counter(f"mail {one}" for one in printed)
        )
        self.assertEqual(machine.stored(), [])
        # Otherwise nothing was in the middle of anything.
        self.assertGreaterEqual(len(ledger.acknowledged), 2 * KILLS)

    async def test_until_memory_is_full(self) -> None:
        """Without paper mails are taken until memory is full, then refused with 452 and not fetched by POP.

        When there is paper again all that waited is printed, and all goes on.
        """
        dovecot = await start_dovecot(self)
        dovecot.deliver([make_mail("popped", 300_000)])
        machine = await start_machine(
            self,
            limits={"memory": 1},
            email_ifax={
                "pop": True,
                "pop_server": "127.0.0.1",
                "pop_address": USER,
                "pop_password": PASSWORD,
            },
            service_mode={"pop3_port": dovecot.port},
        )
        taken = 0
        with self.assertRaisesRegex(RefusalError, "452"):
            while taken < 10:
                await self.deliver(machine, make_mail(f"waits-{taken}", 300_000))
                taken += 1
        self.assertEqual(taken, 3)
        status = await machine.get("/api/status")
        self.assertEqual((status["paper"], status["state"]), (False, "ready"))
        self.assertGreater(status["memory"]["used"], 900_000)
        received = await machine.receive()
        self.assertEqual((received["result"], received["received"]), ("NG", 0))
        self.assertIn("memory is full", received["reason"])
        await machine.put_paper(True)
        await machine.printed_all(60)
        received = await machine.receive()
        self.assertEqual((received["result"], received["received"]), ("OK", 1))
        await self.deliver(machine, make_mail("again", 2000))
        documents = await machine.printed_all(60)
        self.assertEqual(
            {one["subject"] for one in documents},
            {"mail popped", "mail again", *(f"mail waits-{one}" for one in range(taken))},
        )

    async def test_divided_by_both_ways(self) -> None:
        """A divided mail is one document when its parts come by SMTP and by POP, the last first."""
        whole = make_mail("divided", 60_000)
        parts = parts_of(whole.content, 25_000)
        self.assertEqual(len(parts), 3)
        dovecot = await start_dovecot(self)
        dovecot.deliver([Mail("divided.part2", parts[1])])
        machine = await start_machine(
            self,
            printing=_LOADED,
            email_ifax={
                "pop": True,
                "pop_server": "127.0.0.1",
                "pop_address": USER,
                "pop_password": PASSWORD,
            },
            service_mode={"pop3_port": dovecot.port},
        )
        await self.deliver(machine, Mail("divided.part3", parts[2]))
        received = await machine.receive()
        self.assertEqual(received["received"], 1)
        self.assertEqual(await machine.get("/api/tray"), [])
        await self.deliver(machine, Mail("divided.part1", parts[0]))
        (document,) = await machine.printed_all(60)
        self.assertEqual((document["number"], document["subject"]), ("5003", "mail divided"))
        text = self.text(machine, "5003")
        self.assertIn("Message-Id: <divided@client.test>", text)
        self.assertIn("1 of divided", text)

    async def test_full_mode_between_two(self) -> None:
        """An I-Fax in full mode from one machine to another is OK when that has printed it.

        The first learns what the second takes, and sends the next as profile F.
        """
        first = await start_machine(self, name="first", printing=_LOADED)
        second = await start_machine(self, name="second", printing=_LOADED)
        for machine, other, name in ((first, second, "one"), (second, first, "two")):
            await machine.change(
                {
                    "email_ifax.email_address": f"{name}@ir.bench.test",
                    "email_ifax.smtp_server": "127.0.0.1",
                    "service_mode.smtp_tx_port": other.smtp_port,
                }
            )

        async def fax() -> Any:
            page = ("page.png", PNG)
            to = "two@ir.bench.test"
            job = await first.send(page, to=to, kind="ifax", full="on", wait=True)
            return await first.until_job(job["number"], ("OK", "NG"), 30)

        job = await fax()
        self.assertEqual((job["result"], job["code"]), ("OK", None), job)
        documents = await second.printed_all(30)
        self.assertEqual([one["codes"] for one in documents], [[]])
        answers = [one for one in await second.get("/api/jobs") if one["direction"] == "tx"]
        self.assertEqual(
            [one["subject"] for one in answers],
            ["Disposition notification", "Delivery status notification"],
        )
        # What came back is no mail to be printed, and is answered by nobody.
        self.assertEqual(await first.printed_all(30), [])
        await second.put_paper(False)
        job = await first.send(
            ("page.png", PNG), to="two@ir.bench.test", kind="ifax", full="on"
        )
        (stored,) = second.stored()
        tiff = await self._tiff_in(stored.read_bytes())
        self.assertIn("Compression Scheme: CCITT Group 4", tiff)
        await second.put_paper(True)
        job = await first.until_job(job["number"], ("OK", "NG"), 30)
        self.assertEqual(job["result"], "OK", job)

    async def _tiff_in(self, mail: bytes) -> str:
        import email
        from email import policy

        message = email.message_from_binary_file(io.BytesIO(mail), policy=policy.default)
        (part,) = message.iter_attachments()
        path = self.directory / "fax.tif"
        path.write_bytes(part.get_content())
        told = subprocess.run(
            ["tiffinfo", str(path)], capture_output=True, text=True, check=True
        )
        return told.stdout
