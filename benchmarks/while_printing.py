"""Row 12: reception of many small mails (row 3) while faxes are printed, beside the same without paper."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from email.policy import SMTP

from benchmarks import pages
from benchmarks.bench import Bench, Failed
from benchmarks.contest import Bar, Contest, Side
from benchmarks.machine import Machine
from benchmarks.mail import RECIPIENT, SENDER
from benchmarks.smtp_load import send_many

_FAXES = 20
_PAGES = 100
_DRAINED_WITHIN = 300


class _Machine(Side):
    """A machine that is sent small mails each round."""

    name, keeps = "no paper", "synced"

    def __init__(self, bench: Bench, count: int) -> None:
        self.bench, self.count = bench, count
        self.machine = Machine(bench)

    def start(self) -> None:
        self.machine.start()

    def measure(self, seconds: float) -> float:
        took = send_many(
            self.machine.smtp_port, 4096, self.count, 10, seconds, self.bench.directory
        )
        return self.count / took

    def stop(self) -> None:
        self.machine.stop()


class _Printing(_Machine):
    """One that has faxes to print meanwhile."""

    name = "printing 20 faxes"

    def start(self) -> None:
        mail = EmailMessage(SMTP)
        mail["From"], mail["To"], mail["Subject"] = SENDER, RECIPIENT, "Fax"
        fax = pages.fax(self.bench.count(_PAGES, least=2))
        mail.add_attachment(fax, "image", "tiff", filename="fax.tif")
        self.fax = mail.as_bytes()
        super().start()

    def prepare(self) -> None:
        self.machine.put_paper(False)
        with smtplib.SMTP("127.0.0.1", self.machine.smtp_port, timeout=60) as client:
            for _ in range(_FAXES):
                client.sendmail(SENDER, RECIPIENT, self.fax)

    def measure(self, seconds: float) -> float:
        before = self.machine.printed()
        self.machine.put_paper(True)
        figure = super().measure(seconds)
        meanwhile = self.machine.printed() - before
        # Whoever comes next is not to pay for what is left.
        self.machine.wait_until_printed(_DRAINED_WITHIN)
        if not meanwhile:
            raise Failed("nothing was printed meanwhile")
        return figure


def small_mails(bench: Bench) -> list[Contest]:
    """Row 12: 4 KB mails in ten sessions while 20 faxes of 100 pages print."""
    count = bench.count(2000, least=10)
    return [
        Contest(
            title=f"SMTP reception, {count} mails of 4 KB, while {_FAXES} faxes print",
            unit="mails/s",
            sides=[_Printing(bench, count), _Machine(bench, count)],
            bars=[Bar("no paper", at_least=0.8)],
            seconds=600,
            notes=(
                "Sent by Postfix's smtp-source in ten sessions. The faxes have 100 pages each, and",
                "are in memory before; the mails are printed behind them. Both sides are irsend.",
            ),
        )
    ]
