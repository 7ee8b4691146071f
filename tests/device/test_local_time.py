"""Times as people read them."""

from __future__ import annotations

import datetime

from twisted.trial.unittest import SynchronousTestCase

from irsend.device.local_time import LocalTime
from tests.time_zones import CENTRAL_EUROPE, use_zone

WINTER, SUMMER = 1_795_342_612.9, 1_782_000_000.0
"""2026-11-22T10:16:52.9Z, 2026-06-21T00:00:00Z"""


class LocalTimeTests(SynchronousTestCase):
    """The zone of the host, or another."""

    def test_host(self) -> None:
        """The host's zone holds, in winter and in summer, and is named."""
        use_zone(self, CENTRAL_EUROPE)
        clock = LocalTime(WINTER)
        self.assertEqual(clock.name, "CET")
        self.assertEqual(clock.time(WINTER), "11:16:52")
        self.assertEqual(clock.full(WINTER), "2026-11-22 11:16:52 CET")
        self.assertEqual(clock.full(SUMMER), "2026-06-21 02:00:00 CEST")
        self.assertEqual(LocalTime(SUMMER).name, "CEST")

    def test_other_zone_of_a_list(self) -> None:
        """In a list under one zone a time of another one names its own."""
        use_zone(self, CENTRAL_EUROPE)
        clock = LocalTime(WINTER)
        self.assertEqual(clock.time(SUMMER), "02:00:00 CEST")
        self.assertEqual(clock.moment(SUMMER), "2026-06-21 02:00:00 CEST")
        self.assertEqual(clock.moment(WINTER), "2026-11-22 11:16:52")

    def test_recent(self) -> None:
        """Of today the time alone is given, by the day of the zone."""
        use_zone(self, CENTRAL_EUROPE)
        midnight = WINTER - 11 * 3600 - 16 * 60 - 53
        self.assertEqual(LocalTime(WINTER).recent(midnight + 1), "00:00:00")
        self.assertEqual(LocalTime(WINTER).recent(midnight), "2026-11-21 23:59:59")

    def test_nameless_zone(self) -> None:
        """A zone without a name is named by its distance from UTC."""
        use_zone(self, "<+0530>-5:30")
        self.assertEqual(LocalTime(WINTER).full(WINTER), "2026-11-22 15:46:52 UTC+0530")

    def test_utc(self) -> None:
        """UTC holds where it is chosen, whatever the host's zone is."""
        use_zone(self, CENTRAL_EUROPE)
        clock = LocalTime(WINTER, datetime.UTC)
        self.assertEqual((clock.name, clock.time(SUMMER)), ("UTC", "00:00:00"))
