"""The outbox: the messages that the machine has accepted for sending and that are not sent or given up.

One directory for each job: the message as it is sent, and a record of its state.
The directory is made in tmp/, synced and renamed, so that a job is complete or
does not exist; jobs in tmp/ when the machine starts were never accepted.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import attrs
from attrs import frozen
from twisted.internet.defer import Deferred, DeferredLock

from irsend.device.jobs import Job
from irsend.errors import StateError
from irsend.store.group_commit import InThread
from irsend.store.records import job_of, job_row
from irsend.store.state import sync_directory, write_durably

_MESSAGE = "message"
_EIGHT_BIT = "head"
_RECORD = "record.json"


@frozen(kw_only=True)
class Outgoing:
    """The record of a job that has not ended: envelope, message, and state of the sending."""

    job: Job
    sender: str
    """Empty for the null sender."""
    message_id: str
    head_length: int
    """Octets of the message that the 8-bit head, where there is one, replaces."""
    full: bool = False
    """Full mode: notifications are asked for."""
    report: str = ""
    """"dsn" or "mdn" for a report on a received mail, which has the null sender."""
    attempts: int = 0
    due: float = 0
    """Not before this time, in seconds since the epoch."""
    awaited_until: float | None = None
    """Until when notifications are awaited; None while the message is not sent."""
    rehearsed: bool = False
    """Its sessions end the mail transaction before DATA: nothing is handed over."""
    confirmed: tuple[str, ...] = ()
    """Recipients of whom no further notification is awaited."""

    @property
    def serial(self) -> int:
        """The job's serial, the name of the directory."""
        return self.job.serial

    @property
    def left(self) -> list[str]:
        """The addresses of recipients that have no result yet."""
        return [one.address for one in self.job.recipients if not one.over]

    @property
    def envelope_id(self) -> str:
        """Its ENVID (RFC 3461 4.4): the Message-ID without its brackets."""
        return self.message_id.strip("<>")

    def as_json(self) -> bytes:
        """Return the record as its file has it."""
        fields = attrs.asdict(self, filter=lambda field, _: field.name != "job")
        # Its name in the records of earlier releases.
        fields["answer"] = fields.pop("report")
        return json.dumps({**fields, "job": job_row(self.job)}).encode("ascii")

    @classmethod
    def of_json(cls, record: bytes) -> Outgoing:
        """Read a record; ValueError."""
        try:
            fields = json.loads(record)
            fields["confirmed"] = tuple(fields["confirmed"])
            fields["report"] = fields.pop("answer", "")
            return cls(**{**fields, "job": job_of(tuple(fields["job"]))})
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(str(error)) from None


class Outbox:
    """The outbox of one state directory. Its operations run in a thread, one after the other."""

    def __init__(self, directory: Path, in_thread: InThread) -> None:
        self.directory = directory
        self.used = 0
        """Octets of the messages in it."""
        self._in_thread = in_thread
        self._turns = DeferredLock()
        self._sizes: dict[int, int] = {}

    def open_directory(self) -> list[Outgoing]:
        """Make the directory where it is missing; return its records, oldest first. StateError."""
        try:
            shutil.rmtree(self._aside, ignore_errors=True)
            self._aside.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = []
            for entry in self.directory.iterdir():
                if not entry.name.isdigit():
                    continue
                outgoing = Outgoing.of_json((entry / _RECORD).read_bytes())
                found.append(outgoing)
                self._count_in(outgoing.serial)
        except OSError as error:
            raise StateError(f"outbox: {error.filename}: {error.strerror}") from None
        except ValueError as error:
            raise StateError(
                f"outbox: {entry / _RECORD} cannot be read ({error}); move {entry} away"
            ) from None
        return sorted(found, key=lambda one: one.serial)

    def __len__(self) -> int:
        """Return how many messages are in it."""
        return len(self._sizes)

    @property
    def _aside(self) -> Path:
        return self.directory / "tmp"

    def _directory_of(self, serial: int) -> Path:
        return self.directory / str(serial)

    def _count_in(self, serial: int) -> None:
        message = self._directory_of(serial) / _MESSAGE
        self._sizes[serial] = message.stat().st_size if message.exists() else 0
        self.used += self._sizes[serial]

    def _count_out(self, serial: int) -> None:
        self.used -= self._sizes.pop(serial, 0)

    def new_directory(self) -> Path:
        """Return a new empty directory for a job that is not accepted yet."""
        # A random name: a worker that outlived a killed machine may still write into its directory.
        return Path(tempfile.mkdtemp(dir=self._aside))

    def accept(
        self, write: Callable[[IO[bytes]], tuple[Outgoing, bytes]]
    ) -> Deferred[Outgoing]:
        """Call `write` with the message's file (in a thread); fires once it will survive a crash.

        `write` returns the record, and the 8-bit head or nothing. Fails with what
        it raised, or OSError: nothing is kept then.
        """
        directory = self.new_directory()

        def make() -> Outgoing:
            try:
                with (directory / _MESSAGE).open("wb") as message:
                    outgoing, eight_bit_head = write(message)
                    message.flush()
                    os.fsync(message.fileno())
                if eight_bit_head:
                    write_durably(directory / _EIGHT_BIT, eight_bit_head)
                write_durably(directory / _RECORD, outgoing.as_json())
                directory.rename(self._directory_of(outgoing.serial))
                sync_directory(self.directory)
            except BaseException:
                shutil.rmtree(directory, ignore_errors=True)
                raise
            return outgoing

        def kept(outgoing: Outgoing) -> Outgoing:
            self._count_in(outgoing.serial)
            return outgoing

        accepted: Deferred[Outgoing] = self._turns.run(self._in_thread, make)
        return accepted.addCallback(kept)

    def update(self, outgoing: Outgoing) -> Deferred[None]:
        """Replace the record of a job."""
        record = self._directory_of(outgoing.serial) / _RECORD
        return self._turns.run(
            self._in_thread, lambda: write_durably(record, outgoing.as_json())
        )

    def open_message(self, outgoing: Outgoing) -> IO[bytes]:
        """Open the message, all of it in 7 bit, as every server takes it."""
        return (self._directory_of(outgoing.serial) / _MESSAGE).open("rb")

    def eight_bit_head(self, outgoing: Outgoing) -> bytes:
        """Return the head in 8 bit, for a server with 8BITMIME; empty where there is none."""
        head = self._directory_of(outgoing.serial) / _EIGHT_BIT
        return head.read_bytes() if head.exists() else b""

    def drop_message(self, outgoing: Outgoing) -> Deferred[None]:
        """Delete a message that has been sent, and keep its record."""
        self._count_out(outgoing.serial)
        message = self._directory_of(outgoing.serial) / _MESSAGE
        return self._turns.run(self._in_thread, lambda: message.unlink(missing_ok=True))

    def remove(self, outgoing: Outgoing) -> Deferred[None]:
        """Delete a job's directory."""
        self._count_out(outgoing.serial)
        directory = self._directory_of(outgoing.serial)

        def remove() -> None:
            # By a rename first, so that no half of it is left.
            gone = self.new_directory()
            directory.rename(gone / "job")
            shutil.rmtree(gone, ignore_errors=True)

        return self._turns.run(self._in_thread, remove)
