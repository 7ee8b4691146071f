"""Rows 1 and 3: reception by SMTP, of few large and of many small mails."""

from __future__ import annotations

from benchmarks.bench import Bench, Failed
from benchmarks.contest import Bar, Contest, Side
from benchmarks.mail import mail
from benchmarks.smtp_load import send, send_many
from benchmarks.smtp_servers import (
    Aiosmtpd,
    PostfixSMTPD,
    SMTPServer,
    SMTPSink,
    TwistedESMTP,
    Us,
)

_MB = 1_000_000


class _Received(Side):
    """A server that is sent the row's mails each round."""

    def __init__(self, server: SMTPServer, count: int) -> None:
        self.server, self.count = server, count
        self.name, self.keeps = server.name, server.keeps
        self.before = 0

    def missing(self) -> str:
        return self.server.missing()

    def start(self) -> None:
        self.server.start()

    def prepare(self) -> None:
        self.before = self.server.kept() or 0

    def measure(self, seconds: float) -> float:
        figure = self.send(seconds)
        kept = self.server.kept()
        if kept is not None and kept - self.before != self.count:
            came = kept - self.before
            raise Failed(f"{self.count} mails were answered with 250, {came} are there")
        return figure

    def send(self, seconds: float) -> float:
        raise NotImplementedError

    def stop(self) -> None:
        self.server.stop()


class _LargeMails(_Received):
    _content = mail(20 * _MB)

    def prepare(self) -> None:
        self.server.clear()
        super().prepare()

    def send(self, seconds: float) -> float:
        took = send(self.server.port, self._content, self.count, seconds)
        return self.count * len(self._content) / _MB / took


class _SmallMails(_Received):
    """What was received in earlier rounds stays.

    ext4 looks for a new file's inode among those deleted in the last seconds
    and passes each of these over; a server that starts a round with thousands
    of them behind it would pay for the benchmark's own tidying.
    """

    def send(self, seconds: float) -> float:
        bench = self.server.bench
        took = send_many(self.server.port, 4096, self.count, 10, seconds, bench.directory)
        return self.count / took


def large_mails(bench: Bench) -> list[Contest]:
    """Row 1: 20 MB mails in one session, in plain text."""
    count = bench.count(10)
    servers = [Us(bench), SMTPSink(bench), Aiosmtpd(bench), TwistedESMTP(bench)]
    return [
        Contest(
            title=f"SMTP reception, {count} mails of 20 MB in one session, plain",
            unit="MB/s",
            sides=[_LargeMails(server, count) for server in servers],
            bars=[
                Bar("smtp-sink", at_least=1.0),
                Bar("aiosmtpd", at_least=5.0),
                Bar("Twisted ESMTP", at_least=3.0),
            ],
            seconds=180,
            notes=(
                "Sent from one prepared piece of memory (benchmarks/smtp_load.py says why).",
            ),
        )
    ]


def small_mails(bench: Bench) -> list[Contest]:
    """Row 3: 4 KB mails in ten sessions at once, each session kept open."""
    count = bench.count(2000, least=10)
    servers = [Us(bench), Aiosmtpd(bench), PostfixSMTPD(bench)]
    return [
        Contest(
            title=f"SMTP reception, {count} mails of 4 KB in 10 sessions, plain",
            unit="mails/s",
            sides=[_SmallMails(server, count) for server in servers],
            bars=[Bar("aiosmtpd", at_least=1.5), Bar("Postfix smtpd", at_least=1.5)],
            seconds=180,
            notes=("Sent by Postfix's smtp-source; Postfix puts each mail on hold.",),
        )
    ]
