"""A machine without a disk: a real Device, and lists where the journal would be."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from irsend.device import Device, Job, Session, StatusEntry, load_model
from irsend.device.documents import Document, PageText, TextLine
from irsend.device.events import JobChanged, SessionChanged, StatusChanged
from irsend.device.jobs import Recipient
from irsend.device.send_order import read_order
from irsend.device.windows import ITEMS
from irsend.errors import CannotCancel, KeyMaterialError, NoSuchRecord
from irsend.interfaces import TranscriptLine
from irsend.machine_interface import IMachine

NOW = 1_795_342_612.123
"""2026-11-22T10:16:52.123+00:00"""


def device_of(model: str = "ir2270", now: Any = lambda: NOW) -> Device:
    """A device of this model that runs."""
    read = load_model(model)
    return Device(model=read, settings=read.initial_settings(), now=now, running=True)


@implementer(IMachine)
@define(eq=False)
class MachineDouble:
    """Remembers what its device tells, in lists."""

    device: Device = field(factory=device_of)
    history: list[StatusEntry] = field(factory=list)
    kept_sessions: dict[int, Session] = field(factory=dict)
    kept_jobs: list[Job] = field(factory=list)
    transcripts: dict[int, list[TranscriptLine]] = field(factory=dict)
    key: dict[str, Any] | None = None
    receiving: Deferred[Any] | None = None
    """What the next reception answers with; None: it ends at once."""
    resets: int = 0
    login: float | None = None
    place: Path = field(factory=lambda: Path(tempfile.mkdtemp()))
    places: int = 0
    """How many directories were asked for."""
    sending: Deferred[Any] | None = None
    """What the next sending answers with; None: it is accepted at once."""
    orders: list[Any] = field(factory=list)
    contents: list[list[bytes]] = field(factory=list)
    """Of the originals of each order."""
    used: int = 3_000_000
    then: dict[str, Any] = field(factory=dict)
    """Settings that were others before."""
    printed: list[Document] = field(factory=list)
    """What is in the tray, oldest first."""
    drawing: Exception | None = None
    """What the next drawing or setting fails with."""
    drawn: list[tuple[str, int, int]] = field(factory=list)
    """Which pages were asked for, and at how many dots an inch."""

    read: list[tuple[str, int]] = field(factory=list)
    """Of which pages the text was asked for."""

    def __attrs_post_init__(self) -> None:
        self.device.observe(self._observed)

    def _observed(self, event: Any) -> None:
        if isinstance(event, SessionChanged):
            self.kept_sessions[event.session.id] = event.session
        elif isinstance(event, JobChanged):
            self.kept_jobs = [job for job in self.kept_jobs if job.serial != event.job.serial]
            self.kept_jobs.insert(0, event.job)
        elif isinstance(event, StatusChanged) and event.raised:
            self.history.insert(0, event.raised)

    def memory(self) -> tuple[int, int]:
        """The same figures always."""
        return self.used * 1, 512_000_000

    def mac_filter(self) -> tuple[str, int]:
        """The same figures always."""
        return "kernel", 3

    def change_settings(self, given: dict[str, object]) -> dict[str, Any]:
        """Change the device's settings; nothing is kept."""
        return self.device.change_settings(given)

    def factory_reset(self) -> None:
        """Count, and go back to the model."""
        self.resets += 1
        self.device.reset_settings(self.device.model.initial_settings())

    def receive(self) -> Deferred[Any]:
        """End at once with two mails, or when told."""
        if self.receiving is not None:
            return self.receiving
        session = self.device.session_began("pop-receive", "192.0.2.25:110")
        ended = self.device.session_ended(session, "OK", succeeded=True, messages=2, bytes=900)
        return succeed(ended)

    def scan_directory(self) -> Path:
        """One more beneath its own."""
        self.places += 1
        return Path(tempfile.mkdtemp(dir=self.place))

    def read_order(self, originals: Any, given: dict[str, object]) -> Any:
        """By the machine's own rules."""
        return read_order(self.device, originals, given)

    def send(self, order: Any) -> Deferred[Any]:
        """Keep the order, and make a job of it that waits."""
        self.orders.append(order)
        self.contents.append([one.path.read_bytes() for one in order.originals])
        if self.sending is not None:
            return self.sending
        recipients = tuple(Recipient(address=one) for one in order.to)
        job = self.device.job_accepted("tx", order.to[0], pages=1, recipients=recipients)
        return succeed(job)

    def job_ended(self, number: str) -> Deferred[Any]:
        """It ends at once, handed to a server."""
        return self.job(number).addCallback(
            lambda job: self.device.job_changed(job, result="--", ended=NOW)
        )

    def next_login(self) -> float | None:
        """As it was put."""
        return self.login

    def status_history(self, limit: int = 100) -> Deferred[list[Any]]:
        """What was raised."""
        return succeed(self.history[:limit])

    def sessions(
        self,
        limit: int = 100,
        before: int | None = None,
        kind: str | None = None,
        peer: str | None = None,
        result: str | None = None,
        code: str | None = None,
    ) -> Deferred[list[Any]]:
        """Those that fit."""
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

    def session(self, id: int) -> Deferred[Any]:
        """One of them."""
        if id not in self.kept_sessions:
            return fail(NoSuchRecord(f"There is no session {id}"))
        return succeed(self.kept_sessions[id])

    def settings_at(self, at: float) -> Deferred[dict[str, Any]]:
        """As they are, but for what was put there."""
        now = {
            key: about.kind.plain(self.device.settings.value(key))
            for key, about in ITEMS.items()
            if not about.secret
        }
        return succeed({**now, **self.then})

    def transcript(self, id: int) -> Deferred[list[TranscriptLine]]:
        """What was put there."""
        if id not in self.kept_sessions:
            return fail(NoSuchRecord(f"There is no session {id}"))
        return succeed(self.transcripts.get(id, []))

    def jobs(self, limit: int = 100) -> Deferred[list[Any]]:
        """All of them."""
        return succeed(self.kept_jobs[:limit])

    def job(self, number: str) -> Deferred[Any]:
        """One of them."""
        for job in self.kept_jobs:
            if job.number == number:
                return succeed(job)
        return fail(NoSuchRecord(f"There is no job {number}"))

    def cancel_job(self, number: str) -> Deferred[Any]:
        """Cancel it if it waits."""

        def cancel(job: Job) -> Job:
            if job.result not in ("waiting", "running"):
                raise CannotCancel
            return self.device.job_changed(job, result="NG", code="#995", ended=NOW)

        return self.job(number).addCallback(cancel)

    def change_paper(self, paper: bool) -> None:
        """In the drawer of its device."""
        self.device.change_paper(paper)

    def documents(self) -> list[Any]:
        """What was put there."""
        return self.printed[::-1]

    def document(self, number: str) -> Any:
        """One of them."""
        for one in self.printed:
            if one.number == number:
                return one
        raise NoSuchRecord(f"There is no document {number} in the tray.")

    def document_file(self, number: str) -> Path:
        """A file that says which it is."""
        path = self.place / f"{self.document(number).number}.pdf"
        path.write_bytes(b"%PDF-1.7 " + number.encode("ascii"))
        return path

    def draw_page(self, number: str, page: int, dots: int) -> Deferred[bytes]:
        """No picture, but what was asked for."""
        if page > self.document(number).pages:
            return fail(NoSuchRecord(f"Document {number} has no page {page}."))
        if self.drawing is not None:
            return fail(self.drawing)
        self.drawn.append((number, page, dots))
        return succeed(b"\x89PNG " + number.encode("ascii"))

    def read_page(self, number: str, page: int) -> Deferred[PageText]:
        """One line, which says which page it is."""
        if page > self.document(number).pages:
            return fail(NoSuchRecord(f"Document {number} has no page {page}."))
        if self.drawing is not None:
            return fail(self.drawing)
        self.read.append((number, page))
        line = TextLine(
            text=f"Page {page} of {number}: <b>é</b>", x=57.6, y=50.4, width=144.5, height=10.0
        )
        return succeed(PageText(width=595.2, height=841.92, lines=(line,)))

    def set_text(self, text: str, title: str) -> Deferred[bytes]:
        """No pages, but what was to stand on them."""
        if self.drawing is not None:
            return fail(self.drawing)
        return succeed(b"%PDF-1.7 " + f"{title}\n{text}".encode())

    def take_document(self, number: str) -> Deferred[None]:
        """It is gone."""
        document = self.document(number)
        self.printed.remove(document)
        self.device.document_removed(document, "it was taken out")
        return succeed(None)

    def key_description(self) -> dict[str, Any] | None:
        """What was made or imported."""
        return self.key

    def generate_key(self) -> Deferred[dict[str, Any]]:
        """Make one."""
        self.key = {"subject": "CN=ir2270.bench.test", "bits": 1024}
        return succeed(self.key)

    def import_key(self, certificate: bytes, key: bytes) -> dict[str, Any]:
        """Take one certain pair."""
        if certificate != b"a certificate" or key != b"its key":
            raise KeyMaterialError("The key does not fit the certificate")
        self.key = {"subject": "CN=imported", "bits": 2048}
        return self.key


def said(*lines: str) -> list[TranscriptLine]:
    """Lines of a transcript as `tests/transcripts` writes them, a second apart."""
    told = []
    for after, line in enumerate(lines):
        speaker, text = ("-", line[3:]) if line.startswith("-- ") else (line[0], line[3:])
        told.append(TranscriptLine(NOW + after, speaker, text))
    return told
