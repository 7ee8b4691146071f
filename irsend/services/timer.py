"""A timer: one delayed call at a time."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Timer:
    """Calls something after a time, unless it is cancelled or started again before."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._call: IDelayedCall | None = None

    def start(self, seconds: float, work: Callable[[], object]) -> None:
        """Call `work` after so many seconds, in place of what was to be called."""
        self.cancel()
        self._call = self._clock.callLater(seconds, work)

    def cancel(self) -> None:
        """Call nothing; where nothing is to be called this does nothing."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
