"""What the log has of a machine: its model, its state directory, and a line for each job that has ended."""

from __future__ import annotations

from pathlib import Path

from twisted.logger import Logger

from irsend.device.codes import CANCELLED
from irsend.device.device import Device
from irsend.device.events import Event, JobChanged

_log = Logger()


def log_machine(device: Device, state: Path) -> None:
    """Log what a machine is, and from now on each job that ends."""
    _log.info("Model: {model}", model=device.model.called, log_system="irsend")
    _log.info("State: {path}", path=state, log_system="irsend")
    device.observe(log_ended)


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
