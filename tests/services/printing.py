"""A whole machine that prints, on a state directory of the test's own, with real workers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.trial import unittest

from irsend.configuration import configuration
from irsend.device.documents import Document
from irsend.device.events import Event
from irsend.device.jobs import Job
from irsend.services.machine.machine import Machine


class PrintingMachineCase(unittest.TestCase):
    """A machine that is switched on and off, and receives what the test puts into its memory."""

    timeout = 60
    settings: dict[str, Any] = {}
    printing: dict[str, Any] = {}
    limits: dict[str, Any] = {}

    def setUp(self) -> None:
        """Switch it on."""
        self.state = Path(self.mktemp()).absolute()
        self.machine: Machine
        self.events: list[Event] = []
        self.later = 0.0
        """Seconds by which its calendar is ahead."""
        self.switch_on()
        self.addCleanup(lambda: self.machine.stopService() if self.machine.running else None)

    def switch_on(self, **printing: Any) -> None:
        """Switch it on, on what is in the state directory."""
        configured = configuration(
            state=str(self.state),
            listen={"smtp": "", "panel": ""},
            settings=self.settings,
            limits=self.limits,
            printing={**self.printing, **printing},
        )
        self.machine = Machine(configured, reactor, lambda: time.time() + self.later)
        self.machine.acquire()
        self.machine.device.observe(self.events.append)
        self.machine.startService()

    def receive(self, content: bytes, trace: bytes = b"", mark: str = "") -> Deferred[Job]:
        """Put a mail into memory; fires with its job as it was accepted."""
        machine = self.machine
        jobs: list[Job] = []
        message = machine.storage.memory.open_message(
            trace,
            on_stored=lambda one: jobs.append(
                machine.dispatch.mail_stored(one.name, one.head_octets, "a@bench.test", None)
            ),
            mark=mark,
        )
        message.write(content)
        return message.commit().addCallback(lambda _: jobs[0])

    def until(self, true: Callable[[], object]) -> Deferred[None]:
        """Wait for something; the test's own limit of time bounds it."""

        def look() -> Any:
            return None if true() else deferLater(reactor, 0.01, look)

        return deferLater(reactor, 0, look)

    def printed(self, count: int = 1) -> Deferred[list[Document]]:
        """Wait until so many documents lie in the tray and their jobs have ended; newest first."""
        machine = self.machine
        return self.until(
            lambda: len(machine.control.documents()) >= count and not machine.device.printing
        ).addCallback(lambda _: machine.control.documents())

    def ended(self, number: str) -> Deferred[Job]:
        """Wait until a job has ended."""
        ended: Deferred[Job] = self.machine.control.job_ended(number)
        return ended

    def given_to_worker(self) -> Deferred[None]:
        """Wait until a worker has what is printed: until then nothing that befalls it matters."""
        machine = self.machine
        return self.until(
            lambda: machine.device.printing and not machine.print_queue._pool._idle
        )

    def retry_now(self) -> None:
        """Print again at once what a disk that failed keeps waiting."""
        (call,) = self.machine.print_queue._retries._calls
        call.reset(0)

    def text(self, number: str) -> str:
        """Return the text of a document."""
        pdf = pypdfium2.PdfDocument(self.machine.control.document_file(number))
        try:
            return "\n".join(page.get_textpage().get_text_range() for page in pdf)
        finally:
            pdf.close()

    @inlineCallbacks
    def stopped_worker(self) -> Any:
        """Have a worker that answers nothing; returns its process id. It has printed a mail before."""
        job = yield self.receive(b"Subject: warm\r\n\r\nText.\r\n")
        yield self.ended(job.number)
        (worker,) = self.machine.print_queue._pool._workers
        os.kill(worker.transport.pid, signal.SIGSTOP)
        return worker.transport.pid
