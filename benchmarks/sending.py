"""Rows 7 and 8: sending by SMTP, of large and of small mails. Postfix's smtp-sink throws them away."""

from __future__ import annotations

import time

from benchmarks import pages
from benchmarks.bench import Bench, Failed
from benchmarks.contest import Bar, Contest, Side
from benchmarks.machine import Machine
from benchmarks.mail import RECIPIENT
from benchmarks.smtp_clients import Aiosmtplib, Msmtp, SMTPClient, Us
from benchmarks.smtp_servers import SMTPSink

_MB = 1_000_000
_SMALL = 4096
_LETTER = {
    "to": RECIPIENT,
    "format": "tiff",
    # With a blank page this is a mail of 4 KB.
    "text": "A line that somebody has typed at the panel.\n" * 62,
}


class _Sent(Side):
    """A client that sends the row's mails each round, to a receiver of its own."""

    def __init__(
        self, bench: Bench, kind: type[SMTPClient], size: int, count: int, sessions: int
    ) -> None:
        self.server = SMTPSink(bench)
        self.client = kind(bench, self.server, size)
        self.count, self.sessions = count, sessions
        self.name, self.keeps = self.client.name, self.client.keeps

    def missing(self) -> str:
        return self.server.missing() or self.client.missing()

    def start(self) -> None:
        self.server.start()
        self.client.start()

    def prepare(self) -> None:
        self.client.prepare(self.count)

    def measure(self, seconds: float) -> float:
        return self.count / self.client.send(self.count, self.sessions, seconds)

    def stop(self) -> None:
        self.client.stop()
        self.server.stop()


class _LargeMails(_Sent):
    def measure(self, seconds: float) -> float:
        size = self.client.content.stat().st_size
        return super().measure(seconds) * size / _MB


class _WholeMachine(Side):
    """The machine with jobs in its outbox, the first under way: its server says nothing yet.

    What is measured begins when the server speaks, and ends when the outbox is empty.
    """

    name, keeps = "irsend", "synced, in the outbox"

    def __init__(self, bench: Bench, count: int) -> None:
        self.server, self.count = SMTPSink(bench), count
        self._bench = bench
        self._machine: Machine | None = None

    def missing(self) -> str:
        return self.server.missing()

    def start(self) -> None:
        self.server.start()
        self._machine = Machine(self._bench, relay_port=self.server.port)
        self._machine.start()

    def prepare(self) -> None:
        assert self._machine
        page = pages.blank()
        self.server.hold()
        for _ in range(self.count):
            self._machine.order(page, 1, _LETTER, 30)

    def measure(self, seconds: float) -> float:
        assert self._machine
        began = time.perf_counter()
        self.server.let_go()
        self._machine.wait_until_sent(seconds)
        took = time.perf_counter() - began
        if any(job["result"] != "--" for job in self._machine.jobs(self.count)):
            raise Failed("not every job was sent")
        return self.count / took

    def stop(self) -> None:
        self.server.let_go()
        if self._machine:
            self._machine.stop()
        self.server.stop()


def large_mails(bench: Bench) -> list[Contest]:
    """Row 7: 20 MB mails, a session each."""
    count = bench.count(10)
    return [
        Contest(
            title=f"Sending {count} mails of 20 MB, a session each, plain",
            unit="MB/s",
            sides=[_LargeMails(bench, kind, 20 * _MB, count, count) for kind in (Us, Msmtp)],
            bars=[Bar("msmtp", at_least=1.0)],
            seconds=180,
            notes=(
                "irsend is its sending class in a process that runs already; msmtp is started",
                "for each mail, and what its start takes (msmtp --version) is taken off. It hands",
                "each line to the kernel by itself.",
            ),
        )
    ]


def small_mails(bench: Bench) -> list[Contest]:
    """Row 8: 4 KB mails, one session for all and one each; and the same by the whole machine."""
    contests = []
    for count, sessions, how in (
        (bench.count(5000), 1, "one session for all"),
        (bench.count(2000), bench.count(2000), "a session each"),
    ):
        contests.append(
            Contest(
                title=f"Sending {count} mails of 4 KB, {how}, plain",
                unit="mails/s",
                sides=[
                    _Sent(bench, kind, _SMALL, count, sessions) for kind in (Us, Aiosmtplib)
                ],
                bars=[Bar("aiosmtplib", at_least=1.0)],
                seconds=120,
                notes=(
                    "irsend is its sending class. Both are processes that run already, and send",
                    "one mail after the other.",
                ),
            )
        )
    jobs, count = bench.count(100), bench.count(1000)
    contests.append(
        Contest(
            title=f"The machine sends {jobs} jobs of 4 KB, a session each, plain",
            unit="mails/s",
            sides=[
                _WholeMachine(bench, jobs),
                _Sent(bench, Aiosmtplib, _SMALL, count, count),
            ],
            bars=[Bar("aiosmtplib")],
            seconds=240,
            most_rounds=3,
            notes=(
                "irsend is the machine: the end of each job is synced in the journal before the",
                "job leaves the outbox. The scanning before it is not measured.",
            ),
        )
    )
    return contests
