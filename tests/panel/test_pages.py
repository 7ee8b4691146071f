"""The page for people, without a browser: what it shows; `test_forms` has what it sends."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import attrs

from irsend.device import TLSUse
from irsend.device.jobs import Recipient
from irsend.device.status import StatusText
from tests.panel.machine import NOW, MachineDouble, device_of, said
from tests.panel.served import ServedPanel
from tests.panel.test_tray import BROKEN, ORDER


class Fields(HTMLParser):
    """Reads from a page what each of its forms would send untouched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: dict[str, list[tuple[str, str]]] = {}
        self.ids: list[str] = []
        self._fields: list[tuple[str, str]] = []
        self._area: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, fields and ids."""
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "form":
            self._fields = self.forms.setdefault(str(given["action"]), [])
        elif tag == "textarea":
            self._area = ""
            self._fields.append((str(given["name"]), ""))
        elif tag == "input":
            pressed = given.get("type") not in ("radio", "checkbox") or "checked" in given
            if pressed:
                self._fields.append((str(given["name"]), given.get("value") or ""))

    def handle_endtag(self, tag: str) -> None:
        """Note what stands in a textarea, as a browser sends it."""
        if tag == "textarea" and self._area is not None:
            text = self._area.removeprefix("\n").replace("\n", "\r\n")
            self._fields[-1] = (self._fields[-1][0], text)
            self._area = None

    def handle_data(self, data: str) -> None:
        """Take the text of a textarea."""
        if self._area is not None:
            self._area += data


class PageTests(ServedPanel):
    """The front page and the page of a session."""

    async def page(self, path: str = "/") -> str:
        """Get a page."""
        answer = await self.ask("GET", path)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.headers["content-type"], "text/html; charset=utf-8")
        return answer.text

    async def test_nothing_yet(self) -> None:
        """An empty page says what to do next, with the address where the machine listens."""
        self.serve(addresses=lambda: ["127.0.0.1:40025"])
        page = await self.page()
        self.assertIn('Turn <a href="#email_ifax">SMTP Receive</a> on', page)
        self.assertIn("swaks --server 127.0.0.1:40025 --to ir@panel.bench.test", page)
        self.machine.change_settings(
            {"email_ifax.smtp_receive": True, "email_ifax.email_address": "ir@bench.test"}
        )
        page = await self.page()
        self.assertIn("Nothing received yet.", page)
        self.assertIn("--to ir@bench.test", page)

    async def test_shown(self) -> None:
        """The page shows status line, sessions with links to each, and the report."""
        device = self.machine.device
        session = device.session_began("pop-receive", "pop.bench.test:110")
        device.show_status(StatusText.SSL_ERROR_POP, session.id)
        device.session_ended(session, "NG", succeeded=False, code="#810")
        device.job_accepted("rx", "somebody-with-a-long-name@bench.test", result="OK", pages=3)
        page = await self.page()
        self.assertIn('<p class="line" role="status">SSL Error (POP)</p>', page)
        self.assertIn('<a href="/sessions/1">POP receive</a>', page)
        self.assertIn("#810", page)
        self.assertIn(">somebody-with-a-long<", page)

    async def test_several_destinations(self) -> None:
        """A job shows how many others it is for, why it failed and for whom, and leads to its sessions."""
        device = self.machine.device
        for _ in range(2):
            device.session_began("smtp-send", "mail.bench.test:25")
        first = Recipient(address="first-of-them@bench.test", result="--")
        second = Recipient(
            address="b@bench.test", result="NG", code="#806", reason="550 no <b> here"
        )
        device.job_accepted(
            "tx",
            first.address,
            recipients=(first, second),
            result="NG",
            code="#806",
            reason=second.reason,
            sessions=(1, 2),
        )
        page = await self.page()
        self.assertIn(">first-of-them@bench. +1<", page)
        self.assertIn("<small>b@bench.test: 550 no &lt;b&gt; here · sessions", page)
        self.assertIn('<a href="/sessions/1">1</a> <a href="/sessions/2">2</a>', page)
        self.assertIn('<a href="/sessions/2" title="Its session">0001</a>', page)

    async def test_job_of_a_session(self) -> None:
        """A session leads to its job in the report."""
        device = self.machine.device
        session = device.session_began("smtp-send", "mail.bench.test:25")
        self.assertNotIn("#job-", await self.page(f"/sessions/{session.id}"))
        job = device.job_accepted("tx", "b@bench.test", sessions=(session.id,))
        page = await self.page(f"/sessions/{session.id}")
        self.assertIn(f'<a href="/#job-{job.serial}">0001</a>', page)
        self.assertIn(f"job-{job.serial}", Fields(await self.page()).ids)

    async def test_mac_filter(self) -> None:
        """What the MAC address filter has dropped stands beside the status line."""
        page = (await self.ask("GET", "/")).text
        self.assertIn("<dt>MAC filter</dt><dd>Off (kernel), 3 frames dropped</dd>", page)

    async def test_tray(self) -> None:
        """A document shows its first page, leads to its PDF, and says what is wrong and what that means."""
        self.assertIn("Nothing is printed yet.", await self.page())
        self.machine.printed = [ORDER, BROKEN]
        page = await self.page()
        self.assertLess(page.index('href="/api/tray/5002.pdf"'), page.index("/api/tray/5001.p"))
        self.assertIn('<img loading="lazy" src="/api/tray/5001/1.png?dots=30" alt="Page', page)
        for shown in (
            '<span class="ng">#822</span> received image cannot be decoded<',
            ">page.tif cannot be decoded.<",
            ">(no subject)<",
            ">Order 4711<",
            "&#34;Sales&#34; &lt;sales@office.test&gt;",
            "3 pages, ",
            ">2 documents<",
        ):
            self.assertIn(shown, page)

    async def test_full_tray(self) -> None:
        """Three documents lie open, the others are folded away; of many the newest 25 are shown."""
        self.machine.printed = [ORDER] * 3
        self.assertNotIn("<details>", await self.page())
        self.machine.printed = [ORDER] * 30
        page = await self.page()
        before, _, folded = page.partition("<details>")
        self.assertEqual([part.count("<img ") for part in (before, folded)], [3, 22])
        self.assertIn("<summary>22 more beneath</summary>", page)
        self.assertIn("the newest 25 of 30 documents", page)

    async def test_paper(self) -> None:
        """The page says whether there is paper, what becomes of mail without, and changes it."""
        page = await self.page()
        self.assertIn("Loaded", page)
        self.assertIn(("paper", "out"), Fields(page).forms["/paper"])
        self.machine.device.change_paper(False)
        page = await self.page()
        self.assertIn('<span class="ng">Out</span>', page)
        self.assertIn("what is received waits in memory", page)
        self.assertIn(("paper", "in"), Fields(page).forms["/paper"])

    async def test_state(self) -> None:
        """While it prints, the machine says so."""
        device = self.machine.device
        device.printing_began(device.new_job("rx", "a@bench.test"))
        self.assertIn("<dd>Printing</dd>", await self.page())

    async def test_memory(self) -> None:
        """Memory that has hardly room left, or none, is told beside its figures."""
        for used, word in (
            (3_000_000, ""),
            (500_000_000, "nearly full"),
            (512_000_000, "full"),
        ):
            self.machine.used = used
            shown = f' <span class="ng">{word}</span>' if word else ""
            self.assertIn(f"{used / 1e6:.1f} / 512 MB{shown}</dd>", await self.page())

    async def test_next_login(self) -> None:
        """The page says until when the POP server keeps the machine out."""
        self.assertNotIn("lets the machine in again", await self.page())
        self.machine.login = NOW + 60
        self.assertIn("10:17:52</time>", await self.page())

    async def test_windows(self) -> None:
        """Each item of the model has its field in the form of its window, at its value."""
        self.machine.change_settings(
            {"receiving_mac_address.addresses": ["00:00:85:12:34:56", "00:00:85:12:34:57"]}
        )
        forms = Fields(await self.page()).forms
        fields = {
            name: value
            for action, given in forms.items()
            for name, value in given
            if action.startswith("/settings/")
        }
        self.assertEqual(list(fields), self.machine.device.model.items())
        self.assertEqual(fields["email_ifax.pop"], "false")
        self.assertEqual(fields["authent_encryption.allow_ssl_smtp_receive"], "off")
        self.assertEqual(
            fields["receiving_mac_address.addresses"], "00:00:85:12:34:56\r\n00:00:85:12:34:57"
        )

    async def test_ids(self) -> None:
        """No id stands twice in the page of any model."""
        for model in ("ir2270", "ir2200", "estudio190f", "iradvance"):
            self.machine = MachineDouble(device=device_of(model))
            self.serve()
            ids = Fields(await self.page()).ids
            self.assertEqual(len(ids), len(set(ids)))

    async def test_hostile_text(self) -> None:
        """What came from the wire is text in the page, never markup."""
        hostile = "<script>alert(1)</script>\"'"
        device = self.machine.device
        session = device.session_began("smtp-receive", hostile)
        self.machine.transcripts[session.id] = said(f"C: MAIL FROM:{hostile}")
        device.session_ended(session, "NG", succeeded=False, reason=hostile)
        device.job_accepted("rx", hostile, subject=hostile)
        device.change_settings({"email_ifax.default_subject": hostile})
        notice = f"{hostile}.tif cannot be decoded."
        self.machine.printed = [
            attrs.evolve(BROKEN, sender=hostile, subject=hostile, notices=(notice,))
        ]
        for path in ("/", "/sessions/1"):
            page = await self.page(path)
            self.assertNotIn("<script>", page)
            self.assertIn("&lt;script&gt;", page)
        page = await self.page()
        # Subject, where it is cut off as a title too; sender; notice.
        tray = page[page.index('id="tray"') : page.index('class="halves"')]
        self.assertEqual(tray.count("&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;"), 4)

    async def test_strict(self) -> None:
        """The page needs no inline script or style, and nothing from elsewhere."""
        self.machine.printed = [ORDER, BROKEN]
        self.machine.device.session_began("smtp-receive", "192.0.2.7")
        for path in ("/", "/sessions/1"):
            page = await self.page(path)
            self.assertFalse(
                re.findall(r"<style|\sstyle=|\son\w+=|javascript:|https?://", page)
            )
            for where in re.findall(r'(?:src|href|action)="([^"]+)"', page):
                self.assertRegex(where, r"^(/|#)")

    async def test_own_origin(self) -> None:
        """The page asks browsers to name its origin, which no-referrer would withhold."""
        self.assertIn('<meta name="referrer" content="same-origin">', await self.page())

    async def test_static(self) -> None:
        """Script and style sheet are served with their types."""
        for name, kind in (("panel.js", "text/javascript"), ("panel.css", "text/css")):
            answer = await self.ask("GET", f"/static/{name}")
            self.assertEqual(answer.headers["content-type"], f"{kind}; charset=utf-8")
        icon = await self.ask("GET", "/static/panel.svg")
        self.assertEqual(icon.headers["content-type"], "image/svg+xml")
        await self.refused(404, "GET", "/static/../pages.py")
        await self.refused(404, "GET", "/static/..%2fpages.py")

    async def test_session(self) -> None:
        """The transcript shows who spoke, where TLS began, and what went in clear before it."""
        device = self.machine.device
        session = device.session_began("smtp-receive", "192.0.2.7")
        device.session_ended(
            session, "OK", succeeded=True, tls=TLSUse(version="TLS 1.2", cipher="AES128-SHA")
        )
        self.machine.transcripts[1] = said(
            "S: 220 ready", "C: MAIL FROM:<a@b>", "-- TLS 1.2 AES128-SHA", "C: MAIL FROM:<c@d>"
        )
        page = await self.page("/sessions/1")
        kinds = re.findall(r'<li class="([^"]+)"', page)
        self.assertEqual(kinds, ["server", "client", "note secured began", "client secured"])
        self.assertEqual(page.count(">in clear<"), 1)
        self.assertIn("In clear, readable on the way: MAIL.", page)

    async def test_session_without_words(self) -> None:
        """A session in which nothing was said has a page, one that is not there a 404."""
        self.machine.device.session_began("smtp-receive", "192.0.2.7")
        self.assertIn(
            "Nothing has been said in this session yet", await self.page("/sessions/1")
        )
        await self.refused(404, "GET", "/sessions/2")
        await self.refused(404, "GET", "/sessions/x")
