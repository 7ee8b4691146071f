"""A whole machine that prints: in memory, without worker processes, where a test asks for no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial import unittest

from irsend.configuration import configuration
from irsend.configuration_sections import IN_MEMORY
from irsend.device.documents import Document
from irsend.device.events import Event
from irsend.device.jobs import Job
from irsend.services.machine.machine import Machine
from irsend.services.print.print_pool import IPrintPool
from irsend.store.keys import KeyStore
from tests.parts import key_pem
from tests.print_pools import InProcessPrintPool


class PrintingMachineCase(unittest.TestCase):
    """A machine that is switched on and off, and receives what the test puts into its memory."""

    timeout = 60
    on_disk = False
    """Whether its state is a directory, on which it can be switched on again."""
    make_print_pool: Callable[[Any, int, Callable[[], float]], IPrintPool] = InProcessPrintPool
    model = "ir2270"
    listen = {"smtp": "", "panel": ""}
    settings: dict[str, Any] = {}
    printing: dict[str, Any] = {}
    limits: dict[str, Any] = {}

    def setUp(self) -> None:
        """Switch it on."""
        self.directory = Path(self.mktemp()).absolute()
        self.machine: Machine
        self.events: list[Event] = []
        self.later = 0.0
        """Seconds by which its calendar is ahead."""
        self.switch_on()
        self.addCleanup(lambda: self.machine.stopService() if self.machine.running else None)

    def switch_on(self, **printing: Any) -> None:
        """Switch it on, on what is in the state directory."""
        configured = configuration(
            model=self.model,
            state=str(self.directory) if self.on_disk else IN_MEMORY,
            listen=self.listen,
            settings=self.settings,
            limits=self.limits,
            printing={**self.printing, **printing},
        )
        self.machine = Machine(
            configured, reactor, lambda: time.time() + self.later, type(self).make_print_pool
        )
        self.machine.acquire()
        if self.on_disk:
            # A key of the machine's own would take longer than most tests.
            KeyStore(self.machine.storage.state.keys).save(*key_pem(1024))
        self.machine.device.observe(self.events.append)
        self.machine.startService()

    async def move_to_disk(self) -> None:
        """Have a machine whose state is a directory, in place of the one in memory."""
        await self.machine.stopService()
        self.on_disk = True
        self.switch_on()

    @property
    def state(self) -> Path:
        """The directory of its state, in RAM or on disk."""
        return self.machine.storage.state.path

    @property
    def pool(self) -> Any:
        """The pool that prints."""
        return self.machine.print_queue._pool

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

    def running(self) -> Deferred[None]:
        """Wait until the double has an order: until then nothing that happens to the pool matters."""
        return self.until(lambda: self.machine.device.printing and self.pool.running)

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
