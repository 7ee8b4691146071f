"""What was there when the machine was switched on: mails in memory, documents, jobs in the outbox.

The power may have failed between any two of them: nothing is lost, and nothing done twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from irsend.device.jobs import Job
from irsend.services.bench import Bench
from irsend.store.memory import maildrop_mark, mark_in
from irsend.store.outbox import Outbox, Outgoing
from irsend.store.tray import PrintedMails


class Take(Protocol):
    """Takes a mail that waits in memory."""

    def __call__(self, job: Job, *, again: bool) -> None:
        """Take it; `again` where it had its job before."""


def adopt_mails(bench: Bench, printed: Sequence[PrintedMails], take: Take) -> None:
    """Have the mails in memory printed.

    One that has no job is given one: a crash came between the mail and its
    job. One that has been printed is not printed again.
    """
    memory, device = bench.memory, bench.device
    known = {job.held_as or "": job for job in bench.journal.jobs_in_memory()}
    for job in (one for document in printed for one in document.jobs):
        name = job.held_as or ""
        if known.pop(name, None) or memory.size(name) or job.serial > device.last_serial:
            # It was printed, and its end was lost with the power.
            device.adopt_number(job)
            device.job_changed(job, held_as=None)
            _remember_fetched(bench, name)
            memory.unlink([name])
            memory.forget([name])
    names = dict.fromkeys(memory.names())
    for name, job in known.items():
        if name not in names:
            device.job_changed(job, held_as=None, result="OK", ended=device.now())
        elif job.result != "waiting":
            known[name] = device.job_changed(job, result="waiting")
    for name in names:
        if name in known:
            take(known[name], again=True)
            continue
        _remember_fetched(bench, name)
        bench.mail_kept(name, memory.beginning(name), "", None)


def _remember_fetched(bench: Bench, name: str) -> None:
    """Remember that a mail was fetched, if it was: perhaps it is not deleted on the server yet."""
    mark = mark_in(name)
    if mark:
        bench.journal.remember_fetched(mark[: len(maildrop_mark("", ""))], mark)


def adopt_jobs(bench: Bench, outbox: Outbox) -> list[Outgoing]:
    """Return what is in the outbox and not over, oldest first; what had ended is removed. StateError."""
    entries = outbox.open_directory()
    for outgoing in entries:
        # Accepted, and not in the journal yet when the power failed, perhaps.
        bench.device.adopt_number(outgoing.job)
        # Those under way when the power failed are in no journal; their numbers stay theirs.
        bench.device.last_session = max(bench.device.last_session, 0, *outgoing.job.sessions)
    ended = bench.journal.ended({one.serial for one in entries})
    over = [one for one in entries if one.awaited_until is None and one.serial in ended]
    for outgoing in over:
        outbox.remove(outgoing)
    return [one for one in entries if one not in over]
