"""Row 5: reception by POP of large mails, plain and under TLS."""

from __future__ import annotations

from benchmarks.bench import Bench, Failed
from benchmarks.contest import Bar, Contest, Side
from benchmarks.dovecot import Dovecot
from benchmarks.mail import mail
from benchmarks.pop_clients import Fetchmail, Getmail, Mpop, POPClient, Us

_MB = 1_000_000


class _Polled(Side):
    """A client that empties the maildrop each round."""

    def __init__(self, client: POPClient, dovecot: Dovecot, count: int, content: bytes) -> None:
        self.client, self.dovecot, self.count, self.content = client, dovecot, count, content
        self.name, self.keeps = client.name, client.keeps

    def missing(self) -> str:
        return self.dovecot.missing() or self.client.missing()

    def start(self) -> None:
        self.dovecot.start()
        self.client.start()

    def prepare(self) -> None:
        self.client.clear()
        self.dovecot.fill(self.count, self.content)

    def measure(self, seconds: float) -> float:
        took = self.client.fetch(seconds)
        kept = self.client.kept()
        if kept is not None and kept != self.count:
            raise Failed(f"{self.count} mails were there to fetch, {kept} have come")
        if left := self.dovecot.left():
            raise Failed(f"{left} of {self.count} mails are still on the server")
        self.client.clear()
        return self.count * len(self.content) / _MB / took

    def stop(self) -> None:
        self.client.stop()
        self.dovecot.stop()


def large_mails(bench: Bench) -> list[Contest]:
    """Row 5: 20 MB mails from Dovecot."""
    content = mail(20 * _MB)
    count = bench.count(50)
    contests = []
    for tls in (False, True):
        dovecot = Dovecot(bench)
        clients = [kind(bench, dovecot, tls) for kind in (Us, Mpop, Getmail, Fetchmail)]
        contests.append(
            Contest(
                title=f"POP reception from Dovecot, {count} mails of 20 MB, "
                + ("TLS" if tls else "plain"),
                unit="MB/s",
                sides=[_Polled(client, dovecot, count, content) for client in clients],
                bars=[
                    Bar("mpop", at_least=1.0),
                    Bar("getmail6", at_least=2.0),
                    Bar("fetchmail", at_least=2.0),
                ],
                seconds=300,
                most_rounds=3,
                notes=("getmail6 knows no STLS and is served on the POP3S port.",)
                if tls
                else (),
            )
        )
    return contests
