"""The journal: sessions, jobs, the status line's history and what was fetched, in SQLite.

One thread does all of it, in order; new records are gathered while the last batch
is being written. The journal observes the device; the panel queries it.

Times are seconds since the epoch.
"""

from __future__ import annotations

import errno
import json
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from irsend.device.device import Device
from irsend.device.events import (
    Event,
    JobChanged,
    SessionChanged,
    SettingsChanged,
    StatusChanged,
)
from irsend.device.jobs import ANY_JOB, Job, JobQuery
from irsend.device.sessions import Session
from irsend.device.status import StatusEntry
from irsend.device.windows import Settings
from irsend.errors import StateError
from irsend.interfaces import TranscriptLine
from irsend.store.database import (
    ask_unwritten,
    change_durably,
    checkpoint,
    open_database,
    prune,
    scalar,
    select_job,
    select_jobs,
    select_jobs_with_mail,
    select_session,
    select_sessions,
    transaction,
)
from irsend.store.group_commit import InThread, OnDiskError, log_disk_error
from irsend.store.records import (
    INSERT_JOB,
    INSERT_SESSION,
    SQLValue,
    job_row,
    session_row,
    settings_row,
    status_of,
)
from irsend.store.restoration import restore
from irsend.store.transcripts import Transcripts

T = TypeVar("T")

# How long records gather before they are written, in seconds. Where a crash loses
# the job of a mail in between, the mail gets another at the next start.
_GATHER = 0.25
# Sessions are pruned each time so many have ended since.
_PRUNE_EVERY = 1000
_SHOW_NEWEST = "INSERT OR REPLACE INTO shown SELECT 1, max(serial) FROM status"


class Journal:
    """The journal of one state directory."""

    log = Logger()

    def __init__(
        self,
        path: Path,
        transcripts: Transcripts,
        in_thread: InThread,
        clock: IReactorTime,
        *,
        sessions_kept: Callable[[], int],
        on_disk_error: OnDiskError = log_disk_error,
    ) -> None:
        self._path = path
        self._transcripts = transcripts
        self._in_thread = in_thread
        self._clock = clock
        self._sessions_kept = sessions_kept
        self._on_disk_error = on_disk_error
        self._given_up: OSError | None = None
        self._since_pruned = 0
        self._pending: deque[tuple[str, tuple[SQLValue, ...]]] = deque()
        self._pending_transcripts: deque[tuple[int, Callable[[], list[TranscriptLine]]]] = (
            deque()
        )
        self._timer: IDelayedCall | None = None
        self._closing = True
        self._now: Callable[[], float] = clock.seconds
        self._database: sqlite3.Connection | None = None

    # -- its life -------------------------------------------------------------

    def open(self, device: Device) -> None:
        """Open or make the database, and restore the device from it; StateError."""
        try:
            database = open_database(self._path)
            self._database = database
            self._closing = False
            self._now = device.now
            restore(database, device)
        except (sqlite3.Error, ValueError) as error:
            # ValueError: the database has a status text that this release does not know.
            raise StateError(
                f"{self._path}: {error}; move it away to begin a new journal"
            ) from None

    def close(self) -> Deferred[None]:
        """Write what is pending, and close; OSError where it is closed without."""
        self._stop_timer()
        return self.flush().addBoth(self._close_database)

    def abort_start(self) -> None:
        """Close at once, after a start that failed: nothing was recorded yet."""
        self._stop_timer()
        self._close_database()

    def _stop_timer(self) -> None:
        self._closing = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _close_database(self, outcome: Failure | None = None) -> Failure | None:
        if self._database is not None:
            self._database.close()
            self._database = None
        return outcome

    # -- recording --------------------------------------------------------------

    def observe(self, event: Event) -> None:
        """Record an event of the device."""
        match event:
            case SessionChanged(session=session) if session.ended is not None:
                self._write(INSERT_SESSION, session_row(session))
                self._since_pruned += 1
            case JobChanged(job=job):
                self._write(INSERT_JOB, job_row(job))
            case SettingsChanged(settings=settings):
                self.keep_settings(settings)
            case StatusChanged(raised=None):
                self._write("DELETE FROM shown", ())
            case StatusChanged(raised=StatusEntry() as entry):
                row = (entry.at, entry.text.value, entry.session)
                self._write("INSERT INTO status (at, text, session) VALUES (?, ?, ?)", row)
                self._write(_SHOW_NEWEST, ())

    def keep_settings(self, settings: Settings) -> None:
        """Record the settings that hold from now on."""
        self._write("INSERT INTO settings VALUES (?, ?)", settings_row(settings, self._now()))

    def keep_paper(self, paper: bool, before: bool) -> Deferred[None]:
        """Record whether there is paper; fires when that will survive a crash, fails with OSError."""
        statement = "INSERT OR REPLACE INTO drawer VALUES (1, ?)"
        change, undo = (statement, (int(paper),)), (statement, (int(before),))
        return self._write_and(lambda db: change_durably(db, change, undo))

    def keep_status_cleared(self) -> Deferred[None]:
        """Record that the status line is clear; fires when that will survive a crash, fails with OSError."""
        undo = (_SHOW_NEWEST, ())
        return self._write_and(lambda db: change_durably(db, ("DELETE FROM shown", ()), undo))

    def keep_transcript(self, session: int, lines: Callable[[], list[TranscriptLine]]) -> None:
        """Keep the transcript of a session that has ended."""
        self._pending_transcripts.append((session, lines))
        self._write_soon()

    def _write(self, statement: str, row: tuple[SQLValue, ...]) -> None:
        self._pending.append((statement, row))
        self._write_soon()

    def _write_soon(self) -> None:
        """Write what is pending in a quarter of a second, with all that comes until then."""
        if self._timer is None and not self._closing:
            self._timer = self._clock.callLater(_GATHER, self._write_now)

    def _write_now(self) -> None:
        def written(outcome: object) -> None:
            self._timer = None
            if isinstance(outcome, Failure):
                # The records stay pending until the next write.
                if not outcome.check(OSError):
                    self.log.failure("While writing the journal", outcome)
            elif self._pending or self._pending_transcripts:
                self._write_soon()

        self._run(self._write_pending).addBoth(written)

    def _write_pending(self) -> None:
        """Write all that is pending (in the journal's thread)."""
        assert self._database is not None
        # The reactor's thread may append more meanwhile. Records leave the front only
        # once they are written: none is lost, or written twice.
        pending = list(self._pending)
        if pending:
            with transaction(self._database):
                for statement, row in pending:
                    self._database.execute(statement, row)
            for _ in pending:
                self._pending.popleft()
        while self._pending_transcripts:
            session, lines = self._pending_transcripts.popleft()
            try:
                self._transcripts.write(session, lines())
            except OSError as error:
                # A transcript is worth less than the query that waits.
                self._given_up = error
        if self._since_pruned >= _PRUNE_EVERY:
            self._since_pruned = 0
            oldest = prune(self._database, self._sessions_kept())
            if oldest is not None:
                self._transcripts.delete_up_to(oldest)

    # -- queries ----------------------------------------------------------------

    def query(self, question: Callable[[sqlite3.Connection], T]) -> Deferred[T]:
        """Query in the journal's thread, as if all records before it were written: the disk may fail."""

        def ask() -> T:
            assert self._database is not None
            try:
                self._write_pending()
            except sqlite3.Error as error:
                self._given_up = OSError(errno.EIO, str(error), str(self._path))
                return ask_unwritten(self._database, list(self._pending), question)
            return question(self._database)

        return self._run(ask)

    def run(self, work: Callable[[sqlite3.Connection], T]) -> Deferred[T]:
        """Do work in the journal's thread that has nothing to do with its records."""
        database = self._database
        assert database is not None
        return self._run(lambda: work(database))

    def _write_and(self, change: Callable[[sqlite3.Connection], T]) -> Deferred[T]:
        """Make a change in the journal's thread, after all records before it are written."""

        def write() -> T:
            self._write_pending()
            assert self._database is not None
            return change(self._database)

        return self._run(write)

    def _run(self, work: Callable[[], T]) -> Deferred[T]:
        """Do work in the journal's thread; an error of SQLite is one of the disk: OSError with the path."""

        def do() -> T:
            try:
                return work()
            except sqlite3.Error as error:
                raise OSError(errno.EIO, str(error), str(self._path)) from error

        return self._in_thread(do).addBoth(self._done)

    def _done(self, outcome: T | Failure) -> T | Failure:
        error, self._given_up = self._given_up, None
        if isinstance(outcome, Failure) and isinstance(outcome.value, OSError):
            error = outcome.value
        if error is not None:
            self._on_disk_error(error, self._path.parent)
        return outcome

    def flush(self) -> Deferred[None]:
        """Fire when all records so far will survive a crash of the host too."""
        return self._write_and(checkpoint)

    def status_history(self, limit: int) -> Deferred[list[StatusEntry]]:
        """Give the newest entries, newest first."""
        question = "SELECT at, text, session FROM status ORDER BY serial DESC LIMIT ?"
        return self.query(lambda db: [status_of(row) for row in db.execute(question, (limit,))])

    def sessions(
        self, limit: int, before: int | None = None, **filters: str | None
    ) -> Deferred[list[Session]]:
        """Give ended sessions, newest first; `filters` has columns and the value that each must have."""
        return self.query(lambda db: select_sessions(db, limit, before, filters))

    def session(self, id: int) -> Deferred[Session]:
        """Give the ended session of this id; NoSuchRecord."""
        return self.query(lambda db: select_session(db, id))

    def transcript(self, id: int) -> Deferred[list[TranscriptLine]]:
        """Give the transcript of an ended session; NoSuchRecord."""
        return self.query(lambda _: self._transcripts.read(id))

    def settings_at(self, at: float) -> Deferred[dict[str, object]]:
        """Give the settings at a time, plain values by whole key; empty where they are not known."""
        question = "SELECT given FROM settings WHERE at <= ? ORDER BY at DESC LIMIT 1"
        return self.query(lambda db: json.loads(scalar(db, question, at) or "{}"))

    def jobs(self, limit: int, query: JobQuery = ANY_JOB) -> Deferred[list[Job]]:
        """Give the jobs that a query finds, newest first."""
        return self.query(lambda db: select_jobs(db, limit, query))

    def job(self, number: str) -> Deferred[Job]:
        """Give the newest job of this number; NoSuchRecord."""
        return self.query(lambda db: select_job(db, number))

    def ended(self, serials: Iterable[int]) -> set[int]:
        """Return which of these jobs have ended (at the machine's start only)."""
        assert self._database is not None
        question = "SELECT 1 FROM job WHERE serial = ? AND ended IS NOT NULL"
        return {one for one in serials if scalar(self._database, question, one)}

    def jobs_with_mail(self) -> list[Job]:
        """Return the jobs whose mail was in memory or kept when the machine stopped (at its start only)."""
        assert self._database is not None
        return select_jobs_with_mail(self._database)

    def forget_mails(self, names: Iterable[str]) -> None:
        """Record that these mails are deleted; their jobs stay."""
        for name in names:
            self._write("UPDATE job SET held_as = NULL WHERE held_as = ?", (name,))

    # -- mails fetched by POP ---------------------------------------------------

    def fetched(self, maildrop: str) -> Deferred[set[str]]:
        """Give the marks of all mails that were fetched from a maildrop and may still be in it."""
        question = "SELECT mark FROM fetched WHERE maildrop = ?"
        return self.query(lambda db: {row[0] for row in db.execute(question, (maildrop,))})

    def remember_fetched(self, maildrop: str, mark: str) -> None:
        """Remember that a mail was fetched."""
        self._write(
            "INSERT OR IGNORE INTO fetched (mark, maildrop) VALUES (?, ?)", (mark, maildrop)
        )

    def forget_fetched(self, marks: Iterable[str]) -> None:
        """Forget mails that are no longer on the server."""
        for mark in marks:
            self._write("DELETE FROM fetched WHERE mark = ?", (mark,))
