"""The orders of faults that are in force: put in force, counted, taken back (docs/faults).

`device.faults` has the grammar, `fault_steps` commits what happens in sessions. The faults of the
machine itself are committed here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from irsend.device.device import Device
from irsend.device.fault_reader import read_magic, read_order
from irsend.device.faults import MACHINE, SMTP_RECEIVE, Fault
from irsend.errors import NoSuchRecord
from irsend.interfaces import ITranscript, Mailbox
from irsend.machine_interface import IFaultOrders, OrderedFault
from irsend.services.fault_certificates import FaultCertificates
from irsend.services.fault_steps import FaultSteps
from irsend.services.live_configuration import LiveConfiguration

Restart = Callable[[float], None]


@define(eq=False)
class _Order:
    """An order that is in force."""

    number: int
    fault: Fault
    sessions_left: int | None
    times_left: int | None
    happened: int = 0
    chance: random.Random = field(init=False)

    @chance.default
    def _chance(self) -> random.Random:
        # For repeatable faults, not for secrets.
        return random.Random(self.fault.seed)

    @classmethod
    def of(cls, number: int, fault: Fault) -> _Order:
        """Put a fault in force."""
        return cls(number, fault, fault.sessions, fault.times)

    def happens(self) -> bool:
        """Say whether it happens this time; counts it."""
        if self.times_left == 0:
            return False
        if self.fault.probability < 1 and self.chance.random() >= self.fault.probability:
            return False
        if self.times_left is not None:
            self.times_left -= 1
        self.happened += 1
        return True

    def described(self) -> OrderedFault:
        """Return it as the panel shows it."""
        return OrderedFault(
            number=self.number,
            fault=self.fault,
            sessions_left=self.sessions_left,
            times_left=self.times_left,
            happened=self.happened,
        )


class _Clock:
    """The machine's clock, which may be wrong by so many seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.wrong_by = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now() + self.wrong_by


@implementer(IFaultOrders)
class FaultOrders:
    """The orders in force, and what sessions and the machine ask about them.

    From here on the device has a clock that can be ordered to be wrong.
    """

    log = Logger()

    def __init__(
        self,
        configuration: LiveConfiguration,
        reactor: IReactorTime,
        device: Device,
    ) -> None:
        self._reactor = reactor
        self._device = device
        self._clock = _Clock(device.now)
        device.now = self._clock.now
        self._configuration = configuration
        self._orders: list[_Order] = []
        self._last = 0
        self._configured: tuple[str, ...] = ()
        self._certificates = FaultCertificates(
            lambda: configuration.current.tls.hostnames, device.now
        )
        self.restart: Restart = lambda _: None
        """Switches SMTP reception off, and on after so many seconds; set by the machine."""
        self._paper_before: bool | None = None

    # -- orders -------------------------------------------------------------------

    def configure(self) -> None:
        """Put the orders of the configuration in force, where they have changed."""
        orders = self._configuration.current.faults.orders
        if orders != self._configured:
            self._configured = orders
            self.reset()

    def reset(self) -> None:
        """Have exactly the orders of the configuration in force."""
        self.replace([read_order(line) for line in self._configured])

    @property
    def magic(self) -> bool:
        """True where recipients may ask for faults."""
        return self._configuration.current.faults.magic

    @property
    def authority(self) -> str:
        """The certificate (PEM) of the authority behind wrong certificates; empty before these."""
        return self._certificates.authority

    def in_force(self) -> list[OrderedFault]:
        """Return the orders in force, oldest first."""
        return [order.described() for order in self._orders]

    def add(self, fault: Fault) -> OrderedFault:
        """Put a fault in force; the same order is begun anew."""
        self._orders = [one for one in self._orders if one.fault.line != fault.line]
        order = self._new(fault)
        self._orders.append(order)
        self.log.info("Fault ordered: {line}", line=fault.line)
        self._apply()
        return order.described()

    def replace(self, faults: Sequence[Fault]) -> None:
        """Have exactly these faults in force."""
        self._orders = []
        for fault in faults:
            self.add(fault)
        if not faults:
            self.log.info("No fault is ordered any more")
            self._apply()

    def take_back(self, number: int) -> None:
        """Take an order back; NoSuchRecord."""
        if not any(one.number == number for one in self._orders):
            raise NoSuchRecord(f"There is no order {number} in force.")
        self._orders = [one for one in self._orders if one.number != number]
        self._apply()

    def _new(self, fault: Fault) -> _Order:
        if fault.kind == "certificate":
            # Made now: the first handshake does not wait for a key.
            self._certificates.certified(fault.word)
        self._last += 1
        return _Order.of(self._last, fault)

    # -- sessions -----------------------------------------------------------------

    def steps(self, role: str, transcript: ITranscript) -> FaultSteps | None:
        """Return what listens at the steps of a session that begins; None where nothing is ordered for it."""
        magic = self.magic and role == SMTP_RECEIVE
        if not self._orders and not magic:
            return None
        mine = [one for one in self._orders if one.fault.role == role and one.times_left != 0]
        if not mine and not magic:
            return None
        for order in mine:
            if order.sessions_left is not None:
                order.sessions_left -= 1
        self._orders = [one for one in self._orders if one.sessions_left != 0]
        return FaultSteps(
            role,
            list(mine),
            transcript=transcript,
            clock=self._reactor,
            happened=self._happened,
            certified=self._certificates.certified,
            restart=lambda seconds: self.restart(seconds),
            magic=self._asked_for if magic else None,
        )

    def _asked_for(self, recipient: Mailbox) -> _Order | None:
        """Return the order of a magic recipient, for one time; None for any other."""
        fault = read_magic(recipient.local.decode("ascii", "replace"))
        return _Order(0, fault, sessions_left=None, times_left=1) if fault else None

    def _happened(self, fault: Fault) -> None:
        self._device.fault_happened(fault)
        self._orders = [one for one in self._orders if one.times_left != 0]

    # -- the machine itself ---------------------------------------------------------

    def _apply(self) -> None:
        """Have the machine be as the orders in force say."""
        ordered = {
            one.fault.kind: one.fault for one in self._orders if one.fault.role == MACHINE
        }
        clock = ordered.get("clock")
        self._count(clock, self._clock.wrong_by != (clock.number if clock else 0))
        self._clock.wrong_by = clock.number if clock is not None else 0
        memory = ordered.get("memory")
        self._count(memory, self._device.memory_full is not (memory is not None))
        self._device.memory_full = memory is not None
        paper = ordered.get("paper")
        if paper is not None and self._paper_before is None:
            self._paper_before = self._device.paper
            self._count(paper, True)
            self._device.change_paper(False)
        elif paper is None and self._paper_before is not None:
            before, self._paper_before = self._paper_before, None
            self._device.change_paper(before)

    def _count(self, fault: Fault | None, changed: bool) -> None:
        if fault is not None and changed:
            for order in self._orders:
                if order.fault is fault:
                    order.happened += 1
            self._device.fault_happened(fault)
