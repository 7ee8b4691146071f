"""Received mail is found, shown and deleted, be it waiting for paper or printed (docs/receiving)."""

from __future__ import annotations

import mailbox
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from irsend.device.jobs import JobQuery
from irsend.device.mails import Mail, MailQuery
from irsend.errors import CannotReadMail, NoSuchRecord
from irsend.interfaces import Envelope, Mailbox
from irsend.message.trace import smtp_trace
from irsend.services.print.print_pool import CannotPrint, CannotPrintNow, PrintPool
from tests.services.printing import PrintingMachineCase


def letter(subject: str, text: str, sender: str = "Ann <ann@bench.test>") -> bytes:
    """Return a mail."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = "Office <scan@bench.test>"
    message["Subject"] = subject
    message.set_content(text)
    return bytes(message)


def trace(sender: bytes = b"ann", *recipients: bytes) -> bytes:
    """Return the trace of a mail that came by SMTP."""
    envelope = Envelope(
        sender=Mailbox(sender, b"bench.test"),
        recipients=tuple(Mailbox(one, b"bench.test") for one in recipients or (b"scan",)),
        helo=b"client.test",
        protocol=b"ESMTP",
    )
    return smtp_trace(envelope, peer="192.0.2.7", host=b"ir.test", at=1e9)


class ArchiveCase(PrintingMachineCase):
    """A machine without paper, which has received some mails."""

    printing = {"loaded": False}

    def find(self, **query: Any) -> Deferred[list[Mail]]:
        """Find mails."""
        found: Deferred[list[Mail]] = self.machine.control.mails(MailQuery(**query))
        return found

    async def subjects(self, **query: Any) -> list[str]:
        """Return the subjects of the mails that are found."""
        return [one.summary.subject for one in await self.find(**query)]

    async def printed_all(self) -> None:
        """Put paper in, and wait until all is printed."""
        await self.machine.control.change_paper(True)
        await self.until(lambda: not self.machine.storage.memory.names())
        # The ends of the jobs follow.
        await self.until(lambda: not self.machine.print_queue._under_way)


class FindTests(ArchiveCase):
    """Which mails a query finds."""

    async def test_waiting_and_printed(self) -> None:
        """A mail is found from its arrival on, and when it is printed, then with its document."""
        job = await self.receive(letter("One", "First."), trace(b"ann", b"scan", b"copy"))
        (waiting,) = await self.find()
        self.assertEqual(
            (waiting.id, waiting.job, waiting.document), (job.serial, "5001", None)
        )
        self.assertEqual(waiting.size, len(letter("One", "First.")))
        summary = waiting.summary
        self.assertEqual(
            (summary.sender, summary.to), ("Ann <ann@bench.test>", "Office <scan@bench.test>")
        )
        self.assertEqual(summary.envelope_sender, "ann@bench.test")
        self.assertEqual(summary.envelope_recipients, ("scan@bench.test", "copy@bench.test"))
        await self.printed_all()
        (kept,) = await self.find()
        self.assertEqual((kept.id, kept.job, kept.document), (job.serial, "5001", "5001"))
        await self.machine.control.remove_document("5001")
        (kept,) = await self.find()
        self.assertIsNone(kept.document)

    async def test_filters(self) -> None:
        """Each filter finds its text anywhere, in capitals or small letters, in any language."""
        await self.receive(
            letter("Straße", "Guten Tag.", "Ärzte <a@clinic.test>"), trace(b"bounce")
        )
        await self.receive(letter("Order", "Twelve boxes."), trace(b"ann", b"orders"))
        for query, subjects in (
            ({}, ["Order", "Straße"]),
            ({"sender": "äRZTE"}, ["Straße"]),
            ({"sender": "BOUNCE@"}, ["Straße"]),
            ({"to": "office"}, ["Order", "Straße"]),
            ({"to": "orders@bench"}, ["Order"]),
            ({"subject": "STRASSE"}, ["Straße"]),
            ({"text": "twelve BOXES"}, ["Order"]),
            ({"text": "12"}, []),
            ({"anywhere": "guten"}, ["Straße"]),
            ({"anywhere": "orders@"}, ["Order"]),
            ({"subject": "r", "text": "boxes"}, ["Order"]),
            ({"subject": "%"}, []),
        ):
            self.assertEqual(await self.subjects(**query), subjects, query)

    async def test_time(self) -> None:
        """`since` finds what came then or later."""
        await self.receive(letter("Early", ""))
        self.later = 60
        job = await self.receive(letter("Late", ""))
        self.assertEqual(await self.subjects(since=job.started), ["Late"])
        self.assertEqual(await self.subjects(since=job.started + 1), [])

    async def test_pages(self) -> None:
        """The newest come first, and `before` gives the next page; more than are read at once are found."""
        await DeferredList(
            [self.receive(letter(f"No. {number}", "")) for number in range(1, 231)]
        )
        newest = await self.find(limit=2)
        self.assertEqual([one.summary.subject for one in newest], ["No. 230", "No. 229"])
        following = await self.find(limit=2, before=newest[-1].id)
        self.assertEqual([one.summary.subject for one in following], ["No. 228", "No. 227"])
        self.assertEqual(await self.subjects(subject="No. 1", limit=1000, before=20), [
            "No. 19", "No. 18", "No. 17", "No. 16", "No. 15", "No. 14", "No. 13", "No. 12", "No. 11",
            "No. 10", "No. 1",
        ])  # fmt: skip
        self.assertEqual(len(await self.find(limit=1000)), 230)

    async def test_asked_at_once(self) -> None:
        """Queries that come together read each mail once."""
        await DeferredList([self.receive(letter("x", "")) for _ in range(20)])
        found = await DeferredList([self.find() for _ in range(5)])
        self.assertEqual([len(mails) for _, mails in found], [20] * 5)
        orders = self.machine.mail_archive._pool.orders
        self.assertEqual(sum(len(one["summarize"]["files"]) for one in orders), 20)

    async def test_deleted_by_a_mail_tool(self) -> None:
        """A mail that a mail tool has deleted is not found, before it was read."""
        job = await self.receive(letter("x", ""))
        await self.printed_all()
        path = self.machine.storage.kept_mails.path(job.mail_file)
        path.unlink()
        self.assertEqual(await self.find(), [])
        with self.assertRaises(NoSuchRecord):
            await self.machine.control.open_mail(job.serial)

    async def test_breaks_the_worker(self) -> None:
        """Of a mail that breaks the worker the head is known; those read with it are not affected."""
        await self.receive(letter("Good", "Text."))
        await self.receive(letter("Bad", "Text."), trace())
        broken = CannotPrint("#822", "It breaks.")
        pool = self.machine.mail_archive._pool
        # The order of both, then each alone: the newest first.
        pool.fail_next(broken)
        pool.fail_next(broken)
        bad, good = await self.find()
        self.assertEqual((bad.summary.subject, good.summary.subject), ("Bad", "Good"))
        self.assertEqual((len(bad.summary.parts), len(good.summary.parts)), (0, 1))
        self.assertEqual(bad.summary.envelope_recipients, ("scan@bench.test",))
        self.assertEqual(bad.size, len(letter("Bad", "Text.")))

    async def test_no_worker(self) -> None:
        """Where no worker can be started that is said, and the next query is answered."""
        await self.receive(letter("x", "Text."))
        self.machine.mail_archive._pool.fail_next(CannotPrintNow("no worker can be started"))
        with self.assertRaises(CannotReadMail) as raised:
            await self.find()
        self.assertIn("no worker can be started", str(raised.exception))
        self.assertEqual(len(await self.find()), 1)


class ShowTests(ArchiveCase):
    """One mail."""

    async def test_content(self) -> None:
        """A mail has its fields, its text, its source as it came, and its parts decoded."""
        message = EmailMessage(policy=SMTP)
        message["Subject"] = "Scan"
        message.set_content("See the page.\n")
        message.add_attachment(b"II*\0" * 9, maintype="image", subtype="tiff", filename="p.tif")
        job = await self.receive(bytes(message), trace())
        for _ in range(2):
            content = await self.machine.control.mail(job.serial)
            self.assertEqual(content.headers[0], ("Subject", "Scan"))
            self.assertEqual(content.text, "See the page.\n")
            source, size = await self.machine.control.open_mail(job.serial)
            with source:
                self.assertEqual(source.read(), bytes(message))
            self.assertEqual(size, len(bytes(message)))
            part, octets = await self.machine.control.open_mail_part(job.serial, 2)
            with octets:
                self.assertEqual(octets.read(), b"II*\0" * 9)
            self.assertEqual((part.name, part.size, part.attachment), ("p.tif", 36, True))
            # Waiting, then printed.
            await self.printed_all()

    async def test_none(self) -> None:
        """Another id, and another part, is NoSuchRecord."""
        job = await self.receive(letter("x", "Text."))
        control = self.machine.control
        for asked in (
            control.mail(7),
            control.open_mail(7),
            control.open_mail_part(7, 1),
            control.open_mail_part(job.serial, 0),
            control.open_mail_part(job.serial, 2),
            control.remove_mail(7),
        ):
            await self.assertFailure(asked, NoSuchRecord)

    async def test_session(self) -> None:
        """A mail names the session that brought it, and is found by that."""
        await self.receive(letter("x", ""))
        machine = self.machine
        message = machine.storage.memory.open_message(
            trace(),
            on_stored=lambda one: machine.dispatch.mail_stored(
                one.name, one.head_octets, "ann@bench.test", 17
            ),
        )
        message.write(letter("Of 17", ""))
        await message.commit()
        (mail,) = await self.find(session=17)
        self.assertEqual((mail.summary.subject, mail.session), ("Of 17", 17))
        self.assertEqual(await self.find(session=1), [])


class RemoveTests(ArchiveCase):
    """Deleting mails."""

    async def test_waiting(self) -> None:
        """A mail that waits and is deleted is never printed: its job is #995."""
        job = await self.receive(letter("x", ""))
        await self.find()
        await self.machine.control.remove_mail(job.serial)
        self.assertEqual(await self.find(), [])
        (ended,) = await self.machine.control.jobs()
        self.assertEqual((ended.result, ended.code, ended.mail_file), ("NG", "#995", None))
        self.assertEqual(self.machine.control.memory()[0], 0)

    async def test_printed(self) -> None:
        """A printed mail that is deleted leaves its job and its document."""
        job = await self.receive(letter("x", ""))
        await self.printed_all()
        await self.machine.control.remove_mail(job.serial)
        self.assertEqual(await self.find(), [])
        self.assertEqual(len(self.machine.control.documents()), 1)
        (ended,) = await self.machine.control.jobs()
        self.assertEqual((ended.result, ended.mail_file), ("OK", None))
        self.assertEqual(list((self.state / "mails" / "cur").iterdir()), [])

    async def test_all(self) -> None:
        """All are deleted at once, waiting and printed; what comes then is found."""
        await self.receive(letter("Printed", ""))
        await self.printed_all()
        await self.machine.control.change_paper(False)
        await DeferredList([self.receive(letter("Waiting", "")) for _ in range(300)])
        await self.machine.control.remove_mails()
        self.assertEqual(await self.find(), [])
        self.assertEqual(self.machine.storage.memory.names(), [])
        self.assertEqual(len(self.machine.storage.kept_mails), 0)
        jobs = await self.machine.control.jobs(1000, JobQuery(code="#995"))
        self.assertEqual(len(jobs), 300)
        await self.receive(letter("New", ""))
        self.assertEqual(await self.subjects(), ["New"])

    async def test_while_printing(self) -> None:
        """A mail that is being printed and is deleted gives no document."""
        self.pool.hold_back()
        await self.machine.control.change_paper(True)
        job = await self.receive(letter("x", ""))
        await self.running()
        await self.machine.control.remove_mail(job.serial)
        self.assertEqual((await self.find(), self.machine.control.documents()), ([], []))


class RetentionTests(ArchiveCase):
    """How many printed mails are kept."""

    printing = {"loaded": False, "keep_mails": 3}

    async def test_number(self) -> None:
        """The newest are kept as a Maildir; what waits is never removed for the limit."""
        for number in range(5):
            await self.receive(letter(f"Printed {number}", ""))
        await self.printed_all()
        await self.machine.control.change_paper(False)
        for number in range(5):
            await self.receive(letter(f"Waiting {number}", ""))
        await self.until(lambda: len(self.machine.storage.kept_mails) == 3)
        self.assertEqual(await self.subjects(subject="Printed"), [
            "Printed 4", "Printed 3", "Printed 2",
        ])  # fmt: skip
        self.assertEqual(len(await self.subjects(subject="Waiting")), 5)
        kept = mailbox.Maildir(str(self.state / "mails"), create=False)
        self.assertEqual(len(kept), 3)

    async def test_none_kept(self) -> None:
        """With keep_mails = 0 a printed mail is deleted."""
        await self.machine.stopService()
        self.switch_on(keep_mails=0)
        await self.receive(letter("x", ""))
        await self.printed_all()
        self.assertEqual(await self.find(), [])
        self.assertEqual(list((self.state / "mails" / "cur").iterdir()), [])

    async def test_over_a_restart(self) -> None:
        """After a restart mails that wait and mails that are kept are found, by the same ids."""
        await self.move_to_disk()
        await self.receive(letter("Printed", ""))
        await self.printed_all()
        await self.machine.control.change_paper(False)
        await self.receive(letter("Waiting", ""))
        before = [(one.id, one.summary.subject) for one in await self.find()]
        await self.machine.stopService()
        self.switch_on()
        after = [(one.id, one.summary.subject) for one in await self.find()]
        self.assertEqual(after, before)
        self.assertEqual([one[1] for one in after], ["Waiting", "Printed"])


class WorkerTests(ArchiveCase):
    """With the real worker process."""

    make_print_pool = PrintPool

    async def test_found_and_shown(self) -> None:
        """The worker reads a mail, its text and its parts."""
        job = await self.receive(letter("Grüße", "Guten Tag."), trace())
        self.assertEqual(await self.subjects(text="guten tag"), ["Grüße"])
        content = await self.machine.control.mail(job.serial)
        self.assertEqual(content.text, "Guten Tag.\n")
        _, octets = await self.machine.control.open_mail_part(job.serial, 1)
        with octets:
            self.assertEqual(octets.read(), b"Guten Tag.\r\n")
