"""The transcript of a session as text, as a link of the page gives it."""

from __future__ import annotations

from tests.panel.machine import said
from tests.panel.served import ServedPanel


class TranscriptTextTests(ServedPanel):
    """GET /sessions/<id>.txt."""

    async def test_text(self) -> None:
        """The text is the same as the API's text/plain, whatever Accept says."""
        session = self.machine.device.session_began("smtp-receive", "192.0.2.7")
        self.machine.transcripts[session.id] = said(
            "S: 220 ready", "C: EHLO é\x07", "-- closed"
        )
        answer = await self.ask("GET", "/sessions/1.txt", headers={"Accept": "text/html"})
        self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(answer.text, "S: 220 ready\nC: EHLO é\\x07\n-- closed\n")
        other = await self.ask("GET", "/api/sessions/1", headers={"Accept": "text/plain"})
        self.assertEqual(answer.body, other.body)

    async def test_linked(self) -> None:
        """The session's page links to the text unless the transcript is empty."""
        session = self.machine.device.session_began("smtp-receive", "192.0.2.7")
        self.assertNotIn("/sessions/1.txt", (await self.ask("GET", "/sessions/1")).text)
        self.machine.transcripts[session.id] = said("S: 220 ready")
        page = (await self.ask("GET", "/sessions/1")).text
        self.assertIn('href="/sessions/1.txt"', page)
        self.assertIn('data-copies="/sessions/1.txt"', page)

    async def test_no_such_session(self) -> None:
        """An unknown or malformed session number is a 404."""
        for number in ("9", "x", "1%0a", "-1", "1.txt"):
            await self.refused(404, "GET", f"/sessions/{number}.txt")
