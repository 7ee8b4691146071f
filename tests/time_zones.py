"""The time zone of the process, for a test: without files of zones, which not every host has."""

from __future__ import annotations

import os
import time

from twisted.trial.unittest import SynchronousTestCase

CENTRAL_EUROPE = "CET-1CEST,M3.5.0,M10.5.0/3"


def use_zone(case: SynchronousTestCase, zone: str) -> None:
    """Set the zone (POSIX TZ) until the test ends."""
    before = os.environ.get("TZ")

    def give_back() -> None:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()

    os.environ["TZ"] = zone
    time.tzset()
    case.addCleanup(give_back)
