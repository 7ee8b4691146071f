"""A double of the machine, without a disk: a real Device, and lists in place of journal and tray."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from irsend.device import Device, Job, Session, StatusEntry, load_model
from irsend.device.documents import Document, PageText, TextLine
from irsend.device.events import Event, JobChanged, SessionChanged, StatusChanged
from irsend.device.jobs import ANY_JOB, JobQuery, Recipient
from irsend.device.mails import Mail, MailContent, MailPart, MailQuery
from irsend.device.send_order import Original, SendOrder, read_order
from irsend.device.windows import ITEMS
from irsend.errors import CannotCancel, KeyMaterialError, NoSuchRecord
from irsend.interfaces import TranscriptLine
from irsend.machine_interface import IMachine

NOW = 1_795_342_612.123
"""2026-11-22T10:16:52.123+00:00"""


def device_of(model: str = "ir2270", now: Callable[[], float] = lambda: NOW) -> Device:
    """Return a running device of this model."""
    read = load_model(model)
    return Device(model=read, settings=read.initial_settings(), now=now, running=True)


@implementer(IMachine)
@define(eq=False)
class MachineDouble:
    """Records its device's events in lists."""

    device: Device = field(factory=device_of)
    history: list[StatusEntry] = field(factory=list)
    kept_sessions: dict[int, Session] = field(factory=dict)
    kept_jobs: list[Job] = field(factory=list)
    job_queries: list[JobQuery] = field(factory=list)
    kept_mails: list[MailContent] = field(factory=list)
    """Newest first."""
    mail_error: Exception | None = None
    """What `mail` fails with."""
    mails_gone: bool = False
    """Their files are."""
    mails_unreadable: bool = False
    """`mails` fails too."""
    mail_queries: list[MailQuery] = field(factory=list)
    transcripts: dict[int, list[TranscriptLine]] = field(factory=dict)
    key: dict[str, object] | None = None
    receiving: Deferred[Session] | None = None
    """What `receive` returns; None: a reception that has ended."""
    resets: int = 0
    login: float | None = None
    directory: Path = field(factory=lambda: Path(tempfile.mkdtemp()))
    directories_made: int = 0
    sending: Deferred[Job] | None = None
    """What `send` returns; None: a job that is queued."""
    orders: list[SendOrder] = field(factory=list)
    contents: list[list[bytes]] = field(factory=list)
    """Of the originals of each order."""
    used: int = 3_000_000
    earlier_settings: dict[str, object] = field(factory=dict)
    """What `settings_at` returns in place of the present values."""
    tray: list[Document] = field(factory=list)
    """Oldest first."""
    drawing_error: Exception | None = None
    """What `draw_page`, `read_page` and `set_text` fail with."""
    drawn: list[tuple[str, int, int]] = field(factory=list)
    """Document, page and dots of each drawing of a whole page."""
    cropped: list[tuple[str, int, int]] = field(factory=list)
    """The same of each drawing that is cropped to its ink."""
    read: list[tuple[str, int]] = field(factory=list)
    """Document and page of each text that was read."""

    def __attrs_post_init__(self) -> None:
        self.device.observe(self._observed)

    def _observed(self, event: Event) -> None:
        if isinstance(event, SessionChanged):
            self.kept_sessions[event.session.id] = event.session
        elif isinstance(event, JobChanged):
            self.kept_jobs = [job for job in self.kept_jobs if job.serial != event.job.serial]
            self.kept_jobs.insert(0, event.job)
        elif isinstance(event, StatusChanged) and event.raised:
            self.history.insert(0, event.raised)

    def memory(self) -> tuple[int, int]:
        """Return `used`, and always the same capacity."""
        return self.used * 1, 512_000_000

    def mac_filter(self) -> tuple[str, int]:
        """Return always the same figures."""
        return "kernel", 3

    def change_settings(self, given: dict[str, object]) -> dict[str, object]:
        """Change the device's settings."""
        return self.device.change_settings(given)

    def factory_reset(self) -> None:
        """Count, and return to the model's settings."""
        self.resets += 1
        self.device.reset_settings(self.device.model.initial_settings())

    def receive(self) -> Deferred[Session]:
        """Return `receiving`, or a session that has ended with two mails."""
        if self.receiving is not None:
            return self.receiving
        session = self.device.session_began("pop-receive", "192.0.2.25:110")
        ended = self.device.session_ended(session, "OK", succeeded=True, messages=2, bytes=900)
        return succeed(ended)

    def scan_directory(self) -> Path:
        """Make a directory in `directory`."""
        self.directories_made += 1
        return Path(tempfile.mkdtemp(dir=self.directory))

    def read_order(self, originals: Sequence[Original], given: dict[str, object]) -> SendOrder:
        """Read an order by the device's rules."""
        return read_order(self.device, originals, given)

    def send(self, order: SendOrder) -> Deferred[Job]:
        """Record the order; return `sending`, or a job that waits."""
        self.orders.append(order)
        self.contents.append([one.path.read_bytes() for one in order.originals])
        if self.sending is not None:
            return self.sending
        recipients = tuple(Recipient(address=one) for one in order.to)
        job = self.device.job_accepted("tx", order.to[0], pages=1, recipients=recipients)
        return succeed(job)

    def job_ended(self, number: str) -> Deferred[Job]:
        """End the job at once, as delivered to a server."""
        return self.job(number).addCallback(
            lambda job: self.device.job_changed(job, result="--", ended=NOW)
        )

    def next_login(self) -> float | None:
        """Return `login`."""
        return self.login

    def clear_status(self) -> Deferred[None]:
        """Clear the device's status line."""
        self.device.clear_status()
        return succeed(None)

    def status_history(self, limit: int = 100) -> Deferred[list[StatusEntry]]:
        """Give what was raised."""
        return succeed(self.history[:limit])

    def sessions(
        self,
        limit: int = 100,
        before: int | None = None,
        kind: str | None = None,
        peer: str | None = None,
        result: str | None = None,
        code: str | None = None,
    ) -> Deferred[list[Session]]:
        """Give the recorded sessions that fit."""
        newest_first = sorted(self.kept_sessions.values(), key=lambda one: -one.id)
        found = [
            one
            for one in newest_first
            if (before is None or one.id < before)
            and kind in (None, one.kind)
            and peer in (None, one.peer)
            and result in (None, one.result)
            and code in (None, one.code)
        ]
        return succeed(found[:limit])

    def session(self, id: int) -> Deferred[Session]:
        """Give a recorded session."""
        if id not in self.kept_sessions:
            return fail(NoSuchRecord(f"There is no session {id}"))
        return succeed(self.kept_sessions[id])

    def settings_at(self, at: float) -> Deferred[dict[str, object]]:
        """Give the present values, but for `earlier_settings`."""
        now = {
            key: about.kind.plain(self.device.settings.value(key))
            for key, about in ITEMS.items()
            if not about.secret
        }
        return succeed({**now, **self.earlier_settings})

    def transcript(self, id: int) -> Deferred[list[TranscriptLine]]:
        """Give the lines in `transcripts`."""
        if id not in self.kept_sessions:
            return fail(NoSuchRecord(f"There is no session {id}"))
        return succeed(self.transcripts.get(id, []))

    def jobs(self, limit: int = 100, query: JobQuery = ANY_JOB) -> Deferred[list[Job]]:
        """Give the recorded jobs, and record the query."""
        self.job_queries.append(query)
        return succeed(self.kept_jobs[:limit])

    def job(self, number: str) -> Deferred[Job]:
        """Give a recorded job."""
        for job in self.kept_jobs:
            if job.number == number:
                return succeed(job)
        return fail(NoSuchRecord(f"There is no job {number}"))

    def cancel_job(self, number: str) -> Deferred[Job]:
        """Cancel a job that waits or runs."""

        def cancel(job: Job) -> Job:
            if job.result not in ("waiting", "running"):
                raise CannotCancel
            return self.device.job_changed(job, result="NG", code="#995", ended=NOW)

        return self.job(number).addCallback(cancel)

    def mails(self, query: MailQuery) -> Deferred[list[Mail]]:
        """Give those of `kept_mails` that `before` and `anywhere`, in the text, leave; record the query."""
        self.mail_queries.append(query)
        if self.mail_error is not None and self.mails_unreadable:
            return fail(self.mail_error)
        found = [
            one.mail
            for one in self.kept_mails
            if (query.before is None or one.mail.id < query.before)
            and (query.anywhere or "").casefold() in one.text.casefold()
        ]
        return succeed(found[: query.limit])

    def mail(self, id: int) -> Deferred[MailContent]:
        """Give one of `kept_mails`."""
        if self.mail_error is not None:
            return fail(self.mail_error)
        return self._kept_mail(id)

    def _kept_mail(self, id: int) -> Deferred[MailContent]:
        for one in self.kept_mails:
            if one.mail.id == id:
                return succeed(one)
        return fail(NoSuchRecord(f"There is no mail {id}."))

    def open_mail(self, id: int) -> Deferred[tuple[IO[bytes], int]]:
        """Give octets with the text of the mail."""
        if self.mails_gone:
            return fail(NoSuchRecord(f"There is no mail {id}: its file was deleted."))

        def opened(content: MailContent) -> tuple[IO[bytes], int]:
            octets = content.text.encode()
            return io.BytesIO(octets), len(octets)

        return self._kept_mail(id).addCallback(opened)

    def open_mail_part(self, id: int, part: int) -> Deferred[tuple[MailPart, IO[bytes]]]:
        """Give octets that name the part, as many as the part has."""

        def opened(content: MailContent) -> tuple[MailPart, IO[bytes]]:
            for one in content.mail.summary.parts:
                if one.part == part:
                    octets = one.name.encode()[: one.size].ljust(one.size, b".")
                    return one, io.BytesIO(octets)
            raise NoSuchRecord(f"Mail {id} has no part {part}.")

        return self.mail(id).addCallback(opened)

    def remove_mail(self, id: int) -> Deferred[None]:
        """Remove one of `kept_mails`."""
        return self.mail(id).addCallback(self.kept_mails.remove)

    def remove_mails(self) -> Deferred[None]:
        """Remove all of `kept_mails`."""
        self.kept_mails.clear()
        return succeed(None)

    def change_paper(self, paper: bool) -> Deferred[None]:
        """Change the device's paper."""
        self.device.change_paper(paper)
        return succeed(None)

    def documents(self) -> list[Document]:
        """Return the documents in `tray`, newest first."""
        return self.tray[::-1]

    def document(self, number: str) -> Document:
        """Return a document in `tray`."""
        for one in self.tray:
            if one.number == number:
                return one
        raise NoSuchRecord(f"There is no document {number} in the tray.")

    def document_file(self, number: str) -> Path:
        """Write a file that names the document."""
        path = self.directory / f"{self.document(number).number}.pdf"
        path.write_bytes(b"%PDF-1.7 " + number.encode("ascii"))
        return path

    def draw_page(
        self, number: str, page: int, dots: int, *, crop_to_ink: bool = False
    ) -> Deferred[bytes]:
        """Record the drawing; give octets that name the document."""
        if page > self.document(number).pages:
            return fail(NoSuchRecord(f"Document {number} has no page {page}."))
        if self.drawing_error is not None:
            return fail(self.drawing_error)
        (self.cropped if crop_to_ink else self.drawn).append((number, page, dots))
        return succeed(b"\x89PNG " + number.encode("ascii"))

    def read_page(self, number: str, page: int) -> Deferred[PageText]:
        """Record the reading; give one line that names page and document."""
        if page > self.document(number).pages:
            return fail(NoSuchRecord(f"Document {number} has no page {page}."))
        if self.drawing_error is not None:
            return fail(self.drawing_error)
        self.read.append((number, page))
        line = TextLine(
            text=f"Page {page} of {number}: <b>é</b>", x=57.6, y=50.4, width=144.5, height=10.0
        )
        return succeed(PageText(width=595.2, height=841.92, lines=(line,)))

    def set_text(self, text: str, title: str) -> Deferred[bytes]:
        """Give title and text behind the magic of a PDF."""
        if self.drawing_error is not None:
            return fail(self.drawing_error)
        return succeed(b"%PDF-1.7 " + f"{title}\n{text}".encode())

    def remove_document(self, number: str) -> Deferred[None]:
        """Remove a document from `tray`."""
        document = self.document(number)
        self.tray.remove(document)
        self.device.document_removed(document, "it was taken out")
        return succeed(None)

    def key_description(self) -> dict[str, object] | None:
        """Return `key`."""
        return self.key

    def generate_key(self) -> Deferred[dict[str, object]]:
        """Set `key`."""
        self.key = {"subject": "CN=ir2270.bench.test", "bits": 1024}
        return succeed(self.key)

    def import_key(self, certificate: bytes, key: bytes) -> dict[str, object]:
        """Accept one certain pair."""
        if certificate != b"a certificate" or key != b"its key":
            raise KeyMaterialError("The key does not fit the certificate")
        self.key = {"subject": "CN=imported", "bits": 2048}
        return self.key


def said(*lines: str) -> list[TranscriptLine]:
    """Return lines of a transcript, written as in `tests/transcripts`, a second apart."""
    transcript = []
    for after, line in enumerate(lines):
        speaker, text = ("-", line[3:]) if line.startswith("-- ") else (line[0], line[3:])
        transcript.append(TranscriptLine(NOW + after, speaker, text))
    return transcript
