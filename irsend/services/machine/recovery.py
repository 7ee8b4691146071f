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
from irsend.store.tray import PrintedMails, Tray


class Take(Protocol):
    """Takes a mail that waits in memory."""

    def __call__(self, job: Job, *, again: bool) -> None:
        """Take it; `again` where it had its job before."""


def recover(bench: Bench, outbox: Outbox, tray: Tray, take: Take) -> list[Outgoing]:
    """Go on where the machine was; return what is in the outbox and not over, oldest first. StateError."""
    entries, printed = outbox.open_directory(), tray.open_directory()
    behind = bench.device.last_serial
    _recover_numbers(bench, entries, printed)
    _recover_mails(bench, printed, behind, take)
    ended = bench.journal.ended({one.serial for one in entries})
    over = [one for one in entries if one.awaited_until is None and one.serial in ended]
    for outgoing in over:
        outbox.remove(outgoing)
    return [one for one in entries if one not in over]


def _recover_numbers(
    bench: Bench, entries: Sequence[Outgoing], printed: Sequence[PrintedMails]
) -> None:
    """Go on behind all jobs, also those that the journal lost when the power failed."""
    jobs = [one.job for one in entries]
    jobs += [job for document in printed for job in document.jobs]
    for job in sorted(jobs, key=lambda job: job.serial):
        bench.device.adopt_number(job)
        # Sessions under way then are in no journal; their numbers stay theirs.
        bench.device.last_session = max(bench.device.last_session, 0, *job.sessions)


def _recover_mails(
    bench: Bench, printed: Sequence[PrintedMails], behind: int, take: Take
) -> None:
    """Have the mails in memory printed, but for those that have been.

    One that has no job is given one. The journal knows nothing of jobs `behind` this serial.
    """
    memory, device = bench.memory, bench.device
    known = {job.held_as or "": job for job in bench.journal.jobs_in_memory()}
    over = [job for job in known.values() if job.ended is not None]
    for job in (one for document in printed for one in document.jobs):
        name = job.held_as or ""
        if name in known or memory.size(name) or job.serial > behind:
            # It was printed, and its end was lost with the power.
            over.append(job)
    for job in over:
        name = job.held_as or ""
        known.pop(name, None)
        _remember_fetched(bench, name)
        memory.unlink([name])
        memory.forget([name])
        device.job_changed(job, held_as=None)
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
