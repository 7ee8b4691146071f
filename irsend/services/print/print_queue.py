"""Printing: received mails become documents in the tray, while there is paper (device.md sections 5 and 7).

Orders go to a pool of workers; nothing is decoded here. A mail leaves the memory
once its document is safe in the tray. Whatever happens in between, it is
printed once: the document's record names its mails.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import attrs
from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList, inlineCallbacks
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.configuration_sections import MB
from irsend.device import codes
from irsend.device.documents import Document
from irsend.device.events import Event, PaperChanged
from irsend.device.job_results import LONGEST_REASON, TAKEN, finished_jobs, printed_jobs
from irsend.device.jobs import Job
from irsend.errors import CannotCancel
from irsend.message.parsed_message import Problem
from irsend.services.bench import Bench
from irsend.services.print.print_pool import CannotPrint, NoRoom, PrintPool
from irsend.services.receive.dispatch import Mail
from irsend.services.send.delivery_results import OWN_ERROR
from irsend.store.tray import PrintedMails, Tray

# How long it waits when the disk has failed, in seconds.
_DISK_PAUSE = 60
_LARGEST = 500 * MB
"""Octets of a document."""
_PART_TAKEN = "A part of a divided mail is in memory no more: somebody else has deleted it."


@define(eq=False)
class _Order:
    """Mails that become one document: one, or the parts of a divided one."""

    mails: list[Mail]
    """In order; behind them those that are the same once more."""
    parts: int
    """So many of them are printed."""
    instead: Problem | None
    """Printed in place of what they hold."""
    printing: Deferred[None] | None = None
    keeping: bool = False
    """Its document is being put into the tray: it is not to be broken off any more."""
    cancelled: bool = False
    over: bool = False
    _waiting: list[Deferred[None]] = field(factory=list)

    @property
    def job(self) -> Job:
        """The job that stands for the document: that of the first part."""
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
        """What its mails are called in memory."""
        return [one.name for one in self.mails]

    def when_over(self) -> Deferred[None]:
        """Fire when it is neither printed nor waited for any more."""
        over: Deferred[None] = Deferred()
        self._waiting.append(over)
        if self.over:
            self.end()
        return over

    def end(self) -> None:
        """Be over, and tell it."""
        self.over = True
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)

    def break_off(self) -> None:
        """Give it up, where that can be."""
        if self.printing is not None and not self.keeping:
            self.printing.cancel()


class PrintQueue(Service):
    """Prints what has been sorted."""

    log = Logger()

    def __init__(
        self,
        bench: Bench,
        tray: Tray,
        pool: PrintPool,
        answer: Callable[[Mail, Job, str, bytes], Deferred[None]],
        apply_limits: Callable[[], Deferred[None]],
    ) -> None:
        self._bench = bench
        self._tray = tray
        self._pool = pool
        self._answer = answer
        self._tidy = apply_limits
        self._waiting: deque[_Order] = deque()
        self._under_way: list[_Order] = []
        self._pause: IDelayedCall | None = None
        self._forget: Any = None

    # -- its life -----------------------------------------------------------------

    def startService(self) -> None:
        """Print what waits, where there is paper."""
        Service.startService(self)
        self._forget = self._bench.device.observe(self._observe)
        self._print_more()

    @inlineCallbacks
    def stopService(self) -> Generator[Deferred[Any], Any, None]:
        """Break off what is being printed; it is printed after the next start."""
        Service.stopService(self)
        self._forget()
        if self._pause is not None and self._pause.active():
            self._pause.cancel()
        self._waiting.clear()
        over = DeferredList([one.when_over() for one in self._under_way])
        for order in list(self._under_way):
            order.break_off()
        yield over
        yield self._pool.stop()

    def _observe(self, event: Event) -> None:
        if isinstance(event, PaperChanged):
            self._print_more()

    def take(
        self, mails: list[Mail], doubles: list[Mail], instead: Problem | None = None
    ) -> None:
        """Print mails as one document; `instead` of what they hold, where something is wrong with that.

        `doubles` are the same as some of them: they leave memory with them, and are not printed.
        """
        self._waiting.append(_Order([*mails, *doubles], len(mails), instead))
        self._print_more()

    @inlineCallbacks
    def let_go(self, job: Job) -> Generator[Deferred[Any], Any, list[Mail]]:
        """Break off the printing of a mail; fires with all mails that were to be printed with it.

        They are in memory still. CannotCancel where their document came out meanwhile.
        """
        for order in list(self._waiting):
            if _is_for(order, job):
                self._waiting.remove(order)
                return order.mails
        for order in list(self._under_way):
            if _is_for(order, job):
                order.cancelled = True
                order.break_off()
                yield order.when_over()
                if order.job.ended is not None:
                    raise CannotCancel(f"Job {job.number} has ended ({order.job.result}).")
                return order.mails
        return []

    # -- one after the other ------------------------------------------------------

    def _print_more(self) -> None:
        device = self._bench.device
        while (
            self.running
            and device.paper
            and self._pause is None
            and self._waiting
            and len(self._under_way) < self._pool.at_once
        ):
            order = self._waiting.popleft()
            self._under_way.append(order)
            order.over = False
            order.job = device.printing_began(order.job)
            order.printing = self._print(order)
            order.printing.addErrback(self._broken_off, order).addCallback(self._over, order)

    def _over(self, _: None, order: _Order) -> None:
        self._under_way.remove(order)
        order.end()
        self._print_more()

    def _broken_off(self, failure: Failure, order: _Order) -> None:
        """Put it back: it is in memory still, and is printed later."""
        reason = ""
        of_the_disk = bool(failure.check(NoRoom, OSError))
        if of_the_disk:
            reason = f"not printed yet: {failure.getErrorMessage()}"[:LONGEST_REASON]
            self.log.error("Job {number}: {why}", number=order.job.number, why=reason)
        elif not failure.check(CancelledError):
            # It stays in memory, and does not keep others from being printed.
            reason = OWN_ERROR
            self.log.failure("While printing", failure)
        order.keeping = False
        order.job = self._bench.device.printing_ended(
            order.job, result="waiting", reason=reason
        )
        if self.running and not order.cancelled and reason != OWN_ERROR:
            # Behind the others: it may be this mail alone that the disk does not give.
            self._waiting.append(order)
        if of_the_disk and self.running and self._pause is None:
            self._pause = self._bench.clock.callLater(_DISK_PAUSE, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._print_more()

    @inlineCallbacks
    def _print(self, order: _Order) -> Generator[Deferred[Any], Any, None]:
        bench = self._bench
        files, beginning = yield bench.on_disk(lambda: self._look_for(order))
        if not files:
            yield self._end(order, finished_jobs(order.jobs, "", TAKEN, bench.device.now()))
            return
        if len(files) < order.parts:
            order.instead = Problem(code=codes.PARTS_NOT_JOINED, words=_PART_TAKEN)
        place = self._tray.new_place()
        try:
            printed: dict[str, Any] = yield self._ask(order, files, place)
            document = self._document(order, printed, place)
            jobs = printed_jobs(order.jobs, document, images=int(printed["images"]))
            order.keeping = True
            before: Document | None = yield self._tray.keep(
                place / _name(printed), PrintedMails(document=document, jobs=jobs)
            )
        except CannotPrint as error:
            # Not even its head.
            jobs = finished_jobs(order.jobs, error.code, str(error), bench.device.now())
            yield self._end(order, jobs)
            return
        finally:
            bench.on_disk(lambda: shutil.rmtree(place, ignore_errors=True))
        if before is not None:
            bench.device.document_removed(before, f"its number {before.number} is used again")
        # Announced when its mail is gone: whoever takes it out at once takes the record with it.
        yield self._end(order, jobs, document)
        yield self._answer(order.mails[0], order.job, str(printed["message_id"]), beginning)
        yield self._tidy()

    def _look_for(self, order: _Order) -> tuple[list[Path], bytes]:
        """Return the files of an order, and the head that an answer needs (in a thread)."""
        memory = self._bench.memory
        paths = [memory.path(name) for name in order.names[: order.parts]]
        first = order.mails[0]
        beginning = memory.beginning(first.name) if first.requests.notify_to else b""
        return [path for path in paths if path is not None], beginning

    @inlineCallbacks
    def _ask(
        self, order: _Order, files: list[Path], place: Path
    ) -> Generator[Deferred[Any], Any, dict[str, Any]]:
        """Have it printed; what breaks the worker is printed as its head, and why."""
        limits = self._bench.limits
        words: dict[str, Any] = {
            "files": [str(one) for one in files],
            "into": str(place),
            "paper": self._bench.printing.paper,
            "prints": self._bench.device.model.reception.prints,
            "most_pages": limits.printed_pages,
            "most_lines": limits.printed_lines,
            "most_octets": _LARGEST,
            "seconds": limits.print,
        }
        told = lambda page: self._bench.device.page_printed(order.job, page)  # noqa: E731
        instead = order.instead
        if instead is None:
            try:
                printed: dict[str, Any] = yield self._pool.ask({"print": words}, told)
                return printed
            except CannotPrint as error:
                why = f"The mail cannot be printed. {error}"
                instead = Problem(code=error.code, words=why)
        # Of a divided mail the head of the first part that is there.
        words |= {"instead": attrs.asdict(instead), "files": words["files"][:1]}
        printed = yield self._pool.ask({"print": words}, told)
        return printed

    def _document(self, order: _Order, printed: dict[str, Any], place: Path) -> Document:
        return Document(
            serial=order.job.serial,
            number=order.job.number,
            pages=int(printed["pages"]),
            sender=str(printed["from"]),
            subject=str(printed["subject"]),
            printed=self._bench.device.now(),
            codes=tuple(map(str, printed["codes"])),
            notices=tuple(map(str, printed["notices"])),
            size=(place / _name(printed)).stat().st_size,
        )

    @inlineCallbacks
    def _end(
        self, order: _Order, jobs: tuple[Job, ...], document: Document | None = None
    ) -> Generator[Deferred[Any], Any, None]:
        """Free what the mails take, tell of their document, and end their jobs."""
        order.keeping = True
        device = self._bench.device
        try:
            yield self._bench.delete_mails(order.names)
            jobs = tuple(attrs.evolve(one, held_as=None) for one in jobs)
        except OSError as error:
            # A job that has ended and holds a mail: at the next start that is deleted.
            self.log.error("A printed mail was not deleted: {error}", error=str(error))
        if document is not None:
            device.document_printed(document)
        first, *others = jobs
        for other in others:
            device.job_changed(other)
        order.job = device.printing_ended(first)


def _is_for(order: _Order, job: Job) -> bool:
    return any(one.job.serial == job.serial for one in order.mails)


def _name(printed: dict[str, Any]) -> str:
    # What a worker says is not believed to stay in its place.
    return Path(str(printed["file"])).name
