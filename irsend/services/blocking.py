"""Calls that may never return, such as one to a KDC, each in a daemon thread of its own.

Such a call cannot be cancelled. Python does not wait for daemon threads, so the
machine can be switched off meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

T = TypeVar("T")


def run_blocking(reactor: IReactorFromThreads, work: Callable[[], T]) -> Deferred[T]:
    """Fire with what the work returns, or fail with what it raises."""
    answer: Deferred[T] = Deferred()

    def fire(outcome: T | Failure) -> None:
        if not answer.called:
            answer.callback(outcome)

    def run() -> None:
        outcome: T | Failure
        try:
            outcome = work()
        except BaseException:
            outcome = Failure()
        reactor.callFromThread(fire, outcome)

    threading.Thread(target=run, name="login", daemon=True).start()
    return answer
