"""Received mail over HTTP: the list, one mail, its source and parts, deleting; and ?wait=."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.defer import Deferred

from irsend.device.jobs import JobQuery
from irsend.device.mails import Mail, MailContent, MailPart, MailQuery, MailSummary
from irsend.device.status import StatusText
from irsend.panel.openapi_mails import MAIL_SCHEMAS
from irsend.panel.serializers import timestamp
from tests.panel.machine import NOW
from tests.panel.served import Answer, ServedPanel
from tests.panel.test_tray import ORDER

_PAGE = MailPart(part=2, type="image/tiff", name='Seite "ä".tif', size=20, attachment=True)
_PARTS = (
    MailPart(part=1, type="text/html", size=9, charset="utf-8"),
    _PAGE,
    MailPart(part=3, type="application/octet-stream", size=4, attachment=True),
)
SCAN = MailContent(
    mail=Mail(
        id=7,
        at=NOW,
        size=1234,
        summary=MailSummary(
            sender="Ann <ann@bench.test>",
            to="scan@bench.test",
            subject="Grüße",
            date="Sat, 28 Nov 2026 10:00:00 +0100",
            envelope_sender="bounce@bench.test",
            envelope_recipients=("scan@bench.test", "copy@bench.test"),
            parts=_PARTS,
        ),
        session=3,
        job="5001",
        document="5001",
    ),
    headers=(("From", "Ann <ann@bench.test>"), ("Subject", "Grüße")),
    text="Guten Tag.\n",
)


class MailCase(ServedPanel):
    """A panel whose machine has received a mail."""

    def setUp(self) -> None:
        """Put a mail into memory."""
        super().setUp()
        self.machine.kept_mails = [SCAN]


class MailTests(MailCase):
    """GET and DELETE of mails."""

    async def test_members(self) -> None:
        """A mail has the members of the contract, in the list and alone, and is described by OpenAPI."""
        (listed,) = (await self.ask("GET", "/api/mails")).json()
        self.assertEqual(
            listed,
            {
                "id": 7,
                "at": timestamp(NOW),
                "from": "Ann <ann@bench.test>",
                "to": "scan@bench.test",
                "subject": "Grüße",
                "date": "Sat, 28 Nov 2026 10:00:00 +0100",
                "envelope": {
                    "from": "bounce@bench.test",
                    "to": ["scan@bench.test", "copy@bench.test"],
                },
                "size": 1234,
                "attachments": [
                    {"part": 2, "name": 'Seite "ä".tif', "type": "image/tiff", "size": 20},
                    {"part": 3, "name": "", "type": "application/octet-stream", "size": 4},
                ],
                "session": 3,
                "job": "5001",
                "document": "5001",
            },
        )
        alone = (await self.ask("GET", "/api/mails/7")).json()
        self.assertEqual({name: alone[name] for name in listed}, listed)
        self.assertEqual(
            alone["headers"], [["From", "Ann <ann@bench.test>"], ["Subject", "Grüße"]]
        )
        self.assertEqual(alone["text"], "Guten Tag.\n")
        self.assertEqual(alone["parts"], [attrs.asdict(one) for one in _PARTS])
        self.assertEqual(set(listed), set(MAIL_SCHEMAS["Mail"]["required"]))
        self.assertEqual(set(alone), set(MAIL_SCHEMAS["MailContent"]["required"]))

    async def test_queries(self) -> None:
        """Each parameter reaches the machine as what it means; an empty one asks for nothing."""
        for query, meant in (
            ("", MailQuery()),
            ("?from=", MailQuery()),
            ("?from=Ann&to=scan&subject=Gr%C3%BC&text=Tag", MailQuery(
                sender="Ann", to="scan", subject="Grü", text="Tag")),
            ("?session=3&before=9&limit=5", MailQuery(session=3, before=9, limit=5)),
            ("?since=1000000000.5", MailQuery(since=1_000_000_000.5)),
            ("?since=2001-09-09T01:46:40Z", MailQuery(since=1e9)),
            ("?since=2001-09-09T02:46:40%2B01:00", MailQuery(since=1e9)),
            ("?since=2001-09-09T02:46:40+01:00", MailQuery(since=1e9)),
            ("?since=2001-09-08T20:46:40-05:00", MailQuery(since=1e9)),
        ):  # fmt: skip
            answer = await self.ask("GET", f"/api/mails{query}")
            self.assertEqual(
                (answer.status, self.machine.mail_queries[-1]), (200, meant), query
            )

    async def test_wrong_queries(self) -> None:
        """A wrong parameter is refused by its name, with what is allowed."""
        for query, words in (
            (
                "since=yesterday",
                "since: 'yesterday' is not allowed; allowed: a time with its zone",
            ),
            ("since=2026-11-25", "a time with its zone"),
            ("since=2026-11-25T14:03:07", "a time with its zone"),
            ("since=-1", "a time with its zone"),
            ("since=9999999999999", "a time with its zone"),
            ("wait=601", "wait: '601' is not allowed; allowed: seconds from 0 to 600"),
            ("wait=-1", "seconds from 0 to 600"),
            ("wait=nan", "seconds from 0 to 600"),
            ("wait=", "seconds from 0 to 600"),
            ("limit=0", "limit: '0' is not allowed"),
            ("subject=%0a", "subject: '\\n' is not allowed; allowed: one line of text"),
            ("sender=x", "'sender' is no parameter of the query; there are: from, to, subject"),
        ):
            answer = await self.ask("GET", f"/api/mails?{query}")
            self.assertEqual(answer.status, 400, query)
            self.assertIn(words, answer.json()["detail"], query)

    async def test_source(self) -> None:
        """The source is message/rfc822, a file for the browser and never a page."""
        answer = await self.ask("GET", "/api/mails/7/raw")
        self.assertEqual((answer.status, answer.body), (200, b"Guten Tag.\n"))
        self.assert_download(answer, "message/rfc822", "mail-7.eml")

    async def test_parts(self) -> None:
        """A part has its own type and name, and is never shown as a page of the panel."""
        html = await self.ask("GET", "/api/mails/7/parts/1")
        self.assert_download(html, "text/html; charset=utf-8", "mail-7-part-1")
        page = await self.ask("GET", "/api/mails/7/parts/2")
        self.assert_download(page, "image/tiff", "Seite%20%22%C3%A4%22.tif")
        self.assertEqual(len(page.body), 20)
        self.assertEqual(page.headers["content-length"], "20")

    def assert_download(self, answer: Answer, media_type: str, name: str) -> None:
        """Check that a response is a file of this type and name, and nothing that a browser runs."""
        self.assertEqual(answer.headers["content-type"], media_type)
        self.assertEqual(
            answer.headers["content-disposition"], f"attachment; filename*=UTF-8''{name}"
        )
        self.assertEqual(
            answer.headers["content-security-policy"], "default-src 'none'; sandbox"
        )
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")

    async def test_none(self) -> None:
        """Another mail, and another part, is a 404."""
        for method, path in (
            ("GET", "/api/mails/8"),
            ("GET", "/api/mails/first"),
            ("GET", "/api/mails/8/raw"),
            ("GET", "/api/mails/8/parts/1"),
            ("GET", "/api/mails/7/parts/4"),
            ("GET", "/api/mails/7/parts/x"),
            ("DELETE", "/api/mails/8"),
        ):
            answer = await self.ask(method, path)
            self.assertEqual(answer.status, 404, path)
            self.assertEqual(answer.headers["content-type"], "application/problem+json")

    async def test_deleted(self) -> None:
        """DELETE of one, and of all, is a 204."""
        self.machine.kept_mails.append(attrs.evolve(SCAN, mail=attrs.evolve(SCAN.mail, id=6)))
        self.assertEqual((await self.ask("DELETE", "/api/mails/7")).status, 204)
        (left,) = (await self.ask("GET", "/api/mails")).json()
        self.assertEqual(left["id"], 6)
        self.assertEqual((await self.ask("DELETE", "/api/mails")).status, 204)
        self.assertEqual((await self.ask("GET", "/api/mails")).json(), [])


class WaitTests(MailCase):
    """?wait= on mails, jobs, tray and status."""

    def waiting(self, path: str) -> Deferred[Answer]:
        """Ask, and do not wait for the answer."""
        return Deferred.fromCoroutine(self.ask("GET", path))

    async def begun(self, count: int = 1) -> None:
        """Wait until so many requests wait in the panel."""
        await self.until(lambda: len(self.site._waiting._waiters) == count)

    async def answered(self, answer: Deferred[Answer]) -> Any:
        """Let the panel look once more, and return the JSON of the answer."""
        self.clock.advance(0.02)
        return (await answer).json()

    async def test_at_once(self) -> None:
        """What is there already is answered at once."""
        for path in ("/api/mails?wait=600", "/api/mails?to=scan&wait=9.5"):
            self.assertEqual(len((await self.ask("GET", path)).json()), 1)

    async def test_mail(self) -> None:
        """A mail that comes ends the waiting; one that does not fit does not."""
        self.machine.kept_mails = []
        answer = self.waiting("/api/mails?to=scan&wait=60")
        await self.begun()
        self.machine.device.job_accepted("rx", "a@bench.test")
        self.clock.advance(0.02)
        self.assertNoResult(answer)
        self.machine.kept_mails = [SCAN]
        self.machine.device.job_accepted("rx", "a@bench.test")
        self.assertEqual([one["id"] for one in await self.answered(answer)], [7])
        self.assertEqual(self.machine.mail_queries[-1], MailQuery(to="scan"))

    async def test_nothing_comes(self) -> None:
        """After the time it is answered with what there is."""
        self.machine.kept_mails = []
        answer = self.waiting("/api/mails?wait=3")
        await self.begun()
        self.clock.advance(2.9)
        self.assertNoResult(answer)
        self.clock.advance(0.2)
        self.assertEqual((await answer).json(), [])

    async def test_job(self) -> None:
        """Jobs are filtered by the machine, and waited for."""
        answer = self.waiting(
            "/api/jobs?number=7&direction=tx&result=OK&code=806&party=bob&subject=s&since=5&ended=1"
            "&wait=60"
        )
        await self.begun()
        self.machine.device.job_accepted("tx", "bob@bench.test")
        self.assertEqual(len(await self.answered(answer)), 1)
        self.assertEqual(
            self.machine.job_queries[-1],
            JobQuery(
                number="0007", direction="tx", result="OK", code="#806", party="bob", subject="s",
                since=5.0, ended=True,
            ),
        )  # fmt: skip

    async def test_document(self) -> None:
        """A document that fits ends the waiting."""
        answer = self.waiting("/api/tray?from=SALES&subject=4711&wait=60")
        await self.begun()
        for one in (attrs.evolve(ORDER, number="5003", subject="Order 4712"), ORDER):
            self.assertNoResult(answer)
            self.machine.tray.append(one)
            self.machine.device.document_printed(one)
            self.clock.advance(0.02)
        self.assertEqual([one["number"] for one in (await answer).json()], ["5001"])

    async def test_status(self) -> None:
        """A text on the status line, any or a certain one, ends the waiting; so does an empty line."""
        any_text = self.waiting("/api/status?wait=60")
        certain = self.waiting("/api/status?text=ssl%20error%20(pop)&wait=60")
        await self.begun(2)
        device = self.machine.device
        device.show_status(StatusText.SMTP_RX_REJECT, None)
        shown = (await self.answered(any_text))["status_line"]
        self.assertEqual(shown, "SSL Error (SMTP RX Reject)")
        self.assertNoResult(certain)
        device.show_status(StatusText.SSL_ERROR_POP, None)
        self.assertEqual((await self.answered(certain))["status_line"], "SSL Error (POP)")
        empty = self.waiting("/api/status?text=&wait=60")
        await self.begun()
        device.clear_status()
        self.assertEqual((await self.answered(empty))["status_line"], "")

    async def test_state(self) -> None:
        """The state of the machine can be waited for."""
        answer = self.waiting("/api/status?state=receiving&wait=60")
        await self.begun()
        self.machine.device.session_began("smtp-receive", "192.0.2.7")
        self.assertEqual((await self.answered(answer))["state"], "receiving")

    async def test_switched_off(self) -> None:
        """A panel that is switched off ends what waits."""
        self.machine.kept_mails = []
        answer = self.waiting("/api/mails?wait=60")
        await self.begun()
        self.site._waiting.stop()
        self.assertEqual((await self.answered(answer)), [])
        self.assertEqual(self.site._waiting._waiters, set())

    async def test_client_leaves(self) -> None:
        """A client that leaves is forgotten, with its observer and its timer."""
        self.machine.kept_mails = []
        observers = len(self.machine.device._observers)
        wire = await self.connect()
        wire.transport.write(
            f"GET /api/mails?wait=60 HTTP/1.1\r\nHost: {self.where}\r\n\r\n".encode()
        )
        await self.begun()
        wire.transport.abortConnection()
        await self.until(lambda: not self.site._waiting._waiters)
        self.assertEqual(len(self.machine.device._observers), observers)
