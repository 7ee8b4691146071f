"""Job submission: an order is scanned, written as a mail, and kept in the outbox.

A job is accepted when its mail will survive a crash, and not before. Where the
originals cannot be read the order is refused, and nothing is queued.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

import attrs
from attrs import frozen

from irsend.configuration_sections import MB
from irsend.device.device import Device
from irsend.device.jobs import Job, Recipient
from irsend.device.send_order import SendOrder
from irsend.device.send_policy import sender_address
from irsend.errors import MemoryFull
from irsend.message.compose import Attachment, Draft, compose
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.send.delivery_results import DeliveryResult, too_large
from irsend.services.send.quirks import style_of
from irsend.services.send.scanner import DOES_NOT_FIT, Scan, ScanFile, Scanner, ScanOrder
from irsend.store.group_commit import InThread
from irsend.store.memory import Memory
from irsend.store.outbox import Outbox, Outgoing
from irsend.store.receiver_features import ReceiverFeatures

# The size of a scan in base64, in percent of its own.
_PERCENT_IN_MAIL = 137
_HEAD = 4096
"""Octets of a header and the boundaries, approximately."""
_EXTENSIONS = {"application/pdf": "pdf", "image/tiff": "tif", "image/jpeg": "jpg"}


@frozen
class Scanned:
    """The scanned pages of an order, on the disk."""

    order: SendOrder
    scan: Scan
    directory: Path
    size: int
    """The approximate size of its mail, in octets."""


class _TooLarge(Exception):
    """The mail is larger than Maximum Data Size for Sending."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class JobSubmission:
    """Makes a job of each order."""

    def __init__(
        self,
        *,
        device: Device,
        memory: Memory,
        configuration: LiveConfiguration,
        outbox: Outbox,
        scanner: Scanner,
        receiver_features: ReceiverFeatures,
        on_disk: InThread,
    ) -> None:
        self._device = device
        self._memory = memory
        self._configuration = configuration
        self._outbox = outbox
        self._scanner = scanner
        self._receiver_features = receiver_features
        self._on_disk = on_disk
        self._reserved = 0
        """Octets of the scans that are not in the outbox yet."""

    async def scan(self, order: SendOrder) -> Scanned:
        """Return the pages as they will be sent; may be cancelled. ScanRefused, MemoryFull."""
        left = self._left()
        if left <= 0:
            raise MemoryFull
        directory = self._outbox.new_directory()
        try:
            scan = await self._scanner.scan(
                ScanOrder(
                    files=tuple(
                        ScanFile(path=one.path, name=one.name) for one in order.originals
                    ),
                    into=directory,
                    format=order.format,
                    resolution=order.resolution,
                    paper=order.paper,
                    profile=self._profile(order),
                    most_pages=self._configuration.current.limits.pages,
                    most_octets=left * 100 // _PERCENT_IN_MAIL + 1,
                ),
                self._device.page_scanned,
            )
            # Other jobs may have come meanwhile.
            octets = sum(one.stat().st_size for one in scan.files)
            size = octets * _PERCENT_IN_MAIL // 100 + _HEAD + len(order.text)
            if size > self._left():
                raise MemoryFull(DOES_NOT_FIT)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        self._reserved += size
        return Scanned(order, scan, directory, size)

    def _left(self) -> int:
        """Return for how many octets memory has room."""
        memory = self._memory
        return memory.capacity - memory.used - self._outbox.used - self._reserved

    async def accept(self, scanned: Scanned) -> Outgoing | Job:
        """Return the record in the outbox, or a job that has ended at once (#705).

        Fails with MemoryFull or OSError; nothing is kept then.
        """
        try:
            return await self._keep(scanned)
        finally:
            self._reserved -= scanned.size
            # Not awaited: from here on the job can be cancelled.
            self._on_disk(lambda: shutil.rmtree(scanned.directory, ignore_errors=True))

    def _profile(self, order: SendOrder) -> str:
        """Return the I-Fax profile: S, or a better one that all receivers are known to take."""
        if order.kind != "ifax":
            return ""
        if order.full:
            wanted = ("C", "F") if order.format == "jpeg" else ("F",)
            for profile in wanted:
                if all(
                    self._receiver_features.accept(address, profile) for address in order.to
                ):
                    return profile
        return "S"

    async def _keep(self, scanned: Scanned) -> Outgoing | Job:
        order, scan = scanned.order, scanned.scan
        device, window = self._device, self._device.settings.email_ifax
        subject = order.subject or window.default_subject
        job = device.new_job(
            "tx",
            order.to[0],
            kind=order.kind,
            subject=subject,
            pages=scan.pages,
            recipients=tuple(Recipient(address=one) for one in order.to),
        )
        draft = self._draft(order, scan, job)
        style = style_of(device.model.header, device.settings.quirks)
        limit = window.maximum_data_size * MB

        def write(into: IO[bytes]) -> tuple[Outgoing, bytes]:
            composed = compose(draft, style, into)
            if limit and composed.size > limit and not window.divided_send:
                raise _TooLarge(composed.size)
            if composed.size > self._left() + scanned.size:
                raise MemoryFull(DOES_NOT_FIT)
            outgoing = Outgoing(
                job=attrs.evolve(job, size=composed.size),
                sender=draft.sender,
                message_id=composed.message_id,
                head_length=composed.head_length,
                full=order.full,
            )
            return outgoing, composed.eight_bit_head or b""

        try:
            kept = await self._outbox.accept(write)
        except _TooLarge as large:
            return self._refused(job, too_large(large.size, limit), large.size)
        device.job_changed(kept.job)
        return kept

    def _refused(self, job: Job, why: DeliveryResult, size: int) -> Job:
        return self._device.job_changed(
            job,
            size=size,
            ended=self._device.now(),
            recipients=tuple(
                attrs.evolve(one, result="NG", code=why.code, reason=why.reason)
                for one in job.recipients
            ),
            result="NG",
            code=why.code,
            reason=why.reason,
        )

    def _draft(self, order: SendOrder, scan: Scan, job: Job) -> Draft:
        device = self._device
        sender = sender_address(device.settings, device.model.name, self._configuration.host)
        return Draft(
            at=job.started,
            number=job.number,
            count=job.serial % 10_000,
            sender=sender,
            recipients=order.to,
            subject=job.subject,
            text=order.text,
            domain=sender.rpartition("@")[2],
            notify_to=sender if order.full else "",
            attachments=tuple(
                Attachment(
                    type=scan.type,
                    extension=_EXTENSIONS[scan.type.partition(";")[0]],
                    open=_opener(path),
                )
                for path in scan.files
            ),
        )


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")
