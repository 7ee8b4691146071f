"""Row 9: the memory that one large mail adds to the machine's process.

What is told is the peak while the mail was taken, less what the process had
before. It is started anew for each round and takes one small mail first: what
Python loads at the first mail of its life is no property of a large one.
"""

from __future__ import annotations

from benchmarks import pages
from benchmarks.bench import Bench, Failed
from benchmarks.contest import Bar, Contest, Side
from benchmarks.dovecot import Dovecot
from benchmarks.machine import Machine
from benchmarks.mail import RECIPIENT, mail
from benchmarks.pop_clients import Us as PollingMachine
from benchmarks.processes import memory_now, memory_peak
from benchmarks.smtp_load import send
from benchmarks.smtp_servers import Aiosmtpd, SMTPServer, SMTPSink, TwistedESMTP, Us

_MB = 1_000_000
_BAR = Bar(at_most=8)
_LETTER = {"to": RECIPIENT, "format": "jpeg", "resolution": "300x300"}
_PAGE = 9 * _MB


class _Receiving(Side):
    def __init__(self, server: SMTPServer, content: bytes) -> None:
        self.server, self.content = server, content
        self.name, self.keeps = server.name, server.keeps

    def missing(self) -> str:
        return self.server.missing()

    def start(self) -> None:
        """Each round starts its own."""

    def prepare(self) -> None:
        self.server.stop()
        self.server.start()
        send(self.server.port, mail(4096), 1, 30)
        self.server.clear()

    def measure(self, seconds: float) -> float:
        before = memory_now(self.server.pid)
        send(self.server.port, self.content, 1, seconds)
        if self.server.kept() not in (None, 1):
            raise Failed("the mail was answered with 250 and is not there")
        added = memory_peak(self.server.pid) - before
        self.server.clear()
        return added

    def stop(self) -> None:
        self.server.stop()


class _Polling(Side):
    name, keeps = PollingMachine.name, PollingMachine.keeps

    def __init__(self, bench: Bench, content: bytes) -> None:
        self.small, self.large = mail(4096), content
        self.dovecot = Dovecot(bench)
        self.client = PollingMachine(bench, self.dovecot, False)

    def missing(self) -> str:
        return self.dovecot.missing()

    def start(self) -> None:
        self.dovecot.start()

    def prepare(self) -> None:
        self.client.stop()
        self.client.start()
        self.dovecot.fill(1, self.small)
        self.client.fetch(30)
        self.client.clear()
        self.dovecot.fill(1, self.large)

    def measure(self, seconds: float) -> float:
        assert self.client.machine
        pid = self.client.machine.pid
        before = memory_now(pid)
        self.client.fetch(seconds)
        if self.client.kept() != 1:
            raise Failed("the mail was fetched and is not there")
        added = memory_peak(pid) - before
        self.client.clear()
        return added

    def stop(self) -> None:
        self.client.stop()
        self.dovecot.stop()


class _Sending(Side):
    """From the order to the end of the job: what comes from the glass is a mail then, and sent."""

    name, keeps = "irsend", "synced, in the outbox"

    def __init__(self, bench: Bench, size: int) -> None:
        self._bench, self.size = bench, size
        self._server = SMTPSink(bench)
        self._machine: Machine | None = None

    def missing(self) -> str:
        return self._server.missing()

    def start(self) -> None:
        self._server.start()
        self.page = pages.photograph()

    def prepare(self) -> None:
        self._stop_machine()
        self._machine = Machine(self._bench, relay_port=self._server.port)
        self._machine.start()
        self._send(pages.blank(), 1, 30)

    def measure(self, seconds: float) -> float:
        assert self._machine
        before = memory_now(self._machine.pid)
        self._send(self.page, -(-self.size // _PAGE), seconds)
        added = memory_peak(self._machine.pid) - before
        sent = self._machine.jobs(1)[0]
        if sent["result"] != "--" or sent["size"] < self.size:
            raise Failed(f"the job ended with {sent}")
        return added

    def _send(self, page: bytes, times: int, seconds: float) -> None:
        assert self._machine
        self._machine.order(page, times, _LETTER, seconds)
        self._machine.wait_until_sent(seconds)

    def _stop_machine(self) -> None:
        if self._machine:
            self._machine.stop()

    def stop(self) -> None:
        self._stop_machine()
        self._server.stop()


def one_large_mail(bench: Bench) -> list[Contest]:
    """Row 9: one mail of 100 MB, received, polled and sent."""
    size = bench.count(100)
    content = mail(size * _MB)
    servers = [Us(bench), SMTPSink(bench), Aiosmtpd(bench), TwistedESMTP(bench)]
    return [
        Contest(
            title=f"Memory added by one mail of {size} MB, received by SMTP",
            unit="MB",
            sides=[_Receiving(server, content) for server in servers],
            bars=[_BAR],
            seconds=120,
            most_rounds=3,
            notes=("The peers stand here to compare; there is no bar to them.",),
        ),
        Contest(
            title=f"Memory added by one mail of {size} MB, polled by POP",
            unit="MB",
            sides=[_Polling(bench, content)],
            bars=[_BAR],
            seconds=120,
            most_rounds=3,
        ),
        Contest(
            title=f"Memory added by one mail of {size} MB, sent",
            unit="MB",
            sides=[_Sending(bench, size * _MB)],
            bars=[_BAR],
            seconds=120,
            most_rounds=3,
            notes=(
                "From the order by HTTP to the end of the job. The originals are read in a",
                "process of their own, which is not counted.",
            ),
        ),
    ]
