"""The machine's control interface: `IMachine`, answered for the panel by the parts of the machine.

It passes each call on, and decides nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NoReturn, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from irsend.device.device import Device
from irsend.device.documents import Document, PageText
from irsend.device.events import Event, JobChanged
from irsend.device.items import Value
from irsend.device.jobs import ANY_JOB, Job, JobQuery
from irsend.device.mails import Mail, MailContent, MailPart, MailQuery
from irsend.device.send_order import Original, SendOrder, read_order
from irsend.device.sessions import Session
from irsend.device.status import StatusEntry
from irsend.errors import NotKept
from irsend.interfaces import TranscriptLine
from irsend.link.link import Link
from irsend.machine_interface import IMachine
from irsend.services.keyring import Keyring
from irsend.services.machine.settings_precedence import SettingsPrecedence
from irsend.services.machine.storage import Storage
from irsend.services.pop_session_queue import POPSessionQueue
from irsend.services.print.page_viewer import PageViewer
from irsend.services.receive.mail_archive import MailArchive
from irsend.services.receive.pop_poller import POPPoller
from irsend.services.receive.received_jobs import ReceivedJobs
from irsend.services.send.send_queue import SendQueue
from irsend.services.sessions import Sessions

T = TypeVar("T")


@implementer(IMachine)
class Control:
    """What a panel can do with one machine."""

    def __init__(
        self,
        *,
        device: Device,
        storage: Storage,
        link: Link,
        keyring: Keyring,
        settings: SettingsPrecedence,
        sessions: Sessions,
        pop_sessions: POPSessionQueue,
        poller: POPPoller,
        send_queue: SendQueue,
        received_jobs: ReceivedJobs,
        mail_archive: MailArchive,
        page_viewer: PageViewer,
    ) -> None:
        self.device = device
        self._storage = storage
        self._memory = storage.memory
        self._journal = storage.journal
        self._outbox = storage.outbox
        self._tray = storage.tray
        self._link = link
        self._keyring = keyring
        self._settings = settings
        self._sessions = sessions
        self._pop_sessions = pop_sessions
        self._poller = poller
        self._send_queue = send_queue
        self._received_jobs = received_jobs
        self._mail_archive = mail_archive
        self._page_viewer = page_viewer

    def memory(self) -> tuple[int, int]:
        """Count what was received and what waits to be sent."""
        return self._memory.used + self._outbox.used, self._memory.capacity

    def mac_filter(self) -> tuple[str, int]:
        """Ask the link."""
        return self._link.way.name, self._link.dropped

    # -- settings, key and certificate --------------------------------------------

    def change_settings(self, given: dict[str, object]) -> dict[str, Value]:
        """Change the device's settings."""
        with self._telling(self._storage.state.path):
            return self.device.change_settings(given)

    def factory_reset(self) -> None:
        """Discard what was changed at the machine."""
        with self._telling(self._storage.state.path):
            self._settings.factory_reset()

    def settings_at(self, at: float) -> Deferred[dict[str, object]]:
        """Ask the journal."""
        return self._journal.settings_at(at)

    def key_description(self) -> dict[str, object] | None:
        """Ask the keyring."""
        return self._keyring.describe()

    def generate_key(self) -> Deferred[dict[str, object]]:
        """Have the keyring make one, in a thread."""
        return self._keyring.generate(self._storage.on_disk).addErrback(self._tell_of_keys)

    def _tell_of_keys(self, failure: Failure) -> NoReturn:
        with self._telling(self._storage.state.keys):
            failure.raiseException()
        raise AssertionError  # for mypy: the line above raises

    def import_key(self, certificate: bytes, key: bytes) -> dict[str, object]:
        """Have the keyring store and use it."""
        with self._telling(self._storage.state.keys):
            return self._keyring.import_key(certificate, key)

    @contextlib.contextmanager
    def _telling(self, directory: Path) -> Iterator[None]:
        """Tell of the disk where a change in this directory is not kept."""
        try:
            yield
        except NotKept as error:
            if isinstance(error.__cause__, OSError):
                self._storage.disk_health.failed(error.__cause__, directory)
            raise

    # -- receiving and sending ----------------------------------------------------

    def receive(self) -> Deferred[Session]:
        """Have the poller fetch."""
        return self._poller.receive()

    def next_login(self) -> float | None:
        """Ask the POP sessions."""
        return self._pop_sessions.next_login

    def scan_directory(self) -> Path:
        """Make one in the outbox; it is deleted at the next start."""
        return self._outbox.new_directory()

    def read_order(self, originals: Sequence[Original], given: dict[str, object]) -> SendOrder:
        """Read an order by the present settings."""
        return read_order(self.device, originals, given)

    def send(self, order: SendOrder) -> Deferred[Job]:
        """Have the send queue scan and queue."""
        return self._send_queue.send(order).addErrback(_not_kept)

    # -- status, sessions and jobs ------------------------------------------------

    def clear_status(self) -> Deferred[None]:
        """Clear the status line, once the journal has it."""
        return Deferred.fromCoroutine(self._clear_status())

    async def _clear_status(self) -> None:
        if self.device.status.shown is not None:
            await _kept(self._journal.keep_status_cleared())
            self.device.clear_status()

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
        """Give those under way, then those of the journal."""
        filters = {"kind": kind, "peer": peer, "result": result, "code": code}
        wanted = {name: value for name, value in filters.items() if value}

        # Before the journal is asked: one that ends meanwhile is in both, not in neither.
        under_way = [
            session
            for session in self.device.sessions.values()
            if (before is None or session.id < before)
            and all(getattr(session, name) == value for name, value in wanted.items())
        ]

        def merged(ended: list[Session]) -> list[Session]:
            by_id = {session.id: session for session in (*under_way, *ended)}
            return sorted(by_id.values(), key=lambda session: -session.id)[:limit]

        return self._journal.sessions(limit, before, **wanted).addCallback(merged)

    def session(self, id: int) -> Deferred[Session]:
        """Look among those under way, then in the journal."""
        return Deferred.fromCoroutine(self._session(id))

    async def _session(self, id: int) -> Session:
        under_way = self.device.sessions.get(id)
        return under_way if under_way is not None else await self._journal.session(id)

    def transcript(self, id: int) -> Deferred[list[TranscriptLine]]:
        """Look among those under way, then in the journal."""
        return Deferred.fromCoroutine(self._transcript(id))

    async def _transcript(self, id: int) -> list[TranscriptLine]:
        lines = self._sessions.transcript_so_far(id)
        return lines if lines is not None else await self._journal.transcript(id)

    def jobs(self, limit: int = 100, query: JobQuery = ANY_JOB) -> Deferred[list[Job]]:
        """Ask the journal."""
        return self._journal.jobs(limit, query)

    def job(self, number: str) -> Deferred[Job]:
        """Ask the journal."""
        return self._journal.job(number)

    def job_ended(self, number: str) -> Deferred[Job]:
        """Watch the device; a job that has ended already is found in the journal."""
        ended: Deferred[Job] = Deferred(lambda _: stop_observing())

        def look_at(job: Job) -> None:
            if job.number == number and job.ended is not None and not ended.called:
                stop_observing()
                ended.callback(job)

        def observe(event: Event) -> None:
            if isinstance(event, JobChanged):
                look_at(event.job)

        def not_found(failure: Failure) -> None:
            if not ended.called:
                stop_observing()
                ended.errback(failure)

        stop_observing = self.device.observe(observe)
        self._journal.job(number).addCallback(look_at).addErrback(not_found)
        return ended

    def cancel_job(self, number: str) -> Deferred[Job]:
        """Have it cancelled: by the send queue, or where received mail is."""
        return Deferred.fromCoroutine(self._cancel_job(number))

    async def _cancel_job(self, number: str) -> Job:
        job = await self._journal.job(number)
        queue = self._send_queue if job.direction == "tx" else self._received_jobs
        return await _kept(queue.cancel(job))

    # -- received mail ------------------------------------------------------------

    def mails(self, query: MailQuery) -> Deferred[list[Mail]]:
        """Ask the archive."""
        return Deferred.fromCoroutine(self._mail_archive.find(query))

    def mail(self, id: int) -> Deferred[MailContent]:
        """Ask the archive."""
        return Deferred.fromCoroutine(self._mail_archive.content(id))

    def open_mail(self, id: int) -> Deferred[tuple[IO[bytes], int]]:
        """Ask the archive."""
        return Deferred.fromCoroutine(self._mail_archive.open_source(id))

    def open_mail_part(self, id: int, part: int) -> Deferred[tuple[MailPart, IO[bytes]]]:
        """Ask the archive."""
        return Deferred.fromCoroutine(self._mail_archive.open_part(id, part))

    def remove_mail(self, id: int) -> Deferred[None]:
        """Have the archive delete it."""
        return _kept(Deferred.fromCoroutine(self._mail_archive.remove(id)))

    def remove_mails(self) -> Deferred[None]:
        """Have the archive delete all."""
        return _kept(Deferred.fromCoroutine(self._mail_archive.remove_all()))

    # -- paper --------------------------------------------------------------------

    def change_paper(self, paper: bool) -> Deferred[None]:
        """Put paper into the drawer, or take it out, once the journal has it."""
        return Deferred.fromCoroutine(self._change_paper(paper))

    async def _change_paper(self, paper: bool) -> None:
        await _kept(self._journal.keep_paper(paper, self.device.paper))
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

    def set_text(self, text: str, title: str) -> Deferred[bytes]:
        """Ask the page viewer."""
        return Deferred.fromCoroutine(self._page_viewer.set_text(text, title))

    def draw_page(
        self, number: str, page: int, dots: int, *, crop_to_ink: bool = False
    ) -> Deferred[bytes]:
        """Ask the page viewer."""
        return Deferred.fromCoroutine(
            self._page_viewer.draw_page(number, page, dots, crop_to_ink=crop_to_ink)
        )

    def read_page(self, number: str, page: int) -> Deferred[PageText]:
        """Ask the page viewer."""
        return Deferred.fromCoroutine(self._page_viewer.read_page(number, page))

    def remove_document(self, number: str) -> Deferred[None]:
        """Remove a document from the tray, once the journal has the ends of its jobs."""
        return Deferred.fromCoroutine(self._remove_document(number))

    async def _remove_document(self, number: str) -> None:
        self._tray.find(number)
        # Until the journal has its jobs, its record alone says which mails were printed.
        await _kept(self._journal.flush())
        document = self._tray.find(number)
        await _kept(self._tray.remove([document]))
        self.device.document_removed(document, "it was taken out")


def _kept(change: Deferred[T]) -> Deferred[T]:
    """Have a change fail with NotKept where the disk does."""
    return change.addErrback(_not_kept)


def _not_kept(failure: Failure) -> NoReturn:
    error = failure.value
    if isinstance(error, OSError):
        raise NotKept.because_of(error) from error
    failure.raiseException()
