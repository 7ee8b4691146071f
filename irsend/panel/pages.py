"""The page for people: status line, tray, settings, sessions, report; it works without JavaScript.

Made on the machine's side from templates; what a form changes goes the same
way as PATCH /api/settings.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from importlib import resources
from typing import Any

from attrs import frozen
from jinja2 import Environment, PackageLoader, StrictUndefined
from klein import Klein
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request

from irsend.device import report
from irsend.device.codes import CODES
from irsend.device.windows import ITEMS
from irsend.errors import SettingsRefused
from irsend.interfaces import IMachine, TranscriptLine
from irsend.panel import asking, shapes
from irsend.panel.answers import refused, shielded, write
from irsend.panel.api import session_number
from irsend.panel.doors import Doors
from irsend.panel.problems import Problem

HTML = "text/html; charset=utf-8"
_SHOWN = 25
_LAID_OPEN = 3
"""Documents of the tray that are seen at once; those beneath are folded away."""
_LOOKED_THROUGH = 100
"""Jobs among which those of a session are sought."""
_STATIC = {
    "panel.css": "text/css; charset=utf-8",
    "panel.js": "text/javascript; charset=utf-8",
    "panel.svg": "image/svg+xml",
}
_SPOKEN = {"apop": "APOP", "pop_auth": "POP AUTH", "ssl": "SSL", "true": "On", "false": "Off"}
_KINDS = {
    "smtp-receive": "SMTP receive",
    "pop-receive": "POP receive",
    "smtp-send": "SMTP send",
}
_TLS_BEGAN = re.compile(r"(TLS|SSL) ?v?[0-9]")
# What ought not to be readable on the way: who is meant, and who asks.
_DELICATE = ("MAIL ", "RCPT ", "AUTH", "USER ", "PASS ", "APOP ")


@frozen
class _Said:
    """A line of a transcript, with what the page shows beside it."""

    line: TranscriptLine
    secured: bool
    """It was said under TLS."""
    began: bool
    """Here TLS began."""
    in_clear: bool
    """It ought to have been said under TLS."""


class Pages:
    """The page's routes, for one machine."""

    app = Klein()

    def __init__(
        self,
        machine: IMachine,
        addresses: Callable[[], list[str]],
        doors: Doors,
    ) -> None:
        self._machine, self._addresses, self._doors = machine, addresses, doors
        self._templates = Environment(
            loader=PackageLoader("irsend.panel"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            spoken=_spoken, clock=_clock, day=_day, iso=shapes.moment, kind=_KINDS.get
        )
        files = resources.files("irsend.panel").joinpath("static")
        self._static = {name: files.joinpath(name).read_bytes() for name in _STATIC}

    @app.handle_errors(Exception)
    def _refused(self, request: IRequest, failure: Failure) -> bytes:
        return refused(request, failure)

    @app.route("/", methods=["GET"])
    async def front(self, request: Request) -> bytes:
        """Show the machine."""
        return await self._front(request)

    @app.route("/settings/<window>", methods=["POST"])
    async def change(self, request: Request, window: str) -> bytes:
        """Take a window's form: what differs from the settings is changed, all or none."""
        fields = asking.form(request)
        keys = [
            key for key in self._machine.device.model.items() if key.startswith(f"{window}.")
        ]
        if not keys:
            raise Problem(404, "The machine has no such window")
        given = {key: fields[key][-1] for key in keys if key in fields}
        try:
            self._machine.change_settings(self._differing(given, fields))
        except SettingsRefused as error:
            request.setResponseCode(422)
            refusals = {one.key: one.problem for one in error.refused}
            return await self._front(request, given=given, refusals=refusals)
        return _see_other(request, f"/#{window}")

    @app.route("/settings/<window>", methods=["GET"])
    def window(self, request: Request, window: str) -> bytes:
        """Go to a window: where a refused form was shown, its address may be asked for again."""
        if not shapes.settings(self._machine.device, window)["windows"]:
            raise Problem(404, "The machine has no such window")
        return _see_other(request, f"/#{window}")

    @app.route("/clear", methods=["POST"])
    def clear(self, request: Request) -> bytes:
        """Clear the status line, as its key does."""
        asking.form(request)
        self._machine.device.clear_status()
        return _see_other(request, "/")

    @app.route("/paper", methods=["POST"])
    def paper(self, request: Request) -> bytes:
        """Put paper into the drawer, or take it out, as a hand does."""
        given = asking.form(request).get("paper", [""])[-1]
        if given not in ("in", "out"):
            raise Problem(422, "paper is missing, or not allowed; allowed: in, out")
        self._machine.change_paper(given == "in")
        return _see_other(request, "/")

    @app.route("/receive", methods=["POST"])
    async def receive(self, request: Request) -> bytes:
        """Fetch mail now, and show the session."""
        asking.form(request)
        session = await shielded(self._machine.receive())
        return _see_other(request, f"/sessions/{session.id}")

    @app.route("/sessions/<id>", methods=["GET"])
    async def session(self, request: Request, id: str) -> bytes:
        """Show one session."""
        number = session_number(id)
        session = await shielded(self._machine.session(number))
        jobs = await shielded(self._machine.jobs(limit=_LOOKED_THROUGH))
        told = _told(await shielded(self._machine.transcript(number)))
        return self._write(
            request,
            "session.html",
            device=self._machine.device,
            session=session,
            jobs=[job for job in jobs if number in job.sessions],
            told=told,
            in_clear=_in_clear(told),
        )

    @app.route("/static/<name>", methods=["GET"])
    def static(self, request: Request, name: str) -> bytes:
        """Give a file that the page is made of."""
        if name not in self._static:
            raise Problem(404, "There is no such file")
        return write(request, self._static[name], _STATIC[name])

    async def _front(
        self,
        request: Request,
        *,
        given: dict[str, str] | None = None,
        refusals: dict[str, str] | None = None,
    ) -> bytes:
        device, documents = self._machine.device, self._machine.documents()
        sessions = await shielded(self._machine.sessions(limit=_SHOWN))
        jobs = await shielded(self._machine.jobs(limit=_SHOWN))
        return self._write(
            request,
            "front.html",
            device=device,
            memory=self._machine.memory(),
            mac_filter=self._machine.mac_filter(),
            next_login=self._machine.next_login(),
            documents=documents[:_SHOWN],
            in_tray=len(documents),
            laid_open=_LAID_OPEN,
            codes=CODES,
            windows=shapes.settings(device)["windows"],
            given=given or {},
            refusals=refusals or {},
            labels={key: ITEMS[key].label for key in refusals or {}},
            sessions=sessions,
            jobs=jobs,
            report=report,
            smtp=next(iter(self._addresses()), "127.0.0.1:2525"),
            recipient=self._recipient(),
        )

    def _recipient(self) -> str:
        """Return an address for which the machine takes mail."""
        # While no E-mail Address is set, that is any at the machine's own names.
        own: str = self._machine.device.settings.email_ifax.email_address
        names = (name for name in self._doors.hostnames if re.fullmatch(r"[^:]*[a-z-]", name))
        return own or f"ir@{next(names, 'bench.test')}"

    def _write(self, request: Request, template: str, **names: Any) -> bytes:
        page = self._templates.get_template(template).render(names)
        return write(request, page.encode("utf-8", "replace"), HTML)

    def _differing(
        self, given: dict[str, str], fields: dict[str, list[str]]
    ) -> dict[str, object]:
        """Return what is to be changed: an untouched field is none of the operator's doing."""
        changes: dict[str, object] = {}
        for key, text in given.items():
            about = ITEMS[key]
            if about.secret:
                # An empty field keeps the secret, which the page never had.
                if text or f"forget:{key}" in fields:
                    changes[key] = text
                continue
            value: object = text
            if about.kind.type == "list":
                value = [part.strip() for part in re.split(r"[,\r\n]", text) if part.strip()]
            try:
                if about.kind.read(value) == self._machine.device.settings.value(key):
                    continue
            except ValueError:
                pass  # told at its field, with all the others
            changes[key] = value
        return changes


def _see_other(request: Request, where: str) -> bytes:
    request.setResponseCode(303)
    request.setHeader(b"Location", where.encode())
    request.setHeader(b"Content-Length", b"0")
    return b""


def _spoken(word: object) -> str:
    text = str(word).lower() if isinstance(word, bool) else str(word)
    return _SPOKEN.get(text, text.replace("_", " ").capitalize())


def _clock(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%H:%M:%S")


def _day(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d")


def _told(lines: list[TranscriptLine]) -> list[_Said]:
    told, secured = [], False
    for line in lines:
        began = line.speaker == "-" and bool(_TLS_BEGAN.match(line.text))
        secured = secured or began
        delicate = line.speaker == "C" and line.text.upper().startswith(_DELICATE)
        told.append(
            _Said(line=line, secured=secured, began=began, in_clear=delicate and not secured)
        )
    return told


def _in_clear(told: list[_Said]) -> str:
    """Return in a sentence what anybody on the way could read."""
    words = dict.fromkeys(one.line.text.split()[0].upper() for one in told if one.in_clear)
    if words:
        return f"In clear, readable on the way: {', '.join(words)}."
    if any(one.secured for one in told):
        return "Everything that names people or passwords went under TLS."
    return "In clear, but nothing that names people or passwords." if told else ""
