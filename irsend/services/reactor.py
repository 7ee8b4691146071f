"""Twisted's reactor, as far as the services use it."""

from __future__ import annotations

from twisted.internet.interfaces import (
    IReactorFromThreads,
    IReactorPluggableNameResolver,
    IReactorProcess,
    IReactorTCP,
    IReactorTime,
)


class IReactor(
    IReactorTime,
    IReactorTCP,
    IReactorPluggableNameResolver,
    IReactorProcess,
    IReactorFromThreads,
):
    """Time, connections, names, processes, and calls from threads: one type for a whole machine.

    No reactor declares it. A part that needs one of these alone asks for that one.
    """
