"""Tidying: the tray is kept within its limits, the oldest documents going first, and each is announced."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from irsend.configuration_sections import MB
from irsend.device.documents import Document
from irsend.services.bench import Bench
from irsend.store.tray import Tray

_HOUR = 3600


class Retention(Service):
    """Looks once an hour, and whenever it is asked to."""

    log = Logger()

    def __init__(self, bench: Bench, tray: Tray) -> None:
        self._bench = bench
        self._tray = tray
        self._timer: IDelayedCall | None = None
        self._under_way: Deferred[None] | None = None

    def startService(self) -> None:
        """Look now, and once an hour."""
        Service.startService(self)
        self._look()

    def stopService(self) -> Deferred[None] | None:
        """Look no more; fires when nothing is being removed."""
        Service.stopService(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        return self._under_way

    def _look(self) -> None:
        self._timer = self._bench.clock.callLater(_HOUR, self._look)
        self._under_way = self.apply_limits().addBoth(self._looked)

    def _looked(self, _: object) -> None:
        self._under_way = None

    def _in_the_way(self) -> list[tuple[Document, str]]:
        limits = self._bench.printing
        return self._tray.too_many(
            self._bench.device.now(),
            most=limits.tray_documents,
            days=limits.tray_days,
            octets=limits.tray_size * MB,
        )

    @inlineCallbacks
    def apply_limits(self) -> Generator[Deferred[Any], Any, None]:
        """Remove what is in the way; never fails."""
        device = self._bench.device
        if not self._in_the_way():
            return
        try:
            # Until the journal has its jobs, a document's record alone says which mails were printed.
            yield self._bench.journal.flush()
        except Exception:
            # A full disk, perhaps: what goes makes room.
            self.log.failure("While tidying the tray")
        found = self._in_the_way()
        try:
            yield self._tray.remove([document for document, _ in found])
        except OSError as error:
            self.log.error("Tray: {error}", error=str(error))
        for document, why in found:
            self.log.info(
                "Tray: document {number} was removed, since {why}",
                number=document.number,
                why=why,
            )
            device.document_removed(document, why)
