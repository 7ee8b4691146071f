"""What a machine promises while its disk fails: a file system that is full, and calls that fail for real."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.trial import unittest

from irsend.configuration import configuration
from irsend.device.documents import Document
from irsend.device.jobs import Job
from irsend.device.status import StatusText
from irsend.errors import MemoryFull, NotKept
from irsend.services.machine.machine import Machine
from irsend.store.tray import PrintedMails
from tests.parts import key_pem
from tests.store.shortage import SmallDisk

_POP = StatusText.SSL_ERROR_POP


class Case(unittest.TestCase):
    """A machine on a state directory, switched on and off."""

    def setUp(self) -> None:
        """Switch it on."""
        self.state = Path(self.mktemp()).absolute()
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self.observe)
        self.addCleanup(globalLogPublisher.removeObserver, self.observe)
        self.addCleanup(self.switch_off)
        self.prepare()
        self.machine: Machine | None = None
        self.switch_on()

    def prepare(self) -> None:
        """Make the disk."""

    def observe(self, event: object) -> None:
        """Take note of the log's warnings and errors, and of what the disk's health says."""
        assert isinstance(event, dict)
        if event["log_level"].name in ("warn", "error", "critical") or "DiskHealth" in str(
            event["log_namespace"]
        ):
            self.lines.append((event.get("log_format") or "").format(**event))

    def switch_on(self) -> Machine:
        """Switch it on."""
        configured = configuration(state=str(self.state), listen={"smtp": "", "panel": ""})
        machine = Machine(configured, reactor, time.time)
        machine.acquire()
        machine.startService()
        self.machine = machine
        return machine

    async def switch_off(self) -> None:
        """Switch it off."""
        machine, self.machine = self.machine, None
        if machine is not None:
            await machine.stopService()

    async def restart(self) -> Machine:
        """Switch it off and on."""
        await self.switch_off()
        return self.switch_on()

    @property
    def on(self) -> Machine:
        """The machine, which is on."""
        assert self.machine is not None
        return self.machine

    def receive(self, octets: int = 10_000) -> Deferred[None]:
        """Receive a mail; fires once it is safe."""
        message = self.on.storage.memory.open_message(b"", on_stored=lambda _: None)
        message.write(b"Subject: x\r\n\r\n" + bytes(octets))
        return message.commit()


class FullDiskTests(Case):
    """On a small file system, which is filled up."""

    def prepare(self) -> None:
        """Mount it."""
        if not SmallDisk.possible:
            raise unittest.SkipTest("mounting a file system needs root and Linux")
        self.disk = SmallDisk(self.state)
        self.addCleanup(self.disk.unmount)
        if not self.disk.mounted:
            raise unittest.SkipTest("no file system can be mounted here")

    async def test_told_once(self) -> None:
        """Many mails that the disk does not take make one line, a second one when it works again."""
        await self.receive()
        self.lines.clear()
        self.disk.fill()
        for _ in range(5):
            await self.assertFailure(self.receive(), MemoryFull)
        tmp = self.state / "memory" / "tmp"
        reason = self.on.device.disk_failure
        self.assertTrue(reason.startswith(f"{tmp}/"), reason)
        self.assertTrue(reason.endswith(": No space left on device"), reason)
        await self.on.storage.disk_health.try_now()
        self.assertEqual(self.on.device.disk_failure, reason)
        self.disk.empty()
        await self.on.storage.disk_health.try_now()
        self.assertEqual(self.on.device.disk_failure, "")
        self.assertEqual(
            self.lines,
            [
                f"The disk fails: {reason}",
                f"The disk works again (it failed with {reason})",
            ],
        )
        await self.receive()

    async def test_kept_mails_make_room(self) -> None:
        """On a full disk printed mails make room for mail that comes, and for all else; what waits stays."""
        storage = self.on.storage
        await self.receive()
        await self.receive()
        printed, waiting = storage.memory.names()
        await storage.kept_mails.keep([printed])
        self.disk.fill()
        await self.receive()
        self.assertNotIn(printed, storage.kept_mails)
        self.assertEqual(len(storage.memory.names()), 2)
        self.assertIsNotNone(storage.memory.path(waiting))
        self.assertEqual(self.on.device.disk_failure, "")
        # What is no mail is written at the next try.
        self.disk.empty()
        await self.receive(1_000_000)
        await storage.kept_mails.keep(storage.memory.names()[-1:])
        self.disk.fill()
        self.assertRaises(
            NotKept, self.on.control.change_settings, {"email_ifax.pop_interval": 3}
        )
        await storage.disk_health.try_now()
        self.assertEqual((self.on.device.disk_failure, len(storage.kept_mails)), ("", 0))
        self.on.control.change_settings({"email_ifax.pop_interval": 3})

    async def test_read_meanwhile(self) -> None:
        """While the disk takes nothing, jobs and sessions are read as they are, and written later."""
        device, control = self.on.device, self.on.control
        await self.on.storage.journal.flush()
        self.disk.fill()
        job = device.job_accepted("rx", "a@b.test", subject="y" * 500_000)
        session = device.session_began("smtp-receive", "192.0.2.7")
        device.session_ended(session, "NG", succeeded=False)
        self.assertEqual(await control.job(job.number), job)
        self.assertEqual([one.id for one in await control.sessions()], [session.id])
        self.assertIn("journal.sqlite: database or disk is full", device.disk_failure)
        await self.assertFailure(self.on.storage.journal.flush(), OSError)
        self.disk.empty()
        await self.on.storage.disk_health.try_now()
        self.assertEqual(device.disk_failure, "")
        machine = await self.restart()
        self.assertEqual((await machine.control.job(job.number)).subject, job.subject)

    async def test_settings(self) -> None:
        """A change of settings that the disk does not take is not made, now or after a restart."""
        self.on.control.change_settings({"email_ifax.pop_interval": 2})
        self.disk.fill()
        error = self.assertRaises(
            NotKept, self.on.control.change_settings, {"email_ifax.pop_interval": 3}
        )
        self.assertIn("settings.toml: No space left on device", str(error))
        self.assertEqual(self.on.device.settings.email_ifax.pop_interval, 2)
        self.assertIn("settings.toml", self.on.device.disk_failure)
        self.disk.empty()
        machine = await self.restart()
        self.assertEqual(machine.device.settings.email_ifax.pop_interval, 2)
        machine.control.change_settings({"email_ifax.pop_address": "x"})
        machine = await self.restart()
        window = machine.device.settings.email_ifax
        self.assertEqual((window.pop_interval, window.pop_address), (2, "x"))

    async def test_switched_off(self) -> None:
        """A machine is switched off on a full disk without a traceback, and starts again."""
        self.disk.fill()
        self.on.device.job_accepted("rx", "x" * 1000, subject="y" * 100_000)
        await self.switch_off()
        self.assertEqual([line for line in self.lines if "Traceback" in line], [])
        self.disk.empty()
        self.switch_on()

    async def test_key(self) -> None:
        """A key and certificate that the disk does not take are not used, now or after a restart."""
        before = self.on.control.key_description()
        self.disk.fill()
        self.assertRaises(NotKept, self.on.control.import_key, *key_pem(1024))
        await self.assertFailure(self.on.control.generate_key(), NotKept)
        self.assertEqual(self.on.control.key_description(), before)
        self.disk.empty()
        self.assertEqual((await self.restart()).control.key_description(), before)


class RefusedTests(Case):
    """On a disk that refuses one name: a directory stands there."""

    def test_factory_reset(self) -> None:
        """A factory reset that the disk does not take changes nothing."""
        self.on.control.change_settings({"email_ifax.pop_interval": 2})
        (self.state / "settings.toml.old" / "x").mkdir(parents=True)
        error = self.assertRaises(NotKept, self.on.control.factory_reset)
        self.assertIn("nothing was changed", str(error))
        self.assertEqual(self.on.device.settings.email_ifax.pop_interval, 2)
        self.assertIn("pop_interval = 2", (self.state / "settings.toml").read_text())

    def test_rename(self) -> None:
        """Where the last step fails, a rename, the old value holds and nothing is left beside it."""
        (self.state / "settings.toml").mkdir()
        change = {"email_ifax.pop_interval": 2}
        self.assertRaises(NotKept, self.on.control.change_settings, change)
        self.assertEqual(self.on.device.settings.email_ifax.pop_interval, 0)
        self.assertEqual(list(self.state.glob("settings.toml.*")), [])
        (self.state / "settings.toml").rmdir()
        self.on.control.change_settings(change)
        self.assertEqual(self.on.device.settings.email_ifax.pop_interval, 2)

    async def test_paper_and_status(self) -> None:
        """Paper and a cleared status line that the journal does not take stay as they are."""
        device, control = self.on.device, self.on.control
        device.show_status(StatusText.SSL_ERROR_POP, None)
        await self.on.storage.journal.flush()
        self.rename_tables("", "away_")
        paper = device.paper
        await self.assertFailure(control.change_paper(not paper), NotKept)
        await self.assertFailure(control.clear_status(), NotKept)
        self.assertEqual((device.paper, device.status.text), (paper, _POP.value))
        self.assertIn("journal.sqlite: ", device.disk_failure)
        self.rename_tables("away_", "")
        machine = await self.restart()
        self.assertEqual(
            (machine.device.paper, machine.device.status.text), (paper, _POP.value)
        )
        await machine.control.change_paper(not paper)
        await machine.control.clear_status()
        machine = await self.restart()
        self.assertEqual((machine.device.paper, machine.device.status.text), (not paper, ""))

    def rename_tables(self, before: str, after: str) -> None:
        """Give two tables of the journal other names behind its back."""
        with contextlib.closing(sqlite3.connect(self.state / "journal.sqlite")) as other:
            for table in ("drawer", "shown"):
                other.execute(f"ALTER TABLE {before}{table} RENAME TO {after}{table}")

    async def test_document(self) -> None:
        """A document that the disk does not let go stays in the tray."""
        tray = self.on.storage.tray
        pdf = tray.new_directory() / "printed.pdf"
        pdf.write_bytes(b"%PDF-1.7")
        document = Document(
            serial=1, number="5001", pages=1, sender="", subject="", printed=time.time(), size=8
        )
        await tray.keep(pdf, PrintedMails(document=document, jobs=()))
        (self.state / "tray" / "tmp" / "5001.pdf").mkdir()
        await self.assertFailure(self.on.control.remove_document("5001"), NotKept)
        self.assertEqual(self.on.control.documents(), [document])
        machine = await self.restart()
        self.assertEqual(machine.control.documents(), [document])
        await machine.control.remove_document("5001")
        self.assertEqual((await self.restart()).control.documents(), [])

    async def test_cancel(self) -> None:
        """A mail whose job cannot be cancelled for good waits as before."""
        await self.on.control.change_paper(False)
        jobs: list[Job] = []
        message = self.on.storage.memory.open_message(
            b"",
            on_stored=lambda one: jobs.append(
                self.on.dispatch.mail_stored(one.name, one.head_octets, "a@b.test", None)
            ),
        )
        message.write(b"Subject: x\r\n\r\nText.\r\n")
        await message.commit()
        (number,) = (one.number for one in jobs)
        await self.on.storage.journal.flush()
        new, aside = self.state / "memory" / "new", self.state / "memory" / "aside"
        path = new / message.name
        path.rename(aside)
        # What is there cannot be unlinked.
        path.mkdir()
        await self.assertFailure(self.on.control.cancel_job(number), NotKept)
        job = await self.on.control.job(number)
        self.assertEqual((job.result, job.code, job.ended), ("waiting", None, None))
        path.rmdir()
        aside.rename(path)
        job = await self.on.control.cancel_job(number)
        self.assertEqual((job.result, job.code), ("NG", "#995"))
        self.assertFalse(path.exists())
