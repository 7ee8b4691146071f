"""The notifier: DSN and MDN to a sender that asks for them."""

from __future__ import annotations

import smtplib
import sqlite3
from email import message_from_bytes
from email.message import Message
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from irsend.device.jobs import Job
from tests.services.printing import PrintingMachineCase
from tests.services.relay import REFUSED, Relay

ASKING = "Disposition-Notification-To: <a@bench.test>\r\n"


def fields_of(report: Message, of_type: str) -> dict[str, str]:
    """Return all fields of the report's part for programs."""
    (part,) = [one for one in report.walk() if one.get_content_type() == of_type]
    groups = part.get_payload()
    assert isinstance(groups, list)
    return {name: value for group in groups for name, value in group.items()}


class NotifierTests(PrintingMachineCase):
    """A machine that receives by SMTP, and sends by a relay of the test's."""

    listen = {"smtp": "tcp:0:interface=127.0.0.1", "panel": ""}
    settings = {
        "email_ifax": {
            "smtp_receive": True,
            "email_address": "ir@bench.test",
            "smtp_server": "relay.bench.test",
        }
    }

    def switch_on(self, **printing: Any) -> None:
        """Switch the machine on, and let its network have the relay."""
        super().switch_on(**printing)
        self.relay = Relay(lambda work: reactor.callLater(0, work))  # type: ignore[attr-defined]
        self.machine.network.client_endpoint = self.relay.endpoint  # type: ignore[method-assign]

    async def deliver(
        self, content: str, *, sender: str = "a@bench.test", **options: list[str]
    ) -> None:
        """Deliver a mail to the machine by SMTP."""
        (listening,) = self.machine.smtp_listener.addresses

        def send() -> None:
            with smtplib.SMTP(listening.host, listening.port, timeout=20) as client:
                client.sendmail(sender, "ir@bench.test", content.encode(), **options)

        await deferToThread(send)

    async def send(self, head: str, **envelope: Any) -> Job:
        """Deliver a mail to the machine; return its job when it has ended."""
        content = f"From: a@bench.test\r\nMessage-ID: <1@bench.test>\r\n{head}\r\nText.\r\n"
        await self.deliver(content, **envelope)
        return await self.ended((await self.received())[0].number)

    async def received(self) -> list[Job]:
        """Return the jobs of what the machine has received; the newest first."""
        jobs = await self.machine.control.jobs()
        return [one for one in jobs if one.direction == "rx"]

    async def sent(self) -> list[Job]:
        """Return the jobs of what the machine has sent, when all have ended; the oldest first."""
        machine = self.machine
        await self.until(
            lambda: not machine.dispatch._undecided and not machine.print_queue._under_way
        )
        jobs = await machine.control.jobs()
        sent = [one for one in reversed(jobs) if one.direction == "tx"]
        return [await self.ended(one.number) for one in sent]

    async def reports(self) -> list[Message]:
        """Return what the relay took for the sender, all of it from the null sender."""
        await self.sent()
        envelopes = [one for one in self.relay.commands if one.startswith(("MAIL", "RCPT"))]
        for mail, rcpt in zip(envelopes[::2], envelopes[1::2], strict=True):
            self.assertEqual(mail.split()[1], "FROM:<>")
            self.assertEqual(rcpt.split()[1], "TO:<a@bench.test>")
        return [message_from_bytes(one) for one in self.relay.mails]

    async def test_printed(self) -> None:
        """A sender that asks for an MDN gets one from the null sender: mail, disposition, features."""
        await self.send(ASKING)
        (job,) = await self.sent()
        self.assertEqual(
            (job.party, job.subject, job.result),
            ("a@bench.test", "Disposition notification", "--"),
        )
        (answer,) = await self.reports()
        said = fields_of(answer, "message/disposition-notification")
        self.assertEqual(
            (said["Disposition"], said["Original-Message-ID"], said["Final-Recipient"]),
            (
                "automatic-action/MDN-sent-automatically; processed",
                "<1@bench.test>",
                "rfc822; ir@bench.test",
            ),
        )
        self.assertIn("image-coding", said["Media-Accept-Features"])

    async def test_not_printed(self) -> None:
        """An MDN of what could not be printed whole says error, and the code."""
        ended = await self.send(ASKING + "Content-Type: image/tiff\r\n")
        self.assertEqual(ended.code, "#818")
        (answer,) = await self.reports()
        said = fields_of(answer, "message/disposition-notification")
        self.assertTrue(said["Disposition"].endswith("processed/error"), said)
        self.assertTrue(said["Error"].startswith("#818 "), said)

    async def test_delivered(self) -> None:
        """NOTIFY=SUCCESS brings a DSN as soon as the mail is in memory, paper or not."""
        self.machine.control.change_paper(False)
        content = "From: a@bench.test\r\n\r\nText.\r\n"
        await self.deliver(
            content,
            mail_options=["ENVID=e-1"],
            rcpt_options=["NOTIFY=SUCCESS,FAILURE"],
        )
        (answer,) = await self.reports()
        said = fields_of(answer, "message/delivery-status")
        self.assertEqual(
            (said["Action"], said["Original-Envelope-Id"], said["Final-Recipient"]),
            ("delivered", "e-1", "rfc822; ir@bench.test"),
        )

    async def test_nobody_asked(self) -> None:
        """A sender that asks for nothing gets no report."""
        await self.send("")
        self.assertEqual((await self.sent()), [])

    async def test_no_loops(self) -> None:
        """A notification that asks for one itself, and the null sender, never get a report."""
        report = (
            "Content-Type: multipart/report; report-type=disposition-notification; boundary=B\r\n"
            f"{ASKING}\r\n--B\r\nContent-Type: message/disposition-notification\r\n\r\n"
            "Final-Recipient: rfc822; x@bench.test\r\n"
            "Disposition: automatic-action/MDN-sent-automatically; processed\r\n\r\n--B--\r\n"
        )
        await self.send(report, rcpt_options=["NOTIFY=SUCCESS"])
        await self.send(ASKING, sender="")
        self.assertEqual((await self.sent()), [])

    async def test_settings_say_no_way(self) -> None:
        """Without an SMTP Server, and via the server, no report is sent and nothing fails."""
        self.machine.control.change_settings({"email_ifax.smtp_server": ""})
        ended = await self.send(ASKING)
        self.assertEqual(ended.result, "OK")
        self.assertEqual((await self.sent()), [])

    async def test_model_without_full_mode(self) -> None:
        """A model without full mode sends no report."""
        await self.machine.stopService()
        self.model = "estudio190f"
        self.switch_on()
        await self.send(ASKING)
        self.assertEqual((await self.sent()), [])

    async def test_cannot_be_sent(self) -> None:
        """An MDN that cannot be sent is #833, with the reason of the session; a DSN is #832."""
        self.relay.refuses = REFUSED
        await self.send(ASKING, rcpt_options=["NOTIFY=SUCCESS"])
        delivered, printed = await self.sent()
        self.assertEqual((delivered.code, printed.code), ("#832", "#833"))
        self.assertTrue(printed.reason.startswith("#801: "), printed.reason)
        self.assertEqual(printed.recipients[0].code, "#833")

    async def test_reported_once(self) -> None:
        """A delivery is reported once, however often the machine is switched on while the mail waits."""
        self.machine.control.change_paper(False)
        content = "From: a@bench.test\r\n\r\nText.\r\n"
        await self.deliver(content, rcpt_options=["NOTIFY=SUCCESS"])
        self.assertEqual(len(await self.sent()), 1)
        (job,) = await self.received()
        machine = self.machine
        machine.print_queue._waiting.clear()
        machine.dispatch.mail_recovered(job)
        self.assertEqual(len(await self.sent()), 1)

    async def test_reported_once_though_the_power_fails(self) -> None:
        """A delivery that was reported is not reported again where the power failed right behind it."""
        await self.move_to_disk()
        self.relay.refuses = Deferred()
        self.machine.control.change_paper(False)
        content = "From: a@bench.test\r\n\r\nText.\r\n"
        await self.deliver(content, rcpt_options=["NOTIFY=SUCCESS"])
        machine = self.machine
        outbox = machine.storage.state.outbox
        await self.until(lambda: [one for one in outbox.iterdir() if one.name.isdigit()])
        # What is not in the file itself is lost: the system has not written it.
        lost = sqlite3.connect(f"file:{machine.storage.state.journal}?immutable=1", uri=True)
        told = lost.execute("SELECT told FROM job WHERE direction = 'rx'").fetchall()
        lost.close()
        self.assertEqual(told, [(1,)])

    async def test_reported_after_a_restart(self) -> None:
        """A delivery that was not reported before the machine is switched off is reported then."""
        machine = self.machine
        machine.control.change_paper(False)
        await machine.dispatch.stopService()
        content = "From: a@bench.test\r\n\r\nText.\r\n"
        await self.deliver(content, rcpt_options=["NOTIFY=SUCCESS"])
        (job,) = await self.received()
        self.assertEqual((await machine.control.jobs()), [job])
        machine.dispatch._undecided.clear()
        machine.dispatch._waiting.clear()
        machine.dispatch.startService()
        machine.dispatch.mail_recovered(job)
        self.assertEqual(len(await self.sent()), 1)

    async def test_too_many_ask(self) -> None:
        """With 1,000 messages in the outbox no report is sent; the mail itself is received all the same."""
        outbox = self.machine.storage.outbox
        waiting = dict.fromkeys(range(10_000, 11_000), 0)
        outbox._sizes.update(waiting)
        ended = await self.send(ASKING, rcpt_options=["NOTIFY=SUCCESS"])
        self.assertEqual(ended.result, "OK")
        self.assertEqual((await self.sent()), [])
