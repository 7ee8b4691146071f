"""The machine's front: what the panel asks (`IMachine`), answered by the parts that `machine` puts together.

It decides nothing: each question goes to the part that knows.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.configuration import Configuration
from irsend.device import codes
from irsend.device.device import Device
from irsend.device.documents import Document, PageText, TextLine
from irsend.device.events import JobChanged
from irsend.device.jobs import Job
from irsend.device.send_order import Original, SendOrder, read_order
from irsend.device.sessions import Session
from irsend.device.status import StatusEntry
from irsend.errors import (
    CannotCancel,
    CannotDraw,
    NoSuchRecord,
    SettingsRefused,
    ValueRefused,
)
from irsend.interfaces import TranscriptLine
from irsend.machine_interface import IMachine
from irsend.services.bench import Bench
from irsend.services.machine.keyring import Keyring
from irsend.services.machine.settings_precedence import SettingsPrecedence
from irsend.services.print.print_pool import CannotPrint, NoRoom, PrintPool
from irsend.services.print.print_queue import PrintQueue
from irsend.services.receive.dispatch import Dispatch
from irsend.services.receive.pop_poller import POPPoller
from irsend.services.receive.reassembly import Reassembly
from irsend.services.send.send_queue import SendQueue
from irsend.store.journal import Journal
from irsend.store.memory import Memory
from irsend.store.outbox import Outbox
from irsend.store.saved_settings import SavedSettings
from irsend.store.tray import Tray

_DRAWN_WITHIN = 30
"""Seconds of CPU that a page to look at, or a report, may take."""


@implementer(IMachine)
class Control:
    """Half of a machine; `Machine` is the other half, and makes what stands here."""

    configuration: Configuration
    device: Device
    polling: POPPoller
    _bench: Bench
    _journal: Journal
    _keyring: Keyring
    _precedence: SettingsPrecedence
    _outbox: Outbox
    _saved: SavedSettings
    _sending: SendQueue
    _sorting: Dispatch
    _joining: Reassembly
    _printing: PrintQueue
    _drawing: PrintPool
    _tray: Tray
    _in_thread: Callable[[Callable[[], Any]], Deferred[Any]]

    # -- key and certificate ----------------------------------------------------

    def key_description(self) -> dict[str, Any] | None:
        """Return what is known of the certificate in use."""
        return self._keyring.describe()

    def generate_key(self) -> Deferred[dict[str, Any]]:
        """Make and use a new key."""
        return self._keyring.generate(self.configuration.tls.hostnames, self._in_thread)

    def import_key(self, certificate: bytes, key: bytes) -> dict[str, Any]:
        """Keep and use another key from the next session on."""
        return self._keyring.take(certificate, key)

    @property
    def mails(self) -> Memory:
        """The memory, with what was received and is not printed yet."""
        return self._bench.memory

    # -- what the panel asks ------------------------------------------------------

    def memory(self) -> tuple[int, int]:
        """Return octets in use and capacity."""
        return self._bench.memory.used + self._outbox.used, self._bench.memory.capacity

    def mac_filter(self) -> tuple[str, int]:
        """Ask the wire."""
        return self._bench.link.way.name, self._bench.link.dropped

    def change_settings(self, given: dict[str, object]) -> dict[str, Any]:
        """Change items at the machine."""
        return self.device.change_settings(given)

    def factory_reset(self) -> None:
        """Forget what was changed at the machine; what the configuration says holds again."""
        settings = self._precedence.as_configured(self.configuration)
        try:
            self._keyring.check(settings)
        except ValueRefused as error:
            raise SettingsRefused([error]) from None
        self._saved.forget()
        self.device.reset_settings(settings)

    def receive(self) -> Deferred[Session]:
        """Fetch from the POP server now."""
        return self.polling.receive()

    def scan_directory(self) -> Path:
        """Make a directory for originals in the outbox, where nothing survives a restart."""
        return self._outbox.new_place()

    def read_order(self, originals: Sequence[Original], given: dict[str, object]) -> SendOrder:
        """Read an order as the settings stand."""
        return read_order(self.device, originals, given)

    def send(self, order: SendOrder) -> Deferred[Job]:
        """Scan and queue."""
        return self._sending.send(order)

    def job_ended(self, number: str) -> Deferred[Job]:
        """Watch the device; a job that has ended already is told by the journal."""
        ended: Deferred[Job] = Deferred(lambda _: forget())

        def tell(job: Job) -> None:
            if job.number == number and job.ended is not None and not ended.called:
                forget()
                ended.callback(job)

        forget = self.device.observe(
            lambda event: tell(event.job) if isinstance(event, JobChanged) else None
        )

        def not_there(failure: Failure) -> None:
            if not ended.called:
                forget()
                ended.errback(failure)

        self._journal.job(number).addCallback(tell).addErrback(not_there)
        return ended

    def next_login(self) -> float | None:
        """Ask the polling."""
        return self.polling.next_login

    def status_history(self, limit: int = 100) -> Deferred[list[StatusEntry]]:
        """Ask the journal."""
        return self._journal.status_history(limit)

    def sessions(
        self,
        limit: int = 100,
        before: int | None = None,
        kind: str | None = None,
        peer: str | None = None,
        result: str | None = None,
        code: str | None = None,
    ) -> Deferred[list[Session]]:
        """Put those under way before those of the journal."""
        filters = {"kind": kind, "peer": peer, "result": result, "code": code}
        wanted = {name: value for name, value in filters.items() if value}

        # Before the journal is asked: who ends in between is in both, not in neither.
        under_way = [
            session
            for session in self.device.sessions.values()
            if (before is None or session.id < before)
            and all(getattr(session, name) == value for name, value in wanted.items())
        ]

        def together(ended: list[Session]) -> list[Session]:
            by_id = {session.id: session for session in (*under_way, *ended)}
            return sorted(by_id.values(), key=lambda session: -session.id)[:limit]

        return self._journal.sessions(limit, before, **wanted).addCallback(together)

    @inlineCallbacks
    def session(self, id: int) -> Any:
        """Look among those under way, then in the journal."""
        under_way = self.device.sessions.get(id)
        return under_way if under_way is not None else (yield self._journal.session(id))

    def settings_at(self, at: float) -> Deferred[dict[str, Any]]:
        """Ask the journal."""
        return self._journal.settings_at(at)

    @inlineCallbacks
    def transcript(self, id: int) -> Any:
        """Look among those under way, then in the state directory."""
        under_way = self._bench.transcripts.get(id)
        lines: list[TranscriptLine] = (
            under_way.lines() if under_way is not None else (yield self._journal.transcript(id))
        )
        return lines

    def jobs(self, limit: int = 100) -> Deferred[list[Job]]:
        """Ask the journal."""
        return self._journal.jobs(limit)

    def job(self, number: str) -> Deferred[Job]:
        """Ask the journal."""
        return self._journal.job(number)

    @inlineCallbacks
    def cancel_job(self, number: str) -> Any:
        """Cancel a job that waits or runs (#995): a received mail leaves the memory unprinted.

        With one part of a divided mail that is being printed go the others.
        """
        job: Job = yield self._journal.job(number)
        if job.direction == "tx":
            return (yield self._sending.cancel(job))
        if job.held_as is None or job.ended is not None:
            raise CannotCancel(
                f"Job {number} has ended ({job.result}); only one that waits can be cancelled."
            )
        left = [job]
        if not self._sorting.let_go(job) and not self._joining.let_go(job):
            mails = yield self._printing.let_go(job)
            left += [mail.job for mail in mails if mail.job.serial != job.serial]
        names = [one.held_as or "" for one in left]
        cancelled = {"result": "NG", "code": codes.CANCELLED, "ended": self.device.now()}
        left = [self.device.job_changed(one, **cancelled) for one in left]
        # The journal holds its end and its UIDL by now; so it is not fetched again.
        yield self._journal.flush()
        yield self._bench.delete_mails(names)
        job, *_ = [self.device.job_changed(one, held_as=None) for one in left]
        return job

    # -- paper --------------------------------------------------------------------

    def change_paper(self, paper: bool) -> None:
        """Put paper into the drawer, or take it out."""
        self.device.change_paper(paper)

    def documents(self) -> list[Document]:
        """Ask the tray."""
        return self._tray.documents()

    def document(self, number: str) -> Document:
        """Ask the tray."""
        return self._tray.find(number)

    def document_file(self, number: str) -> Path:
        """Ask the tray."""
        return self._tray.path(number)

    @inlineCallbacks
    def set_text(self, text: str, title: str) -> Any:
        """Have a text set by a worker, on the paper in the drawer."""
        place = self._tray.new_place()
        pdf = place / "text.pdf"
        order = {"text": text, "title": title, "into": str(pdf), "seconds": _DRAWN_WITHIN}
        try:
            yield self._drawing.ask({"set": {**order, "paper": self._bench.printing.paper}})
            return (yield self._in_thread(pdf.read_bytes))
        except (CannotPrint, NoRoom) as error:
            raise CannotDraw(f"{title}: {error}") from None
        finally:
            self._in_thread(lambda: shutil.rmtree(place, ignore_errors=True))

    @inlineCallbacks
    def draw_page(self, number: str, page: int, dots: int) -> Any:
        """Have a page of a document drawn by a worker."""
        order = self._of_page(number, page)
        place = self._tray.new_place()
        picture = place / "page.png"
        try:
            yield self._drawing.ask({"draw": {**order, "into": str(picture), "dots": dots}})
            return (yield self._in_thread(picture.read_bytes))
        except (CannotPrint, NoRoom) as error:
            raise CannotDraw(f"Page {page} of document {number}: {error}") from None
        finally:
            self._in_thread(lambda: shutil.rmtree(place, ignore_errors=True))

    @inlineCallbacks
    def read_page(self, number: str, page: int) -> Any:
        """Have the text of a page read by a worker."""
        try:
            read = yield self._drawing.ask({"read": self._of_page(number, page)})
            lines = tuple(TextLine(**line) for line in read["lines"])
            return PageText(width=read["width"], height=read["height"], lines=lines)
        except (CannotPrint, NoRoom) as error:
            raise CannotDraw(f"Page {page} of document {number}: {error}") from None

    def _of_page(self, number: str, page: int) -> dict[str, Any]:
        document = self._tray.find(number)
        if not 1 <= page <= document.pages:
            raise NoSuchRecord(f"Document {number} has {document.pages} pages, no page {page}.")
        return {"file": str(self._tray.path(number)), "page": page, "seconds": _DRAWN_WITHIN}

    @inlineCallbacks
    def take_document(self, number: str) -> Any:
        """Take a document out of the tray; it is gone then."""
        self._tray.find(number)
        # Until the journal has its jobs, its record alone says which mails were printed.
        yield self._journal.flush()
        document = self._tray.find(number)
        yield self._tray.remove([document])
        self.device.document_removed(document, "it was taken out")
