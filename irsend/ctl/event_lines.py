"""Events as lines: what `watch` prints into a pipe, and `sessions --follow`.

Both read the state of the machine at the beginning and after each break of the
stream: events do not repeat what came in between.
"""

from __future__ import annotations

import contextlib
import time

from attrs import define, field

from irsend.ctl.errors import NoMachine
from irsend.ctl.events import Connected, Disconnected, ServerEvent, follow
from irsend.ctl.formatting import (
    explained_codes,
    explained_result,
    outcome,
    setting,
    short_time,
)
from irsend.ctl.invocation import Invocation
from irsend.ctl.json_values import Json, JsonObject

_BY_OTHERS = ("ready", "receiving", "sending", "printing")
"""States without a line of their own: those of sessions and jobs show them."""

_ENOUGH = 500
"""Sessions that are read to find those that ended during a break."""


def print_events(call: Invocation) -> None:
    """Print the status, then a line for each event (`watch`)."""
    printer = EventPrinter(call)
    printer.print_status(call.machine.read_object("/api/status"))
    for event in follow(call.machine, call.pause):
        if isinstance(event, Disconnected):
            printer.print_disconnected(event)
        elif isinstance(event, Connected):
            if event.again:
                printer.print_reconnected()
            # If the machine is gone again already, the stream reports it.
            with contextlib.suppress(NoMachine):
                printer.print_status(call.machine.read_object("/api/status"))
        else:
            printer.print_event(event)


def follow_sessions(call: Invocation, filters: dict[str, str | None], backlog: int) -> None:
    """Print the last sessions, then each one as it ends (`sessions --follow`)."""
    listing = EndedSessions(call, filters)
    listing.print_missed(backlog)
    for event in follow(call.machine, call.pause):
        if isinstance(event, Disconnected):
            listing.printer.print_disconnected(event)
        elif isinstance(event, Connected):
            if event.again:
                listing.printer.print_reconnected()
            with contextlib.suppress(NoMachine):
                listing.print_missed(_ENOUGH)
        elif event.name == "session":
            listing.print_if_new(event.value())


@define(eq=False)
class EventPrinter:
    """Prints events as lines; what has not changed is not printed again."""

    call: Invocation
    _printed: dict[str | tuple[str, str], str] = field(factory=dict)

    def print_event(self, event: ServerEvent) -> None:
        """Print one event."""
        value = event.value()
        if self.call.as_json:
            line = {"event": event.name, "id": event.id, "data": value}
            return self.call.output.json(line, on_one_line=True)
        if not isinstance(value, dict):
            return None
        if event.name == "status":
            return self.print_status(value)
        if event.name == "session":
            return self._print_session(value)
        if event.name == "job":
            return self._print_job(value)
        if event.name == "setting":
            return self._print_settings(value)
        if event.name == "page":
            return self._print_pages(value)
        if event.name == "tray" and isinstance(document := value.get("document"), dict):
            return self._print_document(document, value.get("removed"))
        words = "  ".join(f"{name} {setting(one)}" for name, one in value.items())
        return self._line(_now(), event.name, words)

    def print_status(self, status: JsonObject) -> None:
        """Print the status if it has changed."""
        text = status.get("status_line", status.get("text")) or ""
        state = str(status.get("state") or "")
        paper = status.get("paper") is not False
        now = f"{'' if state in _BY_OTHERS else state} {paper} {text}"
        if self._printed.get("status") == now:
            return
        self._printed["status"] = now
        said = f"{state}, " if state and state not in _BY_OTHERS[1:] else ""
        if self._printed.get("paper", "True") != str(paper):
            said += "paper is in again, " if paper else "no paper, "
        self._printed["paper"] = str(paper)
        said += f"on the status line: {text}" if text else "status line empty"
        if self.call.as_json:
            self.call.output.json(
                {"event": "status", "id": None, "data": status}, on_one_line=True
            )
        else:
            self._line(_now(), "status", said, "bold red" if text else "")

    def print_disconnected(self, gone: Disconnected) -> None:
        """Print that the machine is gone; with --json on stderr."""
        self._printed.pop("status", None)
        reason = gone.reason[:1].lower() + gone.reason[1:]
        self._print_notice(f"The machine is gone, waiting for it to come back: {reason}")

    def print_reconnected(self) -> None:
        """Print that it is back."""
        self._print_notice(f"The machine at {self.call.machine.url} is back.")

    def _print_notice(self, sentence: str) -> None:
        if self.call.as_json:
            from irsend.ctl.output import print_error

            print_error(sentence)
        else:
            self._line(_now(), "machine", sentence, "yellow")

    def _print_session(self, session: JsonObject) -> None:
        tls = session.get("tls")
        ended = session.get("ended")
        version = tls.get("version") if isinstance(tls, dict) else None
        said = f"{session.get('id')} {session.get('kind')} {session.get('peer')} "
        if ended:
            said += f"{version} {outcome(session)}" if version else outcome(session)
        else:
            said += f"now under {version}" if version else "began"
        at = short_time(ended or (None if tls else session.get("started"))) or _now()
        self._print_if_changed(
            ("session", str(session.get("id"))), at, "session", said, session
        )
        if ended:
            self._printed.pop(("session", str(session.get("id"))), None)

    def _print_job(self, job: JsonObject) -> None:
        way = "to" if job.get("direction") == "tx" else "from"
        said = f"{job.get('number')} {job.get('kind', '')} {way} {job.get('party')}"
        said += f' "{job["subject"]}"' if job.get("subject") else ""
        said += f" {explained_result(job)}"
        at = short_time(job.get("ended") or job.get("started")) or _now()
        self._print_if_changed(("job", str(job.get("number"))), at, "job", said, job)

    def _print_pages(self, progress: JsonObject) -> None:
        """Print a scan once, with its last page; a printed document has its own line."""
        pages = progress.get("pages")
        if isinstance(pages, int) and progress.get("page") == pages:
            said = f"{pages} {'page' if pages == 1 else 'pages'} scanned"
            self._line(_now(), "page", said)

    def _print_document(self, document: JsonObject, removed: object) -> None:
        if removed:
            said = f"{document.get('number')} removed: {removed}"
            return self._line(_now(), "tray", said)
        pages = document.get("pages")
        said = f"{document.get('number')} printed, {pages} {'page' if pages == 1 else 'pages'}"
        said += f" from {document.get('from')}"
        said += f' "{document["subject"]}"' if document.get("subject") else ""
        codes = "; ".join(explained_codes(document))
        at = short_time(document.get("printed")) or _now()
        return self._line(at, "tray", f"{said} {codes}".rstrip(), "red" if codes else "")

    def _print_settings(self, value: JsonObject) -> None:
        changes = value.get("changes", value)
        if "key" in value:
            changes = {str(value["key"]): value.get("value")}
        if isinstance(changes, dict):
            for key, changed in changes.items():
                self._line(_now(), "setting", f"{key} = {setting(changed)}")

    def _print_if_changed(
        self, about: tuple[str, str], at: str, name: str, said: str, row: JsonObject
    ) -> None:
        if self._printed.get(about) != said:
            self._printed[about] = said
            self._line(at, name, said, _style(row))

    def _line(self, at: str, name: str, said: str, style: str = "") -> None:
        from irsend.ctl import views

        self.call.output.line(views.event_line(at, name, said, style))


@define(eq=False)
class EndedSessions:
    """Prints each ended session once, whether it comes from the list or an event."""

    call: Invocation
    filters: dict[str, str | None]
    printer: EventPrinter = field(init=False)
    _known: dict[tuple[str, str], None] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.printer = EventPrinter(self.call)

    def print_missed(self, most: int) -> None:
        """Print the ended sessions of the list, oldest first, at most so many."""
        rows = self.call.machine.read_list(
            "/api/sessions", "sessions", limit=_ENOUGH, **self.filters
        )
        ended = [row for row in reversed(rows) if row.get("ended")]
        for row in ended[:-most]:
            self._known[_identity(row)] = None
        for row in ended[-most:]:
            self.print_if_new(row)

    def print_if_new(self, session: Json) -> None:
        """Print a session that has ended, if it passes the filters and was not printed."""
        if not isinstance(session, dict) or not session.get("ended"):
            return
        if any(wanted and session.get(name) != wanted for name, wanted in self.filters.items()):
            return
        if _identity(session) in self._known:
            return
        self._known[_identity(session)] = None
        if len(self._known) > 4 * _ENOUGH:
            del self._known[next(iter(self._known))]
        if self.call.as_json:
            self.call.output.json(session, on_one_line=True)
        else:
            from irsend.ctl import views

            self.call.output.line(views.session_line(session))


def _identity(session: JsonObject) -> tuple[str, str]:
    # A machine whose state was deleted uses its ids again.
    return str(session.get("id")), str(session.get("started"))


def _now() -> str:
    return short_time(time.time())


def _style(row: JsonObject) -> str:
    from irsend.ctl.views import result_style

    return result_style(row)
