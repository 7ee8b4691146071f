"""The device: the one mutable object, holding settings, status line, sessions and jobs.

Each value in it is frozen and replaced whole; `observe` is the only way to
learn of changes. It does no I/O: journal, panel and services are observers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Unpack

import attrs
from attrs import define, field

from irsend.device.documents import Document
from irsend.device.events import (
    DiskChanged,
    DocumentPrinted,
    DocumentRemoved,
    Event,
    JobChanged,
    PagePrinted,
    PageScanned,
    PaperChanged,
    PeerKeptOff,
    ProbeChanged,
    SessionChanged,
    SettingsChanged,
    StatusChanged,
)
from irsend.device.items import Value
from irsend.device.jobs import Direction, Job, JobChanges, number_after, with_reason
from irsend.device.model import Model
from irsend.device.probe_state import ProbeState
from irsend.device.sessions import Session, SessionChanges, SessionKind, SessionResult
from irsend.device.status import StatusEntry, StatusLine, StatusText
from irsend.device.windows import Settings
from irsend.errors import SettingsRefused, ValueRefused

SettingsCheck = Callable[[Settings, dict[str, Value]], None]
"""Raises ValueRefused where a change cannot be made as things stand."""

State = Literal["ready", "receiving", "sending", "printing", "stopped"]
_STATE_OF: dict[str, State] = {
    "smtp-receive": "receiving",
    "pop-receive": "receiving",
    "smtp-send": "sending",
}


@define(eq=False)
class Device:
    """A printer: its model, its settings, its status line, its sessions and jobs."""

    model: Model
    settings: Settings
    now: Callable[[], float]
    """Seconds since the epoch."""
    status: StatusLine = field(factory=StatusLine)
    sessions: dict[int, Session] = field(factory=dict)
    """Those under way, by id."""
    last_session: int = 0
    last_serial: int = 0
    last_numbers: dict[Direction, str] = field(factory=dict)
    paper: bool = True
    """There is paper in the drawer."""
    printing: set[int] = field(factory=set)
    """Serials of the jobs that are being printed."""
    disk_failure: str = ""
    """Path and cause while what it keeps cannot be written; empty while the disk works."""
    running: bool = False
    """True from power-on to power-off: between them the state is never "stopped"."""
    checks: list[SettingsCheck] = field(factory=list)
    """Called before a change of settings: one refuses encrypted reception without a certificate."""
    save_settings: Callable[[dict[str, Value]], None] = lambda _: None
    """Saves what is changed at the machine, before it is in force; raises NotKept where it cannot."""
    _observers: list[Callable[[Event], None]] = field(factory=list)

    @property
    def state(self) -> State:
        """What it is doing: the oldest session under way decides, without one a job being printed."""
        for session in self.sessions.values():
            return _STATE_OF[session.kind]
        if self.printing:
            return "printing"
        return "ready" if self.running else "stopped"

    def observe(self, observer: Callable[[Event], None]) -> Callable[[], None]:
        """Call `observer` with each event from now on, until the callable returned is called."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def change_settings(
        self, given: dict[str, object], *, at_machine: bool = True
    ) -> dict[str, Value]:
        """Change items by whole key, all or none; return the values that changed.

        Raises SettingsRefused, naming every key that cannot take its value, and
        NotKept where the change cannot be saved.
        """
        values = self.model.read_settings(given)
        settings = self.settings.replace(values)
        refused = []
        for check in self.checks:
            try:
                check(settings, values)
            except ValueRefused as error:
                refused.append(error)
        if refused:
            raise SettingsRefused(refused)
        if at_machine and values:
            self.save_settings(values)
        changed = {
            key: value for key, value in values.items() if self.settings.value(key) != value
        }
        self.settings = settings
        if values:
            self._notify(
                SettingsChanged(settings=settings, changes=values, at_machine=at_machine)
            )
        return changed

    def reset_settings(self, settings: Settings) -> None:
        """Replace all settings, as after a factory reset or a configuration read again."""
        changes = {
            key: settings.value(key)
            for key in self.model.items()
            if settings.value(key) != self.settings.value(key)
        }
        self.settings = settings
        if changes:
            self._notify(SettingsChanged(settings=settings, changes=changes, at_machine=False))

    def show_status(self, text: StatusText, session: int | None) -> None:
        """Show a text on the status line; the history keeps the one that it replaces."""
        entry = StatusEntry(at=self.now(), text=text, session=session)
        self.status = StatusLine(shown=entry)
        self._notify(StatusChanged(line=self.status, raised=entry))

    def clear_status(self) -> None:
        """Clear the status line, as the operator does."""
        self._replace_status(StatusLine())

    def session_began(self, kind: SessionKind, peer: str, mac: str | None = None) -> Session:
        """Open a session; it is under way until `session_ended`."""
        self.last_session += 1
        session = Session(
            id=self.last_session, kind=kind, peer=peer, mac=mac, started=self.now()
        )
        self.sessions[session.id] = session
        self._notify(SessionChanged(session=session))
        return session

    def session_changed(self, session: Session, **changes: Unpack[SessionChanges]) -> Session:
        """Change these fields of a session; return it."""
        session = attrs.evolve(session, **changes)
        self.sessions[session.id] = session
        self._notify(SessionChanged(session=session))
        return session

    def session_ended(
        self,
        session: Session,
        result: SessionResult,
        *,
        succeeded: bool,
        **changes: Unpack[SessionChanges],
    ) -> Session:
        """End a session. One that `succeeded` clears a text that an earlier one of its kind raised."""
        session = attrs.evolve(session, result=result, ended=self.now(), **changes)
        self.sessions.pop(session.id, None)
        self._notify(SessionChanged(session=session))
        if succeeded:
            self._replace_status(self.status.after_success(session.kind, session.started))
        return session

    def new_job(self, direction: Direction, party: str, **fields: Unpack[JobChanges]) -> Job:
        """Return a job with the next number; observers learn of it by `job_changed`."""
        number = number_after(self.last_numbers.get(direction), direction)
        self.last_numbers[direction] = number
        self.last_serial += 1
        fields.setdefault("started", self.now())
        return Job(
            serial=self.last_serial, number=number, direction=direction, party=party, **fields
        )

    def adopt_number(self, job: Job) -> None:
        """Continue the numbers after those of a job that the journal lost when the power failed."""
        if job.serial > self.last_serial:
            self.last_serial = job.serial
            self.last_numbers[job.direction] = job.number

    def job_accepted(
        self, direction: Direction, party: str, **fields: Unpack[JobChanges]
    ) -> Job:
        """Begin a job, under the next number; it is in the report from now on."""
        return self.job_changed(self.new_job(direction, party, **fields))

    def job_changed(self, job: Job, **changes: Unpack[JobChanges]) -> Job:
        """Change these fields of a job, if any, and notify the observers; return it."""
        job = with_reason(attrs.evolve(job, **changes))
        self._notify(JobChanged(job=job))
        return job

    def page_scanned(self, page: int, pages: int) -> None:
        """Notify the observers that page `page` of `pages` was scanned."""
        self._notify(PageScanned(page=page, pages=pages))

    def probe_changed(self, state: ProbeState) -> None:
        """Notify the observers that a probe has come a step further, or has ended."""
        self._notify(ProbeChanged(state=state))

    def change_paper(self, paper: bool) -> None:
        """Put paper into the drawer, or take it out."""
        if paper != self.paper:
            self.paper = paper
            self._notify(PaperChanged(paper=paper))

    def disk_changed(self, failure: str) -> None:
        """Show why the disk fails, or with an empty text that it works again."""
        self.disk_failure = failure
        self._notify(DiskChanged(failure=failure))

    def printing_began(self, job: Job) -> Job:
        """Begin to print a received mail; return its job."""
        self.printing.add(job.serial)
        return self.job_changed(job, result="running")

    def page_printed(self, job: Job, page: int) -> None:
        """Notify the observers that a page of a job is printed."""
        self._notify(PagePrinted(number=job.number, page=page))

    def printing_ended(self, job: Job, **changes: Unpack[JobChanges]) -> Job:
        """End the printing of a job, printed or not; return it with these fields changed."""
        self.printing.discard(job.serial)
        return self.job_changed(job, **changes)

    def document_printed(self, document: Document) -> None:
        """Notify the observers of a document that came out."""
        self._notify(DocumentPrinted(document=document))

    def document_removed(self, document: Document, why: str) -> None:
        """Notify the observers of a document that is no longer in the tray, and why."""
        self._notify(DocumentRemoved(document=document, why=why))

    def peer_kept_off(self, dropped: int) -> None:
        """Notify the observers how many frames the MAC address filter has dropped by now."""
        self._notify(PeerKeptOff(dropped=dropped))

    def _replace_status(self, line: StatusLine) -> None:
        if line != self.status:
            self.status = line
            self._notify(StatusChanged(line=line, raised=None))

    def _notify(self, event: Event) -> None:
        for observer in tuple(self._observers):
            observer(event)
