"""The HTTP interface's routes under /api, /healthz and /metrics: each asks the machine and gives JSON.

`openapi` describes them; a test holds it to the routes here.
"""

from __future__ import annotations

import re
from typing import cast, get_args

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request

from irsend.device import Job, report
from irsend.device.device import State
from irsend.device.events import JobChanged
from irsend.device.jobs import Direction, JobQuery, JobResult
from irsend.device.sessions import SESSION_KINDS, SESSION_RESULTS
from irsend.errors import NoSuchRecord
from irsend.machine_interface import IMachine, IProbes
from irsend.panel import request_parameters, serializers
from irsend.panel.access_control import AccessControl
from irsend.panel.api_docs import DocsRoutes
from irsend.panel.events import Events
from irsend.panel.mails import MailRoutes
from irsend.panel.metrics import Metrics
from irsend.panel.probing import ProbeRoutes
from irsend.panel.problems import Problem, no_such_window
from irsend.panel.request import PanelRequest
from irsend.panel.responses import shield, write, write_failure
from irsend.panel.routing import app, route
from irsend.panel.tray import TrayRoutes
from irsend.panel.waiting import Waiting


class API(DocsRoutes, TrayRoutes, MailRoutes, ProbeRoutes):
    """The routes, for one machine."""

    app = app

    def __init__(
        self,
        machine: IMachine,
        events: Events,
        access: AccessControl,
        metrics: Metrics,
        waiting: Waiting,
        probes: IProbes | None,
    ) -> None:
        self._machine, self._events, self._access = machine, events, access
        self._metrics, self._waiting, self._probes = metrics, waiting, probes

    @app.handle_errors(Exception)
    def _write_failure(self, request: IRequest, failure: Failure) -> bytes:
        return write_failure(request, failure)

    # Not by `route`: a probe may add any query.
    @app.route("/healthz", methods=["GET"])
    def health(self, request: Request) -> bytes:
        """Say whether the machine runs, and can keep what it takes."""
        failure = self._machine.device.disk_failure
        if failure:
            request.setResponseCode(503)
            return write(request, {"status": "failing", "reason": f"The disk fails: {failure}"})
        if not self._machine.device.running:
            raise Problem(503, "The machine is not running")
        return write(request, {"status": "ok"})

    @route("/metrics", "GET")
    def metrics(self, request: Request) -> bytes:
        """Give the metrics."""
        accept = request.requestHeaders.getRawHeaders("Accept") or [""]
        exposition, content_type = self._metrics.exposition(accept[0])
        return write(request, exposition, content_type)

    # The status line

    @route("/api/status", "GET", "text", "state", "wait")
    async def status(self, request: Request) -> bytes:
        """Give the status; with ?wait=, as soon as it has this text, and the machine is in this state."""
        given = request_parameters.query(request)
        text = request_parameters.text(given, "text") or ""
        state = request_parameters.one_of(given, "state", get_args(State))
        device = self._machine.device

        async def fits() -> bool:
            line = device.status
            right = line.has(text) if "text" in given else bool(line.text) or state is not None
            return right and state in (None, device.state)

        await self._waiting.until(request_parameters.wait(given), fits, bool, lambda _: True)
        return write(request, serializers.status(self._machine))

    @route("/api/status", "DELETE")
    async def clear_status(self, request: Request) -> bytes:
        """Clear the status line."""
        await shield(self._machine.clear_status())
        request.setResponseCode(204)
        return b""

    @route("/api/status/history", "GET", "limit")
    async def status_history(self, request: Request) -> bytes:
        """List what came on the status line."""
        limit = request_parameters.whole_number(
            request_parameters.query(request), "limit", 100, 1, 10_000
        )
        entries = await shield(self._machine.status_history(limit))
        return write(request, [serializers.status_entry(entry) for entry in entries])

    # Settings

    @route("/api/settings", "GET")
    def settings(self, request: Request) -> bytes:
        """Give all windows."""
        return write(request, serializers.settings(self._machine.device))

    @route("/api/settings/<window>", "GET")
    def settings_window(self, request: Request, window: str) -> bytes:
        """Give one window."""
        settings = serializers.settings(self._machine.device, window)
        if not settings["windows"]:
            raise no_such_window(self._machine.device.model, window)
        return write(request, settings)

    @route("/api/settings", "PATCH")
    def change_settings(self, request: Request) -> bytes:
        """Change settings, all or none."""
        changed = self._machine.change_settings(request_parameters.json_object(request))
        return write(request, {"changed": serializers.changes(changed)})

    @route("/api/factory-reset", "POST")
    def factory_reset(self, request: Request) -> bytes:
        """Forget what was changed at the machine."""
        request_parameters.json_body(request)
        self._machine.factory_reset()
        request.setResponseCode(204)
        return b""

    # Receiving, sending, jobs

    @route("/api/receive", "POST")
    async def receive(self, request: Request) -> bytes:
        """Fetch mail by POP; responds when the session has ended."""
        request_parameters.json_body(request)
        session = await shield(self._machine.receive())
        return write(request, serializers.reception(session))

    @route("/api/send", "POST", "wait")
    async def send(self, request: PanelRequest) -> bytes:
        """Scan and queue; responds then, or with ?wait=1 when the job has ended."""
        wait = (
            request_parameters.one_of(
                request_parameters.query(request), "wait", ("0", "1"), "0"
            )
            == "1"
        )
        upload = request_parameters.upload(request)
        upload.finish()
        order = self._machine.read_order(
            upload.originals, request_parameters.order_items(upload.fields)
        )
        job = await self._machine.send(order)
        if wait:
            job = await shield(self._machine.job_ended(job.number))
        request.setResponseCode(200 if wait else 202)
        request.setHeader(b"Location", f"/api/jobs/{job.number}".encode("ascii"))
        return write(request, serializers.job(job))

    @route(
        "/api/jobs",
        "GET",
        *(
            "number",
            "direction",
            "result",
            "code",
            "party",
            "subject",
            "since",
            "ended",
            "limit",
            "wait",
        ),
    )
    async def jobs(self, request: Request) -> bytes:
        """List the jobs that fit, newest first; with ?wait=, as soon as there is one."""
        given = request_parameters.query(request)
        number = request_parameters.text(given, "number")
        query = JobQuery(
            number=number and _job_number(number.zfill(4)),
            direction=cast(
                "Direction | None",
                request_parameters.one_of(given, "direction", get_args(Direction)),
            ),
            result=cast(
                "JobResult | None",
                request_parameters.one_of(given, "result", get_args(JobResult)),
            ),
            code=request_parameters.code(given),
            party=request_parameters.text(given, "party"),
            subject=request_parameters.text(given, "subject"),
            since=request_parameters.time(given, "since"),
            ended=request_parameters.yes_or_no(given, "ended"),
        )
        limit = request_parameters.whole_number(given, "limit", 100, 1, 10_000)
        found = await self._waiting.until(
            request_parameters.wait(given),
            lambda: shield(self._machine.jobs(limit, query)),
            bool,
            lambda event: isinstance(event, JobChanged),
        )
        return write(request, [serializers.job(job) for job in found])

    @route("/api/jobs/<number>", "GET")
    async def job(self, request: Request, number: str) -> bytes:
        """Give one job."""
        job = await shield(self._machine.job(_job_number(number)))
        return write(request, serializers.job(job))

    @route("/api/jobs/<number>", "DELETE")
    async def cancel_job(self, request: Request, number: str) -> bytes:
        """Cancel a job."""
        job = await shield(self._machine.cancel_job(_job_number(number)))
        return write(request, serializers.job(job))

    @route("/api/report", "GET", "format", "limit", "clock")
    async def report(self, request: Request) -> bytes:
        """Give the communication report."""
        parameters = request_parameters.query(request)
        form = request_parameters.one_of(parameters, "format", ("text", "csv", "pdf"), "text")
        jobs = await self._jobs(
            request_parameters.whole_number(parameters, "limit", 100, 1, 10_000)
        )
        device = self._machine.device
        clock = request_parameters.clock(parameters, device.now())
        if form == "csv":
            request.setHeader(b"Content-Disposition", b'attachment; filename="report.csv"')
            table = report.as_csv(jobs, clock=clock)
            return write(request, table.encode(), "text/csv; charset=utf-8")
        text = report.as_text(jobs, title=device.model.title, clock=clock)
        if form == "pdf":
            pdf = await shield(self._machine.set_text(text, "Communication report"))
            request.setHeader(b"Content-Disposition", b'inline; filename="report.pdf"')
            return write(request, pdf, "application/pdf")
        return write(request, text.encode(), "text/plain; charset=utf-8")

    # Sessions

    @route("/api/sessions", "GET", "limit", "before", "kind", "peer", "result", "code")
    async def sessions(self, request: Request) -> bytes:
        """List the sessions, newest first."""
        parameters = request_parameters.query(request)
        sessions = await shield(
            self._machine.sessions(
                limit=request_parameters.whole_number(parameters, "limit", 100, 1, 10_000),
                before=request_parameters.whole_number(parameters, "before", None, 1, 2**62),
                kind=request_parameters.one_of(parameters, "kind", SESSION_KINDS),
                peer=request_parameters.text(parameters, "peer"),
                result=request_parameters.one_of(parameters, "result", SESSION_RESULTS),
                code=request_parameters.code(parameters),
            )
        )
        return write(request, [serializers.session(session) for session in sessions])

    @route("/api/sessions/<id>", "GET")
    async def session(self, request: Request, id: str) -> bytes:
        """Give one session with its transcript."""
        number = session_number(id)
        session = await shield(self._machine.session(number))
        transcript = await shield(self._machine.transcript(number))
        request.setHeader(b"Vary", b"Accept")
        if request_parameters.prefers(request, b"text/plain"):
            text = serializers.transcript_text(transcript)
            return write(request, text.encode("utf-8", "replace"), "text/plain; charset=utf-8")
        lines = [serializers.transcript_line(line) for line in transcript]
        return write(request, {**serializers.session(session), "transcript": lines})

    @route("/api/events", "GET")
    def events(self, request: Request) -> Deferred[bytes]:
        """Stream the events."""
        return self._events.open(request)

    # The machine's key, models

    @route("/api/key", "GET")
    def key(self, request: Request) -> bytes:
        """Describe the certificate."""
        described = self._machine.key_description()
        if described is None:
            raise Problem(404, "The machine has no key and certificate; make or import one")
        return write(request, described)

    @route("/api/key/generate", "POST")
    async def generate_key(self, request: Request) -> bytes:
        """Make a new key and certificate."""
        request_parameters.json_body(request)
        described = await shield(self._machine.generate_key())
        return write(request, described)

    @route("/api/key/import", "POST")
    def import_key(self, request: Request) -> bytes:
        """Import a key and certificate."""
        given = request_parameters.json_object(request)
        errors = [
            {"key": name, "problem": "is missing, or no text; allowed: PEM"}
            for name in ("certificate", "key")
            if not isinstance(given.get(name), str)
        ] + [
            {"key": name[:100], "problem": "there is no such key; there are: certificate, key"}
            for name in given
            if name not in ("certificate", "key")
        ]
        certificate, key = given.get("certificate"), given.get("key")
        if errors or not (isinstance(certificate, str) and isinstance(key, str)):
            raise Problem(422, "Nothing was imported", errors=errors)
        described = self._machine.import_key(certificate.encode(), key.encode())
        return write(request, described)

    @route("/api/models", "GET")
    def models(self, request: Request) -> bytes:
        """List the models that irsend comes with."""
        return write(request, serializers.models())

    async def _jobs(self, limit: int) -> list[Job]:
        return await shield(self._machine.jobs(limit))


def session_number(given: str) -> int:
    """Return the number of a session that stands in an address; raise NoSuchRecord."""
    if not re.fullmatch(r"[0-9]{1,18}", given):
        raise NoSuchRecord("There is no such session; a session has a number")
    return int(given)


def _job_number(given: str) -> str:
    if not re.fullmatch(r"[0-9]{4}", given):
        raise NoSuchRecord("There is no such job; a job has a number of four digits")
    return given
