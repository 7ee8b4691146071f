"""The tray: printed documents, each a PDF named by its number in the report, and a record of it.

A document exists once its record does; the record also names the mails that were
printed with it, so that after a crash none of them is printed again. Documents in
tmp/ when the machine starts were never finished.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen
from twisted.internet.defer import Deferred, DeferredLock

from irsend.device.documents import Document
from irsend.device.jobs import Job
from irsend.errors import NoSuchRecord, StateError
from irsend.store.group_commit import InThread
from irsend.store.records import job_of, job_row
from irsend.store.state import sync_directory, write_durably

_DAY = 86_400


@frozen(kw_only=True)
class PrintedMails:
    """The record: a document, and the jobs that it ends, each with the name of its mail in memory."""

    document: Document
    jobs: tuple[Job, ...]

    def as_json(self) -> bytes:
        """Return the record as its file has it."""
        jobs = [job_row(one) for one in self.jobs]
        return json.dumps({"document": attrs.asdict(self.document), "jobs": jobs}).encode(
            "ascii"
        )

    @classmethod
    def of_json(cls, record: bytes) -> PrintedMails:
        """Read a record; ValueError."""
        try:
            fields = json.loads(record)
            about: dict[str, Any] = fields["document"]
            for name in ("codes", "notices"):
                about[name] = tuple(about[name])
            return cls(
                document=Document(**about),
                jobs=tuple(job_of(tuple(row)) for row in fields["jobs"]),
            )
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(str(error)) from None


class Tray:
    """The tray of one state directory. Its operations run in a thread, one after the other."""

    def __init__(self, directory: Path, in_thread: InThread) -> None:
        self.directory = directory
        self._in_thread = in_thread
        self._turns = DeferredLock()
        self._documents: dict[str, Document] = {}

    def open_directory(self) -> list[PrintedMails]:
        """Make the directory where it is missing; return its records, oldest first. StateError."""
        found = []
        try:
            shutil.rmtree(self._aside, ignore_errors=True)
            self._aside.mkdir(mode=0o700, parents=True, exist_ok=True)
            for pdf in self.directory.glob("*.pdf"):
                if not pdf.with_suffix(".json").exists():
                    # A crash before its record was written, or after it was deleted.
                    pdf.unlink()
            for path in self.directory.glob("*.json"):
                if path.with_suffix(".pdf").exists():
                    found.append(PrintedMails.of_json(path.read_bytes()))
                else:
                    path.unlink()
        except OSError as error:
            raise StateError(f"tray: {error.filename}: {error.strerror}") from None
        except ValueError as error:
            raise StateError(f"tray: {path} cannot be read ({error}); move it away") from None
        found.sort(key=lambda one: (one.document.printed, one.document.serial))
        self._documents = {one.document.number: one.document for one in found}
        return found

    @property
    def _aside(self) -> Path:
        return self.directory / "tmp"

    def documents(self) -> list[Document]:
        """Return the documents in it, newest first."""
        return list(reversed(self._documents.values()))

    def find(self, number: str) -> Document:
        """Return the document of this number; NoSuchRecord."""
        if number not in self._documents:
            raise NoSuchRecord(f"There is no document {number} in the tray.")
        return self._documents[number]

    def path(self, number: str) -> Path:
        """Return where the PDF of a document is; NoSuchRecord."""
        return self._path(self.find(number), ".pdf")

    def _path(self, document: Document, suffix: str) -> Path:
        return self.directory / f"{document.number}{suffix}"

    def new_directory(self) -> Path:
        """Return a new empty directory for a document that is being printed."""
        # A random name: a worker that outlived a killed machine may still write into its directory.
        return Path(tempfile.mkdtemp(dir=self._aside))

    def keep(self, pdf: Path, printed: PrintedMails) -> Deferred[Document | None]:
        """Move a PDF into the tray; fires once it will survive a crash.

        Numbers begin again after 9999: it fires with the document that it
        replaces, if there was one. Fails with OSError.
        """
        document = printed.document
        kept, record = self._path(document, ".pdf"), self._path(document, ".json")

        def put() -> None:
            descriptor = os.open(pdf, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            beside = pdf.with_name("record.json")
            write_durably(beside, printed.as_json())
            # From the last rename on the document exists.
            record.unlink(missing_ok=True)
            pdf.rename(kept)
            beside.rename(record)
            sync_directory(self.directory)

        def there(_: None) -> Document | None:
            before = self._documents.pop(document.number, None)
            self._documents[document.number] = document
            return before

        return self._turns.run(self._in_thread, put).addCallback(there)

    def remove(self, documents: Sequence[Document]) -> Deferred[None]:
        """Delete documents; OSError."""
        for one in documents:
            self._documents.pop(one.number, None)

        def remove() -> None:
            for one in documents:
                # The record first: a PDF without one is no document.
                for suffix in (".json", ".pdf"):
                    self._path(one, suffix).unlink(missing_ok=True)
            sync_directory(self.directory)

        return self._turns.run(self._in_thread, remove)

    def beyond_limits(
        self, now: float, *, most: int, days: int, octets: int
    ) -> list[tuple[Document, str]]:
        """Return the documents beyond the limits, oldest first, each with the reason.

        `days` is their greatest age, 0 for any; `octets` the greatest size of all together.
        """
        left, size = len(self._documents), sum(one.size for one in self._documents.values())
        found = []
        for one in self._documents.values():
            if left > most:
                why = f"there are more than {most} documents"
            elif days and now - one.printed > days * _DAY:
                why = f"it is older than {days} days"
            elif size > octets and left > 1:
                why = f"the tray holds more than {octets // 1_000_000} MB"
            else:
                break
            found.append((one, why))
            left, size = left - 1, size - one.size
        return found
