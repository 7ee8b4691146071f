"""Receiving MAC Address Settings: what the window says holds on the machine's wire, at once (device.md 1).

How it is enforced is told by `link`.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from irsend.device.events import Event, SettingsChanged
from irsend.device.windows import MacPolicy, Settings
from irsend.link.admission import EVERYBODY, Admission
from irsend.services.bench import Bench

# How often the kernel is asked what it has dropped, in seconds.
_LOOKS_EVERY = 1
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
        self._told = 0
        self._looking = LoopingCall(self._look)
        self._looking.clock = bench.clock

    def startService(self) -> None:
        """Have the rule hold, before anything listens."""
        Service.startService(self)
        self.log.info("MAC address filter: {way}", way=self._bench.link.way.name)
        self._forget = self._bench.device.observe(self._observe)
        self._hold()

    def stopService(self) -> None:
        """Look no more; the rule holds to the end."""
        Service.stopService(self)
        if self._looking.running:
            self._looking.stop()
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
        rule = admission(self._bench.device.settings)
        try:
            self._bench.link.change(rule, self._known)
        except OSError as error:
            self.log.error(
                "The MAC address filter does not hold everywhere: {error}", error=error
            )
        if rule != EVERYBODY and not self._looking.running:
            self._looking.start(_LOOKS_EVERY, now=False)
        elif rule == EVERYBODY and self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        """Tell what the kernel has dropped: it does so without a word."""
        dropped = self._bench.link.dropped
        if dropped != self._told:
            self._told = dropped
            self._bench.device.peer_kept_off(dropped)
