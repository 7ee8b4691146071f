"""The page for people, without a browser: what it shows; `test_forms` has what it sends."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import attrs

from irsend.device import TLSUse, model_names
from irsend.device.jobs import Recipient
from irsend.device.status import StatusText
from irsend.panel.menus import root_menu
from tests.panel.machine import NOW, MachineDouble, device_of, said
from tests.panel.served import ServedPanel
from tests.panel.test_tray import BROKEN, ORDER

_SCREENS = ("/", "/send", "/mailbox", "/jobs", "/monitor", "/wire")


class Fields(HTMLParser):
    """Reads the fields that each form of a page sends without edits."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: dict[str, list[tuple[str, str]]] = {}
        self.ids: list[str] = []
        self._fields: list[tuple[str, str]] = []
        self._area: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record forms, fields and ids."""
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
        """Record the text of a textarea as a browser sends it."""
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
        """A page without sessions says what to do next, with the address where the machine listens."""
        self.serve(addresses=lambda: ["127.0.0.1:40025"])
        page = await self.page()
        self.assertIn('Turn <a href="/settings/email_ifax">SMTP Receive</a> on', page)
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
        self.assertIn(">SSL Error (POP)</a></p>", page)
        self.assertIn('<a href="/sessions/1">POP receive</a>', page)
        self.assertIn("#810", page)
        self.assertIn(">somebody-with-a-long<", page)

    async def test_several_destinations(self) -> None:
        """A job shows how many other destinations it has, which failed, and links to its sessions."""
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
        self.assertIn(
            "<small>destination refused: b@bench.test: 550 no &lt;b&gt; here · sessions", page
        )
        self.assertIn('<a href="/sessions/1">1</a> <a href="/sessions/2">2</a>', page)
        self.assertIn('<a href="/sessions/2" title="Its session">0001</a>', page)

    async def test_job_of_a_session(self) -> None:
        """A session links to its job in the report."""
        device = self.machine.device
        session = device.session_began("smtp-send", "mail.bench.test:25")
        self.assertNotIn("#job-", await self.page(f"/sessions/{session.id}"))
        job = device.job_accepted("tx", "b@bench.test", sessions=(session.id,))
        page = await self.page(f"/sessions/{session.id}")
        self.assertIn(f'<a href="/wire#job-{job.serial}">0001</a>', page)
        self.assertIn(f"job-{job.serial}", Fields(await self.page("/wire")).ids)

    async def test_mac_filter(self) -> None:
        """The frames that the MAC address filter has dropped are shown below the screen."""
        page = (await self.ask("GET", "/")).text
        self.assertIn("<dt>MAC filter</dt><dd>Off (kernel), 3 frames dropped</dd>", page)

    async def test_tray(self) -> None:
        """A document in the Mail Box shows its first page and its codes, and links to its screen."""
        self.assertIn("Nothing is printed yet.", await self.page("/mailbox"))
        self.machine.tray = [ORDER, BROKEN]
        page = await self.page("/mailbox")
        self.assertLess(page.index('href="/mailbox/5002"'), page.index('href="/mailbox/5001"'))
        self.assertIn(
            'src="/api/tray/5001/1.png?dots=120&amp;crop=ink" alt="Top of document 5001"', page
        )
        for shown in (
            '<span class="ng">#822</span> received image cannot be decoded<',
            ">(no subject)<",
            ">Order 4711<",
            "&#34;Sales&#34; &lt;sales@office.test&gt;",
            "3 pages, ",
            ">Tray: 2 documents<",
        ):
            self.assertIn(shown, page)

    async def test_full_tray(self) -> None:
        """The Mail Box shows the newest 60 documents and the number of all."""
        self.machine.tray = [ORDER] * 61
        page = await self.page("/mailbox")
        self.assertEqual(page.count("<img "), 60)
        self.assertIn("the newest 60 of 61 documents", page)

    async def test_document(self) -> None:
        """A document's screen has its first 50 pages as pictures, its PDF and its notices."""
        self.machine.tray = [ORDER, BROKEN]
        page = await self.page(f"/mailbox/{BROKEN.number}")
        self.assertIn(f'src="/api/tray/{BROKEN.number}/1.png?dots=100"', page)
        self.assertIn(f'href="/api/tray/{BROKEN.number}.pdf"', page)
        self.assertIn(">page.tif cannot be decoded.<", page)
        self.machine.tray = [attrs.evolve(ORDER, pages=60)]
        page = await self.page(f"/mailbox/{ORDER.number}")
        self.assertEqual(page.count("<img "), 50)
        self.assertIn("10 more in the", page)
        await self.refused(404, "GET", "/mailbox/9999")
        await self.refused(404, "GET", "/mailbox/x")

    async def test_jobs(self) -> None:
        """Print Job has all jobs, and a cancel key for just those that wait or run."""
        device = self.machine.device
        device.job_accepted("rx", "a@bench.test", subject="waits")
        device.job_accepted("tx", "b@bench.test", result="OK", ended=NOW)
        page = await self.page("/jobs")
        self.assertIn("<small>waits</small>", page)
        self.assertIn('action="/jobs/5001/cancel"', page)
        self.assertNotIn('action="/jobs/0001/cancel"', page)

    async def test_monitor(self) -> None:
        """System Monitor has the history of the status line, and the certificate or how to get one."""
        page = await self.page("/monitor")
        self.assertIn("Nothing has stood on the status line yet.", page)
        self.assertIn("irsendctl key generate", page)
        self.machine.device.show_status(StatusText.SSL_ERROR_POP, 7)
        self.machine.key = {"subject": "CN=<b>", "names": ["a.test", "b.test"]}
        page = await self.page("/monitor")
        self.assertIn('<a href="/sessions/7">7</a>', page)
        self.assertIn("<dd>CN=&lt;b&gt;</dd>", page)
        self.assertIn("<dd>a.test, b.test</dd>", page)

    async def test_filtered(self) -> None:
        """/wire filters sessions by kind, peer, result and code; a wrong value is a 400."""
        device = self.machine.device
        for kind, peer, code in (
            ("smtp-receive", "192.0.2.7", None),
            ("pop-receive", "x", "#810"),
        ):
            session = device.session_began(kind, peer)  # type: ignore[arg-type]
            device.session_ended(session, "NG", succeeded=False, code=code)
        for asked, shown in (
            ("", ["2", "1"]),
            ("?kind=&peer=&result=&code=", ["2", "1"]),
            ("?kind=pop-receive", ["2"]),
            ("?peer=192.0.2.7", ["1"]),
            ("?code=810&result=NG", ["2"]),
            ("?result=OK", []),
        ):
            page = await self.page(f"/wire{asked}")
            self.assertEqual(re.findall(r'<a href="/sessions/(\d+)">[SP]', page), shown, asked)
        self.assertIn("No session fits.", page)
        self.assertIn("selected>OK<", page)
        await self.refused(400, "GET", "/wire?kind=fax")
        await self.refused(400, "GET", "/wire?result=maybe")

    async def test_paper(self) -> None:
        """The page shows whether there is paper, says that mail waits without it, and changes it."""
        page = await self.page("/mailbox")
        self.assertIn("Loaded", page)
        self.assertIn(("paper", "out"), Fields(page).forms["/paper"])
        self.assertIn(("back", "/mailbox"), Fields(page).forms["/paper"])
        self.machine.device.change_paper(False)
        page = await self.page("/mailbox")
        self.assertIn('<strong class="ng">Out</strong>', page)
        self.assertIn("what is received waits in memory", page)
        self.assertIn(("paper", "in"), Fields(page).forms["/paper"])

    async def test_state(self) -> None:
        """The page shows that the machine is printing."""
        device = self.machine.device
        device.printing_began(device.new_job("rx", "a@bench.test"))
        self.assertIn('<dd class="led printing">Printing</dd>', await self.page())

    async def test_memory(self) -> None:
        """Memory that is nearly full, or full, is marked beside its figures."""
        for used, word in (
            (3_000_000, ""),
            (500_000_000, "nearly full"),
            (512_000_000, "full"),
        ):
            self.machine.used = used
            shown = f' <strong class="ng">{word}</strong>' if word else ""
            self.assertIn(f"{used / 1e6:.1f} / 512 MB{shown}</dd>", await self.page())

    async def test_next_login(self) -> None:
        """System Monitor shows when the POP server allows the next login."""
        self.assertNotIn("lets the machine in again", await self.page("/monitor"))
        self.machine.login = NOW + 60
        self.assertIn("10:17:52 UTC</time>", await self.page("/monitor"))

    async def test_windows(self) -> None:
        """Each item of the model has a field with its value in the form of its window."""
        self.machine.change_settings(
            {"receiving_mac_address.addresses": ["00:00:85:12:34:56", "00:00:85:12:34:57"]}
        )
        fields: dict[str, str] = {}
        for menu in root_menu(self.machine.device.model).walk():
            page = await self.page(menu.address)
            self.assertIn(f">{menu.title}</h2>", page)
            if menu.window:
                fields |= dict(Fields(page).forms[f"/settings/{menu.window}"])
        del fields["token"]
        self.assertEqual(list(fields), self.machine.device.model.items())
        self.assertEqual(fields["email_ifax.pop"], "false")
        self.assertEqual(fields["authent_encryption.allow_ssl_smtp_receive"], "off")
        self.assertEqual(
            fields["receiving_mac_address.addresses"], "00:00:85:12:34:56\r\n00:00:85:12:34:57"
        )

    async def test_ids(self) -> None:
        """No screen of any model has an id twice."""
        for model in model_names():
            self.machine = MachineDouble(device=device_of(model))
            self.serve()
            for path in (
                *_SCREENS,
                *(one.address for one in root_menu(self.machine.device.model).walk()),
            ):
                ids = Fields(await self.page(path)).ids
                self.assertEqual(len(ids), len(set(ids)), path)

    async def test_hostile_text(self) -> None:
        """Text from the network is escaped on every screen."""
        hostile = "<script>alert(1)</script>\"'"
        device = self.machine.device
        session = device.session_began("smtp-receive", hostile)
        self.machine.transcripts[session.id] = said(f"C: MAIL FROM:{hostile}")
        device.session_ended(session, "NG", succeeded=False, reason=hostile)
        device.job_accepted("rx", hostile, subject=hostile)
        device.change_settings({"email_ifax.default_subject": hostile})
        notice = f"{hostile}.tif cannot be decoded."
        self.machine.tray = [
            attrs.evolve(BROKEN, sender=hostile, subject=hostile, notices=(notice,))
        ]
        for path in (*_SCREENS, f"/mailbox/{BROKEN.number}", "/sessions/1", "/settings-of-it"):
            if path == "/settings-of-it":
                path = root_menu(device.model).submenus[0].submenus[0].submenus[0].address
            page = await self.page(path)
            self.assertNotIn("<script>", page)
            self.assertIn("&lt;script&gt;", page)
        page = await self.page(f"/mailbox/{BROKEN.number}")
        screen = page[page.index('id="screen"') : page.index('id="status"')]
        # Sender, subject, notice.
        self.assertEqual(screen.count("&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;"), 3)

    async def test_strict(self) -> None:
        """The page needs no inline script or style, and nothing from elsewhere."""
        self.machine.tray = [ORDER, BROKEN]
        self.machine.device.session_began("smtp-receive", "192.0.2.7")
        for path in (*_SCREENS, "/mailbox/5001", "/sessions/1", "/functions"):
            page = await self.page(path)
            self.assertFalse(
                re.findall(r"<style|\sstyle=|\son\w+=|javascript:|https?://", page)
            )
            for where in re.findall(r'(?:src|href|action)="([^"]+)"', page):
                self.assertRegex(where, r"^(/|#)")

    async def test_own_origin(self) -> None:
        """The page asks browsers to send its origin with forms, which no-referrer would withhold."""
        self.assertIn('<meta name="referrer" content="same-origin">', await self.page())

    async def test_problem(self) -> None:
        """A browser gets a page with the problem, a program a problem document."""
        headers = {"Accept": "text/html,application/xhtml+xml"}
        answer = await self.ask("GET", "/mailbox/9999", None, headers)
        self.assertEqual(
            (answer.status, answer.headers["content-type"]), (404, "text/html; charset=utf-8")
        )
        self.assertIn("There is no document 9999 in the tray.", answer.text)
        await self.refused(404, "GET", "/mailbox/9999")

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
        """The transcript shows each speaker, where TLS began, and which commands were sent in cleartext."""
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

    async def test_settings_then(self) -> None:
        """A session shows the settings of its time and which have changed since, without secrets."""
        self.machine.device.session_began("smtp-receive", "192.0.2.7")
        self.machine.change_settings({"email_ifax.pop_password": "marked"})
        self.assertNotIn("some are others now", await self.page("/sessions/1"))
        self.machine.earlier_settings = {"authent_encryption.allow_ssl_smtp_receive": "ssl"}
        page = await self.page("/sessions/1")
        self.assertIn("some are others now", page)
        self.assertIn(
            '<th scope="row">Allow SSL (SMTP Receive)</th><td>ssl <span class="ng">now off</span>',
            page,
        )
        self.assertNotIn("marked", page)

    async def test_quirks_of_its_time(self) -> None:
        """Of the quirks a session's page has those that were turned on, or are now."""
        self.machine.device.session_began("smtp-send", "192.0.2.7")
        self.assertNotIn("No QUIT", await self.page("/sessions/1"))
        self.machine.earlier_settings["quirks.no_quit"] = True
        self.machine.device.change_settings({"quirks.helo_only": True})
        page = await self.page("/sessions/1")
        self.assertIn("No QUIT", page)
        self.assertIn("HELO only", page)
        self.assertNotIn("RSET before MAIL", page)
        menu = await self.page("/functions/bench/quirks")
        self.assertIn("the bench&#39;s", menu)
        self.assertIn("RSET before MAIL", menu)

    async def test_session_without_words(self) -> None:
        """A session with an empty transcript has a page; an unknown session is a 404."""
        self.machine.device.session_began("smtp-receive", "192.0.2.7")
        self.assertIn(
            "Nothing has been said in this session yet", await self.page("/sessions/1")
        )
        await self.refused(404, "GET", "/sessions/2")
        await self.refused(404, "GET", "/sessions/x")
