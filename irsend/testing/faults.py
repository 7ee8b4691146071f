"""Faults for a block of a test: `with printer.faults("451-data"):`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from irsend.device.fault_reader import read_order
from irsend.machine_interface import IFaultOrders


@contextlib.contextmanager
def faults_in_force(orders: IFaultOrders, lines: tuple[str, ...]) -> Iterator[None]:
    """Have these orders in force in the block, and take back at its end what is left of them.

    Raises ValueError for a wrong order: then none is in force.
    """
    faults = [read_order(line) for line in lines]
    added = {orders.add(fault).number for fault in faults}
    try:
        yield
    finally:
        for one in orders.in_force():
            if one.number in added:
                orders.take_back(one.number)
