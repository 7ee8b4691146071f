"""A probe in a process of its own: it starts the reactor, and ends it with the report or at Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from irsend.probe.order import Order
from irsend.probe.outcome import Report
from irsend.probe.probe import Probe, Step


def run_probe(order: Order, show: Callable[[Step], None]) -> Report:
    """Make a probe and return its report; may be called once in a process.

    Raises NoServer, and KeyboardInterrupt where Ctrl-C ended it.
    """
    from twisted.internet import reactor

    ended: list[Report | Failure] = []
    interrupted = False
    probe = Probe(order, reactor, time.time, show)  # type: ignore[arg-type]

    def begin() -> None:
        Deferred.fromCoroutine(probe.run()).addBoth(end)

    def end(outcome: Report | Failure) -> None:
        ended.append(outcome)
        if not interrupted:
            reactor.stop()

    def shut_down() -> Deferred[None]:
        nonlocal interrupted
        interrupted = not ended
        return probe.interrupt()

    reactor.callWhenRunning(begin)
    reactor.addSystemEventTrigger("before", "shutdown", shut_down)
    reactor.run()
    if interrupted or not ended:
        raise KeyboardInterrupt
    if isinstance(ended[0], Failure):
        ended[0].raiseException()
    assert isinstance(ended[0], Report)
    return ended[0]
