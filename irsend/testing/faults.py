"""The faults of a printer in a test: `with printer.faults("451-data"):`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from irsend.device.fault_reader import read_order
from irsend.services.fault_orders import FaultOrders


class PrinterFaults:
    """The faults that a test orders; docs/faults has the grammar."""

    def __init__(self, orders: FaultOrders) -> None:
        self._orders = orders

    @contextlib.contextmanager
    def __call__(self, *orders: str) -> Iterator[None]:
        """Have these faults in force for sessions that begin in the block; ValueError."""
        numbers = self.order(*orders)
        try:
            yield
        finally:
            self.take_back(*numbers)

    def order(self, *orders: str) -> list[int]:
        """Have these faults in force too, all or none; return their numbers. ValueError."""
        faults = [read_order(order) for order in orders]
        return [self._orders.add(fault).number for fault in faults]

    def take_back(self, *numbers: int) -> None:
        """Take back what is left of these."""
        in_force: Iterable[int] = [one.number for one in self._orders.in_force()]
        for number in set(numbers).intersection(in_force):
            self._orders.take_back(number)

    @property
    def authority(self) -> str:
        """The certificate (PEM) of the authority behind wrong certificates, once one was ordered."""
        return self._orders.authority

    def reset(self) -> None:
        """Have those in force that the printer was started with."""
        self._orders.reset()
