"""The progress of a sending: a bar on a terminal, else a line for each change."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars

from irsend.ctl.formatting import visible
from irsend.ctl.invocation import Invocation
from irsend.ctl.json_values import Json, JsonObject

_BAR = 50
"""Columns of the bar and of the percentage after it."""


def job_state_text(job: JsonObject) -> str:
    """Return the state of a job that has not ended, and why its last attempt failed."""
    state = {"waiting": "waits", "running": "is being sent"}.get(str(job.get("result")), "")
    said = f"Job {job.get('number')} {state}".rstrip()
    return visible(f"{said}: {job['reason']}" if job.get("reason") else said)


class Progress:
    """One sending: uploading, then scanning, then the job."""

    def __init__(self) -> None:
        self._size: int | None = None
        self._shown_text = ""

    @property
    def is_visible(self) -> bool:
        """Whether it is drawn on a terminal."""
        return False

    def _show(self, text: str, done: float, total: float | None) -> None:
        """Show a step, and how much of it is done."""

    def _state_changed(self, said: str) -> None:
        """Show that the state of the job has changed."""

    def uploaded(self, octets: int, of: int) -> None:
        """Show that so many octets of the originals have gone."""
        self._show("Uploading" if octets < of else "Scanning", octets, of)

    def scanned(self, event: Json) -> None:
        """Show that a page is scanned."""
        if not isinstance(event, dict):
            return
        page, pages = event.get("page", 0), event.get("pages")
        if isinstance(page, int) and isinstance(pages, int) and pages:
            self._show(f"Scanning page {page} of {pages}", page, pages)

    def accepted(self, job: JsonObject) -> None:
        """Show that the machine has accepted the job."""
        self._shown_text = job_state_text(job)
        self._show(self._shown_text, 0, None)

    def sending(self, job: JsonObject) -> None:
        """Show the state of the job."""
        size = job.get("size")
        self._size = size if isinstance(size, int) and size else None
        said = job_state_text(job)
        if said != self._shown_text and not job.get("ended"):
            self._shown_text = said
            self._state_changed(said)
            self._show(said, 0, None)

    def sent(self, octets: int) -> None:
        """Show that so many octets of the mail have gone out."""
        self._show(self._shown_text, min(octets, self._size or octets), self._size)

    def close(self) -> None:
        """Remove what is shown."""


class Lines(Progress):
    """A line for each change."""

    def __init__(self, print_line: Callable[[str], None]) -> None:
        super().__init__()
        self._print = print_line

    def _state_changed(self, said: str) -> None:
        self._print(said)


class Bar(Progress):
    """A bar on a terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            console=console,
            transient=True,
        )
        self._bars.start()
        self._task = self._bars.add_task("Uploading", total=None)

    @property
    def is_visible(self) -> bool:
        """True: a bar is on a terminal."""
        return True

    def _show(self, text: str, done: float, total: float | None) -> None:
        room = max(30, self._bars.console.width - _BAR)
        text = text if len(text) <= room else text[: room - 3] + "..."
        self._bars.update(self._task, description=text, completed=done, total=total)

    def close(self) -> None:
        """Remove the bar; may be called twice."""
        self._bars.stop()


@contextlib.contextmanager
def progress_of(call: Invocation) -> Iterator[Progress]:
    """Give a bar, lines where stderr is no terminal, and nothing with --json."""
    from irsend.ctl.output import print_error

    if call.as_json:
        progress = Progress()
    elif sys.stderr.isatty():
        progress = Bar(Console(file=sys.stderr))
    else:
        progress = Lines(print_error)
    try:
        yield progress
    finally:
        progress.close()
