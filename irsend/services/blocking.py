"""Work that may wait for somebody outside, such as a KDC, without end: in a thread that nobody waits for.

Such a call cannot be broken off. The machine can be switched off all the same:
the thread ends with its process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


def run_blocking(reactor: Any, work: Callable[[], Any]) -> Deferred[Any]:
    """Fire with what the work returns, or fail with what it raises."""
    answer: Deferred[Any] = Deferred()

    def tell(outcome: Any) -> None:
        if not answer.called:
            answer.callback(outcome)

    def run() -> None:
        try:
            outcome = work()
        except BaseException:
            outcome = Failure()
        reactor.callFromThread(tell, outcome)

    threading.Thread(target=run, name="login", daemon=True).start()
    return answer
