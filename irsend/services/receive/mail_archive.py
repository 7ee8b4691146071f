"""The mail archive: finds, shows and deletes received mail, be it waiting in memory or printed and kept.

A worker process reads the mails; what it has read is in the index, and is not read again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import attrs
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from irsend.device.jobs import Job
from irsend.device.mails import Mail, MailContent, MailPart, MailQuery, MailSummary
from irsend.errors import CannotReadMail, NoSuchRecord
from irsend.message.mail_content import envelope_of, trace_length
from irsend.message.summary import head_of
from irsend.services.print.print_pool import CannotPrint, CannotPrintNow, IPrintPool
from irsend.services.receive.received_jobs import ReceivedJobs
from irsend.store.group_commit import InThread
from irsend.store.kept_mails import KeptMails
from irsend.store.mail_index import IndexedMail, MailIndex, Reading, summary_of
from irsend.store.memory import Memory
from irsend.store.tray import Tray

T = TypeVar("T")

READ_CPU_SECONDS = 30
"""Seconds of CPU that reading a mail may take."""
# Mails that are read in one order.
_AT_ONCE = 100
_LONGEST_TRACE = 4_000_000


class MailArchive:
    """The received mail of one machine."""

    log = Logger()

    def __init__(
        self,
        *,
        memory: Memory,
        kept: KeptMails,
        index: MailIndex,
        tray: Tray,
        pool: IPrintPool,
        received_jobs: ReceivedJobs,
        on_disk: InThread,
    ) -> None:
        self._memory = memory
        self._kept = kept
        self._index = index
        self._tray = tray
        self._pool = pool
        self._received_jobs = received_jobs
        self._on_disk = on_disk
        self._reading = DeferredLock()

    def stop(self) -> Deferred[None]:
        """End the worker; fires when it has exited."""
        return self._pool.stop()

    # -- finding ------------------------------------------------------------------

    async def find(self, query: MailQuery) -> list[Mail]:
        """Return the mails that a query finds, newest first. OSError."""
        await self._index.forget(self._kept.deleted_for_room())
        while True:
            known = await self._index.find(query, _AT_ONCE)
            if not known.missing:
                documents = {one.serial: one.number for one in self._tray.documents()}
                return [_mail_of(one, documents) for one in known.found]
            await self._reading.run(self._read_missing, query)

    async def _read_missing(self, query: MailQuery) -> None:
        """Read some of the mails that are missing in the index; another query may have read them by now."""
        missing = (await self._index.find(query, _AT_ONCE)).missing
        paths = await self._on_disk(lambda: [self._path(name) for _, name in missing])
        await self._index.add(await self._readings(missing, paths))

    async def _readings(
        self, mails: Sequence[tuple[int, str]], paths: Sequence[Path | None]
    ) -> list[Reading]:
        there = [path for path in paths if path is not None]
        read = iter(await self._summaries(there))
        readings = []
        for (serial, name), path in zip(mails, paths, strict=True):
            about = next(read) if path is not None else None
            if about is None and self._path(name) is not None:
                # It was moved from memory meanwhile, and is found next time.
                continue
            readings.append(
                Reading(id=serial, name=name, size=0, summary=None, text="")
                if about is None
                else Reading(
                    id=serial,
                    name=name,
                    size=about["size"],
                    summary=summary_of(about["summary"]),
                    text=about["text"],
                )
            )
        return readings

    async def _summaries(self, paths: Sequence[Path]) -> list[dict[str, Any] | None]:
        """Return what each mail says of itself; None where its file is gone."""
        if not paths:
            return []
        try:
            order: dict[str, object] = {"files": list(map(str, paths))}
            lines = await self._ask("summarize", order, Path.read_bytes)
            return [json.loads(line) for line in lines.splitlines()]
        except CannotPrint:
            if len(paths) > 1:
                # One of them breaks the worker.
                return [one for path in paths for one in await self._summaries([path])]
            return [await self._on_disk(lambda: _of_head(paths[0]))]

    def _path(self, name: str) -> Path | None:
        return self._memory.path(name) or self._kept.path(name)

    # -- one mail -----------------------------------------------------------------

    async def mail(self, id: int) -> Mail:
        """Return the mail of this id; NoSuchRecord."""
        found = await self.find(MailQuery(before=id + 1, limit=1))
        if not found or found[0].id != id:
            raise NoSuchRecord(f"There is no mail {id}.")
        return found[0]

    async def content(self, id: int) -> MailContent:
        """Return the mail of this id with header fields and text; NoSuchRecord, CannotReadMail."""
        mail = await self.mail(id)
        path = await self._file(id)
        order: dict[str, object] = {"file": str(path)}
        shown = json.loads(await self._ask_one("show", id, order, Path.read_bytes))
        return MailContent(
            mail=mail,
            headers=tuple((name, value) for name, value in shown["headers"]),
            text=shown["text"],
        )

    async def open_source(self, id: int) -> tuple[IO[bytes], int]:
        """Return the open file of a mail, where it begins as it came, and its octets from there.

        NoSuchRecord. The caller closes the file.
        """
        path = await self._file(id)
        return await self._on_disk(lambda: _open_source(id, path))

    async def open_part(self, id: int, part: int) -> tuple[MailPart, IO[bytes]]:
        """Return a part of a mail, and the open file of its octets, decoded.

        NoSuchRecord, CannotReadMail. The caller closes the file.
        """
        mail = await self.mail(id)
        parts = mail.summary.parts
        if not 1 <= part <= len(parts):
            raise NoSuchRecord(f"Mail {id} has {len(parts)} parts, no part {part}.")
        path = await self._file(id)
        order: dict[str, object] = {"file": str(path), "part": part}
        return parts[part - 1], await self._ask_one(
            "extract", id, order, lambda made: made.open("rb")
        )

    async def _file(self, id: int) -> Path:
        job = await self._index.job(id)
        path = await self._on_disk(lambda: self._path(job.mail_file or ""))
        if path is None:
            raise NoSuchRecord(f"There is no mail {id}: its file was deleted.")
        return path

    async def _ask_one(
        self, kind: str, id: int, order: dict[str, object], take: Callable[[Path], T]
    ) -> T:
        try:
            return await self._ask(kind, order, take)
        except CannotPrint as error:
            raise CannotReadMail(f"Mail {id} cannot be read. {error}") from None

    async def _ask(self, kind: str, order: dict[str, object], take: Callable[[Path], T]) -> T:
        """Return what `take` gets of the file that the worker writes; CannotPrint, CannotReadMail."""
        directory = self._tray.new_directory()
        into = directory / "read"
        order = {**order, "into": str(into), "seconds": READ_CPU_SECONDS}
        try:
            await self._pool.ask({kind: order})
            return await self._on_disk(lambda: take(into))
        except CannotPrintNow as error:
            raise CannotReadMail(f"The mail cannot be read now: {error}") from None
        finally:
            self._on_disk(lambda: shutil.rmtree(directory, ignore_errors=True))

    # -- deleting -----------------------------------------------------------------

    async def remove(self, id: int) -> None:
        """Delete a mail; one that waits is not printed (#995). NoSuchRecord, OSError."""
        await self._remove([await self._index.job(id)])

    async def remove_all(self) -> None:
        """Delete all mails, also those that wait. OSError."""
        await self._remove(await self._index.jobs())

    async def _remove(self, jobs: Sequence[Job]) -> None:
        await self._received_jobs.cancel_waiting([one for one in jobs if one.ended is None])
        names = [one.mail_file or "" for one in jobs]
        await self._kept.remove(names)
        await self._index.forget(names)


def _mail_of(one: IndexedMail, documents: Mapping[int, str]) -> Mail:
    """Return a mail; `documents` has the numbers of the documents in the tray, by their serials."""
    job = one.job
    return Mail(
        id=job.serial,
        at=job.started,
        size=one.size,
        summary=one.summary,
        session=job.sessions[0] if job.sessions else None,
        job=job.number,
        document=documents.get(job.printed_as or 0),
    )


def _of_head(path: Path) -> dict[str, Any] | None:
    """Return what the head of a mail says, where the rest of it cannot be read."""
    try:
        with path.open("rb") as mail:
            size = path.stat().st_size
            octets = mail.read(_LONGEST_TRACE)
    except FileNotFoundError:
        return None
    above = trace_length(octets)
    head = head_of(octets[above:])
    sender, recipients = envelope_of(octets[:above])
    summary = MailSummary(
        sender=head.sender,
        to=head.to,
        subject=head.subject,
        date=head.date,
        envelope_sender=sender,
        envelope_recipients=recipients,
    )
    return {"size": size - above, "text": "", "summary": attrs.asdict(summary)}


def _open_source(id: int, path: Path) -> tuple[IO[bytes], int]:
    try:
        mail = path.open("rb")
    except FileNotFoundError:
        raise NoSuchRecord(f"There is no mail {id}: its file was deleted.") from None
    above = trace_length(mail.read(_LONGEST_TRACE))
    mail.seek(above)
    return mail, path.stat().st_size - above
