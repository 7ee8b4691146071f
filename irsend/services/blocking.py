"""Work that may wait for somebody outside, such as a KDC, without end: in a thread that nobody waits for.

Such a call cannot be broken off. The machine can be switched off all the same:
the thread ends with its process.
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
