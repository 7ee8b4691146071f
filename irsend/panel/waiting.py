"""Requests with ?wait=SECONDS: each is answered as soon as what it asks for is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from irsend.device.device import Device
from irsend.device.events import Event

T = TypeVar("T")

LONGEST = 600
"""Seconds that a request may wait."""
_PAUSE = 0.02
"""Seconds between two looks: a busy machine has hundreds of events in a second."""


@define(eq=False)
class _Waiter:
    """One request that waits."""

    over: bool = False
    """It is answered with what there is."""
    changed: bool = False
    """Something happened since the last look."""
    _next: Deferred[None] | None = None

    def wake(self) -> None:
        """Have it look again."""
        self.changed = True
        waiting, self._next = self._next, None
        if waiting is not None:
            waiting.callback(None)

    def end(self) -> None:
        """Have it look a last time."""
        self.over = True
        self.wake()

    async def next_change(self) -> None:
        """Wait until something has happened since the last look."""
        if not self.changed:
            self._next = Deferred()
            await self._next


@define
class Waiting:
    """The requests that wait at one panel."""

    _device: Device
    _clock: IReactorTime
    _waiters: set[_Waiter] = field(factory=set)

    async def until(
        self,
        seconds: float,
        look: Callable[[], Awaitable[T]],
        found: Callable[[T], object],
        concerned: Callable[[Event], bool],
    ) -> T:
        """Look until that finds something, at most so many seconds; return what it gave last.

        It looks at once, and again after each event that it is concerned with.
        """
        waiter = _Waiter(over=seconds <= 0)
        stop_observing = self._device.observe(
            lambda event: waiter.wake() if concerned(event) else None
        )
        timer = self._clock.callLater(max(0, seconds), waiter.end)
        self._waiters.add(waiter)
        try:
            while True:
                waiter.changed, last = False, waiter.over
                answer = await look()
                if last or found(answer):
                    return answer
                await waiter.next_change()
                if not waiter.over:
                    await deferLater(self._clock, _PAUSE)
        finally:
            self._waiters.discard(waiter)
            stop_observing()
            if timer.active():
                timer.cancel()

    def stop(self) -> None:
        """Answer all with what there is."""
        for waiter in tuple(self._waiters):
            waiter.end()
