"""SQLite as the journal uses it: a database in WAL mode, whole transactions, single values."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import attrs

from irsend.device.jobs import Job, JobQuery
from irsend.device.sessions import Session
from irsend.errors import NoSuchRecord
from irsend.store.records import (
    JOB_COLUMNS,
    LATER_COLUMNS,
    SCHEMA,
    SESSION_COLUMNS,
    SQLValue,
    job_of,
    session_of,
)
from irsend.store.state import IN_RAM

T = TypeVar("T")

_JOB_CONDITIONS = {
    "number": "number = :number",
    "direction": "direction = :direction",
    "result": "result = :result",
    "code": "code = :code",
    "party": "(contains(party, :party) OR contains(recipients, :party))",
    "subject": "contains(subject, :subject)",
    "since": "started >= :since",
    "ended": "(ended IS NOT NULL) = :ended",
}
"""How SQL asks for each item of a JobQuery."""


def open_database(path: Path) -> sqlite3.Connection:
    """Open or make the database, with every table and column of this release; sqlite3.Error."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    if path == IN_RAM:
        # A copy of an empty one: the schema is not parsed again.
        database.deserialize(_empty_database())
    else:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        _make_tables(database)
    database.create_function("contains", 2, _contains, deterministic=True)
    return database


@cache
def _empty_database() -> bytes:
    with contextlib.closing(sqlite3.connect(IN_RAM, isolation_level=None)) as database:
        _make_tables(database)
        return database.serialize()


def _make_tables(database: sqlite3.Connection) -> None:
    database.executescript(SCHEMA)
    for table, column, of_type in LATER_COLUMNS:
        there = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        if column not in there:
            database.execute(f"ALTER TABLE {table} ADD COLUMN {column} {of_type}")


def _contains(text: str | None, needle: str) -> bool:
    # SQLite's own LIKE knows capitals of ASCII only.
    return needle in (text or "").casefold()


class transaction:  # noqa: N801
    """A transaction: all statements in its block take effect, or none."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._database.execute("COMMIT")
        finally:
            # Where the disk fails SQLite has rolled some back by itself, and has left some open.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")


def checkpoint(database: sqlite3.Connection) -> None:
    """Make all transactions so far survive a crash of the host too."""
    database.execute("PRAGMA wal_checkpoint(FULL)")


Statement = tuple[str, tuple[SQLValue, ...]]
"""A statement with its values."""


def change_durably(database: sqlite3.Connection, change: Statement, undo: Statement) -> None:
    """Make a change that survives a crash of the host; sqlite3.Error where it is undone."""
    with transaction(database):
        database.execute(*change)
    try:
        checkpoint(database)
    except sqlite3.Error:
        with contextlib.suppress(sqlite3.Error), transaction(database):
            database.execute(*undo)
        raise


def ask_unwritten(
    database: sqlite3.Connection,
    statements: Sequence[Statement],
    question: Callable[[sqlite3.Connection], T],
) -> T:
    """Ask a question as if these statements were written, and write none of them; sqlite3.Error."""
    try:
        database.execute("BEGIN")
        for statement in statements:
            database.execute(*statement)
        return question(database)
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")


def select_sessions(
    database: sqlite3.Connection, limit: int, before: int | None, filters: dict[str, str | None]
) -> list[Session]:
    """Return ended sessions, newest first; `filters` has columns and the value that each must have."""
    conditions = [f"{column} = :{column}" for column, value in filters.items() if value]
    if before is not None:
        conditions.append("id < :before")
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    question = f"SELECT {SESSION_COLUMNS} FROM session {where}ORDER BY id DESC LIMIT :limit"  # noqa: S608
    values = {**filters, "before": before, "limit": limit}
    return [session_of(row) for row in database.execute(question, values)]


def select_session(database: sqlite3.Connection, id: int) -> Session:
    """Return the ended session of this id; NoSuchRecord."""
    question = f"SELECT {SESSION_COLUMNS} FROM session WHERE id = ?"  # noqa: S608
    row = database.execute(question, (id,)).fetchone()
    if row is None:
        raise NoSuchRecord(f"There is no session {id}.")
    return session_of(row)


def select_job(database: sqlite3.Connection, number: str) -> Job:
    """Return the newest job of this number; NoSuchRecord."""
    question = f"SELECT {JOB_COLUMNS} FROM job WHERE number = ? ORDER BY serial DESC LIMIT 1"  # noqa: S608
    row = database.execute(question, (number,)).fetchone()
    if row is None:
        raise NoSuchRecord(f"There is no job {number}.")
    return job_of(row)


def select_jobs(database: sqlite3.Connection, limit: int, query: JobQuery) -> list[Job]:
    """Return the jobs that a query finds, newest first."""
    where, values = where_of(_JOB_CONDITIONS, {**attrs.asdict(query), "limit": limit})
    question = f"SELECT {JOB_COLUMNS} FROM job {where} ORDER BY serial DESC LIMIT :limit"  # noqa: S608
    return [job_of(row) for row in database.execute(question, values)]


def select_jobs_with_mail(database: sqlite3.Connection) -> list[Job]:
    """Return the jobs that have a mail, newest first."""
    where = "WHERE held_as IS NOT NULL"
    question = f"SELECT {JOB_COLUMNS} FROM job {where} ORDER BY serial DESC"  # noqa: S608
    return [job_of(row) for row in database.execute(question)]


def where_of(
    conditions: Mapping[str, str], given: Mapping[str, Any], *always: str
) -> tuple[str, dict[str, SQLValue]]:
    """Return the WHERE clause for what is given (not None), and the values to bind.

    `conditions` has how SQL asks for each; `contains` finds a text in capitals or small letters.
    """
    values = {name: value for name, value in given.items() if value is not None}
    asked = [*always, *(conditions[name] for name in values if name in conditions)]
    for name, value in values.items():
        if isinstance(value, str) and "contains(" in conditions.get(name, ""):
            values[name] = value.casefold()
    return f"WHERE {' AND '.join(asked)}" if asked else "", values


def scalar(database: sqlite3.Connection, question: str, *values: object) -> Any:
    """Return the first value of the first row; None where there is none."""
    row = database.execute(question, values).fetchone()
    return row[0] if row else None


def prune(database: sqlite3.Connection, kept: int) -> int | None:
    """Keep the newest `kept` sessions, jobs and status entries; return the newest session deleted, if any."""
    oldest: int | None = scalar(
        database, "SELECT id FROM session ORDER BY id DESC LIMIT 1 OFFSET ?", kept
    )
    if oldest is not None:
        database.execute("DELETE FROM session WHERE id <= ?", (oldest,))
    # Except for the settings that held when the oldest session began.
    first = "SELECT max(at) FROM settings WHERE at <= (SELECT min(started) FROM session)"
    database.execute(f"DELETE FROM settings WHERE at < ({first})")  # noqa: S608
    for table, but in (("status", ""), ("job", " AND held_as IS NULL")):
        newest = scalar(database, f"SELECT max(serial) FROM {table}") or 0  # noqa: S608
        database.execute(
            f"DELETE FROM {table} WHERE serial <= ?{but}",  # noqa: S608
            (newest - kept,),
        )
    return oldest
