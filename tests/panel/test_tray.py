"""The tray over HTTP: its documents and their pages, and the paper."""

from __future__ import annotations

from typing import Any

import attrs

from irsend.device.documents import Document
from irsend.errors import CannotDraw
from irsend.panel.openapi_schemas import SCHEMAS
from tests.panel.machine import NOW
from tests.panel.served import ServedPanel

ORDER = Document(
    serial=1,
    number="5001",
    pages=3,
    sender='"Sales" <sales@office.test>',
    subject="Order 4711",
    printed=NOW,
    size=13,
)
BROKEN = Document(
    serial=2,
    number="5002",
    pages=1,
    sender="scanner@office.test",
    subject="",
    printed=NOW + 1,
    codes=("#821", "#822"),
    notices=("page.tif cannot be decoded.",),
    size=13,
)


class TrayCase(ServedPanel):
    """A panel whose machine has printed two documents."""

    def setUp(self) -> None:
        """Put two documents into the tray."""
        super().setUp()
        self.machine.tray = [ORDER, BROKEN]


class DocumentTests(TrayCase):
    """GET /api/tray, and GET and DELETE of one document."""

    async def test_newest_first(self) -> None:
        """The tray is an array with the newest document first; `limit` bounds it."""
        listed = (await self.ask("GET", "/api/tray")).json()
        self.assertEqual([one["number"] for one in listed], ["5002", "5001"])
        newest = (await self.ask("GET", "/api/tray?limit=1")).json()
        self.assertEqual([one["number"] for one in newest], ["5002"])
        self.machine.tray = []
        self.assertEqual((await self.ask("GET", "/api/tray")).json(), [])

    async def test_members(self) -> None:
        """A document has the documented members, and the meanings of its codes."""
        self.assertEqual(
            (await self.ask("GET", "/api/tray/5002")).json(),
            {
                "number": "5002",
                "pages": 1,
                "from": "scanner@office.test",
                "subject": "",
                "printed": "2026-11-22T10:16:53.123+00:00",
                "codes": ["#821", "#822"],
                "code_texts": [
                    "received TIFF structure wrong",
                    "received image cannot be decoded",
                ],
                "notices": ["page.tif cannot be decoded."],
                "size": 13,
            },
        )

    async def test_wrong_query(self) -> None:
        """An unknown parameter and a limit out of range are a 400."""
        for query in ("limit=0", "limit=10001", "limit=x", "newest=1"):
            await self.refused(400, "GET", f"/api/tray?{query}")

    async def test_other_numbers(self) -> None:
        """An unknown or malformed number is a 404 on every route of a document."""
        for number in ("5003", "1", "50010", "last", "5001%0a", "..%2f5001"):
            for path in (f"/api/tray/{number}", f"/api/tray/{number}.pdf"):
                await self.refused(404, "GET", path)
            await self.refused(404, "GET", f"/api/tray/{number}/1.png")
            await self.refused(404, "DELETE", f"/api/tray/{number}")
        self.assertEqual(self.machine.tray, [ORDER, BROKEN])

    async def test_taken_out(self) -> None:
        """DELETE removes the document and returns 204; a second time it is a 404."""
        answer = await self.ask("DELETE", "/api/tray/5001")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(self.machine.tray, [BROKEN])
        await self.refused(404, "DELETE", "/api/tray/5001")

    async def test_other_origin(self) -> None:
        """A page of another origin can remove neither a document nor the paper."""
        headers = {"Origin": "http://evil.test"}
        await self.refused(403, "DELETE", "/api/tray/5001", headers=headers)
        await self.refused(403, "PUT", "/api/paper", {"paper": False}, headers=headers)
        form = headers | {"Content-Type": "application/x-www-form-urlencoded"}
        await self.refused(403, "POST", "/paper", b"paper=out", form)
        self.assertEqual(self.machine.tray, [ORDER, BROKEN])
        self.assertIs(self.machine.device.paper, True)


class FileTests(TrayCase):
    """GET of a document as PDF."""

    async def test_pdf(self) -> None:
        """The PDF has its type, its size, and its number as file name, to be shown inline."""
        answer = await self.ask("GET", "/api/tray/5001.pdf")
        self.assertEqual((answer.status, answer.body), (200, b"%PDF-1.7 5001"))
        self.assertEqual(answer.headers["content-type"], "application/pdf")
        self.assertEqual(answer.headers["content-length"], "13")
        self.assertEqual(answer.headers["content-disposition"], 'inline; filename="5001.pdf"')

    async def test_guarded(self) -> None:
        """A received document is served with the same strict headers as the panel's pages."""
        answer = await self.ask("GET", "/api/tray/5001.pdf")
        self.assertIn("default-src 'none'", answer.headers["content-security-policy"])
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")

    async def test_range(self) -> None:
        """A range of the PDF is a 206, one behind its end a 416."""
        answer = await self.ask("GET", "/api/tray/5001.pdf", headers={"Range": "bytes=5-7"})
        self.assertEqual((answer.status, answer.body), (206, b"1.7"))
        self.assertEqual(answer.headers["content-range"], "bytes 5-7/13")
        answer = await self.ask("GET", "/api/tray/5001.pdf", headers={"Range": "bytes=99-"})
        self.assertEqual(answer.status, 416)

    async def test_head(self) -> None:
        """HEAD gives the size of the PDF and no body."""
        answer = await self.ask("HEAD", "/api/tray/5001.pdf")
        self.assertEqual((answer.headers["content-length"], answer.body), ("13", b""))


class PageTests(TrayCase):
    """GET of a page as PNG."""

    async def test_drawn(self) -> None:
        """A page is drawn at the requested dots an inch, by default 100."""
        for path in ("5001/1.png", "5001/3.png?dots=30"):
            answer = await self.ask("GET", f"/api/tray/{path}")
            self.assertEqual((answer.status, answer.body), (200, b"\x89PNG 5001"))
            self.assertEqual(answer.headers["content-type"], "image/png")
        self.assertEqual(self.machine.drawn, [("5001", 1, 100), ("5001", 3, 30)])

    async def test_cropped(self) -> None:
        """With crop=ink only the ink of a page is drawn, under another ETag; another crop is a 400."""
        path = "/api/tray/5001/2.png?dots=50"
        whole = await self.ask("GET", f"{path}&crop=none")
        cropped = await self.ask("GET", f"{path}&crop=ink")
        self.assertEqual(self.machine.drawn, [("5001", 2, 50)])
        self.assertEqual(self.machine.cropped, [("5001", 2, 50)])
        self.assertNotEqual(whole.headers["etag"], cropped.headers["etag"])
        tag = {"If-None-Match": cropped.headers["etag"]}
        self.assertEqual((await self.ask("GET", f"{path}&crop=ink", headers=tag)).status, 304)
        for crop in ("", "page", "INK"):
            problem = await self.refused(400, "GET", f"{path}&crop={crop}")
            self.assertIn("allowed: none, ink", problem["detail"])

    async def test_wrong_dots(self) -> None:
        """Dots that are no number from 10 to 600 are a 400, and nothing is drawn."""
        for dots in ("9", "601", "x", "1e2", ""):
            await self.refused(400, "GET", f"/api/tray/5001/1.png?dots={dots}")
        self.assertEqual(self.machine.drawn, [])

    async def test_no_such_page(self) -> None:
        """An unknown page is a 404 that says how many pages there are."""
        for page in ("0", "4", "x", "-1", "123456", "1.0"):
            problem = await self.refused(404, "GET", f"/api/tray/5001/{page}.png")
            self.assertIn("pages are 1 to 3", problem["detail"], page)
        self.assertEqual(self.machine.drawn, [])

    async def test_not_drawn_again(self) -> None:
        """A client that has a page by its ETag gets a 304, and nothing is drawn."""
        path = "/api/tray/5001/1.png?dots=30"
        first = await self.ask("GET", path)
        self.assertEqual(first.headers["cache-control"], "private, no-cache")
        again = await self.ask("GET", path, headers={"If-None-Match": first.headers["etag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(len(self.machine.drawn), 1)

    async def test_other_pages(self) -> None:
        """Other pages, other dots and another document of the same number have other ETags."""
        tags = []
        for path in ("5001/1.png?dots=30", "5001/2.png?dots=30", "5001/1.png?dots=31"):
            tags.append((await self.ask("GET", f"/api/tray/{path}")).headers["etag"])
        # As after the state directory was deleted.
        self.machine.tray = [attrs.evolve(ORDER, printed=NOW + 60)]
        answer = await self.ask(
            "GET", "/api/tray/5001/1.png?dots=30", headers={"If-None-Match": tags[0]}
        )
        self.assertEqual(answer.status, 200)
        self.assertEqual(len({*tags, answer.headers["etag"]}), 4)

    async def test_not_drawable(self) -> None:
        """A page that cannot be drawn is a 409 with the reason, which is not cached."""
        self.machine.drawing_error = CannotDraw("Page 1 of document 5001: out of memory")
        problem = await self.refused(409, "GET", "/api/tray/5001/1.png")
        self.assertIn("out of memory", problem["detail"])
        answer = await self.ask("GET", "/api/tray/5001/1.png")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertNotIn("etag", answer.headers)


class PageTextTests(TrayCase):
    """GET of a page's text as JSON."""

    async def test_read(self) -> None:
        """A page's text is given line by line with the box of each, and with the size of the page."""
        answer = await self.ask("GET", "/api/tray/5001/3.json")
        self.assertEqual(answer.headers["content-type"], "application/json")
        line = {"text": "Page 3 of 5001: <b>é</b>", "x": 57.6, "y": 50.4}
        line |= {"width": 144.5, "height": 10.0}
        self.assertEqual(answer.json(), {"width": 595.2, "height": 841.92, "lines": [line]})
        self.assertEqual(self.machine.read, [("5001", 3)])

    async def test_described(self) -> None:
        """The members are those that the OpenAPI schema requires."""
        described = SCHEMAS["PageText"]
        given = (await self.ask("GET", "/api/tray/5001/1.json")).json()
        self.assertEqual(set(given), set(described["required"]))
        of_line = described["properties"]["lines"]["items"]
        self.assertEqual(set(given["lines"][0]), set(of_line["required"]))

    async def test_no_such_page(self) -> None:
        """An unknown page or document is a 404, as for its picture."""
        for page in ("0", "4", "x", "-1", "123456", "1.0"):
            problem = await self.refused(404, "GET", f"/api/tray/5001/{page}.json")
            self.assertIn("pages are 1 to 3", problem["detail"], page)
        await self.refused(404, "GET", "/api/tray/5003/1.json")
        await self.refused(400, "GET", "/api/tray/5001/1.json?dots=100")
        self.assertEqual(self.machine.read, [])

    async def test_not_read_again(self) -> None:
        """A client that has a text by its ETag gets a 304; the picture has another ETag."""
        first = await self.ask("GET", "/api/tray/5001/1.json")
        tag = first.headers["etag"]
        again = await self.ask("GET", "/api/tray/5001/1.json", headers={"If-None-Match": tag})
        self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(self.machine.read, [("5001", 1)])
        picture = await self.ask("GET", "/api/tray/5001/1.png", headers={"If-None-Match": tag})
        self.assertEqual(picture.status, 200)

    async def test_not_readable(self) -> None:
        """A page that cannot be read is a 409 with the reason, which is not cached."""
        self.machine.drawing_error = CannotDraw("Page 1 of document 5001: out of memory")
        problem = await self.refused(409, "GET", "/api/tray/5001/1.json")
        self.assertIn("out of memory", problem["detail"])
        answer = await self.ask("GET", "/api/tray/5001/1.json")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertNotIn("etag", answer.headers)


class PaperTests(ServedPanel):
    """PUT /api/paper."""

    async def change(self, paper: object) -> Any:
        """Put paper in or take it out; return the response."""
        return (await self.ask("PUT", "/api/paper", {"paper": paper})).json()

    async def test_out_and_in(self) -> None:
        """Paper is taken out and put in, repeatedly; the response is the status after it."""
        for paper in (False, False, True):
            self.assertIs((await self.change(paper))["paper"], paper)
            self.assertIs(self.machine.device.paper, paper)
            self.assertIs((await self.ask("GET", "/api/status")).json()["paper"], paper)

    async def test_wrong_value(self) -> None:
        """A value other than true and false is refused with the key and what is allowed."""
        for body in ({}, {"paper": "out"}, {"paper": 0}, {"paper": None}):
            problem = await self.refused(422, "PUT", "/api/paper", body)
            self.assertEqual([one["key"] for one in problem["errors"]], ["paper"])
            self.assertIn("allowed: true, false", problem["errors"][0]["problem"])
        self.assertIs(self.machine.device.paper, True)

    async def test_other_key(self) -> None:
        """Another key is refused by its name, and nothing is changed."""
        body = {"paper": False, "toner": True}
        problem = await self.refused(422, "PUT", "/api/paper", body)
        self.assertEqual([one["key"] for one in problem["errors"]], ["toner"])
        self.assertIn("there is: paper", problem["errors"][0]["problem"])
        self.assertIs(self.machine.device.paper, True)

    async def test_other_body(self) -> None:
        """A body that is no JSON object is a 400, one of another type a 415."""
        await self.refused(400, "PUT", "/api/paper", b"{")
        await self.refused(400, "PUT", "/api/paper", [])
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        await self.refused(415, "PUT", "/api/paper", b"paper=out", form)
        self.assertIs(self.machine.device.paper, True)

    async def test_method(self) -> None:
        """Only PUT changes paper; a 405 says so."""
        answer = await self.ask("GET", "/api/paper")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "PUT"))
