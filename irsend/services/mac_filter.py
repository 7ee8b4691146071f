"""Receiving MAC Address Settings: what the window says holds on the machine's wire, at once (device.md 1).

How it is enforced is told by `link`.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

from irsend.device.events import Event, SettingsChanged
from irsend.device.windows import MacPolicy, Settings
from irsend.link.admission import EVERYBODY, Admission
from irsend.services.bench import Bench

_WINDOW = "receiving_mac_address."


def admission(settings: Settings) -> Admission:
    """Return the rule that the window makes."""
    window = settings.receiving_mac_address
    if not window.enabled:
        return EVERYBODY
    return Admission(frozenset(window.addresses), permits=window.policy is MacPolicy.PERMIT)


class MacFilter(Service):
    """Keeps the wire's rule what the window says."""

    log = Logger()

    def __init__(self, bench: Bench, known: dict[str, str]) -> None:
        self._bench = bench
        self._known = known
        self._forget: Any = None

    def startService(self) -> None:
        """Have the rule hold, before anything listens."""
        Service.startService(self)
        self.log.info("MAC address filter: {way}", way=self._bench.link.way.name)
        self._forget = self._bench.device.observe(self._observe)
        self._hold()

    def stopService(self) -> None:
        """Look no more; the rule holds to the end."""
        Service.stopService(self)
        self._forget()

    def change_known(self, known: dict[str, str]) -> None:
        """Take other addresses for known."""
        self._known = known
        self._hold()

    def _observe(self, event: Event) -> None:
        changed = event.changes if isinstance(event, SettingsChanged) else ()
        if any(key.startswith(_WINDOW) for key in changed):
            self._hold()

    def _hold(self) -> None:
        self._bench.link.change(admission(self._bench.device.settings), self._known)
