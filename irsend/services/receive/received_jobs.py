"""Cancels the jobs of received mails for the operator (#995)."""

from __future__ import annotations

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
        if job.mail_file is None or job.ended is not None:
            raise CannotCancel(
                f"Job {job.number} has ended ({job.result}); only one that waits can be cancelled."
            )
        jobs = [job]
        if not self._dispatch.release(job) and not self._reassembly.release(job):
            mails = await self._print_queue.release(job)
            jobs += [mail.job for mail in mails if mail.job.serial != job.serial]
        names = [one.mail_file or "" for one in jobs]
        ended = self._device.now()
        waiting = jobs
        jobs = [
            self._device.job_changed(
                one,
                result="NG",
                code=codes.CANCELLED,
                reason=codes.CODES[codes.CANCELLED],
                ended=ended,
            )
            for one in jobs
        ]
        try:
            # The journal has their ends and UIDLs before they are deleted: none is fetched again.
            await self._journal.flush()
            await self._memory.delete_durably(names)
        except OSError:
            for one in waiting:
                self._dispatch.mail_recovered(self._device.job_changed(one, result="waiting"))
            raise
        job, *_ = [self._device.job_changed(one, mail_file=None) for one in jobs]
        return job
