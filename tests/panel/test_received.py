"""The first screen without a browser: what arrived, the search over it, and the page of a mail."""

from __future__ import annotations

import re

import attrs

from irsend.device.documents import Document
from irsend.errors import CannotReadMail
from tests.panel.machine import NOW
from tests.panel.served import ServedPanel
from tests.panel.test_mails import SCAN
from tests.panel.test_pages import Fields
from tests.panel.test_tray import BROKEN, ORDER

_HOSTILE = "<script>alert(1)</script>\"'"


class ReceivedCase(ServedPanel):
    """A panel whose machine has received something."""

    async def page(self, path: str = "/") -> str:
        """Get a page."""
        answer = await self.ask("GET", path)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.text

    async def received(self, path: str = "/") -> str:
        """Return the list of what was received, as a page has it."""
        page = await self.page(path)
        return page[page.index('id="received"') : page.index('class="beside"')]

    def keep(self, document: Document | None, text: str = "Guten Tag.\n") -> int:
        """Receive a mail that is kept, printed as this document or waiting; return its id."""
        job = self.machine.device.job_accepted(
            "rx", "a@bench.test", subject="kept", mail_file="1.mail"
        )
        number = None
        if document is not None:
            document = attrs.evolve(document, serial=job.serial, number=job.number)
            self.machine.tray.append(document)
            number = document.number
            self.machine.device.job_changed(job, result="OK", ended=NOW, printed_as=job.serial)
        mail = attrs.evolve(SCAN.mail, id=job.serial, job=job.number, document=number)
        self.machine.kept_mails.insert(0, attrs.evolve(SCAN, mail=mail, text=text))
        return job.serial


class FirstScreenTests(ReceivedCase):
    """The first screen: GET /."""

    async def test_documents(self) -> None:
        """Documents stand there with the ink of their first page, newest first, and beside them is Send."""
        self.machine.tray = [ORDER, BROKEN]
        page = await self.page()
        self.assertLess(page.index('href="/mailbox/5002"'), page.index('href="/mailbox/5001"'))
        self.assertIn('src="/api/tray/5001/1.png?dots=120&amp;crop=ink"', page)
        self.assertIn('src="/api/tray/5001/2.png?dots=60&amp;crop=ink"', page)
        self.assertNotIn("5002/2.png", page)
        self.assertIn("received image cannot be decoded", page)
        self.assertIn(("to", ""), Fields(page).forms["/send"])

    async def test_mail_of_a_document(self) -> None:
        """A document whose mail is kept links to it; one whose mail is gone does not."""
        serial = self.keep(ORDER)
        self.machine.tray.insert(0, attrs.evolve(BROKEN, serial=99, number="5099"))
        received = await self.received()
        self.assertEqual(re.findall(r'href="(/mails/\d+)"', received), [f"/mails/{serial}"])
        self.assertEqual(received.count("<li>"), 2)

    async def test_not_printed(self) -> None:
        """A mail that waits stands there without a picture, and so does one that is out of the tray."""
        self.keep(None)
        self.assertIn("Waits to be printed", await self.received())
        self.keep(ORDER)
        del self.machine.tray[:]
        received = await self.received()
        self.assertIn("Not in the tray", received)
        self.assertNotIn("<img", received)

    async def test_refused_mail(self) -> None:
        """A mail that was refused has not arrived."""
        self.machine.device.job_accepted("rx", "a@bench.test", result="NG", code="#819")
        self.machine.device.job_accepted("tx", "b@bench.test", result="OK")
        self.assertIn("Nothing received yet.", await self.received())

    async def test_divided_mail(self) -> None:
        """A document of several mails stands there once."""
        first = self.keep(ORDER)
        job = self.machine.device.job_accepted("rx", "a@bench.test", mail_file="2.mail")
        self.machine.device.job_changed(job, result="OK", ended=NOW, printed_as=first)
        received = await self.received()
        self.assertEqual(received.count("<li>"), 1)
        self.assertIn(f'href="/mails/{first}"', received)

    async def test_more(self) -> None:
        """Eight are shown, and a link shows all; a limit out of range is a 400."""
        self.machine.tray = [
            attrs.evolve(ORDER, serial=at, number=f"{5000 + at}", printed=NOW + at)
            for at in range(1, 11)
        ]
        received = await self.received()
        self.assertEqual(re.findall(r'href="/mailbox/(\d+)"', received)[::7], ["5010", "5003"])
        self.assertEqual(received.count("<li>"), 8)
        self.assertIn('href="/?q=&amp;limit=200">Show all 10<', received)
        self.assertEqual((await self.received("/?limit=200")).count("<li>"), 10)
        for limit in ("0", "201", "x", ""):
            await self.refused(400, "GET", f"/?limit={limit}")

    async def test_search(self) -> None:
        """What is sought is found in sender, subject, number and text, in capitals or small letters."""
        self.machine.tray = [attrs.evolve(ORDER, serial=98, number="5098")]
        self.keep(attrs.evolve(BROKEN, subject="Floor plan"), text="The paper is out.\n")
        waiting = self.keep(None, text="The toner is out.\n")
        for sought, found in (
            ("order", ["5098"]),
            ("SALES@office", ["5098"]),
            ("5098", ["5098"]),
            ("floor", ["5001"]),
            ("Paper%20is", ["5001"]),
            ("toner", ["5002"]),
            ("is+out", ["5002", "5001"]),
            ("nothing", []),
        ):
            received = await self.received(f"/?q={sought}")
            shown = re.findall(r'class="which quiet">(\d{4})', received)
            self.assertCountEqual(shown, found, sought)
        self.assertIn("0 with “nothing”", received)
        self.assertIn(f'href="/mails/{waiting}"', await self.received("/?q=toner"))

    async def test_search_of_older_mail(self) -> None:
        """A mail is found by its text when its job is no longer among the newest."""
        self.machine.kept_mails = [
            attrs.evolve(SCAN, mail=attrs.evolve(SCAN.mail, document=None))
        ]
        received = await self.received("/?q=guten")
        self.assertIn('href="/mails/7"', received)
        self.assertIn(">Grüße<", received)
        self.assertNotIn("/mails/", await self.received("/"))

    async def test_what_is_sought_stays(self) -> None:
        """The field shows what is sought, escaped; a text that is no line of 200 characters is a 400."""
        page = await self.page("/?q=%3Cb%3E%22")
        self.assertIn('name="q" value="&lt;b&gt;&#34;"', page)
        await self.refused(400, "GET", "/?q=" + "x" * 201)
        await self.refused(400, "GET", "/?q=a%0ab")

    async def test_list_asks_for_no_mail(self) -> None:
        """The list of what arrived reads no mail: an open page costs the machine no worker."""
        self.keep(ORDER)
        await self.page("/")
        self.assertEqual(self.machine.mail_queries, [])

    async def test_long_addresses(self) -> None:
        """A long address may end a line before its marks; a short one is not touched."""
        long = "the.office@the-third-floor.office.bench.test"
        self.machine.tray = [attrs.evolve(ORDER, sender=f'"A <b>" <{long}>')]
        received = await self.received()
        broken = "&lt;the<wbr>.office<wbr>@the-third-floor<wbr>.office<wbr>.bench<wbr>.test&gt;"
        self.assertIn(f"&#34;A &lt;b&gt;&#34; {broken}<", received)
        self.machine.tray = [ORDER]
        self.assertIn("&lt;sales@office.test&gt;", await self.received())


class MailPageTests(ReceivedCase):
    """The page of a mail: GET /mails/ID."""

    async def test_mail(self) -> None:
        """A mail shows its fields, envelope, text and source; it links to parts, job, session, document."""
        serial = self.keep(ORDER)
        page = await self.page(f"/mails/{serial}")
        for shown in (
            ">Grüße</h2>",
            "Ann &lt;ann@bench.test&gt;",
            "Sat, 28 Nov 2026 10:00:00 +0100",
            "&lt;bounce@bench.test&gt; to scan@bench.test, copy@bench.test",
            "1,234 octets",
            f'href="/api/mails/{serial}/parts/2" download>Seite &#34;ä&#34;.tif</a>',
            f'href="/api/mails/{serial}/parts/3" download>part 3</a>',
            f'href="/api/mails/{serial}/raw"',
            f'href="/wire#job-{serial}"',
            'href="/sessions/3"',
            'href="/mailbox/5001"',
            '<th scope="row">Subject</th><td>Grüße</td>',
            'aria-label="Text">Guten Tag.\n</pre>',
            'aria-label="Source">Guten Tag.\n</pre>',
        ):
            self.assertIn(shown, page)
        # Beside it stands its document.
        self.assertIn("/api/tray/5001/1.png?dots=100", page)

    async def test_without_document(self) -> None:
        """A mail without a document stands beside the tray."""
        serial = self.keep(None)
        page = await self.page(f"/mails/{serial}")
        self.assertIn("none in the tray", page)
        self.assertIn('id="tray"', page)

    async def test_document(self) -> None:
        """A document shows its mail beside it, while that is kept."""
        serial = self.keep(ORDER)
        self.assertIn(f'href="/mails/{serial}">Mail</a>', await self.page("/mailbox/5001"))
        self.machine.kept_mails = []
        page = await self.page("/mailbox/5001")
        self.assertNotIn('id="mail-title"', page)
        self.assertIn('id="sessions"', page)

    async def test_links_from_jobs(self) -> None:
        """Print Job and the report link to the mail of a job, while that is kept."""
        serial = self.keep(ORDER)
        self.machine.device.job_accepted("rx", "gone@bench.test", result="OK")
        page = await self.page("/jobs")
        self.assertEqual(page.count(f'href="/mails/{serial}"'), 2)
        self.assertEqual(len(re.findall(r'href="/mails/', page)), 2)

    async def test_never_markup(self) -> None:
        """A mail is shown as text: its markup is escaped, its control characters are visible."""
        serial = self.keep(ORDER, text=f"{_HOSTILE}\x1b\x00\n")
        content = self.machine.kept_mails[0]
        part = attrs.evolve(content.mail.summary.parts[1], name=_HOSTILE)
        summary = attrs.evolve(
            content.mail.summary,
            sender=_HOSTILE,
            to=_HOSTILE,
            subject=_HOSTILE,
            date=_HOSTILE,
            envelope_sender=_HOSTILE,
            envelope_recipients=(_HOSTILE,),
            parts=(part,),
        )
        self.machine.kept_mails[0] = attrs.evolve(
            content,
            mail=attrs.evolve(content.mail, summary=summary),
            headers=((_HOSTILE, _HOSTILE),),
        )
        for path in (f"/mails/{serial}", "/mailbox/5001"):
            page = await self.page(path)
            self.assertNotIn("<script>", page)
            # Title, heading, five fields, part, header and its value, text, source.
            self.assertEqual(page.count("&lt;script&gt;"), 12)
            self.assertIn("\\x1b\\x00\n</pre>", page)
            self.assertNotIn("\x1b", page)
            self.assertNotIn("\x00", page)

    async def test_long_mail(self) -> None:
        """Of a large mail the beginning is shown, and a link gives the whole."""
        serial = self.keep(ORDER, text="x" * 100_001)
        page = await self.page(f"/mails/{serial}")
        self.assertEqual(page.count("x" * 100_000 + "</pre>"), 2)
        self.assertIn("These are the first 100,000 of", page)

    async def test_unreadable(self) -> None:
        """A mail that cannot be read shows why, and its source."""
        serial = self.keep(ORDER)
        error = CannotReadMail("Mail 1 cannot be read. It takes too long.")
        self.machine.mail_error = error
        page = await self.page(f"/mails/{serial}")
        self.assertIn("It takes too long.</p>", page)
        self.assertIn('aria-label="Source">Guten Tag.', page)
        self.assertNotIn("<summary>Headers", page)

    async def test_no_mail_can_be_read(self) -> None:
        """While no mail can be read, documents are shown, and found, without; the search says why."""
        self.keep(ORDER)
        self.machine.mail_error = CannotReadMail("The mail cannot be read now: no worker")
        self.machine.mails_unreadable = True
        self.assertIn('id="sessions"', await self.page("/mailbox/5001"))
        received = await self.received("/?q=order")
        self.assertEqual(received.count("<li>"), 1)
        self.assertIn(
            "The text of mails was not searched. The mail cannot be read now", received
        )

    async def test_file_is_gone(self) -> None:
        """A document is shown though the file of its mail has gone a moment ago."""
        self.keep(ORDER)
        self.machine.mails_gone = True
        self.assertIn('id="sessions"', await self.page("/mailbox/5001"))
        await self.refused(404, "GET", "/mails/1")

    async def test_not_there(self) -> None:
        """An unknown mail, or one by another name, is a 404."""
        serial = self.keep(ORDER)
        for asked in (str(serial + 1), "0", "x", "1" * 30):
            await self.refused(404, "GET", f"/mails/{asked}")

    async def test_delete(self) -> None:
        """Its key deletes the mail and leads to the first screen; without the page's token it does not."""
        serial = self.keep(ORDER)
        page = await self.page(f"/mails/{serial}")
        fields = dict(Fields(page).forms[f"/mails/{serial}/delete"])
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        path = f"/mails/{serial}/delete"
        await self.refused(403, "POST", path, b"token=x", headers=form)
        self.assertEqual(len(self.machine.kept_mails), 1)
        answer = await self.ask("POST", path, f"token={fields['token']}".encode(), form)
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/"))
        self.assertEqual(self.machine.kept_mails, [])
