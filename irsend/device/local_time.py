"""Times as people read them: the machine's local time with its zone named, or UTC.

The panel and the communication report write their times by it. What programs
read (JSON, the headers of a mail) is not written here.
"""

from __future__ import annotations

import datetime

from attrs import field, frozen


@frozen
class LocalTime:
    """Writes times in one zone, for a page or a list whose heading names the zone."""

    now: float
    """When the page is made, in seconds since the epoch: the heading's zone is that of this time."""
    zone: datetime.tzinfo | None = field(default=None)
    """None: the zone of the host."""

    @property
    def name(self) -> str:
        """The zone of `now`: CET, UTC, UTC+03."""
        return self.zone_of(self.now)

    def zone_of(self, at: float) -> str:
        """Return the zone of a time: a zone may have another name in summer."""
        name = self._local(at).tzname() or ""
        # Some zones have no name but their distance from UTC.
        return f"UTC{name}" if name[:1] in ("+", "-") else name

    def time(self, at: float) -> str:
        """Return 14:03:07; with its zone where that is not the heading's."""
        return f"{self._local(at):%H:%M:%S}{self._other_zone(at)}"

    def date(self, at: float) -> str:
        """Return 2026-11-22."""
        return f"{self._local(at):%Y-%m-%d}"

    def minute(self, at: float) -> str:
        """Return 2026-11-22 14:03, without a zone."""
        return f"{self._local(at):%Y-%m-%d %H:%M}"

    def moment(self, at: float) -> str:
        """Return 2026-11-22 14:03:07; with its zone where that is not the heading's."""
        return f"{self.date(at)} {self.time(at)}"

    def recent(self, at: float) -> str:
        """Return the time of today, else the day too."""
        return self.time(at) if self.date(at) == self.date(self.now) else self.moment(at)

    def full(self, at: float) -> str:
        """Return 2026-11-22 14:03:07 CET."""
        return f"{self._local(at):%Y-%m-%d %H:%M:%S} {self.zone_of(at)}"

    def _other_zone(self, at: float) -> str:
        zone = self.zone_of(at)
        return "" if zone == self.name else f" {zone}"

    def _local(self, at: float) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(at, datetime.UTC).astimezone(self.zone)
