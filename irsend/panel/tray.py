"""The routes of what is printed: the tray, its documents and their pages, and the paper in the drawer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.web.http import CACHED
from twisted.web.server import Request
from twisted.web.static import File

from irsend.device.documents import Document
from irsend.device.events import DocumentPrinted
from irsend.errors import NoSuchRecord
from irsend.machine_interface import IMachine
from irsend.panel import request_parameters, serializers
from irsend.panel.problems import Problem
from irsend.panel.responses import shield, write
from irsend.panel.routing import route
from irsend.panel.waiting import Waiting

T = TypeVar("T", bytes, serializers.JSON)


class TrayRoutes:
    """The routes of the API about paper and tray; `api` adds the others."""

    _machine: IMachine
    _waiting: Waiting

    @route("/api/paper", "PUT")
    async def change_paper(self, request: Request) -> bytes:
        """Put paper in, or take it out."""
        given = request_parameters.json_object(request)
        errors = [
            {"key": name[:100], "problem": "there is no such key; there is: paper"}
            for name in given
            if name != "paper"
        ]
        paper = given.get("paper")
        if not isinstance(paper, bool):
            problem = "is missing, or not allowed; allowed: true, false"
            errors.insert(0, {"key": "paper", "problem": problem})
        if errors or not isinstance(paper, bool):
            raise Problem(422, "Nothing was changed", errors=errors)
        await shield(self._machine.change_paper(paper))
        return write(request, serializers.status(self._machine))

    @route("/api/tray", "GET", "from", "subject", "code", "since", "limit", "wait")
    async def tray(self, request: Request) -> bytes:
        """List the documents in the tray that fit; with ?wait=, as soon as there is one."""
        given = request_parameters.query(request)
        limit = request_parameters.whole_number(given, "limit", 100, 1, 10_000)
        sender = (request_parameters.text(given, "from") or "").casefold()
        subject = (request_parameters.text(given, "subject") or "").casefold()
        code = request_parameters.code(given)
        since = request_parameters.time(given, "since") or 0

        async def look() -> list[Document]:
            return [
                one
                for one in self._machine.documents()
                if sender in one.sender.casefold()
                and subject in one.subject.casefold()
                and (code is None or code in one.codes)
                and one.printed >= since
            ][:limit]

        found = await self._waiting.until(
            request_parameters.wait(given),
            look,
            bool,
            lambda event: isinstance(event, DocumentPrinted),
        )
        return write(request, [serializers.document(one) for one in found])

    @route("/api/tray/<stem:number>", "GET")
    def document(self, request: Request, number: str) -> bytes:
        """Give one document."""
        return write(request, serializers.document(self._machine.document(_number(number))))

    @route("/api/tray/<stem:number>", "DELETE")
    async def remove_document(self, request: Request, number: str) -> bytes:
        """Take a document out of the tray."""
        await shield(self._machine.remove_document(_number(number)))
        request.setResponseCode(204)
        return b""

    @route("/api/tray/<stem:number>.pdf", "GET")
    def document_file(self, request: Request, number: str) -> File:
        """Give a document as PDF."""
        path = self._machine.document_file(_number(number))
        name = f'inline; filename="{path.name}"'.encode("ascii")
        request.setHeader(b"Content-Disposition", name)
        return File(str(path), defaultType="application/pdf")

    @route("/api/tray/<number>/<page>.png", "GET", "dots", "crop")
    async def page(self, request: Request, number: str, page: str) -> bytes:
        """Give a page as PNG; it is not drawn again for a client that has it by its ETag."""
        parameters = request_parameters.query(request)
        dots = request_parameters.whole_number(parameters, "dots", 100, 10, 600)
        crop = request_parameters.one_of(parameters, "crop", ("none", "ink"), "none")
        document, which = self._page(number, page)
        return await self._cacheable(
            request,
            (document, f"{which}-{dots}-{crop}"),
            lambda: self._machine.draw_page(
                document.number, which, dots, crop_to_ink=crop == "ink"
            ),
            "image/png",
        )

    @route("/api/tray/<number>/<page>.json", "GET")
    async def page_text(self, request: Request, number: str, page: str) -> bytes:
        """Give the text of a page with its places; cached by ETag as the picture is."""
        document, which = self._page(number, page)
        return await self._cacheable(
            request,
            (document, f"{which}-text"),
            lambda: self._machine.read_page(document.number, which).addCallback(
                serializers.page_text
            ),
            "application/json",
        )

    def _page(self, number: str, page: str) -> tuple[Document, int]:
        """Return the document, and the number of the page in it; NoSuchRecord."""
        document: Document = self._machine.document(_number(number))
        if not re.fullmatch(r"[0-9]{1,5}", page) or not 1 <= int(page) <= document.pages:
            raise NoSuchRecord(f"There is no such page; pages are 1 to {document.pages}")
        return document, int(page)

    async def _cacheable(
        self,
        request: Request,
        of: tuple[Document, str],
        make: Callable[[], Deferred[T]],
        content_type: str,
    ) -> bytes:
        """Make the response from a page of a document, unless the client has it by its ETag."""
        document, what = of
        # With a new state directory the machine counts from 1 again, at another time.
        printed = int(document.printed * 1000)
        tag = f'"{document.serial}-{printed}-{what}"'.encode("ascii")
        request.setHeader(b"Cache-Control", b"private, no-cache")
        if request.setETag(tag) is CACHED:
            return b""
        try:
            content = await shield(make())
        except Exception:
            # The next attempt may succeed: a browser must not cache the failure.
            request.setHeader(b"Cache-Control", b"no-store")
            request.etag = None
            raise
        return write(request, content, content_type)


def _number(given: str) -> str:
    if not re.fullmatch(r"[0-9]{4}", given):
        raise NoSuchRecord("There is no such document; a document has a number of four digits")
    return given
