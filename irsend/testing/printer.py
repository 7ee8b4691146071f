"""A printer in the test's process: a whole machine on free ports of 127.0.0.1."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.task import deferLater

from irsend.assembly import Assembly
from irsend.configuration import configuration
from irsend.configuration_sections import IN_MEMORY
from irsend.device.device import Device
from irsend.device.events import Event, JobChanged
from irsend.device.jobs import Job
from irsend.device.send_order import Original
from irsend.device.sessions import Session
from irsend.errors import SendRefused
from irsend.testing.faults import faults_in_force
from irsend.testing.received import Mail, Printout
from irsend.testing.transcripts import read_transcripts
from irsend.testing.waiting import wait_until

if TYPE_CHECKING:
    from irsend.mailhost import MailHost

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
        faults: dict[str, object] | None = None,
        hostnames: tuple[str, ...] = ("localhost", "127.0.0.1"),
        **settings: object,
    ) -> None:
        given: dict[str, dict[str, object]] = {"email_ifax": {"smtp_receive": True}}
        for name, value in settings.items():
            window, _, key = name.partition("__")
            given.setdefault(window, {})[key] = value
        self._reactor = reactor
        self._assembly = Assembly(
            configuration(
                model=model,
                state=state,
                listen={
                    "smtp": "tcp:0:interface=127.0.0.1",
                    "panel": "tcp:0:interface=127.0.0.1",
                },
                tls={"hostnames": list(hostnames)},
                limits=limits or {},
                sending=sending or {},
                link=link or {},
                faults={"magic": True, **(faults or {})},
                # Without paper received mail stays in memory, to be looked at; `load_paper` prints it.
                printing={"loaded": False, **(printing or {})},
                settings=given,
                mailhost={
                    "enabled": accounts is not None,
                    "smtp": "tcp:0:interface=127.0.0.1",
                    "pop3": "tcp:0:interface=127.0.0.1",
                    "accounts": accounts or {},
                },
            ),
            reactor,
            reactor.seconds,
        )
        self._machine = self._assembly.machine
        self._received: list[Job] = []
        self._device.observe(self._notice)
        self._mailhost_set = "email_ifax__pop_server" in settings
        self._switched_off = False
        # Of its sessions when it was switched off, oldest first.
        self.last_transcripts: list[str] = []

    @property
    def _device(self) -> Device:
        return self._machine.device

    # -- its life -------------------------------------------------------------

    def start(self) -> None:
        """Switch it on; raises IrsendError where the settings cannot be."""
        self._assembly.startService()
        if self._assembly.mailhost is not None and not self._mailhost_set:
            self._poll_own_mailhost()

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

    def _poll_own_mailhost(self) -> None:
        accounts = self._mailhost.accounts
        address = next(iter(accounts), "")
        self._device.change_settings(
            {
                "email_ifax.pop": True,
                "email_ifax.pop_server": "127.0.0.1",
                "email_ifax.pop_address": address,
                "email_ifax.pop_password": accounts.get(address, ""),
                "email_ifax.smtp_server": "127.0.0.1",
                "service_mode.pop3_port": self.mailhost_pop3[1],
                "service_mode.smtp_tx_port": self.mailhost_smtp[1],
            },
            at_machine=False,
        )

    # -- its addresses ----------------------------------------------------------

    @property
    def smtp(self) -> tuple[str, int]:
        """Host and port where it takes mail."""
        return _first(self._machine.smtp_listener.addresses)

    @property
    def panel(self) -> str:
        """The URL of its panel."""
        host, port = _first(self._assembly.panel_addresses)
        return f"http://{host}:{port}/"

    @property
    def mailhost_smtp(self) -> tuple[str, int]:
        """Host and port of its mail host's relay."""
        return _first(self._mailhost.smtp_addresses)

    @property
    def mailhost_pop3(self) -> tuple[str, int]:
        """Host and port of its mail host's maildrop."""
        return _first(self._mailhost.pop3_addresses)

    @property
    def _mailhost(self) -> MailHost:
        if self._assembly.mailhost is None:
            raise AssertionError("this printer has no mail host; start it with accounts")
        return self._assembly.mailhost

    # -- its keys ---------------------------------------------------------------

    def set(self, **settings: object) -> None:
        """Change settings at the machine: `authent_encryption__allow_ssl_pop=True`."""
        self._machine.control.change_settings(
            {name.replace("__", ".", 1): value for name, value in settings.items()}
        )

    def faults(self, *orders: str) -> AbstractContextManager[None]:
        """Have these faults in force for sessions that begin in the block; ValueError (docs/faults)."""
        return faults_in_force(self._machine.control.faults, orders)

    def clear_status(self) -> None:
        """Clear the status line."""
        self._device.clear_status()

    def load_paper(self) -> Deferred[None]:
        """Put paper into the drawer: what was received is printed from now on."""
        return self._machine.control.change_paper(True)

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

    @property
    def faults_authority(self) -> str:
        """The certificate (PEM) of the authority behind wrong certificates, once one was ordered."""
        return self._machine.control.faults.authority

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
            await read_transcripts(self._machine.control) if running else self.last_transcripts
        )

    # -- waiting ----------------------------------------------------------------

    def wait_for_mail(self, count: int = 1, timeout: float = 10) -> Deferred[list[Mail]]:
        """Fire with all mails once there are `count`; NotInTime after `timeout` seconds."""

        def there() -> list[Mail] | None:
            # Counted first: the mails are read from the disk. One of them may be on its way
            # from memory to those that are kept.
            mails = self.mails if len(self._received) >= count else []
            return mails if len(mails) >= count else None

        return self._wait(there, timeout, lambda: f"{count} mails; there are {len(self.mails)}")

    def wait_for_printouts(
        self, count: int = 1, timeout: float = 30
    ) -> Deferred[list[Printout]]:
        """Fire with what is in the tray once there are `count`; NotInTime after `timeout` seconds."""

        def there() -> list[Printout] | None:
            return self.printouts if len(self._machine.control.documents()) >= count else None

        have = lambda: len(self._machine.control.documents())  # noqa: E731
        return self._wait(there, timeout, lambda: f"{count} printouts; there are {have()}")

    def wait_for_status(self, text: str, timeout: float = 10) -> Deferred[None]:
        """Fire once the status line shows this text; NotInTime after `timeout` seconds."""
        return self._wait(
            lambda: True if self.status == text else None,
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


def _first(addresses: Sequence[IAddress]) -> tuple[str, int]:
    if not addresses:
        raise AssertionError("it does not listen there now")
    address = addresses[0]
    assert isinstance(address, (IPv4Address, IPv6Address))
    return address.host, address.port
