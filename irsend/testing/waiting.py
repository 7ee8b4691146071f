"""Waiting for something to happen at a printer, for a bounded time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from irsend.device.device import Device
from irsend.device.events import Event
from irsend.testing.errors import NotInTime

T = TypeVar("T")


def wait_until(
    device: Device,
    clock: IReactorTime,
    look: Callable[[], T | None],
    timeout: float,
    missing: Callable[[], str],
) -> Deferred[T]:
    """Fire with what `look` finds, now or after an event of the device; NotInTime after `timeout` seconds."""
    waiting: Deferred[T] = Deferred()

    def check(_: Event | None = None) -> None:
        found = look()
        if found is not None and not waiting.called:
            waiting.callback(found)

    def give_up() -> None:
        waiting.errback(NotInTime(f"Waited {timeout:g} s for {missing()}"))

    forget = device.observe(check)
    giving_up = clock.callLater(timeout, give_up)

    def ended(outcome: T | Failure) -> T | Failure:
        forget()
        if giving_up.active():
            giving_up.cancel()
        return outcome

    waiting.addBoth(ended)
    check()
    return waiting
