"""The page Probe and /api/probe: begun by a form or JSON, live while it runs, ended at any time."""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode

from twisted.internet import reactor

from irsend.panel import openapi
from irsend.probe.service import Probes
from tests.panel.served import ServedPanel
from tests.panel.test_openapi import members
from tests.probe.servers import PASSWORD, USER, Script, SMTPSession, serve

_JSON = {"Content-Type": "application/json"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class ProbeCase(ServedPanel):
    """A panel with a probe, and a relay."""

    def setUp(self) -> None:
        """Serve both."""
        super().setUp()
        self.probes = Probes(self.machine.device, reactor, time.time)  # type: ignore[arg-type]
        self.serve(probes=self.probes)
        self.addCleanup(self.probes.stop)

    def relay(self, script: Script) -> str:
        """Return the URL of a relay."""
        return f"smtp://127.0.0.1:{serve(self, SMTPSession, script)}"

    async def ended(self) -> None:
        """Wait for the end of the probe."""
        await self.until(
            lambda: self.probes.state is not None and not self.probes.state.running
        )


class InterfaceTests(ProbeCase):
    """/api/probe."""

    async def post(self, **given: object):  # type: ignore[no-untyped-def]
        """Begin a probe."""
        given = {"to": ["me@bench.test"], "models": ["ir2270"], "pause": 0, **given}
        return await self.ask("POST", "/api/probe", json.dumps(given).encode(), _JSON)

    async def test_probe(self) -> None:
        """It is begun with 202, and has its report when it has ended; the password is nowhere."""
        first = (await self.ask("GET", "/api/probe")).json()
        self.assertEqual((first["state"], first["report"]), ("none", None))
        url = self.relay(Script())
        answer = await self.post(url=url, user=USER, password=PASSWORD, dry_run=True)
        self.assertEqual((answer.status, answer.json()["state"]), (202, "running"))
        await self.ended()
        last = await self.ask("GET", "/api/probe")
        found = last.json()
        self.assertEqual((found["state"], found["server"], found["problem"]), ("done", url, ""))
        self.assertEqual(found["done"], found["of"])
        self.assertTrue(found["report"]["passes"])
        self.assertEqual(found["report"]["models"][0]["name"], "ir2270")
        self.assertFalse(PASSWORD in last.text)

    async def test_described(self) -> None:
        """The members are those that OpenAPI requires."""
        document = openapi.description(self.machine.device.model, asks_for_password=False)
        found = (await self.ask("GET", "/api/probe")).json()
        schema = document["components"]["schemas"]["Probe"]
        self.assertEqual(set(found), members(document, schema))

    async def test_refused(self) -> None:
        """Each wrong key is named; what was given for a password is not."""
        for given, key in (
            ({"url": "http://relay"}, "url"),
            ({"url": 5}, "url"),
            ({"url": "smtp://relay", "to": ["nobody"]}, "to"),
            ({"url": "smtp://relay", "models": ["ir9999"]}, "model"),
            ({"url": "smtp://relay", "models": "ir2270"}, "models"),
            ({"url": "smtp://relay", "dry_run": "yes"}, "dry_run"),
            ({"url": "smtp://relay", "pause": -1}, "pause"),
            ({"url": "smtp://relay", "settings": {"a.b": "1"}}, "a.b"),
            ({"url": "smtp://relay", "settings": {"email_ifax.pop": True}}, "settings"),
            ({"url": "smtp://relay", "nonsense": 1}, "nonsense"),
            ({"url": "smtp://relay", "user": USER}, "password"),
            (
                {"url": "smtp://relay", "user": USER, "password": PASSWORD * 5},
                "authent_encryption.password",
            ),
        ):
            answer = await self.post(**given)
            self.assertEqual(answer.status, 422, given)
            self.assertIn(key, [one["key"] for one in answer.json()["errors"]], given)
            self.assertFalse(PASSWORD in answer.text)
        self.assertIsNone(self.probes.state)

    async def test_one_at_a_time(self) -> None:
        """While one runs another is 409; DELETE ends it, and then another may begin."""
        script = Script(replies={"EHLO": None})
        url = self.relay(script)
        self.assertEqual((await self.post(url=url)).status, 202)
        await self.until(lambda: script.sessions)
        self.assertEqual((await self.post(url=url)).status, 409)
        self.assertEqual((await self.ask("DELETE", "/api/probe")).status, 204)
        await self.ended()
        script.replies.clear()
        self.assertEqual((await self.post(url=url)).status, 202)
        await self.ended()
        assert self.probes.state is not None
        self.assertEqual(self.probes.state.problem, "")

    async def test_interrupted(self) -> None:
        """One that is ended in a run has failed, and its machine is gone."""
        script = Script(plain=(), replies={"MAIL": None})
        self.assertEqual((await self.post(url=self.relay(script))).status, 202)
        await self.until(lambda: any(one.startswith("MAIL") for one in script.said))
        self.assertEqual((await self.ask("DELETE", "/api/probe")).status, 204)
        await self.ended()
        found = (await self.ask("GET", "/api/probe")).json()
        self.assertEqual(
            (found["state"], found["problem"]), ("failed", "It was ended before its end.")
        )
        script.replies.clear()
        self.assertEqual((await self.post(url=self.relay(script))).status, 202)
        await self.ended()
        self.assertEqual((await self.ask("GET", "/api/probe")).json()["state"], "done")

    async def test_no_server(self) -> None:
        """Where no server is, the probe has failed, with the cause."""
        await self.post(url="smtp://127.0.0.1:1")
        await self.ended()
        found = (await self.ask("GET", "/api/probe")).json()
        self.assertEqual(found["state"], "failed")
        self.assertIn("Connection refused", found["problem"])

    async def test_events(self) -> None:
        """Each step is an event `probe`, without the report."""
        wire = await self.connect()
        wire.transport.write(f"GET /api/events HTTP/1.1\r\nHost: {self.where}\r\n\r\n".encode())
        await wire.until(b"retry")
        await self.post(url=self.relay(Script(plain=())), dry_run=True)
        told = await wire.until(b'"state": "done"')
        self.assertIn(b"event: probe", told)
        self.assertNotIn(b'"report"', told)

    async def test_none(self) -> None:
        """A panel without a probe says so."""
        self.serve()
        self.assertEqual((await self.ask("GET", "/api/probe")).status, 404)


class PageTests(ProbeCase):
    """The page."""

    async def post(self, path: str = "/probe", **fields: str):  # type: ignore[no-untyped-def]
        """Send a form."""
        fields["token"] = self.site._access.token
        return await self.ask("POST", path, urlencode(fields).encode(), _FORM)

    async def test_table(self) -> None:
        """The form begins a probe; the page shows its table and what stands below, and no password."""
        page = await self.ask("GET", "/probe", headers={"Accept": "text/html"})
        self.assertIn("No probe yet", page.text)
        answer = await self.post(
            url=self.relay(Script(replies={"AUTH": "535 <b>No</b>"})), to="me@bench.test",
            user=USER, password=PASSWORD, model="ir2270", dry_run="on",
        )  # fmt: skip
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/probe"))
        await self.ended()
        page = await self.ask("GET", "/probe", headers={"Accept": "text/html"})
        for words in (
            "Canon imageRUNNER 2270",
            "NG #839",
            "does not pass",
            "TLS 1.0",
            "Not passing:",
        ):
            self.assertIn(words, page.text)
        self.assertNotIn("<b>No", page.text)
        self.assertFalse(PASSWORD in page.text)

    async def test_refused(self) -> None:
        """A refused form comes back with what was entered, but for the password."""
        answer = await self.post(url="relay", to="me@bench.test", user=USER, password=PASSWORD)
        self.assertEqual(answer.status, 422)
        self.assertIn('value="relay"', answer.text)
        self.assertIn("smtp://HOST", answer.text)
        self.assertFalse(PASSWORD in answer.text)
        self.assertIsNone(self.probes.state)

    async def test_token(self) -> None:
        """A form without the panel's token begins nothing."""
        body = urlencode({"url": "smtp://127.0.0.1:1", "to": "me@bench.test"}).encode()
        self.assertEqual((await self.ask("POST", "/probe", body, _FORM)).status, 403)
        self.assertIsNone(self.probes.state)

    async def test_end(self) -> None:
        """While it runs the page has a key that ends it."""
        script = Script(plain=(), replies={"MAIL": None})
        await self.post(url=self.relay(script), to="me@bench.test", model="ir2270")
        await self.until(lambda: any(one.startswith("MAIL") for one in script.said))
        page = await self.ask("GET", "/probe", headers={"Accept": "text/html"})
        self.assertIn('action="/probe/end"', page.text)
        self.assertEqual((await self.post("/probe/end")).status, 303)
        await self.ended()
