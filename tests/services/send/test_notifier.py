"""A full mode receiver: who asks hears that its mail was delivered, and printed or not."""

from __future__ import annotations

import poplib
import smtplib
import sqlite3
from email import message_from_bytes
from email.message import Message
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial import unittest

from irsend.testing import Printer, PrinterMixin

ASKING = "Disposition-Notification-To: <a@bench.test>\r\n"


def fields_of(report: Message, of_type: str) -> dict[str, str]:
    """Return all fields of the report's part for programs."""
    (part,) = [one for one in report.walk() if one.get_content_type() == of_type]
    groups = part.get_payload()
    assert isinstance(groups, list)
    return {name: value for group in groups for name, value in group.items()}


@inlineCallbacks
def send_mail(
    where: tuple[str, int], content: bytes, *, sender: str, to: str, **options: list[str]
) -> Any:
    """Hand a mail over by SMTP."""

    def send() -> None:
        with smtplib.SMTP(*where, timeout=20) as client:
            client.sendmail(sender, to, content, **options)

    yield deferToThread(send)


class AnsweringTests(PrinterMixin, unittest.TestCase):
    """A machine with a mail host, where both it and the sender have an account."""

    timeout = 60

    def setUp(self) -> None:
        """Start them."""
        self.printer = self.start()

    def start(self, **more: Any) -> Printer:
        """Start a machine that may send by its mail host."""
        return self.start_printer(
            accounts={"ir@bench.test": "ir", "a@bench.test": "a"},
            email_ifax__email_address="ir@bench.test",
            **{"printing": {"loaded": True}, **more},
        )

    @inlineCallbacks
    def send(self, head: str, **envelope: Any) -> Any:
        """Send a mail to the machine; fires with its job when it has ended."""
        content = f"From: a@bench.test\r\nMessage-ID: <1@bench.test>\r\n{head}\r\nText.\r\n"
        envelope = {"sender": "a@bench.test", "to": "ir@bench.test", **envelope}
        yield send_mail(self.printer.smtp, content.encode(), **envelope)
        number = f"{5001 + len((yield self.received())) - 1}"
        return (yield self.printer._machine.control.job_ended(number))

    @inlineCallbacks
    def received(self) -> Any:
        """Return the jobs of what the machine has received."""
        jobs = yield self.printer._machine.control.jobs()
        return [one for one in jobs if one.direction == "rx"]

    @inlineCallbacks
    def sent(self) -> Any:
        """Return the jobs of what the machine has sent, when all have ended; the oldest first."""
        machine = self.printer._machine
        quiet = lambda: not machine.dispatch._undecided and not machine.print_queue._under_way  # noqa: E731
        while not quiet():
            yield deferLater(reactor, 0.01)
        jobs = yield machine.control.jobs()
        ended = []
        for one in reversed(jobs):
            if one.direction == "tx":
                ended.append((yield machine.control.job_ended(one.number)))
        return ended

    @inlineCallbacks
    def answers(self) -> Any:
        """Return what came to the sender's maildrop."""
        yield self.sent()

        def fetch() -> list[Message]:
            host, port = self.printer.mailhost_pop3
            maildrop = poplib.POP3(host, port, timeout=20)
            maildrop.user("a@bench.test")
            maildrop.pass_("a")
            count = maildrop.stat()[0]
            mails = [b"\r\n".join(maildrop.retr(one + 1)[1]) for one in range(count)]
            maildrop.quit()
            return [message_from_bytes(one) for one in mails]

        return (yield deferToThread(fetch))

    @inlineCallbacks
    def test_printed(self) -> Any:
        """Who asks for an MDN gets one from the null sender: processed, of which mail, with features."""
        yield self.send(ASKING)
        (job,) = yield self.sent()
        self.assertEqual(
            (job.party, job.subject, job.result),
            ("a@bench.test", "Disposition notification", "--"),
        )
        (answer,) = yield self.answers()
        self.assertEqual(answer["Return-Path"], "<>")
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

    @inlineCallbacks
    def test_not_printed(self) -> Any:
        """An MDN of what could not be printed whole says error, and the code."""
        ended = yield self.send(ASKING + "Content-Type: image/tiff\r\n")
        self.assertEqual(ended.code, "#818")
        (answer,) = yield self.answers()
        said = fields_of(answer, "message/disposition-notification")
        self.assertTrue(said["Disposition"].endswith("processed/error"), said)
        self.assertTrue(said["Error"].startswith("#818 "), said)

    @inlineCallbacks
    def test_delivered(self) -> Any:
        """Who asks for a DSN by NOTIFY=SUCCESS gets one as soon as the mail is in memory, paper or not."""
        self.printer._machine.control.change_paper(False)
        content = b"From: a@bench.test\r\n\r\nText.\r\n"
        yield send_mail(
            self.printer.smtp,
            content,
            sender="a@bench.test",
            to="ir@bench.test",
            mail_options=["ENVID=e-1"],
            rcpt_options=["NOTIFY=SUCCESS,FAILURE"],
        )
        (answer,) = yield self.answers()
        said = fields_of(answer, "message/delivery-status")
        self.assertEqual(
            (said["Action"], said["Original-Envelope-Id"], said["Final-Recipient"]),
            ("delivered", "e-1", "rfc822; ir@bench.test"),
        )

    @inlineCallbacks
    def test_nobody_asked(self) -> Any:
        """Who asks for nothing gets nothing."""
        yield self.send("")
        self.assertEqual((yield self.sent()), [])

    @inlineCallbacks
    def test_no_loops(self) -> Any:
        """A notification that asks for one itself, and the null sender, are never answered."""
        report = (
            "Content-Type: multipart/report; report-type=disposition-notification; boundary=B\r\n"
            f"{ASKING}\r\n--B\r\nContent-Type: message/disposition-notification\r\n\r\n"
            "Final-Recipient: rfc822; x@bench.test\r\n"
            "Disposition: automatic-action/MDN-sent-automatically; processed\r\n\r\n--B--\r\n"
        )
        yield self.send(report, rcpt_options=["NOTIFY=SUCCESS"])
        yield self.send(ASKING, sender="")
        self.assertEqual((yield self.sent()), [])

    @inlineCallbacks
    def test_settings_say_no_way(self) -> Any:
        """Without an SMTP Server, and via the server, nothing is answered and nothing fails."""
        self.printer.set(email_ifax__smtp_server="")
        ended = yield self.send(ASKING)
        self.assertEqual(ended.result, "OK")
        self.assertEqual((yield self.sent()), [])

    @inlineCallbacks
    def test_model_without_full_mode(self) -> Any:
        """A model that does not confirm answers nobody."""
        self.printer = self.start(model="estudio190f")
        yield self.send(ASKING)
        self.assertEqual((yield self.sent()), [])

    @inlineCallbacks
    def test_cannot_be_sent(self) -> Any:
        """An MDN that cannot be sent is #833, with what the session met; a DSN is #832."""
        self.printer.set(service_mode__smtp_tx_port=1)
        yield self.send(ASKING, rcpt_options=["NOTIFY=SUCCESS"])
        delivered, printed = yield self.sent()
        self.assertEqual((delivered.code, printed.code), ("#832", "#833"))
        self.assertTrue(printed.reason.startswith("#801: "), printed.reason)
        self.assertEqual(printed.recipients[0].code, "#833")

    @inlineCallbacks
    def test_told_once(self) -> Any:
        """A delivery is told once, however often the machine is switched on while the mail waits."""
        self.printer._machine.control.change_paper(False)
        envelope = {"sender": "a@bench.test", "to": "ir@bench.test"}
        content = b"From: a@bench.test\r\n\r\nText.\r\n"
        yield send_mail(self.printer.smtp, content, **envelope, rcpt_options=["NOTIFY=SUCCESS"])
        self.assertEqual(len((yield self.sent())), 1)
        (job,) = yield self.received()
        machine = self.printer._machine
        machine.print_queue._waiting.clear()
        machine.dispatch.mail_recovered(job)
        self.assertEqual(len((yield self.sent())), 1)

    @inlineCallbacks
    def test_told_once_though_the_power_fails(self) -> Any:
        """A delivery that was told is not told again where the power failed right behind it."""
        self.printer._machine.control.change_paper(False)
        envelope = {"sender": "a@bench.test", "to": "ir@bench.test"}
        content = b"From: a@bench.test\r\n\r\nText.\r\n"
        yield send_mail(self.printer.smtp, content, **envelope, rcpt_options=["NOTIFY=SUCCESS"])
        machine = self.printer._machine
        outbox = machine.storage.state.outbox
        while not [one for one in outbox.iterdir() if one.name.isdigit()] and not (
            yield self.sent()
        ):
            yield deferLater(reactor, 0.001)
        # What is not in the file itself is lost: the system has not written it.
        lost = sqlite3.connect(f"file:{machine.storage.state.journal}?immutable=1", uri=True)
        told = lost.execute("SELECT told FROM job WHERE direction = 'rx'").fetchall()
        lost.close()
        self.assertEqual(told, [(1,)])

    @inlineCallbacks
    def test_told_after_a_restart(self) -> Any:
        """A delivery that could not be told before the machine was switched off is told then."""
        machine = self.printer._machine
        machine.control.change_paper(False)
        yield machine.dispatch.stopService()
        envelope = {"sender": "a@bench.test", "to": "ir@bench.test"}
        content = b"From: a@bench.test\r\n\r\nText.\r\n"
        yield send_mail(self.printer.smtp, content, **envelope, rcpt_options=["NOTIFY=SUCCESS"])
        (job,) = yield self.received()
        self.assertEqual((yield machine.control.jobs()), [job])
        machine.dispatch._undecided.clear()
        machine.dispatch._waiting.clear()
        machine.dispatch.startService()
        machine.dispatch.mail_recovered(job)
        self.assertEqual(len((yield self.sent())), 1)

    @inlineCallbacks
    def test_too_many_ask(self) -> Any:
        """Where very much waits to be sent nobody is answered; the mail itself is received as ever."""
        outbox = self.printer._machine.storage.outbox
        waiting = dict.fromkeys(range(10_000, 11_000), 0)
        outbox._sizes.update(waiting)
        ended = yield self.send(ASKING, rcpt_options=["NOTIFY=SUCCESS"])
        self.assertEqual(ended.result, "OK")
        self.assertEqual((yield self.sent()), [])
