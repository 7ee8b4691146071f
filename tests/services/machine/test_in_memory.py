"""A machine in memory: all that it does without a disk, and what it leaves behind."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.tcp import Port
from twisted.mail.smtp import sendmail
from twisted.trial.unittest import SkipTest

from irsend.device.documents import Document
from irsend.device.jobs import Job
from irsend.device.send_order import Original
from irsend.errors import CannotDraw
from irsend.services.print.print_pool import make_print_pool
from irsend.store.tray import PrintedMails
from tests.imaging.received import mail
from tests.services.printing import PrintingMachineCase
from tests.services.relay import OnePageScanner, Relay


def listening_ports() -> set[Port]:
    """Return what the reactor listens on by TCP."""
    readers = reactor.getReaders()  # type: ignore[attr-defined]
    return {one for one in readers if isinstance(one, Port)}


class InMemoryTests(PrintingMachineCase):
    """A machine that receives, prints and sends."""

    listen = {"smtp": "tcp:0:interface=127.0.0.1", "panel": ""}
    settings = {
        "email_ifax": {
            "smtp_receive": True,
            "email_address": "ir@bench.test",
            "smtp_server": "relay.bench.test",
        }
    }

    def setUp(self) -> None:
        """Remember what there was before the machine."""
        self.threads = set(threading.enumerate())
        super().setUp()

    def files(self) -> set[Path]:
        """Return the files of this test, and what this process has for machines in memory."""
        found = set(Path.cwd().rglob("*"))
        for place in (Path(tempfile.gettempdir()), self.state.parent):
            found.update(place.glob(f"irsend-{os.getpid()}-*"))
        return found

    async def receive_by_smtp(self) -> Job:
        """Have the machine receive a mail at its port; return its job."""
        (listening,) = self.machine.smtp_listener.addresses
        await sendmail(
            listening.host,
            "a@bench.test",
            "ir@bench.test",
            mail("Good morning."),
            port=listening.port,
        )
        (job,) = await self.machine.control.jobs()
        return job

    async def send_by_relay(self) -> tuple[Job, Relay]:
        """Have the machine send a page; return its job when it has ended, and the relay."""
        machine = self.machine
        relay = Relay(lambda work: reactor.callLater(0, work))  # type: ignore[attr-defined]
        machine.network.client_endpoint = relay.endpoint  # type: ignore[method-assign]
        machine.scanner.scan = OnePageScanner().scan  # type: ignore[method-assign]
        page = Original(path=machine.control.scan_directory() / "page.tif", name="page.tif")
        given: dict[str, object] = {"to": ["b@bench.test"], "format": "tiff"}
        order = machine.control.read_order([page], given)
        job = await machine.control.send(order)
        return await self.ended(job.number), relay

    async def test_receives_and_prints(self) -> None:
        """A mail that comes by SMTP waits in memory for paper, and is then a document in the tray."""
        self.machine.control.change_paper(False)
        job = await self.receive_by_smtp()
        self.assertEqual((job.party, job.result), ("a@bench.test", "waiting"))
        path = self.machine.storage.memory.path(job.mail_file or "")
        assert path is not None
        content = mail("Good morning.").replace(b"\n", b"\r\n")
        self.assertTrue(path.read_bytes().endswith(content))
        self.machine.control.change_paper(True)
        self.assertEqual((await self.ended(job.number)).result, "OK")
        self.assertIn("Good morning.", self.text(job.number))
        self.assertEqual(self.machine.control.memory()[0], 0)

    async def test_sends(self) -> None:
        """A page is sent by the relay, and leaves the outbox."""
        job, relay = await self.send_by_relay()
        self.assertEqual((job.result, job.pages), ("--", 1))
        self.assertEqual(relay.destinations, [("relay.bench.test", 25)])
        self.assertEqual(len(relay.mails), 1)
        # It leaves the outbox when its end is in the journal.
        await self.until(lambda: self.machine.control.memory()[0] == 0)

    async def test_leaves_nothing(self) -> None:
        """When it is switched off no thread was started, no port is open, and no file is left anywhere."""
        await self.machine.stopService()
        ports, files = listening_ports(), self.files()
        self.switch_on()
        self.assertEqual(len(listening_ports() - ports), 1)
        job = await self.receive_by_smtp()
        await self.ended(job.number)
        await self.send_by_relay()
        self.assertTrue(self.state.is_dir())
        self.assertEqual(set(threading.enumerate()) - self.threads, set())
        await self.machine.stopService()
        # What tests before it have left may go meanwhile.
        self.assertEqual(listening_ports() - ports, set())
        self.assertEqual(self.files() - files, set())

    async def test_in_ram(self) -> None:
        """Its files are in RAM where the system has such a directory, closed to other users."""
        if not Path("/dev/shm").is_dir():
            raise SkipTest("the system has no /dev/shm")
        self.assertEqual(self.state.parent, Path("/dev/shm"))
        self.assertEqual(self.state.stat().st_mode & 0o777, 0o700)
        self.assertEqual(list(self.state.glob("journal*")), [])

    async def test_no_key_before_tls(self) -> None:
        """No RSA key is made before TLS is asked for; then there is one."""
        job = await self.receive_by_smtp()
        await self.ended(job.number)
        keys = self.machine.storage.state.keys
        self.assertEqual(list(keys.iterdir()), [])
        self.machine.control.change_settings(
            {"authent_encryption.allow_ssl_smtp_receive": "on"}
        )
        self.assertEqual({one.name for one in keys.iterdir()}, {"certificate.pem", "key.pem"})
        description = self.machine.control.key_description()
        assert description is not None
        self.assertEqual(description["bits"], 1024)


class LeftOutTests(PrintingMachineCase):
    """Parts that the configuration leaves out."""

    make_print_pool = staticmethod(make_print_pool)
    printing = {"workers": 0}
    settings = {"email_ifax": {"smtp_receive": True}}

    async def test_no_print_workers(self) -> None:
        """Without print workers mail waits, with paper too, and the sentence says why no page is drawn."""
        job = await self.receive(mail("Text."))
        self.machine.control.change_paper(False)
        self.machine.control.change_paper(True)
        self.assertEqual((await self.machine.control.job(job.number)).result, "waiting")
        self.assertEqual(self.machine.storage.memory.names(), [job.mail_file])
        tray = self.machine.storage.tray
        pdf = tray.new_directory() / "printed.pdf"
        pdf.write_bytes(b"%PDF-1.4")
        document = Document(
            serial=9, number="5009", pages=1, sender="", subject="", printed=self.later
        )
        await tray.keep(pdf, PrintedMails(document=document, jobs=()))
        control = self.machine.control
        for asked in (
            control.draw_page("5009", 1, 50),
            control.read_page("5009", 1),
            control.set_text("Text.", "Report"),
        ):
            error = await self.assertFailure(asked, CannotDraw)
            self.assertIn(
                "the machine has no print workers (printing.workers is 0)", str(error)
            )

    async def test_no_listener(self) -> None:
        """With listen.smtp empty nothing listens, although SMTP Receive is on."""
        await self.machine.stopService()
        ports = listening_ports()
        self.switch_on()
        self.assertTrue(self.machine.device.settings.email_ifax.smtp_receive)
        self.assertEqual(self.machine.smtp_listener.addresses, [])
        self.assertEqual(listening_ports(), ports)
