"""Reassembly: collects the parts of a divided mail (RFC 2046 message/partial) until it is whole.

They stay in memory as they came, in any order and by either protocol. Where one
does not come within the time of the model, the others end as #848
(docs/printing).
"""

from __future__ import annotations

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from irsend.device import codes
from irsend.device.device import Device
from irsend.device.jobs import Job
from irsend.message.fragments import Fragment
from irsend.message.parsed_message import Problem
from irsend.services.print.print_queue import PrintQueue
from irsend.services.received_mail import ReceivedMail

_HOUR = 3600
# Parts that came twice are kept, and end with the mail: so many at the most.
_MOST_DUPLICATES = 2000


@define(eq=False)
class _Divided:
    """A divided mail: its parts so far."""

    parts: dict[int, ReceivedMail] = field(factory=dict)
    """By their number."""
    duplicates: list[ReceivedMail] = field(factory=list)
    total: int | None = None
    last: int = 0
    """The greatest number of a part that came."""
    contradicts: bool = False
    """Parts have numbers beyond the total, differ in the total, or came again too often."""
    timer: IDelayedCall | None = None

    @property
    def in_order(self) -> list[ReceivedMail]:
        """The parts, each once."""
        return [self.parts[number] for number in sorted(self.parts)]

    @property
    def mails(self) -> list[ReceivedMail]:
        """All parts that came, duplicates last."""
        return self.in_order + self.duplicates

    def add(self, mail: ReceivedMail, fragment: Fragment) -> None:
        number, total = fragment.number, fragment.total
        self.contradicts |= None not in (self.total, total) and total != self.total
        self.total = self.total or total
        self.last = max(self.last, number)
        self.contradicts |= self.total is not None and self.last > self.total
        if number in self.parts:
            # Sent twice, or fetched from two maildrops: it is printed once.
            self.duplicates.append(mail)
            self.contradicts |= len(self.duplicates) > _MOST_DUPLICATES
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
    """Collects parts by the id of their mail, and gives whole mails to the print queue."""

    def __init__(self, *, clock: IReactorTime, device: Device, print_queue: PrintQueue) -> None:
        self._clock = clock
        self._device = device
        self._print_queue = print_queue
        self._waiting: dict[str, _Divided] = {}
        self._timeouts_run = False

    def start_timeouts(self) -> None:
        """Start the time-outs of the model; a second call changes nothing.

        Before the first call, parts from before a restart may still be in `dispatch`.
        """
        if not self._timeouts_run:
            self._timeouts_run = True
            for identity, divided in self._waiting.items():
                self._wait(identity, divided)

    def stopService(self) -> None:
        """Stop the time-outs; the parts are collected again after the next start."""
        Service.stopService(self)
        self._timeouts_run = False
        for divided in self._waiting.values():
            self._stop_timer(divided)
        self._waiting.clear()

    def add(self, mail: ReceivedMail, fragment: Fragment) -> None:
        """Add a part; when the mail is whole, have it printed."""
        if not fragment.possible:
            why = "A part of a divided mail does not say which one it is, or of too many."
            problem = Problem(code=codes.PARTS_NOT_JOINED, words=why)
            self._print_queue.enqueue(mail, instead=problem)
            return
        divided = self._waiting.setdefault(fragment.identity, _Divided())
        divided.add(mail, fragment)
        if divided.contradicts:
            self._give_up(fragment.identity, "Parts of a divided mail contradict each other.")
        elif divided.whole:
            self._stop_timer(self._waiting.pop(fragment.identity))
            self._print_queue.enqueue_parts(divided.in_order, divided.duplicates)
        elif divided.timer is None:
            self._wait(fragment.identity, divided)

    def release(self, job: Job) -> bool:
        """Forget a part; return whether it was here."""
        for identity, divided in list(self._waiting.items()):
            kept = [one for one in divided.mails if one.job.serial != job.serial]
            if len(kept) == len(divided.mails):
                continue
            self._stop_timer(self._waiting.pop(identity))
            if kept:
                # A duplicate may take its place.
                self._waiting[identity] = again = _Divided()
                for one in kept:
                    assert one.fragment is not None
                    again.add(one, one.fragment)
                self._wait(identity, again)
            return True
        return False

    def _wait(self, identity: str, divided: _Divided) -> None:
        if not self._timeouts_run:
            return
        began = min(one.job.started for one in divided.mails)
        hours = self._device.model.reception.divided_timeout
        left = max(0.0, began + hours * _HOUR - self._device.now())

        def give_up() -> None:
            why = f"A divided mail could not be joined: {divided.missing} did not come"
            self._give_up(identity, f"{why} within {hours} hours.")

        divided.timer = self._clock.callLater(left, give_up)

    def _give_up(self, identity: str, why: str) -> None:
        divided = self._waiting.pop(identity)
        self._stop_timer(divided)
        problem = Problem(code=codes.PARTS_NOT_JOINED, words=why)
        self._print_queue.enqueue_parts(divided.in_order, divided.duplicates, instead=problem)

    def _stop_timer(self, divided: _Divided) -> None:
        if divided.timer is not None and divided.timer.active():
            divided.timer.cancel()
