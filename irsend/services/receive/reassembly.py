"""Joining: the parts of a divided mail wait for each other, whatever order and way they come in.

They stay in memory as they came. A part that does not come within the time of
the model makes #848 of those that are there (device.md section 5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.application.service import Service

from irsend.device import codes
from irsend.device.jobs import Job
from irsend.message.parsed_message import Problem
from irsend.services.bench import Bench
from irsend.services.receive.dispatch import Mail

_HOUR = 3600
# All of them end in one go.
_MOST_DOUBLES = 2000


@define(eq=False)
class _Divided:
    """A mail of which not all parts are there."""

    parts: dict[int, Mail] = field(factory=dict)
    """By their number."""
    doubles: list[Mail] = field(factory=list)
    total: int | None = None
    last: int = 0
    """The greatest number that came."""
    contradicts: bool = False
    """Parts are behind the last, say otherwise how many there are, or come again and again."""
    timer: Any = None

    @property
    def in_order(self) -> list[Mail]:
        """The parts, each once."""
        return [self.parts[number] for number in sorted(self.parts)]

    @property
    def mails(self) -> list[Mail]:
        """All that came."""
        return self.in_order + self.doubles

    def take(self, mail: Mail) -> None:
        assert mail.fragment is not None
        number, total = mail.fragment.number, mail.fragment.total
        self.contradicts |= None not in (self.total, total) and total != self.total
        self.total = self.total or total
        self.last = max(self.last, number)
        self.contradicts |= self.total is not None and self.last > self.total
        if number in self.parts:
            # Sent twice, or fetched from two maildrops: it is printed once.
            self.doubles.append(mail)
            self.contradicts |= len(self.doubles) > _MOST_DOUBLES
        else:
            self.parts[number] = mail

    @property
    def whole(self) -> bool:
        """True when nothing is missing."""
        return not self.contradicts and len(self.parts) == self.total

    @property
    def missing(self) -> str:
        """Which parts are missing, in words."""
        last = self.total or self.last
        numbers = [str(one) for one in range(1, last + 1) if one not in self.parts]
        if self.total is None:
            numbers.append("those behind")
        shown = ", ".join(numbers[:10]) + (" and more" if len(numbers) > 10 else "")
        return f"part {shown} of {self.total}" if self.total else f"part {shown}"


class Reassembly(Service):
    """Keeps the parts apart by the identity of their mail."""

    def __init__(
        self, bench: Bench, to_print: Callable[[list[Mail], list[Mail], Problem | None], None]
    ) -> None:
        self._bench = bench
        self._print = to_print
        self._waiting: dict[str, _Divided] = {}
        self._time_runs = False

    def let_time_run(self) -> None:
        """Wait no longer than the model does, from now on; more often than once does no harm.

        Before that is called there may be parts in memory that were not taken yet.
        """
        if not self._time_runs:
            self._time_runs = True
            for identity, divided in self._waiting.items():
                self._wait(identity, divided)

    def stopService(self) -> None:
        """Wait no more; the parts are taken again at the next start."""
        Service.stopService(self)
        self._time_runs = False
        for divided in self._waiting.values():
            self._stop_timer(divided)
        self._waiting.clear()

    def take(self, mail: Mail) -> None:
        """Take a part."""
        fragment = mail.fragment
        assert fragment is not None
        if not fragment.possible:
            why = "A part of a divided mail does not say which one it is, or of too many."
            self._print([mail], [], Problem(code=codes.PARTS_NOT_JOINED, words=why))
            return
        divided = self._waiting.setdefault(fragment.identity, _Divided())
        divided.take(mail)
        if divided.contradicts:
            self._give_up(fragment.identity, "Parts of a divided mail contradict each other.")
        elif divided.whole:
            self._stop_timer(self._waiting.pop(fragment.identity))
            self._print(divided.in_order, divided.doubles, None)
        elif divided.timer is None:
            self._wait(fragment.identity, divided)

    def let_go(self, job: Job) -> bool:
        """Forget a part; return whether it was here."""
        for identity, divided in list(self._waiting.items()):
            kept = [one for one in divided.mails if one.job.serial != job.serial]
            if len(kept) == len(divided.mails):
                continue
            self._stop_timer(self._waiting.pop(identity))
            if kept:
                # Whoever is a double may take its place.
                self._waiting[identity] = again = _Divided()
                for one in kept:
                    again.take(one)
                self._wait(identity, again)
            return True
        return False

    def _wait(self, identity: str, divided: _Divided) -> None:
        if not self._time_runs:
            return
        began = min(one.job.started for one in divided.mails)
        hours = self._bench.device.model.reception.divided_timeout
        left = max(0.0, began + hours * _HOUR - self._bench.device.now())

        def give_up() -> None:
            why = f"A divided mail could not be joined: {divided.missing} did not come"
            self._give_up(identity, f"{why} within {hours} hours.")

        divided.timer = self._bench.clock.callLater(left, give_up)

    def _give_up(self, identity: str, why: str) -> None:
        divided = self._waiting.pop(identity)
        self._stop_timer(divided)
        problem = Problem(code=codes.PARTS_NOT_JOINED, words=why)
        self._print(divided.in_order, divided.doubles, problem)

    def _stop_timer(self, divided: _Divided) -> None:
        if divided.timer is not None and divided.timer.active():
            divided.timer.cancel()
