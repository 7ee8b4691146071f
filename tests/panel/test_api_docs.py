"""The API's documentation: /api, /api/docs, and the files of Swagger UI."""

from __future__ import annotations

import re
from importlib import resources

from irsend.panel import openapi
from tests.panel.served import ServedPanel

_BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class IndexTests(ServedPanel):
    """GET /api."""

    async def test_program(self) -> None:
        """A program gets the addresses of the documentation and all paths."""
        for accept in (None, "*/*", "application/json", "text/html;q=0.5, application/json"):
            answer = await self.ask("GET", "/api", headers={"Accept": accept} if accept else {})
            self.assertEqual(answer.headers["content-type"], "application/json")
        index = answer.json()
        self.assertEqual(index["documentation"], "/api/docs")
        self.assertEqual(index["model"], "ir2270")
        described = (await self.ask("GET", index["openapi"])).json()
        self.assertEqual(index["paths"], list(described["paths"]))

    async def test_browser(self) -> None:
        """A browser is redirected to the page."""
        answer = await self.ask("GET", "/api", headers=_BROWSER)
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/api/docs"))
        self.assertEqual(answer.headers["vary"], "Accept")


class PageTests(ServedPanel):
    """GET /api/docs."""

    async def test_policy(self) -> None:
        """The page's policy allows no inline script or style, and nothing from elsewhere."""
        answer = await self.ask("GET", "/api/docs")
        self.assertEqual(answer.headers["content-type"], "text/html; charset=utf-8")
        policy = answer.headers["content-security-policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("http", policy)
        self.assertFalse(re.findall(r"<style|\sstyle=|\son\w+=|https?://", answer.text))

    async def test_own_files(self) -> None:
        """All files of the page are the machine's own, and are served with their types."""
        page = (await self.ask("GET", "/api/docs")).text
        files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
        self.assertEqual(len(files), 5)
        types = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
        for file in files:
            answer = await self.ask("GET", file)
            self.assertEqual(answer.status, 200, file)
            wanted = types[file.rpartition(".")[2]]
            self.assertEqual(answer.headers["content-type"].partition(";")[0], wanted)
        for name in ("swagger-ui.css.map", "LICENSE", "..%2fpanel.js", "../../pages.py"):
            await self.refused(404, "GET", f"/static/swagger-ui/{name}")

    async def test_without_script(self) -> None:
        """Without JavaScript the page is a table of all requests."""
        page = (await self.ask("GET", "/api/docs")).text
        document = openapi.description(self.machine.device.model, asks_for_password=False)
        for path, operations in document["paths"].items():
            for method in operations:
                self.assertIn(f"<code>{method.upper()} {path}</code>", page)

    def test_headings(self) -> None:
        """Each operation stands under one heading, and each heading has some."""
        document = openapi.description(self.machine.device.model, asks_for_password=False)
        operations = [one for each in document["paths"].values() for one in each.values()]
        used = {one["tags"][0] for one in operations}
        self.assertEqual({one["name"] for one in document["tags"]}, used)

    def test_licence(self) -> None:
        """Swagger UI is shipped with its licence."""
        files = resources.files("irsend.panel").joinpath("static", "swagger-ui")
        self.assertIn("Apache License", files.joinpath("LICENSE").read_text("utf-8"))
