"""The routes of the API about faults on order: those in force, ordered, and taken back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted.web.server import Request

from irsend.device.fault_reader import WrongOrder, read_order
from irsend.device.faults import KINDS, STEPS, Fault
from irsend.errors import NoSuchRecord
from irsend.machine_interface import IFaultOrders, IMachine, OrderedFault
from irsend.panel import request_parameters
from irsend.panel.problems import Problem
from irsend.panel.responses import write
from irsend.panel.routing import route
from irsend.panel.serializers import JSON

MOST_ORDERS = 100


class FaultRoutes:
    """The routes of the API about faults; `api` adds the others."""

    _machine: IMachine

    @route("/api/faults", "GET")
    def faults(self, request: Request) -> bytes:
        """List the orders that are in force."""
        return write(request, in_force(self._machine.faults))

    @route("/api/faults", "PUT")
    def order_faults(self, request: Request) -> bytes:
        """Have exactly the faults of a list in force, or add one order."""
        given = request_parameters.json_object(request)
        orders = self._machine.faults
        if "faults" in given:
            unknown = [name for name in given if name != "faults"]
            if unknown:
                raise _refused([(unknown[0][:100], "does not go with faults")])
            orders.replace(_read_all(given["faults"]))
        else:
            try:
                orders.add(read_order(given))
            except WrongOrder as wrong:
                raise _refused([("order", str(wrong))]) from None
        return write(request, in_force(orders))

    @route("/api/faults", "DELETE")
    def take_back_faults(self, request: Request) -> bytes:
        """Take all orders back."""
        self._machine.faults.replace([])
        request.setResponseCode(204)
        return b""

    @route("/api/faults/<number>", "DELETE")
    def take_back_fault(self, request: Request, number: str) -> bytes:
        """Take one order back."""
        self._machine.faults.take_back(order_number(number))
        request.setResponseCode(204)
        return b""


def order_number(given: str) -> int:
    """Return the number of an order that stands in an address; NoSuchRecord."""
    if not re.fullmatch("[0-9]{1,9}", given):
        raise NoSuchRecord("There is no such order; an order in force has a number")
    return int(given)


def in_force(orders: IFaultOrders) -> JSON:
    """Serialize the orders that are in force."""
    return {
        "faults": [ordered_fault(one) for one in orders.in_force()],
        "magic": orders.magic,
        "authority": orders.authority or None,
    }


def ordered_fault(one: OrderedFault) -> JSON:
    """Serialize an order that is in force."""
    fault = one.fault
    return {
        "number": one.number,
        "order": fault.line,
        "kind": fault.kind,
        "role": fault.role,
        "step": fault.step or None,
        "meaning": meaning(fault),
        "sessions_left": one.sessions_left,
        "times_left": one.times_left,
        "happened": one.happened,
    }


def meaning(fault: Fault) -> str:
    """Return what a fault does, and where, in words."""
    at = STEPS.get(fault.step)
    return (
        f"{KINDS[fault.kind].meaning} At this step: {at.meaning}"
        if at
        else KINDS[fault.kind].meaning
    )


def _read_all(given: object) -> Sequence[Fault]:
    if not isinstance(given, list) or len(given) > MOST_ORDERS:
        raise _refused([("faults", f"allowed: a list of up to {MOST_ORDERS} orders")])
    faults, wrong = [], []
    for number, one in enumerate(given):
        try:
            faults.append(read_order(one))
        except WrongOrder as error:
            wrong.append((f"faults[{number}]", str(error)))
    if wrong:
        raise _refused(wrong)
    return faults


def _refused(wrong: list[tuple[str, str]]) -> Problem:
    errors = [{"key": key, "problem": problem} for key, problem in wrong]
    return Problem(422, "Nothing was ordered", errors=errors)
