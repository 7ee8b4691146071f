"""Printing as a whole: memory, paper, workers, tray, and what survives a crash."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from typing import Any

import pypdfium2
from twisted.internet.defer import inlineCallbacks

from irsend.device.events import DocumentPrinted, DocumentRemoved, JobChanged, PagePrinted
from irsend.device.report import as_text
from irsend.errors import CannotCancel, CannotDraw, NoSuchRecord
from irsend.store.outbox import Outgoing
from tests.imaging.originals import text_page
from tests.imaging.received import mail, tiff
from tests.services.printing import PrintingMachineCase


def fax(pages: int = 1) -> bytes:
    """Return a mail with a fax and no text."""
    octets = tiff(*[text_page(1728, 2292)] * pages)
    return mail("", (octets, "image/tiff", "fax.tif"))


class PrintingTests(PrintingMachineCase):
    """What becomes of a received mail."""

    @inlineCallbacks
    def test_printed(self) -> Any:
        """A mail becomes a document of its number, its job has pages and result, and memory is free."""
        job = yield self.receive(mail("Good morning."))
        ended = yield self.ended(job.number)
        self.assertEqual(
            (ended.number, ended.result, ended.pages, ended.kind, ended.mail_file),
            ("5001", "OK", 1, "email", None),
        )
        (document,) = yield self.printed()
        self.assertEqual((document.number, document.pages), ("5001", 1))
        self.assertEqual(document.subject, "Minutes of the meeting on the third floor")
        self.assertEqual(self.machine.control.memory()[0], 0)
        self.assertEqual(self.machine.storage.memory.paths(), set())
        self.assertIn("Good morning.", self.text("5001"))

    @inlineCallbacks
    def test_told(self) -> Any:
        """Observers hear that it runs, of each page, of the document, and of the end, in this order."""
        job = yield self.receive(fax(2))
        yield self.ended(job.number)
        told: list[object] = []
        for event in self.events:
            if isinstance(event, JobChanged):
                told.append(event.job.result)
            elif isinstance(event, PagePrinted):
                told.append((event.number, event.page))
            elif isinstance(event, DocumentPrinted):
                told.append(event.document.pages)
        self.assertEqual(told, ["waiting", "running", ("5001", 1), ("5001", 2), 2, "OK"])

    @inlineCallbacks
    def test_state(self) -> Any:
        """The machine is printing while it prints, and ready then."""
        worker = yield self.stopped_worker()
        self.assertEqual(self.machine.device.state, "ready")
        job = yield self.receive(mail("Text."))
        yield self.given_to_worker()
        self.assertEqual(self.machine.device.state, "printing")
        os.kill(worker, signal.SIGCONT)
        yield self.ended(job.number)
        self.assertEqual(self.machine.device.state, "ready")

    @inlineCallbacks
    def test_fax(self) -> Any:
        """A mail with pages of an image is an I-Fax in the report."""
        job = yield self.receive(fax())
        ended = yield self.ended(job.number)
        self.assertEqual((ended.kind, ended.pages), ("ifax", 1))

    @inlineCallbacks
    def test_discarded(self) -> Any:
        """What is thrown away makes the job NG with its code, and stands in reason and notices."""
        job = yield self.receive(mail("Text.", (b"x", "application/x-thing", "a.thing")))
        ended = yield self.ended(job.number)
        self.assertEqual(
            (ended.result, ended.code, ended.reason),
            ("NG", "#827", "a.thing: No programs can process the file attachment."),
        )
        (document,) = yield self.printed()
        self.assertEqual(document.codes, ("#827",))
        self.assertEqual(
            document.notices, ("a.thing\nNo programs can process the file attachment.",)
        )

    @inlineCallbacks
    def test_worker_killed(self) -> Any:
        """A mail that kills its worker is #822: its head is printed and why, and the next is whole."""
        worker = yield self.stopped_worker()
        job = yield self.receive(mail("Secret text."))
        yield self.given_to_worker()
        os.kill(worker, signal.SIGKILL)
        ended = yield self.ended(job.number)
        self.assertEqual((ended.result, ended.code), ("NG", "#822"))
        text = self.text(job.number)
        self.assertIn("Subject: Minutes of the meeting", text)
        self.assertIn("The mail cannot be printed.", text)
        self.assertNotIn("Secret text.", text)
        following = yield self.receive(mail("Text."))
        ended = yield self.ended(following.number)
        self.assertEqual(ended.result, "OK")

    @inlineCallbacks
    def test_taken_by_somebody_else(self) -> Any:
        """A mail that somebody has deleted from memory is NG, and says so."""
        self.machine.control.change_paper(False)
        job = yield self.receive(mail("Text."))
        yield self.until(lambda: self.machine.print_queue._waiting)
        self.machine.storage.memory.path(job.mail_file).unlink()
        self.machine.control.change_paper(True)
        ended = yield self.ended(job.number)
        self.assertEqual((ended.result, ended.code), ("NG", None))
        self.assertIn("somebody else has deleted it", ended.reason)
        self.assertEqual(self.machine.control.memory()[0], 0)

    @inlineCallbacks
    def test_full_disk(self) -> Any:
        """While the disk takes nothing a mail stays in memory, and is printed when it does again."""
        yield self.stopped_worker()
        self.machine.print_queue._pool._workers.copy().pop().kill()
        yield self.until(lambda: not self.machine.print_queue._pool._workers)
        tray = self.state / "tray"
        shutil.move(tray / "tmp", tray / "away")
        job = yield self.receive(mail("Text."))
        yield self.until(lambda: self.machine.print_queue._retries.pending)
        waiting = yield self.machine.control.job(job.number)
        self.assertEqual(waiting.result, "waiting")
        self.assertIn("not printed yet", waiting.reason)
        shutil.move(tray / "away", tray / "tmp")
        self.flushLoggedErrors()
        self.retry_now()
        ended = yield self.ended(job.number)
        self.assertEqual((ended.result, ended.reason), ("OK", ""))

    @inlineCallbacks
    def test_one_that_the_disk_does_not_give(self) -> Any:
        """A mail that cannot be read for now keeps no others from being printed meanwhile."""
        self.machine.control.change_paper(False)
        asking = (
            b"Return-Path: <a@bench.test>\r\nDisposition-Notification-To: a@bench.test\r\n\r\n"
        )
        broken = yield self.receive(asking)
        yield self.until(lambda: self.machine.print_queue._waiting)
        path = self.machine.storage.memory.path(broken.mail_file)
        path.unlink()
        path.mkdir()
        others = []
        for number in range(3):
            others.append((yield self.receive(mail(f"Text {number}."))))
        yield self.until(lambda: len(self.machine.print_queue._waiting) == 4)
        self.machine.control.change_paper(True)
        yield self.until(lambda: self.machine.print_queue._retries.pending)
        self.retry_now()
        for one in others:
            self.assertEqual((yield self.ended(one.number)).result, "OK")
        yield self.until(lambda: self.machine.print_queue._retries.pending)
        path.rmdir()
        path.write_bytes(asking)
        self.retry_now()
        self.assertEqual((yield self.ended(broken.number)).result, "OK")


class PaperTests(PrintingMachineCase):
    """Paper out, and in again."""

    printing = {"loaded": False}

    @inlineCallbacks
    def test_waits(self) -> Any:
        """Without paper mails wait in memory, which is the sum of them; with paper all are printed."""
        self.assertFalse(self.machine.device.paper)
        jobs = []
        for number in range(3):
            jobs.append((yield self.receive(mail(f"Text {number}."))))
        sizes = [self.machine.storage.memory.size(one.mail_file) for one in jobs]
        self.assertEqual(self.machine.control.memory()[0], sum(sizes))
        self.assertEqual(self.machine.control.documents(), [])
        self.assertEqual(self.machine.device.state, "ready")
        self.machine.control.change_paper(True)
        yield self.printed(3)
        self.assertEqual(self.machine.control.memory()[0], 0)

    @inlineCallbacks
    def test_over_a_restart(self) -> Any:
        """The drawer is as it was when the machine is switched on again, and what waited waits."""
        self.machine.control.change_paper(True)
        self.machine.control.change_paper(False)
        job = yield self.receive(mail("Text."))
        yield self.machine.stopService()
        self.switch_on(loaded=True)
        self.assertFalse(self.machine.device.paper)
        self.machine.control.change_paper(True)
        ended = yield self.ended(job.number)
        self.assertEqual((ended.serial, ended.result), (job.serial, "OK"))
        yield self.machine.stopService()
        self.switch_on()
        self.assertTrue(self.machine.device.paper)

    @inlineCallbacks
    def test_cancelled(self) -> Any:
        """A mail that waits can be cancelled: it is never printed, and its memory is free."""
        first = yield self.receive(mail("First."))
        second = yield self.receive(mail("Second."))
        cancelled = yield self.machine.control.cancel_job(first.number)
        self.assertEqual((cancelled.result, cancelled.code), ("NG", "#995"))
        self.machine.control.change_paper(True)
        yield self.ended(second.number)
        (document,) = yield self.printed()
        self.assertEqual(document.number, second.number)


class CancelTests(PrintingMachineCase):
    """Cancelled while it is printed."""

    @inlineCallbacks
    def test_running(self) -> Any:
        """What is being printed can be cancelled: its worker is gone, and nothing comes out."""
        worker = yield self.stopped_worker()
        job = yield self.receive(mail("Text."))
        yield self.given_to_worker()
        cancelled = yield self.machine.control.cancel_job(job.number)
        self.assertEqual((cancelled.result, cancelled.code), ("NG", "#995"))
        self.assertRaises(ProcessLookupError, os.kill, worker, 0)
        self.assertEqual(len(self.machine.control.documents()), 1)
        self.assertEqual(self.machine.control.memory()[0], 0)
        error = yield self.assertFailure(
            self.machine.control.cancel_job(job.number), CannotCancel
        )
        self.assertIn("has ended", str(error))


class TrayTests(PrintingMachineCase):
    """The tray's own life."""

    @inlineCallbacks
    def removed(self, count: int = 1) -> Any:
        """Wait until so many documents were told to be gone; return what was told."""

        def told() -> list[DocumentRemoved]:
            return [one for one in self.events if isinstance(one, DocumentRemoved)]

        yield self.until(lambda: len(told()) >= count)
        return told()

    @inlineCallbacks
    def test_pages(self) -> Any:
        """A page can be looked at as PNG; one that is not there is refused, a damaged PDF told of."""
        job = yield self.receive(mail("Text."))
        yield self.ended(job.number)
        png = yield self.machine.control.draw_page(job.number, 1, 50)
        self.assertEqual(png[:4], b"\x89PNG")
        yield self.assertFailure(
            self.machine.control.draw_page(job.number, 2, 50), NoSuchRecord
        )
        self.machine.control.document_file(job.number).write_bytes(b"no PDF")
        yield self.assertFailure(self.machine.control.draw_page(job.number, 1, 50), CannotDraw)
        yield self.until(lambda: not list((self.state / "tray" / "tmp").iterdir()))

    @inlineCallbacks
    def test_text_of_pages(self) -> Any:
        """A page's text is told with its places; what cannot be read is refused as for its picture."""
        job = yield self.receive(mail("The minutes."))
        yield self.ended(job.number)
        read = yield self.machine.control.read_page(job.number, 1)
        self.assertEqual((round(read.width), round(read.height)), (595, 842))
        (line,) = [one for one in read.lines if one.text == "The minutes."]
        self.assertTrue(0 < line.x < line.x + line.width < read.width)
        yield self.assertFailure(self.machine.control.read_page(job.number, 2), NoSuchRecord)
        self.machine.control.document_file(job.number).write_bytes(b"no PDF")
        yield self.assertFailure(self.machine.control.read_page(job.number, 1), CannotDraw)

    @inlineCallbacks
    def test_report(self) -> Any:
        """The report is set by a worker with every line that it has as text, and leaves no file behind."""
        job = yield self.receive(mail("Text."))
        yield self.ended(job.number)
        jobs = yield self.machine.control.jobs()
        text = as_text(jobs * 60, title="Canon imageRUNNER 2270", at=job.started)
        octets = yield self.machine.control.set_text(text, "Communication report")
        with pypdfium2.PdfDocument(octets) as pdf:
            pages = [page.get_textpage().get_text_bounded() for page in pdf]
        self.assertEqual(len(pages), 2)
        self.assertIn("1/2", pages[0])
        found = [" ".join(line.split()) for line in "\n".join(pages).splitlines()]
        for line in text.splitlines():
            self.assertIn(" ".join(line.split()), found)
        self.assertEqual("\n".join(pages).count(job.number), 60)
        yield self.until(lambda: not list((self.state / "tray" / "tmp").iterdir()))
        yield self.machine.page_viewer.stop()
        yield self.assertFailure(self.machine.control.set_text(text, "Report"), CannotDraw)

    @inlineCallbacks
    def test_taken_out(self) -> Any:
        """A document that is taken out is gone, also at the next start."""
        job = yield self.receive(mail("Text."))
        yield self.ended(job.number)
        yield self.machine.control.remove_document(job.number)
        self.assertEqual(self.machine.control.documents(), [])
        self.assertEqual(list((self.state / "tray").glob("*.*")), [])
        self.assertRaises(NoSuchRecord, self.machine.control.document, job.number)
        yield self.machine.stopService()
        self.switch_on()
        self.assertEqual(self.machine.control.documents(), [])

    @inlineCallbacks
    def test_limit(self) -> Any:
        """Above the limit the oldest documents go, and each is announced."""
        yield self.machine.stopService()
        self.switch_on(tray_documents=2)
        for number in range(4):
            job = yield self.receive(mail(f"Text {number}."))
            yield self.ended(job.number)
        removed = yield self.removed(2)
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

    @inlineCallbacks
    def test_age(self) -> Any:
        """A document older than it may be goes at the next look."""
        job = yield self.receive(mail("Text."))
        yield self.ended(job.number)
        self.later = 31 * 86_400
        self.machine.retention._timer.reset(0)
        (removed,) = yield self.removed()
        self.assertEqual(self.machine.control.documents(), [])
        self.assertEqual(removed.why, "it is older than 30 days")

    @inlineCallbacks
    def test_number_again(self) -> Any:
        """Numbers begin anew behind 9999: the older document of a number makes room, announced."""
        job = yield self.receive(mail("Old."))
        yield self.ended(job.number)
        self.machine.device.last_numbers["rx"] = "9999"
        job = yield self.receive(mail("New."))
        self.assertEqual(job.number, "5001")
        yield self.ended(job.number)
        (document,) = yield self.printed()
        self.assertEqual(document.serial, 2)
        self.assertIn("New.", self.text("5001"))
        (removed,) = yield self.removed()
        self.assertEqual(removed.why, "its number 5001 is used again")


class CrashTests(PrintingMachineCase):
    """The power fails: each mail is printed once."""

    @inlineCallbacks
    def test_switched_off_while_printing(self) -> Any:
        """What is being printed when the machine is switched off is printed at the next start, once."""
        yield self.stopped_worker()
        job = yield self.receive(mail("Text."))
        yield self.given_to_worker()
        yield self.machine.stopService()
        self.switch_on()
        ended = yield self.ended(job.number)
        self.assertEqual((ended.serial, ended.result), (job.serial, "OK"))
        documents = yield self.printed(2)
        self.assertEqual([one.number for one in documents], [job.number, "5001"])

    @inlineCallbacks
    def after_a_crash(self, *, journal: bool) -> Any:
        """Print, then have the state as it was between the tray and the memory; return the job."""
        self.machine.control.change_paper(False)
        job = yield self.receive(fax(), mark="f" * 32)
        path = self.machine.storage.memory.path(job.mail_file)
        kept = path.read_bytes()
        yield self.machine.storage.journal.flush()
        before = self.state / "before.sqlite"
        shutil.copy(self.state / "journal.sqlite", before)
        self.machine.control.change_paper(True)
        yield self.ended(job.number)
        yield self.machine.stopService()
        path.write_bytes(kept)
        for one in self.state.glob("journal.sqlite*"):
            one.unlink()
        if journal:
            before.rename(self.state / "journal.sqlite")
        else:
            before.unlink()
        self.switch_on()
        return job

    @inlineCallbacks
    def test_in_tray_and_memory(self) -> Any:
        """A mail that is in the tray already is not printed again; its job has ended as it did."""
        job = yield self.after_a_crash(journal=True)
        again = yield self.machine.control.job(job.number)
        self.assertEqual((again.result, again.pages, again.kind), ("OK", 1, "ifax"))
        self.assertEqual(self.machine.storage.memory.names(), [])
        self.assertEqual(len((yield self.printed())), 1)
        self.assertEqual(
            self.machine.print_queue._waiting, type(self.machine.print_queue._waiting)()
        )

    @inlineCallbacks
    def test_journal_behind(self) -> Any:
        """The same where the journal knew nothing of it: its number is used, its UIDL remembered."""
        job = yield self.after_a_crash(journal=False)
        again = yield self.machine.control.job(job.number)
        self.assertEqual((again.serial, again.result), (job.serial, "OK"))
        fetched = yield self.machine.storage.journal.fetched("f" * 8)
        self.assertEqual(fetched, {"f" * 32})
        following = yield self.receive(mail("Text."))
        self.assertEqual(following.number, "5002")

    @inlineCallbacks
    def test_taken_out_before_a_crash(self) -> Any:
        """A document leaves the tray when the journal itself has its job and UIDL, not its log alone."""
        self.machine.storage.journal.remember_fetched("f" * 8, "f" * 32)
        job = yield self.receive(mail("Text."), mark="f" * 32)
        yield self.ended(job.number)
        yield self.machine.control.remove_document(job.number)
        kept = sqlite3.connect(f"file:{self.state}/journal.sqlite?immutable=1", uri=True)
        jobs = kept.execute("SELECT result FROM job").fetchall()
        marks = kept.execute("SELECT mark FROM fetched").fetchall()
        kept.close()
        self.assertEqual((jobs, marks), ([("OK",)], [("f" * 32,)]))

    @inlineCallbacks
    def test_mail_gone_when_told(self) -> Any:
        """When a document is announced its mail is deleted: who takes it out at once loses nothing."""
        there: list[bool] = []
        job = yield self.receive_while_out(mail("Text."))
        path = self.machine.storage.memory.path(job.mail_file)
        self.machine.device.observe(
            lambda event: (
                there.append(path.exists()) if isinstance(event, DocumentPrinted) else None
            )
        )
        self.machine.control.change_paper(True)
        yield self.ended(job.number)
        self.assertEqual(there, [False])

    @inlineCallbacks
    def receive_while_out(self, content: bytes) -> Any:
        """Receive a mail that waits for paper; return its job."""
        self.machine.control.change_paper(False)
        job = yield self.receive(content)
        yield self.until(lambda: self.machine.print_queue._waiting)
        return job

    @inlineCallbacks
    def test_not_deleted(self) -> Any:
        """A printed mail that the disk did not let go is not printed again, though its document is taken."""
        job = yield self.receive_while_out(mail("Text."))
        path = self.machine.storage.memory.path(job.mail_file)
        content = path.read_bytes()
        delete = self.machine.storage.memory.unlink
        self.machine.storage.memory.unlink = _failing  # type: ignore[method-assign]
        self.machine.control.change_paper(True)
        yield self.ended(job.number)
        self.machine.storage.memory.unlink = delete  # type: ignore[method-assign]
        yield self.machine.control.remove_document(job.number)
        yield self.assertFailure(self.machine.control.cancel_job(job.number), CannotCancel)
        yield self.machine.stopService()
        self.assertEqual(path.read_bytes(), content)
        self.switch_on()
        self.assertEqual(self.machine.storage.memory.names(), [])
        (again,) = yield self.machine.control.jobs()
        self.assertEqual((again.serial, again.result, again.mail_file), (1, "OK", None))

    @inlineCallbacks
    def test_cancelled_before_a_crash(self) -> Any:
        """What was cancelled stays so, whether the power failed before its mail was deleted or behind it."""
        for deleted in (True, False):
            job = yield self.receive_while_out(mail("Text."))
            path = self.machine.storage.memory.path(job.mail_file)
            content = path.read_bytes()
            yield self.machine.control.cancel_job(job.number)
            lost = self.state / "lost.sqlite"
            # What the system has not written yet is lost.
            shutil.copy(self.state / "journal.sqlite", lost)
            yield self.machine.stopService()
            for one in self.state.glob("journal.sqlite*"):
                one.unlink()
            lost.rename(self.state / "journal.sqlite")
            if not deleted:
                path.write_bytes(content)
            self.switch_on()
            again = yield self.machine.control.job(job.number)
            self.assertEqual((again.result, again.code, again.mail_file), ("NG", "#995", None))
            self.assertEqual(self.machine.storage.memory.names(), [])

    @inlineCallbacks
    def test_half_in_the_tray(self) -> Any:
        """A PDF without its record came out only by half: it is nothing, and its mail is printed."""
        self.machine.control.change_paper(False)
        job = yield self.receive(mail("Text."))
        yield self.machine.stopService()
        tray = self.state / "tray"
        (tray / f"{job.number}.pdf").write_bytes(b"half")
        (tray / "5002.json").write_bytes(b"{}")
        (tray / "tmp" / "1").mkdir()
        self.switch_on()
        self.assertEqual(self.machine.control.documents(), [])
        self.machine.control.change_paper(True)
        yield self.ended(job.number)
        self.assertIn("Text.", self.text(job.number))

    @inlineCallbacks
    def switched_off_without_journal(self) -> Any:
        """Switch it off, and lose all that the journal held."""
        yield self.machine.stopService()
        for one in self.state.glob("journal.sqlite*"):
            one.unlink()

    @inlineCallbacks
    def test_younger_came_out_first(self) -> Any:
        """Where the journal is behind, no mail is forgotten, whatever order they were printed in."""
        jobs = []
        self.machine.control.change_paper(False)
        for mark in "ab":
            jobs.append((yield self.receive(mail("Text."), mark=mark * 32)))
        yield self.until(lambda: len(self.machine.print_queue._waiting) == 2)
        older = self.machine.print_queue._waiting.popleft()
        self.machine.control.change_paper(True)
        yield self.ended(jobs[1].number)
        self.machine.print_queue.enqueue_parts(older.mails, [])
        yield self.ended(jobs[0].number)
        yield self.switched_off_without_journal()
        self.switch_on()
        again = yield self.machine.control.jobs()
        self.assertEqual([(one.serial, one.result) for one in again], [(2, "OK"), (1, "OK")])
        for mark in "ab":
            fetched = yield self.machine.storage.journal.fetched(mark * 8)
            self.assertEqual(fetched, {mark * 32})

    @inlineCallbacks
    def test_serials_are_nobodys_twice(self) -> Any:
        """A mail whose job was lost with the power takes no serial of a job that is in the outbox."""
        self.machine.control.change_paper(False)
        yield self.receive(mail("First."))
        sent = self.machine.device.new_job("tx", "b@bench.test")
        outgoing = Outgoing(
            job=sent, sender="", message_id="<1@x>", head_length=0, due=2e10, report="mdn"
        )
        yield self.machine.storage.outbox.accept(lambda _: (outgoing, b""))
        yield self.receive(mail("Second."))
        yield self.switched_off_without_journal()
        self.switch_on(loaded=False)
        jobs = yield self.machine.control.jobs()
        self.assertEqual(sorted(one.direction for one in jobs), ["rx", "rx", "tx"])
        self.assertEqual(len({one.serial for one in jobs}), 3)


def _failing(*_: object) -> None:
    raise OSError(5, "Input/output error")
