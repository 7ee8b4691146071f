"""Codes with their meaning, and texts of the status line with their cause, on the page."""

from __future__ import annotations

import html
import re

import attrs

from irsend.device.codes import CODES
from irsend.device.status import CAUSES, StatusText
from tests.panel.served import ServedPanel
from tests.panel.test_tray import ORDER


def ids_of(page: str) -> list[str]:
    """Return the ids in a page."""
    return re.findall(r' id="([^"]+)"', page)


class CauseTests(ServedPanel):
    """The page, without a browser."""

    async def page(self, path: str = "/") -> str:
        """Get a page."""
        answer = await self.ask("GET", path)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.text

    async def test_cause_of_the_status_line(self) -> None:
        """One click on the status line shows session, setting, meaning, and what to do."""
        device = self.machine.device
        for text in StatusText:
            session = device.session_began(text.raised_by, "192.0.2.7")
            device.show_status(text, session.id)
            device.session_ended(
                session,
                "NG",
                succeeded=False,
                code="#841",
                status_line=text.value,
                reason="no cipher in common",
            )
            found = re.search(
                rf'role="status"><a href="([^"]+)"[^>]*>{re.escape(text.value)}<',
                await self.page(),
            )
            assert found is not None
            line = found[1]
            cause = CAUSES[text.value]
            path, _, place = line.partition("#")
            page = await self.page(path)
            self.assertIn(place, ids_of(page))
            item = page.partition(f'id="{place}"')[2].partition('class="item')[0]
            self.assertIn(f'name="{cause.setting}"', item)
            for words in (
                text.value,
                cause.meaning,
                cause.remedy,
                f'<a href="/sessions/{session.id}">{session.id}</a>: no cipher in common.',
                "#841 no encryption algorithm in common with the mail server",
            ):
                self.assertIn(words, html.unescape(item))
            self.assertIn(f'data-session="{session.id}"', page)
            for other in ("/monitor", f"/sessions/{session.id}", "/wire"):
                self.assertIn(f'href="{line}"', await self.page(other), other)

    async def test_no_cause(self) -> None:
        """A session that has put nothing on the status line has no such screen."""
        session = self.machine.device.session_began("smtp-receive", "192.0.2.7")
        await self.refused(404, "GET", f"/sessions/{session.id}/cause")

    async def test_codes_with_their_meaning(self) -> None:
        """On each screen that has a code its meaning stands beside it."""
        device = self.machine.device
        for code, meaning in CODES.items():
            session = device.session_began("smtp-send", "mail.bench.test:25")
            device.session_ended(session, "NG", succeeded=False, code=code)
            job = device.job_accepted("tx", "b@bench.test", result="NG", code=code)
            device.job_changed(job, sessions=(session.id,))
            for path in ("/", "/wire", "/jobs", f"/sessions/{session.id}"):
                page = await self.page(path)
                screen = page.partition('id="job-list"')[2] if path == "/jobs" else page
                self.assertRegex(screen, f"{code}[^#]*{meaning}", path)
            self.machine.tray = [attrs.evolve(ORDER, codes=(code,))]
            for path in ("/mailbox", f"/mailbox/{ORDER.number}"):
                self.assertRegex(await self.page(path), f"{code}[^#]*{meaning}", path)
