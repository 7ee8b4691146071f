"""From the glass to the outbox: what is ordered is scanned, written as a mail, and kept.

A job is accepted when its mail will survive a crash, and not before; what is
wrong with the originals is said then, and nothing is queued.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import IO, Any

import attrs
from attrs import frozen
from twisted.internet.defer import Deferred, inlineCallbacks

from irsend.configuration_sections import MB
from irsend.device.jobs import Job, Recipient
from irsend.device.send_order import SendOrder
from irsend.device.send_policy import sender_address
from irsend.errors import MemoryFull
from irsend.message.compose import Attachment, Letter, compose
from irsend.message.style import Style
from irsend.services.bench import Bench
from irsend.services.send.delivery_results import DeliveryResult, too_large
from irsend.services.send.scanner import DOES_NOT_FIT, Scan, ScanFile, Scanner, ScanOrder
from irsend.store.outbox import Outbox, Outgoing
from irsend.store.receiver_features import ReceiverFeatures

# What a scan is multiplied with, in percent, to become lines of base64.
_PERCENT_IN_MAIL = 137
_HEAD = 4096
"""What a header and its boundaries take, about."""
_EXTENSIONS = {"application/pdf": "pdf", "image/tiff": "tif", "image/jpeg": "jpg"}


@frozen
class Scanned:
    """Pages on the disk, and what is to become of them."""

    order: SendOrder
    scan: Scan
    place: Path
    size: int
    """What its mail is going to have, about, in octets."""


class _TooLarge(Exception):
    """The mail is larger than Maximum Data Size for Sending."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class JobSubmission:
    """Makes jobs of orders."""

    def __init__(
        self, bench: Bench, outbox: Outbox, scanner: Scanner, receivers: ReceiverFeatures
    ) -> None:
        self._bench = bench
        self._outbox = outbox
        self._scanner = scanner
        self._receivers = receivers
        self._promised = 0
        """Octets of what is scanned and not in the outbox yet."""

    @inlineCallbacks
    def scan(self, order: SendOrder) -> Generator[Deferred[Any], Any, Scanned]:
        """Fire with the pages as they will be sent; may be cancelled. ScanRefused, MemoryFull."""
        bench = self._bench
        left = self._left()
        if left <= 0:
            raise MemoryFull
        place = self._outbox.new_place()
        try:
            scan: Scan = yield self._scanner.scan(
                ScanOrder(
                    files=tuple(
                        ScanFile(path=one.path, name=one.name) for one in order.originals
                    ),
                    into=place,
                    format=order.format,
                    resolution=order.resolution,
                    paper=order.paper,
                    profile=self._profile(order),
                    most_pages=bench.limits.pages,
                    most_octets=left * 100 // _PERCENT_IN_MAIL + 1,
                ),
                bench.device.page_scanned,
            )
            # In the meantime others have come.
            octets = sum(one.stat().st_size for one in scan.files)
            size = octets * _PERCENT_IN_MAIL // 100 + _HEAD + len(order.text)
            if size > self._left():
                raise MemoryFull(DOES_NOT_FIT)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        self._promised += size
        return Scanned(order, scan, place, size)

    def _left(self) -> int:
        """Return how many octets there is room for."""
        memory = self._bench.memory
        return memory.capacity - memory.used - self._outbox.used - self._promised

    @inlineCallbacks
    def accept(self, scanned: Scanned) -> Generator[Deferred[Any], Any, Outgoing | Job]:
        """Fire with what is in the outbox now, or with a job that has ended at once (#705).

        Fails with MemoryFull or OSError; nothing is left of it then.
        """
        try:
            outcome: Outgoing | Job = yield self._keep(scanned)
            return outcome
        finally:
            self._promised -= scanned.size
            # Nobody waits for it: whoever has ordered can cancel the job from here on.
            self._bench.on_disk(lambda: shutil.rmtree(scanned.place, ignore_errors=True))

    def _profile(self, order: SendOrder) -> str:
        """Return the I-Fax profile: S, which everybody takes, or better where all receivers are known to."""
        if order.kind != "ifax":
            return ""
        if order.full:
            wanted = ("C", "F") if order.format == "jpeg" else ("F",)
            for profile in wanted:
                if all(self._receivers.accept(address, profile) for address in order.to):
                    return profile
        return "S"

    @inlineCallbacks
    def _keep(self, scanned: Scanned) -> Generator[Deferred[Any], Any, Outgoing | Job]:
        order, scan = scanned.order, scanned.scan
        bench, window = self._bench, self._bench.device.settings.email_ifax
        subject = order.subject or window.default_subject
        job = bench.device.new_job(
            "tx",
            order.to[0],
            kind=order.kind,
            subject=subject,
            pages=scan.pages,
            recipients=tuple(Recipient(address=one) for one in order.to),
        )
        letter = self._letter(order, scan, job)
        style = Style(**attrs.asdict(bench.device.model.header))
        limit = window.maximum_data_size * MB

        def write(into: IO[bytes]) -> tuple[Outgoing, bytes]:
            composed = compose(letter, style, into)
            if limit and composed.size > limit and not window.divided_send:
                raise _TooLarge(composed.size)
            if composed.size > self._left() + scanned.size:
                raise MemoryFull(DOES_NOT_FIT)
            outgoing = Outgoing(
                job=attrs.evolve(job, size=composed.size),
                sender=letter.sender,
                message_id=composed.message_id,
                head_length=composed.head_length,
                full=order.full,
            )
            return outgoing, composed.eight_bit_head or b""

        try:
            kept: Outgoing = yield self._outbox.accept(write)
        except _TooLarge as large:
            return self._refused(job, too_large(large.size, limit), large.size)
        bench.device.job_changed(kept.job)
        return kept

    def _refused(self, job: Job, why: DeliveryResult, size: int) -> Job:
        refused: dict[str, Any] = {"result": "NG", "code": why.code, "reason": why.reason}
        return self._bench.device.job_changed(
            job,
            size=size,
            ended=self._bench.device.now(),
            recipients=tuple(attrs.evolve(one, **refused) for one in job.recipients),
            **refused,
        )

    def _letter(self, order: SendOrder, scan: Scan, job: Job) -> Letter:
        bench = self._bench
        device = bench.device
        sender = sender_address(device.settings, device.model.name, bench.host)
        return Letter(
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
