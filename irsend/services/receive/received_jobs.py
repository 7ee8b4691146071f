"""Cancels the jobs of received mails for the operator (#995)."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred

from irsend.device import codes
from irsend.device.device import Device
from irsend.device.jobs import Job
from irsend.errors import CannotCancel
from irsend.services.print.print_queue import PrintQueue
from irsend.services.receive.dispatch import Dispatch
from irsend.services.receive.reassembly import Reassembly
from irsend.store.journal import Journal
from irsend.store.memory import Memory


class ReceivedJobs:
    """Cancels a received mail wherever it is on its way to the tray."""

    def __init__(
        self,
        *,
        device: Device,
        memory: Memory,
        journal: Journal,
        dispatch: Dispatch,
        reassembly: Reassembly,
        print_queue: PrintQueue,
    ) -> None:
        self._device = device
        self._memory = memory
        self._journal = journal
        self._dispatch = dispatch
        self._reassembly = reassembly
        self._print_queue = print_queue

    def cancel(self, job: Job) -> Deferred[Job]:
        """Delete a mail unprinted; fires with its job. CannotCancel where it has ended.

        OSError where it cannot be deleted: then it goes on its way again.

        Cancelling one part of a divided mail that is being printed cancels them all.
        """
        return Deferred.fromCoroutine(self._cancel(job))

    async def _cancel(self, job: Job) -> Job:
        cancelled = await self.cancel_waiting([job])
        if job.serial not in cancelled:
            ended = await self._journal.job(job.number)
            raise CannotCancel(
                f"Job {job.number} has ended ({ended.result}); only one that waits can be cancelled."
            )
        return cancelled[job.serial]

    async def cancel_waiting(self, jobs: Sequence[Job]) -> dict[int, Job]:
        """Delete the mails of these jobs unprinted; return the jobs that were cancelled, by serial.

        Those that have ended are left out. OSError where they cannot be deleted: then they go
        on their way again.
        """
        asked = {one.serial: one for one in jobs if one.mail_file and one.ended is None}
        waiting = {
            serial: job
            for serial, job in asked.items()
            if self._dispatch.release(job) or self._reassembly.release(job)
        }
        queued = asked.keys() - waiting.keys()
        for mail in await self._print_queue.release(queued):
            waiting[mail.job.serial] = mail.job
        for serial in queued - waiting.keys():
            # It was printed meanwhile, or could not be printed and waits for the next start.
            job = await self._journal.job(asked[serial].number)
            if job.serial == serial and job.ended is None:
                waiting[serial] = job
        ended = self._device.now()
        cancelled = [
            self._device.job_changed(
                one,
                result="NG",
                code=codes.CANCELLED,
                reason=codes.CODES[codes.CANCELLED],
                ended=ended,
            )
            for one in waiting.values()
        ]
        try:
            # The journal has their ends and UIDLs before they are deleted: none is fetched again.
            await self._journal.flush()
            await self._memory.delete_durably([one.mail_file or "" for one in cancelled])
        except OSError:
            for one in waiting.values():
                self._dispatch.mail_recovered(self._device.job_changed(one, result="waiting"))
            raise
        return {one.serial: self._device.job_changed(one, mail_file=None) for one in cancelled}
