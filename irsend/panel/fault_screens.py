"""The bench's page of faults: the orders in force, a form, and a key to take each back.

It works without JavaScript. `faults` has the same routes for programs.
"""

from __future__ import annotations

from twisted.web.server import Request

from irsend.device.fault_reader import WrongOrder, read_order
from irsend.device.faults import KINDS, OPTIONS, ROLES, STEPS
from irsend.panel.faults import in_force, order_number
from irsend.panel.received_screens import ReceivedScreens
from irsend.panel.screens import app, see_other

_ADDRESS = "/faults"


class FaultScreens(ReceivedScreens):
    """The routes of the page of faults, for one machine."""

    @app.route(_ADDRESS, methods=["GET"])
    async def faults(self, request: Request) -> bytes:
        """Show the orders in force, and the form of another."""
        return await self._faults(request)

    @app.route(_ADDRESS, methods=["POST"])
    async def order_fault(self, request: Request) -> bytes:
        """Put the order of the form in force."""
        given = self.form(request).get("order", [""])[-1].strip()
        try:
            self._machine.faults.add(read_order(given))
        except WrongOrder as wrong:
            request.setResponseCode(422)
            return await self._faults(request, given=given, problem=str(wrong))
        return see_other(request, _ADDRESS)

    @app.route(_ADDRESS + "/<number>/delete", methods=["POST"])
    def take_back_fault(self, request: Request, number: str) -> bytes:
        """Take an order back."""
        self.form(request)
        self._machine.faults.take_back(order_number(number))
        return see_other(request, _ADDRESS)

    async def _faults(self, request: Request, given: str = "", problem: str = "") -> bytes:
        return await self.screen(
            request,
            "faults.html",
            "faults",
            ordered=in_force(self._machine.faults),
            given_order=given,
            problem=problem,
            kinds=KINDS,
            steps=STEPS,
            roles=ROLES,
            order_options=OPTIONS,
        )
