"""Full mode there and back: a whole machine, a receiver, and its notification by SMTP or by POP."""

from __future__ import annotations

import json
import poplib
import smtplib
from email import message_from_bytes
from typing import Any
from urllib.request import urlopen

from twisted.internet.threads import deferToThread
from twisted.trial import unittest

from irsend.testing import PrinterMixin
from tests.imaging.originals import PNG
from tests.link.wires import until
from tests.services.relay import OnePageScanner
from tests.services.send.test_full_mode import DSN, MDN

_ACCOUNTS = {"ir@bench.test": "bench", "fax@bench.test": "marked"}


class RoundTripTests(PrinterMixin, unittest.TestCase):
    """A page goes out with a request for confirmation, and the confirmation comes back."""

    timeout = 60

    async def send(self) -> int:
        """Send a page; return the job's number. What was received stands in `message_id`."""
        self.printer = self.start_printer(
            accounts=_ACCOUNTS, email_ifax__email_address="ir@bench.test"
        )
        self.printer._machine.scanner.scan = OnePageScanner().scan  # type: ignore[method-assign]
        job: Any = await self.printer.send(PNG, to="fax@bench.test", kind="ifax", full="on")
        self.assertEqual(job.result, "--")
        fax = await deferToThread(self.fetch)
        self.assertEqual(fax["Disposition-Notification-To"], "ir@bench.test")
        self.message_id = fax["Message-ID"].strip("<>")
        number: int = job.number
        return number

    def fetch(self) -> Any:
        """Fetch the receiver's mail."""
        box = poplib.POP3(*self.printer.mailhost_pop3, timeout=10)
        box.user("fax@bench.test")
        box.pass_("marked")
        lines = box.retr(1)[1]
        box.quit()
        return message_from_bytes(b"\r\n".join(lines))

    async def answer(self, where: tuple[str, int], form: str, **words: str) -> None:
        """Have the receiver's side send a notification."""
        text = form.format(envelope=self.message_id, address="fax@bench.test", **words)

        def deliver() -> None:
            with smtplib.SMTP(*where, timeout=10) as client:
                client.sendmail("", ["ir@bench.test"], text.replace("\n", "\r\n"))

        await deferToThread(deliver)

    async def ended(self, number: int) -> tuple[str, str | None]:
        """Return result and code once they are no longer "--"."""

        def ask() -> tuple[str, str | None]:
            with urlopen(f"{self.printer.panel.rstrip('/')}/api/jobs/{number}") as answer:
                job = json.load(answer)
            return job["result"], job["code"]

        outcome: tuple[str, str | None] = ("--", None)
        while outcome[0] == "--":
            outcome = await deferToThread(ask)
        return outcome

    async def test_by_smtp(self) -> None:
        """An MDN that is delivered to the machine makes the job OK, and does not wait to be printed."""
        number = await self.send()
        await self.answer(self.printer.smtp, MDN, disposition="processed")
        self.assertEqual(await self.ended(number), ("OK", None))
        await until(lambda: not self.printer._machine.storage.memory.used)
        self.assertEqual(len(self.printer.mails), 1)

    async def test_by_pop(self) -> None:
        """A DSN that the machine fetches from its POP server makes the job NG."""
        number = await self.send()
        await self.answer(self.printer.mailhost_smtp, DSN, action="failed")
        session: Any = await self.printer.receive()
        self.assertEqual((session.result, session.messages), ("OK", 1))
        self.assertEqual(await self.ended(number), ("NG", "#830"))
