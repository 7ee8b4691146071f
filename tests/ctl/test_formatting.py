"""Values as people read them."""

from __future__ import annotations

import datetime

from twisted.trial.unittest import SynchronousTestCase

from irsend.ctl import formatting


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
