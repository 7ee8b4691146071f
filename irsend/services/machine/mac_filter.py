"""Receiving MAC Address Settings: the window's rule, put into force on the machine's link at once.

`link` enforces it (docs/mac-filter).
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from irsend.device.device import Device
from irsend.device.events import Event, SettingsChanged
from irsend.device.windows import MacPolicy, Settings
from irsend.link.admission import EVERYBODY, Admission
from irsend.link.link import Link
from irsend.services.live_configuration import LiveConfiguration

# Seconds between two readings of the kernel's counter of dropped frames.
_COUNTS_EVERY = 1
_WINDOW = "receiving_mac_address."


def admission(settings: Settings) -> Admission:
    """Return the rule that the window makes."""
    window = settings.receiving_mac_address
    if not window.enabled:
        return EVERYBODY
    return Admission(frozenset(window.addresses), permits=window.policy is MacPolicy.PERMIT)


class MacFilter(Service):
    """Keeps the rule of a link equal to the window."""

    log = Logger()

    def __init__(
        self,
        *,
        clock: IReactorTime,
        device: Device,
        link: Link,
        configuration: LiveConfiguration,
    ) -> None:
        self._device = device
        self._link = link
        self._configuration = configuration
        self._stop_observing: Callable[[], None] = lambda: None
        self._reported = 0
        self._counting = LoopingCall(self._report_dropped)
        self._counting.clock = clock

    def startService(self) -> None:
        """Put the rule into force, before anything listens."""
        Service.startService(self)
        self.log.info("MAC address filter: {way}", way=self._link.way.name, log_system="irsend")
        self._stop_observing = self._device.observe(self._observe)
        self.apply()

    def stopService(self) -> None:
        """Stop observing; the rule stays in force until the process ends."""
        Service.stopService(self)
        if self._counting.running:
            self._counting.stop()
        self._stop_observing()

    def apply(self) -> None:
        """Put into force the rule of the present settings and `[link] addresses`."""
        rule = admission(self._device.settings)
        try:
            self._link.change(rule, self._configuration.current.link.addresses)
        except OSError as error:
            self.log.error(
                "The MAC address filter does not hold everywhere: {error}", error=error
            )
        if rule != EVERYBODY and not self._counting.running:
            self._counting.start(_COUNTS_EVERY, now=False)
        elif rule == EVERYBODY and self._counting.running:
            self._counting.stop()

    def _observe(self, event: Event) -> None:
        changed = event.changes if isinstance(event, SettingsChanged) else ()
        if any(key.startswith(_WINDOW) for key in changed):
            self.apply()

    def _report_dropped(self) -> None:
        """Report to the device how many frames were dropped: the kernel only counts them."""
        dropped = self._link.dropped
        if dropped != self._reported:
            self._reported = dropped
            self._device.peer_kept_off(dropped)
