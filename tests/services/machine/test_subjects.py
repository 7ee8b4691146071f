"""A subject as report, API, panel, paper and log have it: the same."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import smtplib
import urllib.request

from twisted.internet.threads import deferToThread
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial import unittest

from irsend.imaging.fonts import glyph_of
from irsend.testing import Printer, PrinterMixin

_GBK = "[\u64a4\u56de\u90ae\u4ef6\u6210\u529f] \u6d4b\u8bd5"
_BODY = "\u53d1\u7968 100".encode("gbk")
# What was given, and what all of them show.
_SUBJECTS = {
    # Raw UTF-8, then an encoded word in another charset.
    "\u56de\u6267 - =?GBK?Q?test=B5=C4=BB=D8=D6=B4?=".encode(): "\u56de\u6267 - test\u7684\u56de\u6267",
    # A vendor's characters, which the standard charset does not have.
    b"=?ISO-2022-JP?B?GyRCLSEtIhsoQg==?=": "\u2460\u2461",
    # Raw octets in the charset of the body.
    _GBK.encode("gbk"): _GBK,
    # The same, cut within a character.
    "\u6210\u529f".encode("gbk") + b"\xb9": "\u6210\u529f\ufffd",
    # An encoded word that does not know its charset.
    b"=?unknown-8bit?Q?Gr=FC=DFe?=": "Gr\u00fc\u00dfe [?]",
    # Python has a way to write such characters that people do not read.
    "a\u00adb \u200bc \ue000".encode(): "ab c \ufffd",
}


def _deliver(printer: Printer, subject: bytes) -> None:
    head = b"From: a@bench.test\r\nSubject: %b\r\nContent-Type: text/plain; charset=gbk\r\n\r\n"
    with smtplib.SMTP(*printer.smtp, timeout=10) as client:
        client.sendmail("a@bench.test", ["fax@localhost"], head % subject + _BODY)


def _get(printer: Printer, path: str) -> str:
    with urllib.request.urlopen(printer.panel + path, timeout=10) as answer:
        text: str = answer.read().decode("utf-8")
    return text


class SubjectTests(PrinterMixin, unittest.TestCase):
    """One decoding, wherever a subject is shown."""

    timeout = 60

    async def test_everywhere_the_same(self) -> None:
        """Report, API, panel, paper and log have the same subject, however it was written."""
        logged: list[LogEvent] = []
        globalLogPublisher.addObserver(logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, logged.append)
        printer = self.start_printer(printing={"loaded": True})
        for count, (given, wanted) in enumerate(_SUBJECTS.items(), 1):
            await deferToThread(_deliver, printer, given)
            *_, printout = await printer.wait_for_printouts(count)
            number = printout.number
            jobs = json.loads(await deferToThread(_get, printer, "api/jobs"))
            tray = json.loads(await deferToThread(_get, printer, "api/tray"))
            report = await deferToThread(_get, printer, "api/report?format=csv")
            panel = html.unescape(await deferToThread(_get, printer, f"mailbox/{number}"))
            page = json.loads(await deferToThread(_get, printer, f"api/tray/{number}/1.json"))
            on_paper = "".join(line["text"] for line in page["lines"]).replace(" ", "")
            row = next(csv.DictReader(io.StringIO(report)))
            log = [formatEvent(one) for one in logged if "subject" in one]
            shown = re.search(r"<dt>Subject</dt><dd>(.*?)</dd>", panel)
            self.assertEqual(
                [
                    next(one["subject"] for one in jobs if one["number"] == number),
                    next(one["subject"] for one in tray if one["number"] == number),
                    row["Subject"],
                    shown and shown[1],
                ],
                [wanted] * 4,
            )
            # A box stands for what no font has.
            boxes = "".join(glyph_of(one).character for one in wanted)
            self.assertIn(f"Subject:{boxes}".replace(" ", ""), on_paper)
            self.assertIn(f'"{wanted}"', log[-1])
