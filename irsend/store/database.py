"""SQLite as the journal uses it: a database in WAL mode, whole transactions, single values."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from irsend.store.records import LATER_COLUMNS, SCHEMA, SQLValue


def open_database(path: Path) -> sqlite3.Connection:
    """Open or make the database, with every table and column of this release; sqlite3.Error."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.executescript(SCHEMA)
    for table, column, of_type in LATER_COLUMNS:
        there = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        if column not in there:
            database.execute(f"ALTER TABLE {table} ADD COLUMN {column} {of_type}")
    return database


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
