"""Times on the page: the machine's local time with its zone, or UTC."""

from __future__ import annotations

import re

from irsend.device.status import StatusText
from tests.panel.machine import NOW
from tests.panel.served import ServedPanel
from tests.panel.test_pages import Fields
from tests.panel.test_tray import ORDER
from tests.time_zones import CENTRAL_EUROPE, use_zone

_SCREENS = ("/", "/mailbox", "/mailbox/5001", "/jobs", "/monitor", "/wire", "/sessions/1")


class ClockTests(ServedPanel):
    """A machine in Central Europe."""

    def setUp(self) -> None:
        """Have something happen at 10:16:52 UTC."""
        super().setUp()
        use_zone(self, CENTRAL_EUROPE)
        self.machine.tray = [ORDER]
        self.machine.device.session_began("smtp-receive", "192.0.2.7")
        self.machine.device.show_status(StatusText.SMTP_RX_REJECT, 1)
        self.machine.device.job_accepted("rx", "a@bench.test", result="OK", ended=NOW)

    async def page(self, path: str) -> str:
        """Get a page."""
        answer = await self.ask("GET", path)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.text

    async def test_local(self) -> None:
        """Each screen has the machine's local time, names its zone, and links to UTC."""
        for path in _SCREENS:
            page = await self.page(path)
            self.assertIn("11:16:52", page, path)
            self.assertNotIn(">10:16:52", page, path)
            self.assertIn("CET", page[page.index("<main") :] if path != "/mailbox" else page)
            self.assertIn('href="?clock=utc"', page)

    async def test_utc(self) -> None:
        """With ?clock=utc each screen has UTC, and names it."""
        for path in _SCREENS:
            page = await self.page(f"{path}?clock=utc")
            self.assertIn("10:16:52", page, path)
            self.assertNotIn("11:16:52", page, path)
            self.assertNotIn(">CET</span>", page, path)
        page = await self.page("/wire?clock=utc")
        self.assertIn('href="/api/report?format=csv&amp;clock=utc"', page)

    async def test_switch_keeps_the_query(self) -> None:
        """The switch keeps what else the address says; another clock than these is a 400."""
        page = await self.page("/wire?kind=smtp-receive&code=%23810")
        self.assertIn('href="?kind=smtp-receive&amp;code=%23810&amp;clock=utc"', page)
        await self.refused(400, "GET", "/wire?clock=CET")

    async def test_machine_in_utc(self) -> None:
        """A machine whose local time is UTC has no switch."""
        use_zone(self, "UTC0")
        page = await self.page("/wire")
        self.assertNotIn("clock=utc", page)
        self.assertIn(">UTC</span>", page)

    async def test_machine_readable(self) -> None:
        """Each time carries its instant in UTC, by which the page's script writes it anew."""
        page = await self.page("/wire")
        times = re.findall(r'<time datetime="([^"]+)"[^>]*>([^<]+)</time>', page)
        self.assertTrue(times)
        self.assertEqual(set(times), {("2026-11-22T10:16:52.123+00:00", "11:16:52")})

    async def test_report(self) -> None:
        """The report is in the machine's local time, or in UTC where that is asked for."""
        for form in ("text", "csv"):
            for query, time, zone in (
                ("", "2026-11-22 11:16", "CET"),
                ("&clock=local", "2026-11-22 11:16", "CET"),
                ("&clock=utc", "2026-11-22 10:16", "UTC"),
            ):
                report = (await self.ask("GET", f"/api/report?format={form}{query}")).text
                self.assertIn(time, report)
                self.assertIn(zone, report)
        await self.refused(400, "GET", "/api/report?clock=cet")

    async def test_data_is_utc(self) -> None:
        """What programs read has UTC, whatever the machine's zone is."""
        (job,) = (await self.ask("GET", "/api/jobs")).json()
        self.assertEqual(job["started"], "2026-11-22T10:16:52.123+00:00")

    async def test_certificate(self) -> None:
        """The certificate's dates are in the machine's local time."""
        self.machine.key = {"not_before": "2026-11-22T10:16:52+00:00", "bits": 1024}
        page = await self.page("/monitor")
        self.assertIn(">2026-11-22 11:16:52 CET</time>", page)

    async def test_refused_form(self) -> None:
        """A form that comes back has the machine's local time too."""
        token = dict(Fields(await self.page("/wire")).forms["/paper"])["token"]
        body = f"token={token}&email_ifax.email_address=none".encode()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await self.ask("POST", "/settings/email_ifax", body, form)
        self.assertEqual(answer.status, 422)
        self.assertIn("11:16:52", answer.text)
