"""A thread that does its work when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred


class HeldThread:
    """Takes work as a thread pool does; `run` does the oldest of it."""

    def __init__(self) -> None:
        self.work: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def __call__(self, work: Callable[[], Any]) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.work.append((work, done))
        return done

    def run(self) -> None:
        """Do one piece of work and fire with its outcome."""
        work, done = self.work.pop(0)
        maybeDeferred(work).chainDeferred(done)

    def run_all(self) -> None:
        """Do all, and what that brings."""
        while self.work:
            self.run()
