"""Retries: work that failed, as the disk did, is called again after a pause."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

RETRY_PAUSE = 60
"""Seconds between two tries."""


class Retries:
    """Schedules calls for one part, and cancels them when it stops."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._calls: set[IDelayedCall] = set()

    @property
    def pending(self) -> bool:
        """True while a call is scheduled."""
        return bool(self._calls)

    def schedule(self, work: Callable[[], object], pause: float = RETRY_PAUSE) -> None:
        """Call `work` after a pause, in seconds."""

        def again() -> None:
            self._calls.discard(call)
            work()

        call = self._clock.callLater(pause, again)
        self._calls.add(call)

    def stop(self) -> None:
        """Cancel all calls."""
        calls, self._calls = self._calls, set()
        for call in calls:
            call.cancel()
