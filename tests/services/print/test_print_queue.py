"""Printing as a whole: memory, paper, tray, and what survives a crash; mails are printed in process."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from typing import Any

import pypdfium2
from twisted.internet.defer import Deferred

from irsend.device.events import DocumentPrinted, DocumentRemoved, JobChanged, PagePrinted
from irsend.device.local_time import LocalTime
from irsend.device.report import as_text
from irsend.errors import CannotCancel, CannotDraw, NoSuchRecord
from irsend.services.print.print_pool import PrintPool
from irsend.store.outbox import Outgoing
from tests.imaging.originals import text_page
from tests.imaging.received import mail, tiff
from tests.services.printing import PrintingMachineCase


def fax(pages: int = 1) -> bytes:
    """Return a mail with a fax and no text."""
    octets = tiff(*[text_page(1728, 2292)] * pages)
    return mail("", (octets, "image/tiff", "fax.tif"))


class PrintQueueTests(PrintingMachineCase):
    """From memory to the tray."""

    async def test_printed(self) -> None:
        """A mail becomes a document of its number, its job has pages and result, and it is kept."""
        job = await self.receive(mail("Good morning."))
        ended = await self.ended(job.number)
        self.assertEqual(
            (ended.number, ended.result, ended.pages, ended.kind, ended.mail_file),
            ("5001", "OK", 1, "email", job.mail_file),
        )
        self.assertIn(job.mail_file, self.machine.storage.kept_mails)
        (document,) = await self.printed()
        self.assertEqual((document.number, document.pages), ("5001", 1))
        self.assertEqual(document.subject, "Minutes of the meeting on the third floor")
        self.assertEqual(self.machine.control.memory()[0], 0)
        self.assertEqual(self.machine.storage.memory.paths(), set())
        self.assertIn("Good morning.", self.text("5001"))

    async def test_events(self) -> None:
        """Observers hear that a job runs, of each page, of the document, and of the end, in this order."""
        job = await self.receive(fax(2))
        await self.ended(job.number)
        heard: list[object] = []
        for event in self.events:
            if isinstance(event, JobChanged):
                heard.append(event.job.result)
            elif isinstance(event, PagePrinted):
                heard.append((event.number, event.page))
            elif isinstance(event, DocumentPrinted):
                heard.append(event.document.pages)
        self.assertEqual(heard, ["waiting", "running", ("5001", 1), ("5001", 2), 2, "OK"])

    async def test_state(self) -> None:
        """The machine is printing while it prints, and ready then."""
        self.pool.hold_back()
        self.assertEqual(self.machine.device.state, "ready")
        job = await self.receive(mail("Text."))
        await self.running()
        self.assertEqual(self.machine.device.state, "printing")
        self.pool.go_on()
        await self.ended(job.number)
        self.assertEqual(self.machine.device.state, "ready")

    async def test_fax(self) -> None:
        """A mail with pages of an image is an I-Fax in the report."""
        job = await self.receive(fax())
        ended = await self.ended(job.number)
        self.assertEqual((ended.kind, ended.pages), ("ifax", 1))

    async def test_discarded(self) -> None:
        """What is thrown away makes the job NG with its code, and stands in reason and notices."""
        job = await self.receive(mail("Text.", (b"x", "application/x-thing", "a.thing")))
        ended = await self.ended(job.number)
        self.assertEqual(
            (ended.result, ended.code, ended.reason),
            ("NG", "#827", "a.thing: No programs can process the file attachment."),
        )
        (document,) = await self.printed()
        self.assertEqual(document.codes, ("#827",))
        self.assertEqual(
            document.notices, ("a.thing\nNo programs can process the file attachment.",)
        )

    async def test_deleted_by_another_program(self) -> None:
        """A mail that another program has deleted from memory is NG, with that reason."""
        await self.machine.control.change_paper(False)
        job = await self.receive(mail("Text."))
        await self.until(lambda: self.machine.print_queue._waiting)
        self.machine.storage.memory.path(job.mail_file).unlink()
        await self.machine.control.change_paper(True)
        ended = await self.ended(job.number)
        self.assertEqual((ended.result, ended.code), ("NG", None))
        self.assertIn("somebody else has deleted it", ended.reason)
        self.assertEqual(self.machine.control.memory()[0], 0)

    async def test_full_disk(self) -> None:
        """While the disk takes nothing a mail stays in memory, and is printed when it does again."""
        tray = self.state / "tray"
        shutil.move(tray / "tmp", tray / "away")
        job = await self.receive(mail("Text."))
        await self.until(lambda: self.machine.print_queue._retries.pending)
        waiting = await self.machine.control.job(job.number)
        self.assertEqual(waiting.result, "waiting")
        self.assertIn("not printed yet", waiting.reason)
        shutil.move(tray / "away", tray / "tmp")
        self.flushLoggedErrors()
        self.retry_now()
        ended = await self.ended(job.number)
        self.assertEqual((ended.result, ended.reason), ("OK", ""))

    async def test_mail_that_cannot_be_read(self) -> None:
        """A mail that cannot be read for now keeps no others from being printed meanwhile."""
        await self.machine.control.change_paper(False)
        asking = (
            b"Return-Path: <a@bench.test>\r\nDisposition-Notification-To: a@bench.test\r\n\r\n"
        )
        broken = await self.receive(asking)
        await self.until(lambda: self.machine.print_queue._waiting)
        path = self.machine.storage.memory.path(broken.mail_file)
        path.unlink()
        path.mkdir()
        others = []
        for number in range(3):
            others.append(await self.receive(mail(f"Text {number}.")))
        await self.until(lambda: len(self.machine.print_queue._waiting) == 4)
        await self.machine.control.change_paper(True)
        await self.until(lambda: self.machine.print_queue._retries.pending)
        self.retry_now()
        for one in others:
            self.assertEqual((await self.ended(one.number)).result, "OK")
        await self.until(lambda: self.machine.print_queue._retries.pending)
        path.rmdir()
        path.write_bytes(asking)
        self.retry_now()
        self.assertEqual((await self.ended(broken.number)).result, "OK")


class PaperTests(PrintingMachineCase):
    """Paper out, and in again."""

    printing = {"loaded": False}

    async def test_waits(self) -> None:
        """Without paper mails wait in memory, which is the sum of them; with paper all are printed."""
        self.assertFalse(self.machine.device.paper)
        jobs = []
        for number in range(3):
            jobs.append(await self.receive(mail(f"Text {number}.")))
        sizes = [self.machine.storage.memory.size(one.mail_file) for one in jobs]
        self.assertEqual(self.machine.control.memory()[0], sum(sizes))
        self.assertEqual(self.machine.control.documents(), [])
        self.assertEqual(self.machine.device.state, "ready")
        await self.machine.control.change_paper(True)
        await self.printed(3)
        self.assertEqual(self.machine.control.memory()[0], 0)

    async def test_over_a_restart(self) -> None:
        """The drawer is as it was when the machine is switched on again, and what waited waits."""
        await self.move_to_disk()
        await self.machine.control.change_paper(True)
        await self.machine.control.change_paper(False)
        job = await self.receive(mail("Text."))
        await self.machine.stopService()
        self.switch_on(loaded=True)
        self.assertFalse(self.machine.device.paper)
        await self.machine.control.change_paper(True)
        ended = await self.ended(job.number)
        self.assertEqual((ended.serial, ended.result), (job.serial, "OK"))
        await self.machine.stopService()
        self.switch_on()
        self.assertTrue(self.machine.device.paper)

    async def test_cancelled(self) -> None:
        """A mail that waits can be cancelled: it is never printed, and its memory is free."""
        first = await self.receive(mail("First."))
        second = await self.receive(mail("Second."))
        cancelled = await self.machine.control.cancel_job(first.number)
        self.assertEqual((cancelled.result, cancelled.code), ("NG", "#995"))
        await self.machine.control.change_paper(True)
        await self.ended(second.number)
        (document,) = await self.printed()
        self.assertEqual(document.number, second.number)


class WorkersTests(PrintingMachineCase):
    """Real workers: one that is killed, and one that is cancelled."""

    make_print_pool = PrintPool

    async def stopped_worker(self) -> int:
        """Have a worker that makes no progress; return its process id. It has printed a mail before."""
        job = await self.receive(b"Subject: warm\r\n\r\nText.\r\n")
        await self.ended(job.number)
        (worker,) = self.pool._workers
        pid: int = worker.transport.pid
        os.kill(pid, signal.SIGSTOP)
        return pid

    def given_to_worker(self) -> Deferred[None]:
        """Wait until a worker has the order: until then nothing that happens to it matters."""
        return self.until(lambda: self.machine.device.printing and not self.pool._idle)

    async def test_worker_killed(self) -> None:
        """A mail that kills its worker is #822: its head is printed and why, and the next is whole."""
        worker = await self.stopped_worker()
        job = await self.receive(mail("Secret text."))
        await self.given_to_worker()
        os.kill(worker, signal.SIGKILL)
        ended = await self.ended(job.number)
        self.assertEqual((ended.result, ended.code), ("NG", "#822"))
        text = self.text(job.number)
        self.assertIn("Subject: Minutes of the meeting", text)
        self.assertIn("The mail cannot be printed.", text)
        self.assertNotIn("Secret text.", text)
        following = await self.receive(mail("Text."))
        ended = await self.ended(following.number)
        self.assertEqual(ended.result, "OK")

    async def test_running(self) -> None:
        """What is being printed can be cancelled: its worker is gone, and nothing comes out."""
        worker = await self.stopped_worker()
        job = await self.receive(mail("Text."))
        await self.given_to_worker()
        cancelled = await self.machine.control.cancel_job(job.number)
        self.assertEqual((cancelled.result, cancelled.code), ("NG", "#995"))
        self.assertRaises(ProcessLookupError, os.kill, worker, 0)
        self.assertEqual(len(self.machine.control.documents()), 1)
        self.assertEqual(self.machine.control.memory()[0], 0)
        error = await self.assertFailure(
            self.machine.control.cancel_job(job.number), CannotCancel
        )
        self.assertIn("has ended", str(error))


class TrayTests(PrintingMachineCase):
    """The tray's own life."""

    async def removed(self, count: int = 1) -> Any:
        """Wait until so many documents were announced as removed; return the events."""

        def removals() -> list[DocumentRemoved]:
            return [one for one in self.events if isinstance(one, DocumentRemoved)]

        await self.until(lambda: len(removals()) >= count)
        return removals()

    async def test_pages(self) -> None:
        """A page can be looked at as PNG; one that is not there is refused, as is a damaged PDF."""
        job = await self.receive(mail("Text."))
        await self.ended(job.number)
        png = await self.machine.control.draw_page(job.number, 1, 50)
        self.assertEqual(png[:4], b"\x89PNG")
        await self.assertFailure(
            self.machine.control.draw_page(job.number, 2, 50), NoSuchRecord
        )
        self.machine.control.document_file(job.number).write_bytes(b"no PDF")
        await self.assertFailure(self.machine.control.draw_page(job.number, 1, 50), CannotDraw)
        await self.until(lambda: not list((self.state / "tray" / "tmp").iterdir()))

    async def test_text_of_pages(self) -> None:
        """A page's text comes with its places; what cannot be read is refused as for its picture."""
        job = await self.receive(mail("The minutes."))
        await self.ended(job.number)
        read = await self.machine.control.read_page(job.number, 1)
        self.assertEqual((round(read.width), round(read.height)), (595, 842))
        (line,) = [one for one in read.lines if one.text == "The minutes."]
        self.assertTrue(0 < line.x < line.x + line.width < read.width)
        await self.assertFailure(self.machine.control.read_page(job.number, 2), NoSuchRecord)
        self.machine.control.document_file(job.number).write_bytes(b"no PDF")
        await self.assertFailure(self.machine.control.read_page(job.number, 1), CannotDraw)

    async def test_report(self) -> None:
        """The report is set by a worker with every line that it has as text, and leaves no file behind."""
        job = await self.receive(mail("Text."))
        await self.ended(job.number)
        jobs = await self.machine.control.jobs()
        text = as_text(jobs * 60, title="Canon imageRUNNER 2270", clock=LocalTime(job.started))
        octets = await self.machine.control.set_text(text, "Communication report")
        with pypdfium2.PdfDocument(octets) as pdf:
            pages = [page.get_textpage().get_text_bounded() for page in pdf]
        self.assertEqual(len(pages), 2)
        self.assertIn("1/2", pages[0])
        found = [" ".join(line.split()) for line in "\n".join(pages).splitlines()]
        for line in text.splitlines():
            self.assertIn(" ".join(line.split()), found)
        self.assertEqual("\n".join(pages).count(job.number), 60)
        await self.until(lambda: not list((self.state / "tray" / "tmp").iterdir()))
        await self.machine.page_viewer.stop()
        await self.assertFailure(self.machine.control.set_text(text, "Report"), CannotDraw)

    async def test_taken_out(self) -> None:
        """A document that is taken out is gone, also at the next start."""
        await self.move_to_disk()
        job = await self.receive(mail("Text."))
        await self.ended(job.number)
        await self.machine.control.remove_document(job.number)
        self.assertEqual(self.machine.control.documents(), [])
        self.assertEqual(list((self.state / "tray").glob("*.*")), [])
        self.assertRaises(NoSuchRecord, self.machine.control.document, job.number)
        await self.machine.stopService()
        self.switch_on()
        self.assertEqual(self.machine.control.documents(), [])

    async def test_limit(self) -> None:
        """Above the limit the oldest documents go, and each is announced."""
        await self.machine.stopService()
        self.switch_on(tray_documents=2)
        for number in range(4):
            job = await self.receive(mail(f"Text {number}."))
            await self.ended(job.number)
        removed = await self.removed(2)
        self.assertEqual(
            [one.number for one in self.machine.control.documents()], ["5004", "5003"]
        )
        self.assertEqual(
            [(one.document.number, one.why) for one in removed],
            [
                ("5001", "there are more than 2 documents"),
                ("5002", "there are more than 2 documents"),
            ],
        )

    async def test_age(self) -> None:
        """A document older than it may be goes at the next look."""
        job = await self.receive(mail("Text."))
        await self.ended(job.number)
        self.later = 31 * 86_400
        self.machine.retention._timer.reset(0)
        (removed,) = await self.removed()
        self.assertEqual(self.machine.control.documents(), [])
        self.assertEqual(removed.why, "it is older than 30 days")

    async def test_number_again(self) -> None:
        """Numbers begin anew behind 9999: the older document of a number makes room, announced."""
        job = await self.receive(mail("Old."))
        await self.ended(job.number)
        self.machine.device.last_numbers["rx"] = "9999"
        job = await self.receive(mail("New."))
        self.assertEqual(job.number, "5001")
        await self.ended(job.number)
        (document,) = await self.printed()
        self.assertEqual(document.serial, 2)
        self.assertIn("New.", self.text("5001"))
        (removed,) = await self.removed()
        self.assertEqual(removed.why, "its number 5001 is used again")


class CrashTests(PrintingMachineCase):
    """The power fails: each mail is printed once."""

    on_disk = True

    async def test_switched_off_while_printing(self) -> None:
        """What is being printed when the machine is switched off is printed at the next start, once."""
        before = await self.receive(mail("Before."))
        await self.ended(before.number)
        self.pool.hold_back()
        job = await self.receive(mail("Text."))
        await self.running()
        await self.machine.stopService()
        self.switch_on()
        ended = await self.ended(job.number)
        self.assertEqual((ended.serial, ended.result), (job.serial, "OK"))
        documents = await self.printed(2)
        self.assertEqual([one.number for one in documents], [job.number, before.number])

    async def after_a_crash(self, *, journal: bool) -> Any:
        """Print, then have the state as it was between the tray and the memory; return the job."""
        await self.machine.control.change_paper(False)
        job = await self.receive(fax(), mark="f" * 32)
        path = self.machine.storage.memory.path(job.mail_file)
        kept = path.read_bytes()
        await self.machine.storage.journal.flush()
        before = self.state / "before.sqlite"
        shutil.copy(self.state / "journal.sqlite", before)
        await self.machine.control.change_paper(True)
        await self.ended(job.number)
        await self.machine.stopService()
        path.write_bytes(kept)
        for one in self.state.glob("journal.sqlite*"):
            one.unlink()
        if journal:
            before.rename(self.state / "journal.sqlite")
        else:
            before.unlink()
        self.switch_on()
        return job

    async def test_in_tray_and_memory(self) -> None:
        """A mail that is in the tray already is not printed again; its job has ended as it did."""
        job = await self.after_a_crash(journal=True)
        again = await self.machine.control.job(job.number)
        self.assertEqual((again.result, again.pages, again.kind), ("OK", 1, "ifax"))
        self.assertEqual(self.machine.storage.memory.names(), [])
        self.assertEqual(len(await self.printed()), 1)
        self.assertEqual(
            self.machine.print_queue._waiting, type(self.machine.print_queue._waiting)()
        )

    async def test_journal_behind(self) -> None:
        """The same where the journal knew nothing of it: its number is used, its UIDL remembered."""
        job = await self.after_a_crash(journal=False)
        again = await self.machine.control.job(job.number)
        self.assertEqual((again.serial, again.result), (job.serial, "OK"))
        fetched = await self.machine.storage.journal.fetched("f" * 8)
        self.assertEqual(fetched, {"f" * 32})
        following = await self.receive(mail("Text."))
        self.assertEqual(following.number, "5002")

    async def test_taken_out_before_a_crash(self) -> None:
        """A document leaves the tray when the journal itself has its job and UIDL, not its log alone."""
        self.machine.storage.journal.remember_fetched("f" * 8, "f" * 32)
        job = await self.receive(mail("Text."), mark="f" * 32)
        await self.ended(job.number)
        await self.machine.control.remove_document(job.number)
        kept = sqlite3.connect(f"file:{self.state}/journal.sqlite?immutable=1", uri=True)
        jobs = kept.execute("SELECT result FROM job").fetchall()
        marks = kept.execute("SELECT mark FROM fetched").fetchall()
        kept.close()
        self.assertEqual((jobs, marks), ([("OK",)], [("f" * 32,)]))

    async def test_mail_gone_when_announced(self) -> None:
        """When a document is announced its mail has left memory: one taken out at once loses nothing."""
        there: list[bool] = []
        job = await self.receive_while_out(mail("Text."))
        path = self.machine.storage.memory.path(job.mail_file)
        self.machine.device.observe(
            lambda event: (
                there.append(path.exists()) if isinstance(event, DocumentPrinted) else None
            )
        )
        await self.machine.control.change_paper(True)
        await self.ended(job.number)
        self.assertEqual(there, [False])

    async def receive_while_out(self, content: bytes) -> Any:
        """Receive a mail that waits for paper; return its job."""
        await self.machine.control.change_paper(False)
        job = await self.receive(content)
        await self.until(lambda: self.machine.print_queue._waiting)
        return job

    async def test_not_moved(self) -> None:
        """A printed mail that the disk did not let go is not printed again, though its document is taken."""
        job = await self.receive_while_out(mail("Text."))
        path = self.machine.storage.memory.path(job.mail_file)
        content = path.read_bytes()
        kept_mails = self.machine.storage.kept_mails
        move = kept_mails.move
        kept_mails.move = _failing  # type: ignore[method-assign]
        await self.machine.control.change_paper(True)
        await self.ended(job.number)
        kept_mails.move = move  # type: ignore[method-assign]
        await self.machine.control.remove_document(job.number)
        await self.assertFailure(self.machine.control.cancel_job(job.number), CannotCancel)
        await self.machine.stopService()
        self.assertEqual(path.read_bytes(), content)
        self.switch_on()
        self.assertEqual(self.machine.storage.memory.names(), [])
        (again,) = await self.machine.control.jobs()
        self.assertEqual(
            (again.serial, again.result, again.mail_file), (1, "OK", job.mail_file)
        )
        self.assertIn(job.mail_file, self.machine.storage.kept_mails)

    async def test_cancelled_before_a_crash(self) -> None:
        """What was cancelled stays so, whether the power failed before its mail was deleted or behind it."""
        for deleted in (True, False):
            job = await self.receive_while_out(mail("Text."))
            path = self.machine.storage.memory.path(job.mail_file)
            content = path.read_bytes()
            await self.machine.control.cancel_job(job.number)
            lost = self.state / "lost.sqlite"
            # What the system has not written yet is lost.
            shutil.copy(self.state / "journal.sqlite", lost)
            await self.machine.stopService()
            for one in self.state.glob("journal.sqlite*"):
                one.unlink()
            lost.rename(self.state / "journal.sqlite")
            if not deleted:
                path.write_bytes(content)
            self.switch_on()
            again = await self.machine.control.job(job.number)
            self.assertEqual((again.result, again.code, again.mail_file), ("NG", "#995", None))
            self.assertEqual(self.machine.storage.memory.names(), [])

    async def test_half_in_the_tray(self) -> None:
        """A PDF without its record came out only by half: it is nothing, and its mail is printed."""
        await self.machine.control.change_paper(False)
        job = await self.receive(mail("Text."))
        await self.machine.stopService()
        tray = self.state / "tray"
        (tray / f"{job.number}.pdf").write_bytes(b"half")
        (tray / "5002.json").write_bytes(b"{}")
        (tray / "tmp" / "1").mkdir()
        self.switch_on()
        self.assertEqual(self.machine.control.documents(), [])
        await self.machine.control.change_paper(True)
        await self.ended(job.number)
        self.assertIn("Text.", self.text(job.number))

    async def switched_off_without_journal(self) -> Any:
        """Switch it off, and lose all that the journal held."""
        await self.machine.stopService()
        for one in self.state.glob("journal.sqlite*"):
            one.unlink()

    async def test_younger_came_out_first(self) -> None:
        """Where the journal is behind, no mail is forgotten, whatever order they were printed in."""
        jobs = []
        await self.machine.control.change_paper(False)
        for mark in "ab":
            jobs.append(await self.receive(mail("Text."), mark=mark * 32))
        await self.until(lambda: len(self.machine.print_queue._waiting) == 2)
        older = self.machine.print_queue._waiting.popleft()
        await self.machine.control.change_paper(True)
        await self.ended(jobs[1].number)
        self.machine.print_queue.enqueue_parts(older.mails, [])
        await self.ended(jobs[0].number)
        await self.switched_off_without_journal()
        self.switch_on()
        again = await self.machine.control.jobs()
        self.assertEqual([(one.serial, one.result) for one in again], [(2, "OK"), (1, "OK")])
        for mark in "ab":
            fetched = await self.machine.storage.journal.fetched(mark * 8)
            self.assertEqual(fetched, {mark * 32})

    async def test_no_serial_twice(self) -> None:
        """A mail whose job was lost with the power takes no serial of a job that is in the outbox."""
        await self.machine.control.change_paper(False)
        await self.receive(mail("First."))
        sent = self.machine.device.new_job("tx", "b@bench.test")
        outgoing = Outgoing(
            job=sent, sender="", message_id="<1@x>", head_length=0, due=2e10, report="mdn"
        )
        await self.machine.storage.outbox.accept(lambda _: (outgoing, b""))
        await self.receive(mail("Second."))
        await self.switched_off_without_journal()
        self.switch_on(loaded=False)
        jobs = await self.machine.control.jobs()
        self.assertEqual(sorted(one.direction for one in jobs), ["rx", "rx", "tx"])
        self.assertEqual(len({one.serial for one in jobs}), 3)


def _failing(*_: object) -> None:
    raise OSError(5, "Input/output error")
