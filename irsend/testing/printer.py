"""A printer in the test's process: a whole machine on free ports of 127.0.0.1."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from irsend.assembly import Assembly
from irsend.configuration_sections import IN_MEMORY
from irsend.device.device import Device
from irsend.device.events import Event, JobChanged
from irsend.device.jobs import Job
from irsend.device.send_order import Original
from irsend.device.sessions import Session
from irsend.errors import SendRefused
from irsend.services.print.print_pool import PoolMaker, make_print_pool
from irsend.testing.address import Address, first_address
from irsend.testing.printer_configuration import printer_configuration, whole_keys
from irsend.testing.printer_mailhost import PrinterMailHost
from irsend.testing.received import Mail, Printout, what_came
from irsend.testing.transcripts import read_transcripts
from irsend.testing.waiting import wait_until

T = TypeVar("T")


class Printer:
    """A running machine. `PrinterMixin.start_printer` makes one."""

    def __init__(
        self,
        reactor: Any,
        *,
        state: str = IN_MEMORY,
        model: str = "ir2270",
        accounts: dict[str, str] | None = None,
        limits: dict[str, object] | None = None,
        sending: dict[str, object] | None = None,
        link: dict[str, object] | None = None,
        printing: dict[str, object] | None = None,
        hostnames: Sequence[str] = ("localhost", "127.0.0.1"),
        assignments: Sequence[str] = (),
        make_print_pool: PoolMaker = make_print_pool,
        **settings: object,
    ) -> None:
        self._reactor = reactor
        self._assembly = Assembly(
            printer_configuration(
                state=state,
                model=model,
                accounts=accounts,
                sections={
                    "limits": limits,
                    "sending": sending,
                    "link": link,
                    # Without paper received mail stays in memory, to be looked at; `load_paper` prints it.
                    "printing": {"loaded": False, **(printing or {})},
                },
                hostnames=hostnames,
                settings=settings,
                assignments=assignments,
            ),
            reactor,
            reactor.seconds,
            make_print_pool,
        )
        self._machine = self._assembly.machine
        self._received: list[Job] = []
        self._device.observe(self._notice)
        self._switched_off = False
        self._sessions_before = 0
        # Of its sessions when it was switched off, oldest first.
        self.last_transcripts: list[str] = []

    @property
    def _device(self) -> Device:
        return self._machine.device

    # -- its life -------------------------------------------------------------

    def start(self) -> None:
        """Switch it on; raises IrsendError where the settings cannot be."""
        self._assembly.startService()
        if self._assembly.mailhost is not None:
            given = self._machine.configuration.settings
            settings = self.mailhost.settings_to_use_it(self._device.model, given)
            self._device.change_settings(settings, at_machine=False)
        self._settings_at_start, self._paper_at_start = (
            self._device.settings,
            self._device.paper,
        )

    def stop(self) -> Deferred[None]:
        """Switch it off; fires when nothing of it is left but its transcripts."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._switched_off:
            return
        try:
            self.last_transcripts = await self._transcripts()
        except Exception as error:
            # It stops all the same, and the test's own failure is the one to be seen.
            self.last_transcripts = [f"The transcripts cannot be read: {error}"]
        self._switched_off = True
        await self._assembly.stopService()

    # -- its addresses ----------------------------------------------------------

    @property
    def smtp(self) -> Address:
        """Host and port where it takes mail."""
        return first_address(self._machine.smtp_listener.addresses)

    @property
    def panel(self) -> str:
        """The URL of its panel."""
        host, port = first_address(self._assembly.panel_addresses)
        return f"http://{host}:{port}/"

    @property
    def mailhost_smtp(self) -> Address:
        """Host and port of its mail host's relay."""
        return self.mailhost.smtp

    @property
    def mailhost_pop3(self) -> Address:
        """Host and port of its mail host's maildrop."""
        return self.mailhost.pop3

    @property
    def mailhost(self) -> PrinterMailHost:
        """Its mail host; AssertionError where it has none."""
        if self._assembly.mailhost is None:
            raise AssertionError("this printer has no mail host; start it with accounts")
        return PrinterMailHost(self._assembly.mailhost)

    # -- its keys ---------------------------------------------------------------

    def set(self, **settings: object) -> None:
        """Change settings at the machine: `authent_encryption__allow_ssl_pop=True`."""
        self._machine.control.change_settings(whole_keys(self._device.model, settings))

    def clear_status(self) -> None:
        """Clear the status line."""
        self._device.clear_status()

    def reset(self) -> Deferred[None]:
        """Make it as it was when it was switched on.

        Mails, printouts and transcripts are gone, the status line is clear, jobs that wait are
        cancelled, the settings are as they were.
        """
        return Deferred.fromCoroutine(self._reset())

    async def _reset(self) -> None:
        control, device = self._machine.control, self._device
        for job in await control.jobs():
            if job.direction == "tx" and job.ended is None:
                await control.cancel_job(job.number)
        await control.remove_mails()
        for document in control.documents():
            await control.remove_document(document.number)
        await control.clear_status()
        await control.change_paper(self._paper_at_start)
        control.factory_reset()
        device.reset_settings(self._settings_at_start)
        if self._assembly.mailhost is not None:
            self.mailhost.clear()
        self._received = []
        self._sessions_before = device.last_session

    def load_paper(self) -> Deferred[None]:
        """Put paper into the drawer: what was received is printed from now on."""
        return self._machine.control.change_paper(True)

    def remove_paper(self) -> Deferred[None]:
        """Take the paper out of the drawer: what is received waits in memory from now on."""
        return self._machine.control.change_paper(False)

    def receive(self) -> Deferred[Session]:
        """Fetch mail from the POP server now; fires with the session when it has ended."""
        return self._machine.control.receive()

    def send(
        self, *pages: bytes | Path, to: str | Sequence[str], **words: object
    ) -> Deferred[Job]:
        """Send pages: PDF, TIFF, PNG or JPEG.

        Pages are files, or the content of files. Fires with the job when it has
        ended, as OK, NG or "--"; full mode may change it later. `words` are those
        of `POST /api/send`: subject, text, kind, format, resolution, paper, full.
        Raises SendRefused; fails with ScanRefused.
        """
        directory = self._machine.control.scan_directory()
        originals = []
        for number, page in enumerate(pages, 1):
            path = directory / f"page-{number}"
            path.write_bytes(page if isinstance(page, bytes) else page.read_bytes())
            name = path.name if isinstance(page, bytes) else page.name
            originals.append(Original(path=path, name=name))
        given = {"to": [to] if isinstance(to, str) else list(to), **words}
        try:
            order = self._machine.control.read_order(originals, given)
        except SendRefused:
            shutil.rmtree(directory)
            raise
        ended: Deferred[Job] = self._machine.control.send(order).addBoth(
            _passing(shutil.rmtree, directory)
        )
        return ended.addCallback(lambda job: self._machine.control.job_ended(job.number))

    # -- its state --------------------------------------------------------------

    @property
    def status(self) -> str:
        """The text on the status line; empty when nothing is wrong."""
        return self._device.status.text

    @property
    def frames_dropped(self) -> int:
        """How many frames the MAC address filter has dropped; connections, where it cannot drop frames."""
        return self._machine.control.mac_filter()[1]

    @property
    def mails(self) -> list[Mail]:
        """The received mails, oldest first: those in memory, and those that were printed and are kept."""
        storage = self._machine.storage
        found = []
        for job in self._received:
            name = job.mail_file or ""
            path = storage.memory.path(name) or storage.kept_mails.path(name)
            if path is not None:
                found.append(Mail(job.number, path.read_bytes()))
        return found

    @property
    def printouts(self) -> list[Printout]:
        """The documents in the tray, oldest first."""
        return [
            Printout(
                number=one.number,
                pages=one.pages,
                sender=one.sender,
                subject=one.subject,
                codes=one.codes,
                notices=one.notices,
                pdf=self._machine.control.document_file(one.number).read_bytes(),
            )
            for one in reversed(self._machine.control.documents())
        ]

    @property
    def certificates_pem(self) -> str:
        """The certificates that a client trusts to verify it and its mail host, as PEM."""
        found = self._machine.keyring.certificates_pem()
        if self._assembly.mailhost is not None:
            found += self.mailhost.certificates_pem
        return found.decode("ascii")

    def jobs(self) -> Deferred[list[Job]]:
        """Give what it has sent and received, newest first."""
        return self._machine.control.jobs()

    def sessions(self) -> Deferred[list[Session]]:
        """Give its sessions with mail servers and clients, newest first."""
        return Deferred.fromCoroutine(self._sessions())

    async def _sessions(self) -> list[Session]:
        # Never at once: a test that asks until a session is there must let the reactor run.
        await deferLater(self._reactor, 0)
        return await self._machine.control.sessions()

    def transcripts(self) -> Deferred[list[str]]:
        """Give the transcript of each session, oldest first, as text; also once it has stopped."""
        return Deferred.fromCoroutine(self._transcripts())

    async def _transcripts(self) -> list[str]:
        await deferLater(self._reactor, 0)
        running = not self._switched_off
        return (
            await read_transcripts(self._machine.control, self._sessions_before)
            if running
            else self.last_transcripts
        )

    # -- waiting ----------------------------------------------------------------

    def wait_for_mail(self, count: int = 1, timeout: float = 10) -> Deferred[list[Mail]]:
        """Fire with all mails once there are `count`; NotInTime after `timeout` seconds."""

        def there() -> list[Mail] | None:
            # Counted first: the mails are read from the disk. One of them may be on its way
            # from memory to those that are kept.
            mails = self.mails if len(self._received) >= count else []
            return mails if len(mails) >= count else None

        return self._wait(
            there, timeout, lambda: f"{count} mails; {what_came(self.mails, self.status)}"
        )

    def wait_for_printouts(
        self, count: int = 1, timeout: float = 30
    ) -> Deferred[list[Printout]]:
        """Fire with what is in the tray once there are `count`; NotInTime after `timeout` seconds."""

        def there() -> list[Printout] | None:
            return self.printouts if len(self._machine.control.documents()) >= count else None

        def missing() -> str:
            have = len(self._machine.control.documents())
            came = what_came(self.mails, self.status)
            return f"{count} printouts; there are {have}; of mails {came}"

        return self._wait(there, timeout, missing)

    def wait_for_status(self, text: str, timeout: float = 10) -> Deferred[None]:
        """Fire once this text is on the status line; an empty text waits for an empty line. NotInTime."""
        return self._wait(
            lambda: True if self._device.status.has(text) else None,
            timeout,
            lambda: f"{text!r} on the status line, which shows {self.status!r}",
        ).addCallback(lambda _: None)

    def _wait(
        self, look: Callable[[], T | None], timeout: float, missing: Callable[[], str]
    ) -> Deferred[T]:
        return wait_until(self._device, self._reactor, look, timeout, missing)

    def _notice(self, event: Event) -> None:
        if isinstance(event, JobChanged) and event.job.direction == "rx":
            job = event.job
            self._received = [one for one in self._received if one.serial != job.serial]
            if job.mail_file is not None:
                self._received.append(job)


def _passing(then: Callable[[Path], None], directory: Path) -> Callable[[T], T]:
    """Return a callback that calls `then` with a directory, and passes its outcome on."""

    def passed(outcome: T) -> T:
        then(directory)
        return outcome

    return passed
