"""The log line of each job that has ended: result, party and reason."""

from __future__ import annotations

from twisted.logger import Logger

from irsend.device.codes import CANCELLED
from irsend.device.events import Event, JobChanged

_log = Logger()


def log_ended(event: Event) -> None:
    """Observe the device: log a job that has ended; one that was cancelled, once its mail is deleted."""
    if isinstance(event, JobChanged) and event.job.ended is not None:
        job = event.job
        if job.code == CANCELLED and job.mail_file:
            return
        _log.info(
            "Job {number}: {result}, {direction} {party}{subject}{why}",
            number=job.number,
            result=" ".join(filter(None, (job.result, job.code))),
            direction="to" if job.direction == "tx" else "from",
            party=job.party,
            subject=f', "{job.subject}"' if job.subject else "",
            why=f" ({job.reason})" if job.reason else "",
        )
