"""irsendctl beside a real machine that receives a mail: waiting for it, and looking at it."""

from __future__ import annotations

import json
import smtplib

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from irsend.testing import PrinterMixin
from tests.ctl.calls import Ended, call, process

_SOURCE = """\
From: Ann <ann@bench.test>
To: scan@localhost
Subject: Rechnung 17
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Schöne Grüße
--b
Content-Type: text/csv; name=tabelle.csv
Content-Disposition: attachment; filename=tabelle.csv
Content-Transfer-Encoding: base64

YTtiCjE7Mgo=
--b--
""".replace("\n", "\r\n").encode()


class ReceivedMailTests(PrinterMixin, TestCase):
    """What comes while irsendctl waits, and after it."""

    timeout = 60

    def setUp(self) -> None:
        """Start a machine."""
        self.printer = self.start_printer(printing={"loaded": True, "workers": 1})

    async def call(self, *arguments: str) -> Ended:
        """Call irsendctl in a thread, the reactor running."""
        ended: Ended = await deferToThread(call, *arguments, url=self.printer.panel)
        return ended

    async def bring(self) -> None:
        """Bring a mail with an attachment by SMTP."""
        await deferToThread(_send, *self.printer.smtp)

    async def test_waited_for(self) -> None:
        """A mail, its job and its document end the waiting for them; another mail does not."""
        waiting = [
            deferToThread(process, "wait", *arguments, "--json", url=self.printer.panel)
            for arguments in (
                ("mail", "--subject", "RECHNUNG", "--text", "grüße"),
                ("job", "--party", "ann@", "--code", "827"),
                ("document", "--subject", "Rechnung"),
            )
        ]
        other = deferToThread(
            process,
            "wait",
            "mail",
            "--subject",
            "x",
            "--timeout",
            "0.1",
            url=self.printer.panel,
        )
        await self.bring()
        (mail,), (job,), (document,) = [json.loads((await one).out) for one in waiting]
        self.assertEqual((mail["subject"], mail["job"]), ("Rechnung 17", job["number"]))
        self.assertEqual(document["number"], job["number"])
        ended = await other
        self.assertEqual(
            (ended.status, ended.err), (1, "No mail with subject 'x' came within 0.1 s.\n")
        )

    async def test_status(self) -> None:
        """A text that comes onto the status line ends the waiting for it."""
        self.printer.set(authent_encryption__allow_ssl_smtp_receive="ssl")
        waiting = deferToThread(call, "wait", "status", "smtp rx", url=self.printer.panel)
        self.assertFailure(deferToThread(_send, *self.printer.smtp), smtplib.SMTPException)
        ended = await waiting
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.assertIn("SSL Error (SMTP RX Reject)", ended.out)

    async def test_looked_at(self) -> None:
        """The mail is listed and shown; its source is what was sent, its attachment decoded."""
        await self.bring()
        (listed,) = json.loads((await self.call("wait", "mail", "--json")).out)
        number = str(listed["id"])
        self.assertIn("Rechnung 17", (await self.call("mails", "--from", "ann@")).out)
        shown = (await self.call("mail", number)).out
        self.assertIn("Schöne Grüße\n", shown)
        self.assertIn("2  tabelle.csv", shown)
        for arguments, octets in (
            (("--raw",), _SOURCE),
            (("--part", "2"), b"a;b\n1;2\n"),
        ):
            file = self.mktemp()
            ended = await self.call("mail", number, *arguments, "--output", file)
            self.assertEqual((ended.status, ended.err), (0, ""))
            with open(file, "rb") as saved:
                self.assertEqual(saved.read(), octets)


def _send(host: str, port: int) -> None:
    with smtplib.SMTP(host, port, timeout=10) as server:
        server.sendmail("ann@bench.test", ["scan@localhost"], _SOURCE)
