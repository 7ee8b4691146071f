"""Work that may wait without end."""

from __future__ import annotations

import threading

from twisted.internet import reactor
from twisted.trial import unittest

from irsend.services.blocking import run_blocking


class RunBlockingTests(unittest.TestCase):
    """A call in a thread that does not keep the process from ending."""

    timeout = 30

    async def test_outcome(self) -> None:
        """What the work returns or raises comes back in the reactor's thread."""
        self.assertEqual((await run_blocking(reactor, lambda: 7)), 7)
        await self.assertFailure(run_blocking(reactor, lambda: 1 // 0), ZeroDivisionError)

    def test_not_waited_for(self) -> None:
        """A call that has not returned does not keep the process from ending."""
        over = threading.Event()
        self.addCleanup(over.set)
        run_blocking(reactor, over.wait)
        (thread,) = [one for one in threading.enumerate() if one.name == "login"]
        self.assertTrue(thread.daemon)
