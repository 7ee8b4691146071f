"""Retention: keeps printed mails, and keeps them and the tray within their limits; the oldest go first."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from irsend.configuration_sections import MB
from irsend.device.device import Device
from irsend.device.documents import Document
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.unexpected import log_unexpected
from irsend.store.journal import Journal
from irsend.store.kept_mails import KeptMails
from irsend.store.mail_index import MailIndex
from irsend.store.memory import Memory
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
        memory: Memory,
        kept_mails: KeptMails,
        mail_index: MailIndex,
    ) -> None:
        self._clock = clock
        self._device = device
        self._journal = journal
        self._configuration = configuration
        self._tray = tray
        self._memory = memory
        self._kept_mails = kept_mails
        self._mail_index = mail_index
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

    async def keep(self, names: Sequence[str]) -> set[str]:
        """Move printed mails out of memory; return the names of those that are kept. OSError.

        Fires when none of them is in memory after a crash.
        """
        if self._configuration.current.printing.keep_mails:
            return await self._kept_mails.keep(names)
        await self._memory.delete_durably(names)
        return set()

    async def apply(self) -> None:
        """Remove the mails and documents beyond the limits; never fails."""
        await self._apply_to_mails()
        await self._apply_to_tray()

    async def _apply_to_mails(self) -> None:
        limits = self._configuration.current.printing
        beyond = self._kept_mails.beyond_limits(
            self._device.now(),
            most=limits.keep_mails,
            days=limits.keep_days,
            octets=limits.keep_size * MB,
        )
        gone = [*self._kept_mails.deleted_for_room(), *beyond]
        if not gone:
            return
        try:
            await self._kept_mails.remove(beyond)
            await self._mail_index.forget(gone)
        except OSError:
            # They are there still, and are removed with the next mail.
            return
        self.log.info("Kept mails: {count} of the oldest were removed", count=len(gone))

    async def _apply_to_tray(self) -> None:
        device = self._device
        if not self._beyond_limits():
            return
        try:
            # Until the journal has its jobs, a document's record alone says which mails were printed.
            await self._journal.flush()
        except Exception:
            # Perhaps the disk is full: then removing documents makes room.
            log_unexpected(self.log, "While the tray's limits were applied")
        found = self._beyond_limits()
        try:
            await self._tray.remove([document for document, _ in found])
        except OSError:
            # They are in it still, and are removed with the next document.
            return
        for document, why in found:
            self.log.info(
                "Tray: document {number} was removed, since {why}",
                number=document.number,
                why=why,
            )
            device.document_removed(document, why)
