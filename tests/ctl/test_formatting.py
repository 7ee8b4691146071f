"""Values as people read them."""

from __future__ import annotations

import datetime
import os

from twisted.trial.unittest import SynchronousTestCase

from irsend.ctl import formatting
from tests.time_zones import CENTRAL_EUROPE, use_zone


class WordsTests(SynchronousTestCase):
    """`irsend.ctl.formatting`."""

    def test_visible(self) -> None:
        """Control and direction characters become escapes, all other text stays."""
        self.assertEqual(
            formatting.visible("ä\x1b]0;\x07\u202e\n\x9b"), "ä\\x1b]0;\\x07\\u202e\\n\\x9b"
        )

    def test_times(self) -> None:
        """Today's times have seconds, this year's a day, others a year; none is empty."""
        then = datetime.datetime(2026, 11, 20, 9, 5, 7).astimezone()
        for given in (then.timestamp(), then.isoformat()):
            shown = [
                formatting.short_time(given, datetime.date(*day))
                for day in ((2026, 11, 20), (2026, 11, 21), (2027, 1, 1))
            ]
            self.assertEqual(shown, ["09:05:07", "11-20 09:05", "2026-11-20"])
        for given in (None, "soon", [], True, 1e300):
            self.assertEqual(formatting.short_time(given), "")

    def test_zone(self) -> None:
        """Times are local and name their zone; in a list the heading does, and a time of another zone."""
        use_zone(self, CENTRAL_EUROPE)
        winter, summer = "2026-11-20T08:05:07+00:00", "2026-07-20T08:05:07+00:00"
        self.assertEqual(formatting.full_time(winter), "2026-11-20 09:05:07 CET")
        self.assertEqual(formatting.full_time(summer), "2026-07-20 10:05:07 CEST")
        self.assertIn(formatting.timed("At"), ("At (CET)", "At (CEST)"))
        shown = [
            formatting.short_time(one, datetime.date(2026, 12, 1)) for one in (winter, summer)
        ]
        other = {"At (CET)": ["11-20 09:05", "07-20 10:05 CEST"]}
        other["At (CEST)"] = ["11-20 09:05 CET", "07-20 10:05"]
        self.assertEqual(shown, other[formatting.timed("At")])

    def test_utc(self) -> None:
        """With IRSEND_UTC times are UTC; 0 and an empty value leave them local."""
        use_zone(self, CENTRAL_EUROPE)
        winter = "2026-11-20T08:05:07+00:00"
        for given, wanted in (
            ("1", "2026-11-20 08:05:07 UTC"),
            ("0", "2026-11-20 09:05:07 CET"),
            ("", "2026-11-20 09:05:07 CET"),
        ):
            self.patch(os, "environ", {**os.environ, "IRSEND_UTC": given})
            self.assertEqual(formatting.full_time(winter), wanted)
        self.patch(os, "environ", {**os.environ, "IRSEND_UTC": "1"})
        self.assertEqual(formatting.timed("At"), "At (UTC)")

    def test_octets(self) -> None:
        """Sizes are in steps of a thousand, with three digits or so."""
        sizes = (0, 999, 1000, 48_213, 99_960, 999_400, 512_000_000, 5e12, None)
        self.assertEqual(
            [formatting.octets(size) for size in sizes],
            ["0 B", "999 B", "1.0 kB", "48.2 kB", "100 kB", "999 kB", "512 MB", "5000 GB", ""],
        )

    def test_allowed(self) -> None:
        """Each form of a constraint is shown in words."""
        given = (
            [False, True],
            ["off", "on", "ssl"],
            {"minimum": 1, "maximum": 99, "unit": "hours"},
            {"max_length": 32},
            {"max_items": 100},
            "anything",
            None,
        )
        self.assertEqual(
            [formatting.allowed(one) for one in given],
            [
                "off or on",
                "off, on or ssl",
                "1 to 99 hours",
                "up to 32 characters",
                "up to 100 entries",
                "anything",
                "",
            ],
        )

    def test_settings(self) -> None:
        """A value is shown as `set` takes it, a secret or withheld value as dots."""
        self.assertEqual(
            [formatting.setting(one) for one in (True, "ssl", 5, ["a", "b"], None)],
            ["on", "ssl", "5", "a, b", formatting.HIDDEN],
        )
        self.assertEqual(formatting.setting("hunter2", secret=True), formatting.HIDDEN)
