"""A disk that fails is told once, and once more when it works again."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from irsend.store.disk_health import PAUSE, DiskHealth
from irsend.store.state import write_durably
from tests.parts import at_once


class DiskHealthTests(SynchronousTestCase):
    """Directories that are there or not: writing into one that is not fails for real."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.clock = Clock()
        self.reports: list[str] = []
        self.lines: list[str] = []
        self.flushes = 0
        self.health = DiskHealth(
            self.clock, at_once, flush=self.flush, report=self.reports.append
        )
        globalLogPublisher.addObserver(self.observe)
        self.addCleanup(globalLogPublisher.removeObserver, self.observe)

    def observe(self, event: object) -> None:
        """Take note of a line of the log."""
        assert isinstance(event, dict)
        if event["log_namespace"].endswith("DiskHealth"):
            self.lines.append(event["log_format"].format(**event))

    def flush(self) -> Deferred[None]:
        """Count the flushes of the journal."""
        self.flushes += 1
        return succeed(None)

    def write(self, name: str) -> None:
        """Write a file into a directory, as a part of the store does."""
        place = self.directory / name
        write = self.health.watched(at_once, place)
        write(lambda: write_durably(place / "record", b"x")).addErrback(lambda _: None)

    def test_told_once(self) -> None:
        """Of many writes that fail one line and one report tell, with path and cause."""
        for _ in range(3):
            self.write("outbox")
        self.write("tray")
        reason = f"{self.directory / 'outbox' / 'record.new'}: No such file or directory"
        self.assertEqual(self.reports, [reason])
        self.assertEqual(self.lines, [f"The disk fails: {reason}"])
        self.assertEqual(self.health.reason, reason)

    def test_over(self) -> None:
        """It is over when every directory that failed takes a file, and the journal its records."""
        self.write("outbox")
        self.write("tray")
        (self.directory / "outbox").mkdir()
        self.clock.advance(PAUSE)
        self.assertEqual((len(self.reports), self.flushes), (1, 0))
        (self.directory / "tray").mkdir()
        self.clock.advance(PAUSE)
        self.assertEqual((self.reports[1:], self.flushes, self.health.reason), ([""], 1, ""))
        self.assertEqual(len(self.lines), 2)
        self.assertTrue(self.lines[1].startswith("The disk works again"))
        self.assertEqual(list((self.directory / "tray").iterdir()), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_again(self) -> None:
        """A disk that fails a second time is told a second time."""
        self.write("tray")
        (self.directory / "tray").mkdir()
        self.clock.advance(PAUSE)
        (self.directory / "tray").rmdir()
        self.write("tray")
        self.assertEqual(len(self.lines), 3)

    def test_stopped(self) -> None:
        """After the stop nothing is tried any more."""
        self.write("tray")
        self.health.stop()
        self.write("outbox")
        self.assertEqual((len(self.reports), self.clock.getDelayedCalls()), (1, []))
