"""The journal's tables, and sessions, jobs and status entries as their rows."""

from __future__ import annotations

import json
from typing import Any

import attrs

from irsend.device.jobs import Job, Recipient
from irsend.device.sessions import Session, TLSUse
from irsend.device.status import StatusEntry, StatusText
from irsend.device.windows import ITEMS, Settings

SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    id INTEGER PRIMARY KEY, kind TEXT, peer TEXT, mac TEXT, tls_version TEXT, tls_cipher TEXT,
    auth TEXT, result TEXT, code TEXT, reason TEXT, status_line TEXT,
    started REAL, ended REAL, bytes INTEGER, messages INTEGER, choice TEXT, faults TEXT);
CREATE INDEX IF NOT EXISTS session_kind ON session (kind, id);
CREATE INDEX IF NOT EXISTS session_peer ON session (peer, id);
CREATE INDEX IF NOT EXISTS session_result ON session (result, id);
CREATE INDEX IF NOT EXISTS session_code ON session (code, id);
CREATE TABLE IF NOT EXISTS job (
    serial INTEGER PRIMARY KEY, number TEXT, direction TEXT, kind TEXT, party TEXT, subject TEXT,
    pages INTEGER, result TEXT, code TEXT, recipients TEXT, sessions TEXT,
    started REAL, ended REAL, held_as TEXT, reason TEXT, size INTEGER, told INTEGER,
    printed_as INTEGER);
CREATE INDEX IF NOT EXISTS job_number ON job (number, serial);
CREATE INDEX IF NOT EXISTS job_direction ON job (direction, serial);
CREATE INDEX IF NOT EXISTS job_held_as ON job (held_as) WHERE held_as IS NOT NULL;
CREATE TABLE IF NOT EXISTS status (
    serial INTEGER PRIMARY KEY, at REAL, text TEXT, session INTEGER);
CREATE TABLE IF NOT EXISTS shown (one INTEGER PRIMARY KEY CHECK (one = 1), status INTEGER);
CREATE TABLE IF NOT EXISTS fetched (mark TEXT PRIMARY KEY, maildrop TEXT);
CREATE TABLE IF NOT EXISTS settings (at REAL, given TEXT);
CREATE INDEX IF NOT EXISTS settings_at ON settings (at);
CREATE TABLE IF NOT EXISTS drawer (one INTEGER PRIMARY KEY CHECK (one = 1), paper INTEGER);
"""

SQLValue = str | int | float | bytes | None
"""What a column holds."""

LATER_COLUMNS = (
    ("session", "choice", "TEXT"),
    ("session", "faults", "TEXT"),
    ("job", "reason", "TEXT"),
    ("job", "size", "INTEGER"),
    ("job", "told", "INTEGER"),
    ("job", "printed_as", "INTEGER"),
)
"""Columns that journals of earlier releases lack: table, column, type."""

SESSION_COLUMNS = (
    "id, kind, peer, mac, tls_version, tls_cipher, auth, result, code, reason, status_line, "
    "started, ended, bytes, messages, choice, faults"
)
JOB_COLUMNS = (
    "serial, number, direction, kind, party, subject, pages, result, code, recipients, sessions, "
    "started, ended, held_as, reason, size, told, printed_as"
)
# Two columns keep their name from earlier releases: held_as is a job's mail_file, told its dsn_sent.


def _slots(columns: str) -> str:
    return ", ".join("?" * (columns.count(",") + 1))


INSERT_SESSION = (
    f"INSERT OR REPLACE INTO session ({SESSION_COLUMNS}) VALUES ({_slots(SESSION_COLUMNS)})"  # noqa: S608
)
INSERT_JOB = f"INSERT OR REPLACE INTO job ({JOB_COLUMNS}) VALUES ({_slots(JOB_COLUMNS)})"  # noqa: S608


def settings_row(settings: Settings, at: float) -> tuple[float, str]:
    """Return the row of the settings that hold from `at` on, without secrets."""
    plain = {
        key: about.kind.plain(settings.value(key))
        for key, about in ITEMS.items()
        if not about.secret
    }
    return at, json.dumps(plain)


def status_of(row: tuple[Any, ...]) -> StatusEntry:
    """Return a status entry of a row."""
    # A member is looked up by its value; mypy takes the call for __new__.
    text = StatusText(row[1])  # type: ignore[call-arg]
    return StatusEntry(at=row[0], text=text, session=row[2])


def session_row(session: Session) -> tuple[SQLValue, ...]:
    """Return the row of a session."""
    tls = session.tls or TLSUse(version="", cipher="")
    return (
        session.id, session.kind, session.peer, session.mac, tls.version, tls.cipher,
        session.auth, session.result, session.code, session.reason, session.status_line,
        session.started, session.ended, session.bytes, session.messages, session.choice,
        session.faults,
    )  # fmt: skip


def session_of(row: tuple[Any, ...]) -> Session:
    """Return a session of a row."""
    tls = TLSUse(version=row[4], cipher=row[5]) if row[4] else None
    return Session(
        id=row[0], kind=row[1], peer=row[2], mac=row[3], tls=tls, auth=row[6], result=row[7],
        code=row[8], reason=row[9], status_line=row[10], started=row[11], ended=row[12],
        bytes=row[13], messages=row[14], choice=row[15] or "", faults=row[16] or "",
    )  # fmt: skip


def job_row(job: Job) -> tuple[SQLValue, ...]:
    """Return the row of a job."""
    recipients = (
        json.dumps([attrs.asdict(one) for one in job.recipients]) if job.recipients else ""
    )
    return (
        job.serial, job.number, job.direction, job.kind, job.party, job.subject, job.pages,
        job.result, job.code, recipients, json.dumps(job.sessions), job.started, job.ended,
        job.mail_file, job.reason, job.size, job.dsn_sent, job.printed_as,
    )  # fmt: skip


def job_of(row: tuple[Any, ...]) -> Job:
    """Return a job of a row; rows that earlier releases wrote are shorter."""
    recipients = tuple(Recipient(**one) for one in json.loads(row[9])) if row[9] else ()
    return Job(
        serial=row[0], number=row[1], direction=row[2], kind=row[3], party=row[4], subject=row[5],
        pages=row[6], result=row[7], code=row[8], recipients=recipients,
        sessions=tuple(json.loads(row[10])), started=row[11], ended=row[12], mail_file=row[13],
        reason=row[14] or "", size=row[15], dsn_sent=bool(row[16:17] and row[16]),
        printed_as=row[17] if row[17:18] else None,
    )  # fmt: skip
