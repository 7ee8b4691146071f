"""The commands that stay: `watch`, and `sessions --follow`.

Both read what the machine says of itself at the beginning and again whenever
the stream was broken, so that nothing is missed that events no longer tell.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

import click
from attrs import define, field

from irsend.ctl.errors import NoMachine
from irsend.ctl.events import Connected, Gone, ServerEvent, follow
from irsend.ctl.formatting import outcome, result, setting, when
from irsend.ctl.invocation import Invocation, machine_options

_BY_OTHERS = ("ready", "receiving", "sending", "printing")
"""States that need no line of their own: sessions and jobs tell them."""

_ENOUGH = 500
"""Sessions that are looked through for what was missed."""


@click.command()
@click.option("--lines", is_flag=True, help="Print a line for each event, on a terminal too.")
@machine_options
@click.pass_context
def watch(context: click.Context, lines: bool) -> None:
    """Follow what happens: status line, sessions, jobs, the tray. Ctrl-C ends it.

    A terminal shows the machine as it is; a file or a pipe is given a line for
    each event, settings too, and with --json its JSON.
    """
    call = context.ensure_object(Invocation)
    if call.output.is_screen and not (lines or call.as_json):
        from irsend.ctl.watch_terminal import watch_live

        context.exit(watch_live(call))
    narrator = Narrator(call)
    narrator.tell_status(call.machine.read_object("/api/status"))
    for happened in follow(call.machine, call.pause):
        if isinstance(happened, Gone):
            narrator.tell_gone(happened)
        elif isinstance(happened, Connected):
            if happened.again:
                narrator.tell_back()
            # Should it be gone again already, the stream says so.
            with contextlib.suppress(NoMachine):
                narrator.tell_status(call.machine.read_object("/api/status"))
        else:
            narrator.tell(happened)


def follow_sessions(call: Invocation, filters: dict[str, str | None], backlog: int) -> None:
    """Print the last sessions, then each one as it ends (`sessions --follow`)."""
    listing = SessionsThatEnd(call, filters)
    listing.look(backlog)
    for happened in follow(call.machine, call.pause):
        if isinstance(happened, Gone):
            listing.narrator.tell_gone(happened)
        elif isinstance(happened, Connected):
            if happened.again:
                listing.narrator.tell_back()
            with contextlib.suppress(NoMachine):
                listing.look(_ENOUGH)
        elif happened.name == "session":
            listing.take(happened.value())


@define(eq=False)
class Narrator:
    """Tells events as lines; what has not changed since it was last told is not told again."""

    call: Invocation
    _told: dict[Any, str] = field(factory=dict)

    def tell(self, event: ServerEvent) -> None:
        """Tell one event."""
        value = event.value()
        if self.call.as_json:
            line = {"event": event.name, "id": event.id, "data": value}
            return self.call.output.json(line, on_one_line=True)
        if not isinstance(value, dict):
            return None
        if event.name == "status":
            return self.tell_status(value)
        if event.name == "session":
            return self._tell_session(value)
        if event.name == "job":
            return self._tell_job(value)
        if event.name == "setting":
            return self._tell_settings(value)
        if event.name == "page":
            return self._tell_pages(value)
        if event.name == "tray" and isinstance(value.get("document"), dict):
            return self._tell_document(value["document"], value.get("removed"))
        words = "  ".join(f"{name} {setting(one)}" for name, one in value.items())
        return self._line(_now(), event.name, words)

    def tell_status(self, status: dict[str, Any]) -> None:
        """Tell what the machine shows, if it is not what it showed."""
        text = status.get("status_line", status.get("text")) or ""
        state = str(status.get("state") or "")
        paper = status.get("paper") is not False
        now = f"{'' if state in _BY_OTHERS else state} {paper} {text}"
        if self._told.get("status") == now:
            return
        self._told["status"] = now
        said = f"{state}, " if state and state not in _BY_OTHERS[1:] else ""
        if self._told.get("paper", "True") != str(paper):
            said += "paper is in again, " if paper else "no paper, "
        self._told["paper"] = str(paper)
        said += f"on the status line: {text}" if text else "status line empty"
        if self.call.as_json:
            self.call.output.json(
                {"event": "status", "id": None, "data": status}, on_one_line=True
            )
        else:
            self._line(_now(), "status", said, "bold red" if text else "")

    def tell_gone(self, gone: Gone) -> None:
        """Say that the machine is gone, where programs do not read it."""
        self._told.pop("status", None)
        reason = gone.reason[:1].lower() + gone.reason[1:]
        self._aside(f"The machine is gone, waiting for it to come back: {reason}")

    def tell_back(self) -> None:
        """Say that it is there again."""
        self._aside(f"The machine at {self.call.machine.url} is back.")

    def _aside(self, sentence: str) -> None:
        if self.call.as_json:
            from irsend.ctl.output import complain

            complain(sentence)
        else:
            self._line(_now(), "machine", sentence, "yellow")

    def _tell_session(self, session: dict[str, Any]) -> None:
        tls = session.get("tls")
        ended = session.get("ended")
        version = tls.get("version") if isinstance(tls, dict) else None
        said = f"{session.get('id')} {session.get('kind')} {session.get('peer')} "
        if ended:
            said += f"{version} {outcome(session)}" if version else outcome(session)
        else:
            said += f"now under {version}" if version else "began"
        at = when(ended or (None if tls else session.get("started"))) or _now()
        self._changed(("session", session.get("id")), at, "session", said, session)
        if ended:
            self._told.pop(("session", session.get("id")), None)

    def _tell_job(self, job: dict[str, Any]) -> None:
        way = "to" if job.get("direction") == "tx" else "from"
        said = f"{job.get('number')} {job.get('kind', '')} {way} {job.get('party')}"
        said += f' "{job["subject"]}"' if job.get("subject") else ""
        said += f" {result(job)}"
        at = when(job.get("ended") or job.get("started")) or _now()
        self._changed(("job", job.get("number")), at, "job", said, job)

    def _tell_pages(self, told: dict[str, Any]) -> None:
        """Tell a scan once, with its last page; of what is printed the document tells."""
        pages = told.get("pages")
        if isinstance(pages, int) and told.get("page") == pages:
            said = f"{pages} {'page' if pages == 1 else 'pages'} scanned"
            self._line(_now(), "page", said)

    def _tell_document(self, document: dict[str, Any], removed: object) -> None:
        if removed:
            said = f"{document.get('number')} removed: {removed}"
            return self._line(_now(), "tray", said)
        pages = document.get("pages")
        said = f"{document.get('number')} printed, {pages} {'page' if pages == 1 else 'pages'}"
        said += f" from {document.get('from')}"
        said += f' "{document["subject"]}"' if document.get("subject") else ""
        codes = " ".join(map(str, document.get("codes") or []))
        at = when(document.get("printed")) or _now()
        return self._line(at, "tray", f"{said} {codes}".rstrip(), "red" if codes else "")

    def _tell_settings(self, value: dict[str, Any]) -> None:
        changes = value.get("changes", value)
        if "key" in value:
            changes = {value["key"]: value.get("value")}
        if isinstance(changes, dict):
            for key, changed in changes.items():
                self._line(_now(), "setting", f"{key} = {setting(changed)}")

    def _changed(self, about: Any, at: str, name: str, said: str, row: dict[str, Any]) -> None:
        if self._told.get(about) != said:
            self._told[about] = said
            self._line(at, name, said, _hue(row))

    def _line(self, at: str, name: str, said: str, hue: str = "") -> None:
        from irsend.ctl import views

        self.call.output.line(views.event_line(at, name, said, hue))


@define(eq=False)
class SessionsThatEnd:
    """Prints each ended session once, whether the list or an event told of it first."""

    call: Invocation
    filters: dict[str, str | None]
    narrator: Narrator = field(init=False)
    _known: dict[tuple[Any, Any], None] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.narrator = Narrator(self.call)

    def look(self, most: int) -> None:
        """Print what the list has of ended sessions, oldest first, at most so many."""
        rows = self.call.machine.read_list(
            "/api/sessions", "sessions", limit=_ENOUGH, **self.filters
        )
        ended = [row for row in reversed(rows) if row.get("ended")]
        for row in ended[:-most]:
            self._known[_identity(row)] = None
        for row in ended[-most:]:
            self.take(row)

    def take(self, session: Any) -> None:
        """Print a session that has ended, if it is asked for and was not printed."""
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


def _identity(session: dict[str, Any]) -> tuple[Any, Any]:
    # An id alone may come again on a machine whose state was thrown away.
    return session.get("id"), session.get("started")


def _now() -> str:
    return when(time.time())


def _hue(row: dict[str, Any]) -> str:
    from irsend.ctl.views import hue_of

    return hue_of(row)
