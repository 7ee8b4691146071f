"""Recovery: at the start, after a crash too, the mails in memory and the jobs in the outbox go on.

The power may have failed between any two writes: nothing is lost, and nothing
is done twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from irsend.device import codes
from irsend.device.device import Device
from irsend.device.jobs import Job
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.receive.dispatch import Dispatch
from irsend.services.send.full_mode import FullMode
from irsend.services.send.send_queue import SendQueue
from irsend.store.journal import Journal
from irsend.store.kept_mails import KeptMails
from irsend.store.memory import Memory, maildrop_mark, mark_in
from irsend.store.outbox import Outbox, Outgoing
from irsend.store.tray import PrintedMails, Tray


class Recovery:
    """Runs once, when the store is open and before anything else begins."""

    def __init__(
        self,
        *,
        device: Device,
        memory: Memory,
        kept_mails: KeptMails,
        journal: Journal,
        configuration: LiveConfiguration,
        outbox: Outbox,
        tray: Tray,
        dispatch: Dispatch,
        full_mode: FullMode,
        send_queue: SendQueue,
    ) -> None:
        self._device = device
        self._memory = memory
        self._kept_mails = kept_mails
        self._journal = journal
        self._live = configuration
        self._outbox = outbox
        self._tray = tray
        self._dispatch = dispatch
        self._full_mode = full_mode
        self._send_queue = send_queue

    def run(self) -> None:
        """Give each mail and each job to the part that goes on with it. StateError."""
        outgoing, printed = self._outbox.open_directory(), self._tray.open_directory()
        journal_serial = self._device.last_serial
        self._recover_numbers(outgoing, printed)
        self._recover_mails(printed, journal_serial)
        outgoing = self._unfinished(outgoing)
        self._full_mode.recover(outgoing)
        self._send_queue.recover([one for one in outgoing if one.awaited_until is None])

    def _unfinished(self, outgoing: list[Outgoing]) -> list[Outgoing]:
        """Remove from the outbox what has ended in the journal; return the rest, oldest first."""
        ended = self._journal.ended({one.serial for one in outgoing})
        over = [one for one in outgoing if one.awaited_until is None and one.serial in ended]
        for one in over:
            self._outbox.remove(one)
        return [one for one in outgoing if one not in over]

    def _recover_numbers(
        self, outgoing: Sequence[Outgoing], printed: Sequence[PrintedMails]
    ) -> None:
        """Continue the numbers after all jobs, also those that the journal lost when the power failed."""
        jobs = [one.job for one in outgoing]
        jobs += [job for document in printed for job in document.jobs]
        for job in sorted(jobs, key=lambda job: job.serial):
            self._device.adopt_number(job)
            # Their sessions may be missing in the journal; their numbers are not given again.
            self._device.last_session = max(self._device.last_session, 0, *job.sessions)

    def _recover_mails(self, printed: Sequence[PrintedMails], journal_serial: int) -> None:
        """Give the mails in memory to dispatch; keep those that were printed before.

        A mail without a job gets one. The journal has no job after `journal_serial`.
        """
        memory, device = self._memory, self._device
        known = {job.mail_file or "": job for job in self._journal.jobs_with_mail()}
        over = {name: job for name, job in known.items() if job.ended is not None}
        waiting = {name: job for name, job in known.items() if job.ended is None}
        for job in (one for document in printed for one in document.jobs):
            name = job.mail_file or ""
            if name in waiting or memory.size(name) or job.serial > journal_serial:
                # It was printed, and its end was lost with the power.
                over[name] = job
                waiting.pop(name, None)
        for name, job in over.items():
            in_memory = bool(memory.size(name))
            kept = (
                self._take_out_of_memory(job, name) if in_memory else name in self._kept_mails
            )
            if in_memory or not kept or known.get(name) != job:
                self._remember_fetched(name)
                device.job_changed(job, mail_file=name if kept else None)
        names = dict.fromkeys(memory.names())
        for name, job in waiting.items():
            if name not in names:
                kept = name in self._kept_mails
                device.job_changed(
                    job, mail_file=name if kept else None, result="OK", ended=device.now()
                )
            elif job.result != "waiting":
                waiting[name] = device.job_changed(job, result="waiting")
        for name in names:
            if name in waiting:
                self._dispatch.mail_recovered(waiting[name])
                continue
            self._remember_fetched(name)
            self._dispatch.mail_stored(name, memory.read_head(name), "", None)

    def _take_out_of_memory(self, job: Job, name: str) -> bool:
        """Take the mail of a job that has ended out of memory; return whether it is kept."""
        if job.code == codes.CANCELLED or not self._live.current.printing.keep_mails:
            self._memory.unlink([name])
        else:
            self._kept_mails.remember(self._kept_mails.move([name]))
        self._memory.forget([name])
        return name in self._kept_mails

    def _remember_fetched(self, name: str) -> None:
        """Record that a mail was fetched, where it was: it may still be on the server."""
        mark = mark_in(name)
        if mark:
            self._journal.remember_fetched(mark[: len(maildrop_mark("", ""))], mark)
