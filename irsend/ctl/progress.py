"""A bar on stderr while the machine scans and sends, where somebody sits there to see it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars

from irsend.ctl.invocation import Invocation


class Progress:
    """One bar: uploading, then scanning, then sending."""

    def __init__(self, bars: Bars | None) -> None:
        self._bars = bars
        self._task = bars.add_task("Uploading", total=None) if bars is not None else None

    @property
    def seen(self) -> bool:
        """True where somebody sees it."""
        return self._bars is not None

    def _show(self, text: str, done: float, total: float | None) -> None:
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, description=text, completed=done, total=total)

    def uploaded(self, octets: int, of: int) -> None:
        """Hear that so many octets of the originals have gone."""
        self._show("Uploading" if octets < of else "Scanning", octets, of)

    def scanned(self, told: Any) -> None:
        """Hear of a page."""
        if isinstance(told, dict) and told.get("pages"):
            page, pages = told.get("page", 0), told["pages"]
            self._show(f"Scanning page {page} of {pages}", page, pages)

    def sending(self, job: dict[str, Any]) -> None:
        """Hear how it is with the job."""
        self._size = job.get("size") or None
        if job.get("result") == "waiting":
            self._show(f"Job {job.get('number')} waits", 0, None)

    _size: int | None = None

    def sent(self, octets: int) -> None:
        """Hear that so many octets of the mail have gone out."""
        self._show("Sending", min(octets, self._size or octets), self._size)

    def close(self) -> None:
        """Show nothing any more."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


@contextlib.contextmanager
def progress_of(call: Invocation) -> Iterator[Progress]:
    """Give a bar, or what shows nothing where nobody looks or programs read."""
    if call.as_json or not sys.stderr.isatty():
        yield Progress(None)
        return
    bars = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )
    with bars:
        progress = Progress(bars)
        try:
            yield progress
        finally:
            progress.close()
