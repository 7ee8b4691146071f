"""Waiting for a condition with a deadline: the one place of these suites where time passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

T = TypeVar("T")

LOOK_AGAIN = 0.02
"""Seconds between two looks."""


async def wait_until(
    reactor: IReactorTime, condition: Callable[[], T], meaning: str, within: float = 20.0
) -> T:
    """Return what `condition` gives once it is true; AssertionError if that takes too long."""
    deadline = reactor.seconds() + within
    while not (value := condition()):
        if reactor.seconds() > deadline:
            raise AssertionError(f"not within {within:g} s: {meaning}")
        await deferLater(reactor, LOOK_AGAIN)
    return value


async def pass_time(reactor: IReactorTime, seconds: float) -> None:
    """Let a drawn time go by, so that what follows comes at any moment; waits for nothing."""
    await deferLater(reactor, seconds)
