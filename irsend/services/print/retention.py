"""Retention: keeps the tray within its limits; the oldest documents are removed first."""

from __future__ import annotations

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from irsend.configuration_sections import MB
from irsend.device.device import Device
from irsend.device.documents import Document
from irsend.services.live_configuration import LiveConfiguration
from irsend.store.journal import Journal
from irsend.store.tray import Tray

_HOUR = 3600


class Retention(Service):
    """Applies the limits of `[printing]` once an hour, and after each printed document."""

    log = Logger()

    def __init__(
        self,
        *,
        clock: IReactorTime,
        device: Device,
        journal: Journal,
        configuration: LiveConfiguration,
        tray: Tray,
    ) -> None:
        self._clock = clock
        self._device = device
        self._journal = journal
        self._configuration = configuration
        self._tray = tray
        self._timer: IDelayedCall | None = None
        self._under_way: Deferred[None] | None = None

    def startService(self) -> None:
        """Apply the limits now, and once an hour."""
        Service.startService(self)
        self._run()

    def stopService(self) -> Deferred[None] | None:
        """Stop; fires when nothing is being removed."""
        Service.stopService(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        return self._under_way

    def _run(self) -> None:
        self._timer = self._clock.callLater(_HOUR, self._run)
        self._under_way = Deferred.fromCoroutine(self.apply()).addBoth(self._ended)

    def _ended(self, _: object) -> None:
        self._under_way = None

    def _beyond_limits(self) -> list[tuple[Document, str]]:
        limits = self._configuration.current.printing
        return self._tray.beyond_limits(
            self._device.now(),
            most=limits.tray_documents,
            days=limits.tray_days,
            octets=limits.tray_size * MB,
        )

    async def apply(self) -> None:
        """Remove the documents beyond the limits; never fails."""
        device = self._device
        if not self._beyond_limits():
            return
        try:
            # Until the journal has its jobs, a document's record alone says which mails were printed.
            await self._journal.flush()
        except Exception:
            # Perhaps the disk is full: then removing documents makes room.
            self.log.failure("While the tray's limits were applied")
        found = self._beyond_limits()
        try:
            await self._tray.remove([document for document, _ in found])
        except OSError as error:
            self.log.error("Tray: {error}", error=str(error))
        for document, why in found:
            self.log.info(
                "Tray: document {number} was removed, since {why}",
                number=document.number,
                why=why,
            )
            device.document_removed(document, why)
