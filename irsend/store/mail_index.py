"""The mail index: what received mails say of themselves, in SQLite, so that they can be searched.

It is filled when mails are asked for, not when they come, and is gone when the machine is
switched off. The journal's thread does all of it: the jobs say which mails there are.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from attrs import frozen

from irsend.device.jobs import Job
from irsend.device.mails import MailPart, MailQuery, MailSummary
from irsend.errors import NoSuchRecord
from irsend.store.database import select_jobs_with_mail, where_of
from irsend.store.journal import Journal
from irsend.store.records import JOB_COLUMNS, job_of

# A database of no name is a temporary file, which SQLite keeps in RAM while it is small, and deletes.
_MAKE = (
    "ATTACH DATABASE '' AS mails",
    "CREATE TABLE mails.mail (id INTEGER PRIMARY KEY, name TEXT, size INTEGER, sender TEXT, "
    "recipients TEXT, subject TEXT, text TEXT, summary TEXT)",
)
_COLUMNS = ", ".join(f"job.{column.strip()}" for column in JOB_COLUMNS.split(","))
_THIS_MAIL = "mail.id = job.serial AND mail.name = job.held_as"
_CONDITIONS = {
    "sender": "contains(mail.sender, :sender)",
    "to": "contains(mail.recipients, :to)",
    "subject": "contains(mail.subject, :subject)",
    "text": "contains(mail.text, :text)",
    "anywhere": "(contains(mail.sender, :anywhere) OR contains(mail.recipients, :anywhere)"
    " OR contains(mail.subject, :anywhere) OR contains(mail.text, :anywhere))",
    "since": "job.started >= :since",
    "session": "EXISTS (SELECT 1 FROM json_each(job.sessions) WHERE value = :session)",
    "before": "job.serial < :before",
    "above": "job.serial > :above",
}
"""How SQL asks for each item of a MailQuery, and for mails whose id is above that of another one."""
_OF_THE_JOB = ("since", "session", "before")


@frozen(kw_only=True)
class IndexedMail:
    """A mail in the index."""

    job: Job
    size: int
    """Octets, as it came."""
    summary: MailSummary


@frozen(kw_only=True)
class Reading:
    """What a mail says of itself, to be put into the index."""

    id: int
    """The serial of its job."""
    name: str
    """Of its file."""
    size: int
    summary: MailSummary | None
    """None for a mail whose file is gone: it is not found."""
    text: str


@frozen(kw_only=True)
class FoundMails:
    """What the index knows of a query at one moment."""

    found: list[IndexedMail]
    """Newest first."""
    missing: list[tuple[int, str]]
    """Id and file name of mails that are not in the index, and may be meant; newest first."""


class MailIndex:
    """The index of one machine. What fails raises OSError, as the journal does."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._made = False

    async def find(self, query: MailQuery, most_missing: int) -> FoundMails:
        """Return the mails that a query finds, and the newest of those that are missing in the index."""
        if not self._made:
            self._made = True
            await self._journal.run(_make)
        return await self._journal.query(lambda db: _find(db, query, most_missing))

    async def job(self, id: int) -> Job:
        """Return the job of the mail of this id; NoSuchRecord where there is no mail."""
        question = f"SELECT {JOB_COLUMNS} FROM job WHERE serial = ? AND held_as IS NOT NULL"  # noqa: S608
        row = await self._journal.query(lambda db: db.execute(question, (id,)).fetchone())
        if row is None:
            raise NoSuchRecord(f"There is no mail {id}.")
        return job_of(row)

    async def jobs(self) -> list[Job]:
        """Return the jobs of all mails, newest first."""
        return await self._journal.query(select_jobs_with_mail)

    async def add(self, readings: Iterable[Reading]) -> None:
        """Put mails into the index."""
        rows = [_row(one) for one in readings]
        statement = "INSERT OR REPLACE INTO mails.mail VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        await self._journal.run(lambda db: db.executemany(statement, rows))

    async def forget(self, names: Iterable[str]) -> None:
        """Forget what the index has of these mails, and that their jobs had them."""
        gone = list(names)
        self._journal.forget_mails(gone)
        if self._made:
            statement = "DELETE FROM mails.mail WHERE name = ?"
            await self._journal.run(
                lambda db: db.executemany(statement, [(name,) for name in gone])
            )


def _find(database: sqlite3.Connection, query: MailQuery, most_missing: int) -> FoundMails:
    given = attrs.asdict(query)
    where, values = where_of(_CONDITIONS, given, _THIS_MAIL, "mail.summary IS NOT NULL")
    question = (
        f"SELECT {_COLUMNS}, mail.size, mail.summary FROM job, mails.mail {where} "  # noqa: S608
        "ORDER BY job.serial DESC LIMIT :limit"
    )
    found = [_mail_of(row) for row in database.execute(question, values)]
    # Where there are enough, only newer ones can be missing.
    above = found[-1].job.serial if len(found) == query.limit else 0
    asked = {name: given[name] for name in _OF_THE_JOB} | {
        "above": above,
        "limit": most_missing,
    }
    not_in_it = f"NOT EXISTS (SELECT 1 FROM mails.mail WHERE {_THIS_MAIL})"  # noqa: S608
    where, values = where_of(_CONDITIONS, asked, "job.held_as IS NOT NULL", not_in_it)
    question = f"SELECT serial, held_as FROM job {where} ORDER BY serial DESC LIMIT :limit"  # noqa: S608
    return FoundMails(found=found, missing=database.execute(question, values).fetchall())


def _make(database: sqlite3.Connection) -> None:
    for statement in _MAKE:
        database.execute(statement)


def _row(reading: Reading) -> tuple[object, ...]:
    summary = reading.summary or MailSummary()
    return (
        reading.id,
        reading.name,
        reading.size,
        f"{summary.sender}\n{summary.envelope_sender}",
        "\n".join((summary.to, *summary.envelope_recipients)),
        summary.subject,
        reading.text,
        json.dumps(attrs.asdict(summary)) if reading.summary else None,
    )


def _mail_of(row: tuple[Any, ...]) -> IndexedMail:
    *job, size, summary = row
    return IndexedMail(
        job=job_of(tuple(job)), size=size, summary=summary_of(json.loads(summary))
    )


def summary_of(given: Mapping[str, Any]) -> MailSummary:
    """Return a summary of its items as JSON has them."""
    return MailSummary(
        **{
            **given,
            "envelope_recipients": tuple(given["envelope_recipients"]),
            "parts": tuple(MailPart(**one) for one in given["parts"]),
        }
    )
