"""The print queue: received mails become documents in the tray, while there is paper (docs/printing).

A pool of workers decodes and prints; nothing is decoded here. A mail leaves the
memory once its document is safe in the tray, and is kept (`retention`). The document's record names its
mails, so that a crash in between does not print one twice.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path

import attrs
from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.configuration_sections import MB
from irsend.device import codes
from irsend.device.device import Device
from irsend.device.documents import Document
from irsend.device.events import Event, PaperChanged
from irsend.device.job_results import LONGEST_REASON, MAIL_DELETED, finished_jobs, printed_jobs
from irsend.device.jobs import Job
from irsend.message.parsed_message import Problem
from irsend.services.error_text import OWN_ERROR
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.print.print_pool import Answer, CannotPrint, CannotPrintNow, IPrintPool
from irsend.services.print.retention import Retention
from irsend.services.received_mail import ReceivedMail
from irsend.services.retries import Retries
from irsend.services.send.notifier import Notifier
from irsend.store.group_commit import InThread
from irsend.store.memory import Memory
from irsend.store.tray import PrintedMails, Tray

_LARGEST = 500 * MB
"""Octets of a document."""
_PART_DELETED = "A part of a divided mail is in memory no more: another program has deleted it."


@define(eq=False)
class _Order:
    """Mails that become one document: one, or the parts of a divided one."""

    mails: list[ReceivedMail]
    """In order; duplicates of parts come last."""
    parts: int
    """How many of them are printed; the rest are duplicates."""
    instead: Problem | None
    """Printed in place of their content."""
    printing: Deferred[None] | None = None
    keeping: bool = False
    """Its document is being put into the tray: it cannot be cancelled any more."""
    cancelled: bool = False
    over: bool = False
    _waiting: list[Deferred[None]] = field(factory=list)

    @property
    def job(self) -> Job:
        """The job that has the document's number: that of the first part."""
        return self.mails[0].job

    @job.setter
    def job(self, job: Job) -> None:
        self.mails[0] = attrs.evolve(self.mails[0], job=job)

    @property
    def jobs(self) -> list[Job]:
        """The jobs of its mails."""
        return [one.job for one in self.mails]

    @property
    def names(self) -> list[str]:
        """The names of its mails in memory."""
        return [one.name for one in self.mails]

    def has_one_of(self, serials: Collection[int]) -> bool:
        """Say whether one of its mails is that of a job with one of these serials."""
        return any(one.job.serial in serials for one in self.mails)

    def when_over(self) -> Deferred[None]:
        """Fire when it is no longer being printed."""
        over: Deferred[None] = Deferred()
        self._waiting.append(over)
        if self.over:
            self.end()
        return over

    def end(self) -> None:
        """Mark it as over, and fire each Deferred of `when_over`."""
        self.over = True
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)

    def cancel(self) -> None:
        """Cancel its printing, where that is possible still."""
        if self.printing is not None and not self.keeping:
            self.printing.cancel()


class PrintQueue(Service):
    """Prints what `dispatch` and `reassembly` give it."""

    log = Logger()

    def __init__(
        self,
        *,
        clock: IReactorTime,
        device: Device,
        memory: Memory,
        configuration: LiveConfiguration,
        tray: Tray,
        pool: IPrintPool,
        notifier: Notifier,
        retention: Retention,
        on_disk: InThread,
    ) -> None:
        self._device = device
        self._memory = memory
        self._configuration = configuration
        self._tray = tray
        self._pool = pool
        self._notifier = notifier
        self._retention = retention
        self._on_disk = on_disk
        self._waiting: deque[_Order] = deque()
        self._under_way: list[_Order] = []
        self._retries = Retries(clock)
        """Nothing is printed while one is pending: the disk is full, or has failed."""
        self._stop_observing: Callable[[], None] = lambda: None

    # -- its life -----------------------------------------------------------------

    def startService(self) -> None:
        """Print what waits, if there is paper."""
        Service.startService(self)
        self._stop_observing = self._device.observe(self._observe)
        self._print_more()

    def stopService(self) -> Deferred[None]:
        """Cancel what is being printed; it is printed after the next start."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        Service.stopService(self)
        self._stop_observing()
        self._retries.stop()
        self._waiting.clear()
        over = DeferredList([one.when_over() for one in self._under_way])
        for order in list(self._under_way):
            order.cancel()
        await over
        await self._pool.stop()

    def _observe(self, event: Event) -> None:
        if isinstance(event, PaperChanged):
            self._print_more()

    def enqueue(self, mail: ReceivedMail, instead: Problem | None = None) -> None:
        """Print a mail when there is paper; with `instead`, print that problem in place of its content."""
        self.enqueue_parts([mail], [], instead)

    def enqueue_parts(
        self,
        parts: list[ReceivedMail],
        duplicates: list[ReceivedMail],
        instead: Problem | None = None,
    ) -> None:
        """Print the parts of a divided mail as one document.

        `duplicates` of parts are not printed, and leave memory with them.
        """
        self._waiting.append(_Order([*parts, *duplicates], len(parts), instead))
        self._print_more()

    async def release(self, serials: Collection[int]) -> list[ReceivedMail]:
        """Cancel the printing of the mails of these jobs; return all mails that were to be printed with them.

        They are still in memory. Those whose document was printed meanwhile are left out.
        """
        meant = dict.fromkeys(one for one in self._waiting if one.has_one_of(serials))
        if meant:
            self._waiting = deque(one for one in self._waiting if one not in meant)
        released = [mail for order in meant for mail in order.mails]
        for order in list(self._under_way):
            if order.has_one_of(serials):
                order.cancelled = True
                order.cancel()
                await order.when_over()
                if order.job.ended is None:
                    released += order.mails
        return released

    # -- one after the other ------------------------------------------------------

    def _print_more(self) -> None:
        device = self._device
        while (
            self.running
            and device.paper
            and not self._retries.pending
            and self._waiting
            and len(self._under_way) < self._pool.at_once
        ):
            order = self._waiting.popleft()
            self._under_way.append(order)
            order.over = False
            order.job = device.printing_began(order.job)
            order.printing = Deferred.fromCoroutine(self._print(order))
            order.printing.addErrback(self._not_printed, order).addCallback(self._over, order)

    def _over(self, _: None, order: _Order) -> None:
        self._under_way.remove(order)
        order.end()
        self._print_more()

    def _not_printed(self, failure: Failure, order: _Order) -> None:
        """Put an order back: its mails are still in memory, and are printed later."""
        reason = ""
        of_the_disk = bool(failure.check(CannotPrintNow, OSError))
        if of_the_disk:
            reason = f"not printed yet: {failure.getErrorMessage()}"[:LONGEST_REASON]
            if not self._device.disk_failure and not self._retries.pending:
                self.log.error("Job {number}: {why}", number=order.job.number, why=reason)
        elif not failure.check(CancelledError):
            # It stays in memory until the next start, and does not hold up the others.
            reason = OWN_ERROR
            self.log.failure("While printing", failure)
        order.keeping = False
        order.job = self._device.printing_ended(order.job, result="waiting", reason=reason)
        if self.running and not order.cancelled and reason != OWN_ERROR:
            # Behind the others: the disk may fail for this mail alone.
            self._waiting.append(order)
        if of_the_disk and self.running and not self._retries.pending:
            self._retries.schedule(self._print_more)

    async def _print(self, order: _Order) -> None:
        device = self._device
        files, head_octets = await self._on_disk(lambda: self._look_for(order))
        if not files:
            await self._end(order, finished_jobs(order.jobs, "", MAIL_DELETED, device.now()))
            return
        if len(files) < order.parts:
            order.instead = Problem(code=codes.PARTS_NOT_JOINED, words=_PART_DELETED)
        directory = self._tray.new_directory()
        try:
            printed = await self._ask(order, files, directory)
            document = self._document(order, printed, directory)
            jobs = printed_jobs(order.jobs, document, images=int(printed["images"]))
            order.keeping = True
            before = await self._tray.keep(
                directory / _name(printed), PrintedMails(document=document, jobs=jobs)
            )
        except CannotPrint as error:
            # Not even its head could be printed.
            jobs = finished_jobs(order.jobs, error.code, str(error), device.now())
            await self._end(order, jobs)
            return
        finally:
            self._on_disk(lambda: shutil.rmtree(directory, ignore_errors=True))
        if before is not None:
            device.document_removed(before, f"its number {before.number} is used again")
        # Announced when its mails are deleted: who removes it at once also removes their record.
        await self._end(order, jobs, document)
        identity = str(printed["message_id"])
        await self._notifier.mail_printed(order.mails[0], order.job, identity, head_octets)
        await self._retention.apply()

    def _look_for(self, order: _Order) -> tuple[list[Path], bytes]:
        """Return the files of an order, and the head that an MDN needs (in a thread)."""
        memory = self._memory
        paths = [memory.path(name) for name in order.names[: order.parts]]
        first = order.mails[0]
        head_octets = memory.read_head(first.name) if first.requests.notify_to else b""
        return [path for path in paths if path is not None], head_octets

    async def _ask(self, order: _Order, files: list[Path], directory: Path) -> Answer:
        """Have an order printed; a mail that breaks the worker is printed as its head, with the reason."""
        limits = self._configuration.current.limits
        paths = [str(one) for one in files]
        words: dict[str, object] = {
            "files": paths,
            "into": str(directory),
            "paper": self._configuration.current.printing.paper,
            "prints": self._device.model.reception.prints,
            "most_pages": limits.printed_pages,
            "most_lines": limits.printed_lines,
            "most_octets": _LARGEST,
            "seconds": limits.print,
        }
        page_done = lambda page: self._device.page_printed(order.job, page)  # noqa: E731
        instead = order.instead
        if instead is None:
            try:
                return await self._pool.ask({"print": words}, page_done)
            except CannotPrint as error:
                why = f"The mail cannot be printed. {error}"
                instead = Problem(code=error.code, words=why)
        # Of a divided mail the head of the first part that is there.
        words |= {"instead": attrs.asdict(instead), "files": paths[:1]}
        return await self._pool.ask({"print": words}, page_done)

    def _document(self, order: _Order, printed: Answer, directory: Path) -> Document:
        return Document(
            serial=order.job.serial,
            number=order.job.number,
            pages=int(printed["pages"]),
            sender=str(printed["from"]),
            subject=str(printed["subject"]),
            printed=self._device.now(),
            codes=tuple(map(str, printed["codes"])),
            notices=tuple(map(str, printed["notices"])),
            size=(directory / _name(printed)).stat().st_size,
        )

    async def _end(
        self, order: _Order, jobs: tuple[Job, ...], document: Document | None = None
    ) -> None:
        """Free the memory of the mails, announce their document, and end their jobs."""
        order.keeping = True
        device = self._device
        try:
            kept = await self._retention.keep(order.names)
            jobs = tuple(
                one if one.mail_file in kept else attrs.evolve(one, mail_file=None)
                for one in jobs
            )
        except OSError:
            # A job that has ended and has a mail in memory: at the next start that is kept.
            pass
        if document is not None:
            device.document_printed(document)
        first, *others = jobs
        for other in others:
            device.job_changed(other)
        order.job = device.printing_ended(first)


def _name(printed: Answer) -> str:
    # A worker that a document has taken over could name a file elsewhere.
    return Path(str(printed["file"])).name
