"""Row 16: connections per second behind a MAC address filter, as a ratio to none."""

from __future__ import annotations

import socket
import sys
import time

from benchmarks.bench import Bench, Failed
from benchmarks.contest import Bar, Contest, Side
from benchmarks.processes import IMPORTS_FROM_HERE, Server, free_port
from irsend.link.sockets import filters_can_be_attached

_NAMES = {"off": "filter off", "plain": "Twisted's endpoint"}


class _Greeted(Side):
    """A server that greets whoever connects, behind a filter of so many addresses."""

    keeps = "nothing"

    def __init__(self, bench: Bench, addresses: str, count: int) -> None:
        self.bench, self.addresses, self.count = bench, addresses, count
        self.name = _NAMES.get(addresses, f"{addresses} addresses")
        self.server: Server | None = None

    def missing(self) -> str:
        why = filters_can_be_attached()
        return f"the kernel takes no filter from this user ({why})" if why else ""

    def start(self) -> None:
        self.port = free_port()
        self.server = Server(
            [
                *(sys.executable, "-m", "benchmarks.sinks.with_filter"),
                *(str(self.port), self.addresses),
            ],
            self.port,
            self.bench.place("filter"),
            IMPORTS_FROM_HERE,
        )

    def measure(self, seconds: float) -> float:
        began = time.perf_counter()
        for _ in range(self.count):
            with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as sock:
                if not sock.recv(100):
                    raise Failed("the server has hung up without a word")
        return self.count / (time.perf_counter() - began)

    def stop(self) -> None:
        if self.server:
            self.server.end()
            self.server = None


def filtered(bench: Bench) -> list[Contest]:
    """Row 16: a filter of 0, 1 and 100 addresses beside none."""
    count = bench.count(4000, least=50)
    return [
        Contest(
            title=f"{count} connections behind a filter of {number} addresses",
            unit="connections/s",
            sides=[_Greeted(bench, one, count) for one in (number, "off", "plain")],
            bars=[Bar("filter off", at_least=0.95), Bar("Twisted's endpoint", at_least=0.8)],
            seconds=120,
            notes=(
                "One after the other, from one client, to a server that greets and hangs up.",
                "With the filter off it is still found out whose each connection is.",
            ),
        )
        for number in ("0", "1", "100")
    ]
