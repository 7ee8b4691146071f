"""The page viewer: draws pages as PNG, reads their text, sets a text as PDF; a worker does each."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from twisted.internet.defer import Deferred

from irsend.device.documents import PageText, TextLine
from irsend.errors import CannotDraw, NoSuchRecord
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.print.print_pool import CannotPrint, CannotPrintNow, IPrintPool
from irsend.store.group_commit import InThread
from irsend.store.tray import Tray

PAGE_CPU_SECONDS = 30
"""Seconds of CPU that viewing a page, or setting a report, may take."""


class PageViewer:
    """Has a print pool of its own, so that viewing a page does not wait for printing."""

    def __init__(
        self,
        *,
        tray: Tray,
        pool: IPrintPool,
        configuration: LiveConfiguration,
        on_disk: InThread,
    ) -> None:
        self._tray = tray
        self._pool = pool
        self._configuration = configuration
        self._on_disk = on_disk

    def stop(self) -> Deferred[None]:
        """End the workers; fires when they have exited."""
        return self._pool.stop()

    async def set_text(self, text: str, title: str) -> bytes:
        """Return a text on the paper in the drawer, as a PDF of this title; CannotDraw."""
        order = {
            "text": text,
            "title": title,
            "paper": self._configuration.current.printing.paper,
        }
        return await self._make_file("set", order, "text.pdf", title)

    async def draw_page(
        self, number: str, page: int, dots: int, *, crop_to_ink: bool = False
    ) -> bytes:
        """Return a page of a document as a PNG, at so many dots an inch; NoSuchRecord, CannotDraw."""
        order = {**self._page(number, page), "dots": dots, "crop_to_ink": crop_to_ink}
        return await self._make_file("draw", order, "page.png", _called(number, page))

    async def read_page(self, number: str, page: int) -> PageText:
        """Return the text of a page; NoSuchRecord, CannotDraw."""
        order = {**self._page(number, page), "seconds": PAGE_CPU_SECONDS}
        try:
            read = await self._pool.ask({"read": order})
        except (CannotPrint, CannotPrintNow) as error:
            raise CannotDraw(f"{_called(number, page)}: {error}") from None
        lines = tuple(TextLine(**line) for line in read["lines"])
        return PageText(width=read["width"], height=read["height"], lines=lines)

    def _page(self, number: str, page: int) -> dict[str, object]:
        document = self._tray.find(number)
        if not 1 <= page <= document.pages:
            raise NoSuchRecord(f"Document {number} has {document.pages} pages, no page {page}.")
        return {"file": str(self._tray.path(number)), "page": page}

    async def _make_file(
        self, kind: str, order: Mapping[str, object], name: str, called: str
    ) -> bytes:
        """Return the content of the file that a worker makes for an order of this kind."""
        directory = self._tray.new_directory()
        made = Path(directory / name)
        order = {**order, "into": str(made), "seconds": PAGE_CPU_SECONDS}
        try:
            await self._pool.ask({kind: order})
            content: bytes = await self._on_disk(made.read_bytes)
            return content
        except (CannotPrint, CannotPrintNow) as error:
            raise CannotDraw(f"{called}: {error}") from None
        finally:
            self._on_disk(lambda: shutil.rmtree(directory, ignore_errors=True))


def _called(number: str, page: int) -> str:
    return f"Page {page} of document {number}"
