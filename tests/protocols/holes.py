"""Holes of Twisted's mail classes: each is shown on Twisted's own class, and its absence on ours.

A test under `@hole()` states what should be, and runs twice: on Twisted's class
it must fail, on ours it must pass. When the former passes one day, Twisted has
mended it, and our override may go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial import unittest


def hole(
    raises: type[Exception] = unittest.FailTest,
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Run a test on both classes; on Twisted's it must fail, in this way."""

    def twice(test: Callable[[Any], None]) -> Callable[[Any], None]:
        def both(self: Any) -> None:
            self.side = self.twisted()
            try:
                test(self)
            except raises:
                self.flushLoggedErrors()
            else:
                raise unittest.FailTest("Twisted's own class does this right by now")
            self.side = self.ours()
            test(self)

        both.__doc__ = test.__doc__
        both.__name__ = test.__name__
        return both

    return twice
