"""Mail by somebody who means ill, on every page of the panel, in a browser that would run what it runs."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

from pypdfium2 import PdfDocument

from tests.live.browser import PanelTestCase
from tests.live.machine import ADDRESS
from tests.live.mails import Mail
from tests.live.swaks import DELIVERED, swaks

if TYPE_CHECKING:
    from playwright.sync_api import Page

_ENVELOPE = "<script>alert('envelope')</script>"
# Of what looks like a path, paper has the last step only.
_FILE = "<img src=x onerror=alert('file')>.bin"


def _script(where: str) -> str:
    """Return script as an attacker writes it, in each of three ways, without a blank."""
    return (
        f"<script>alert('{where}')</script><img/src=x/onerror=alert('{where}')>"
        f"javascript:alert('{where}')"
    )


_HOSTILE = (
    f'From: "{_script("sender")}" <sender@client.test>\r\n'
    f"To: <{ADDRESS}>\r\n"
    f"Subject: {_script('subject')}\r\n"
    "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
    "Message-ID: <hostile@client.test>\r\n"
    "MIME-Version: 1.0\r\n"
    'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/plain\r\n\r\n"
    f"{_script('text')}\r\n"
    "--b\r\nContent-Type: application/octet-stream\r\n"
    f'Content-Disposition: attachment; filename="{_FILE}"\r\n\r\n'
    "what nobody can print\r\n"
    "--b--\r\n"
)


class HostileMailTests(PanelTestCase):
    """Mail by somebody who means ill."""

    programs = (*PanelTestCase.programs, "swaks")

    async def test_harmless(self) -> None:
        """Script in subject, sender, text, file name and greeting runs on no page, and is shown as it is."""
        await self.start_machine(printing={"loaded": True})
        sender, subject = _script("sender"), _script("subject")
        # These are open as it comes in; all are opened again afterwards.
        mailbox, jobs, wire = [await self.open(path) for path in ("/mailbox", "/jobs", "/wire")]
        told = await swaks(
            self,
            self.machine.smtp_port,
            Mail("hostile", _HOSTILE.encode("ascii")),
            *("--helo", _script("greeting")),
            *("--from", f'"{_ENVELOPE}"@client.test'),
        )
        self.assertEqual(told.status, DELIVERED)
        (document,) = await self.machine.printed_all(30)
        session = await self.machine.last_session("smtp-receive")
        for page, place in ((mailbox, "#tray"), (jobs, "#job-list")):
            shown = page.locator(place).get_by_text(subject)
            await self.browse(shown.first.wait_for)
        for page in (mailbox, jobs, wire):
            await self.browse(self._assert_no_script, page)
        number = document["number"]
        for path, place, texts in (
            ("/", "#received", (sender, subject)),
            (f"/?q={quote(sender)}", "#received", (sender, subject)),
            ("/mails/1", "aside", (sender, subject, _script("text"), _FILE)),
            ("/mailbox", "#tray", (sender, subject)),
            (f"/mailbox/{number}", "#screen", (sender, subject)),
            ("/jobs", "#job-list", (subject,)),
            ("/monitor", "#monitor", ()),
            ("/wire", "#report", ()),
            (f"/wire?peer={quote(_script('peer'))}", "#sessions", ()),
            ("/functions", "#screen", ()),
            (f"/sessions/{session['id']}", "#session", (_script("greeting"), _ENVELOPE)),
        ):
            await self.browse(self._look, path, place, texts)
        paper = await self.browse(self._paper, mailbox, number)
        for text in (subject, sender, _script("text"), _FILE):
            self.assertIn(text.replace(" ", ""), paper)
        self.assertEqual((self.dialogs, self.complaints), ([], []))

    def _look(self, path: str, place: str, texts: tuple[str, ...]) -> None:
        page = self._open(path, {})
        for text in texts:
            page.locator(place).get_by_text(text).first.wait_for()
        self._assert_no_script(page)
        page.context.close()

    def _assert_no_script(self, page: Page) -> None:
        page.wait_for_load_state("load")
        scripts = page.locator("script").evaluate_all("all => all.map(one => one.src)")
        self.assertTrue(scripts)
        for source in scripts:
            self.assertRegex(source, r"^http://127\.0\.0\.1:\d+/static/[a-z-]+\.js$")
        hostile = (
            'a[href^="javascript:" i], form[action^="javascript:" i], [onerror], [src="x"]'
        )
        self.assertEqual(page.locator(hostile).count(), 0)

    def _paper(self, page: Page, number: str) -> str:
        """Return the text of a printed document, without its line breaks."""
        content = page.request.get(f"/api/tray/{number}.pdf").body()
        with closing(PdfDocument(content)) as document:
            pages = [page.get_textpage().get_text_bounded() for page in document]
        return "".join("".join(pages).split())
