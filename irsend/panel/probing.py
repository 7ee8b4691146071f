"""The routes of the probe: every model before a mail server, begun, looked at and ended (docs/probe)."""

from __future__ import annotations

from twisted.web.server import Request

from irsend.machine_interface import IProbes
from irsend.panel import request_parameters, serializers
from irsend.panel.problems import Problem
from irsend.panel.responses import shield, write
from irsend.panel.routing import route


def form_of_probe(fields: dict[str, list[str]]) -> dict[str, object]:
    """Return what POST /api/probe takes, from the fields of the panel's form."""
    last = {name: values[-1].strip() for name, values in fields.items() if values}
    given: dict[str, object] = {
        name: last[name] for name in ("url", "from", "user") if last.get(name)
    }
    # A password may begin or end with a blank.
    password = fields.get("password", [""])[-1]
    if password:
        given["password"] = password
    to = [part.strip() for part in last.get("to", "").split(",") if part.strip()]
    return {
        "url": "",
        **given,
        "to": to,
        "models": fields.get("model", []),
        "dry_run": "dry_run" in fields,
        "allow_clear": "allow_clear" in fields,
    }


class ProbeRoutes:
    """The routes of the API about the probe; `api` adds the others."""

    _probes: IProbes | None

    @route("/api/probe", "GET")
    def probe(self, request: Request) -> bytes:
        """Give the state of the probe under way, or of the last, with its report."""
        return write(request, serializers.probe(probes_of(self._probes).state))

    @route("/api/probe", "POST")
    def begin_probe(self, request: Request) -> bytes:
        """Begin a probe."""
        state = probes_of(self._probes).begin(request_parameters.json_object(request))
        request.setResponseCode(202)
        request.setHeader(b"Location", b"/api/probe")
        return write(request, serializers.probe(state))

    @route("/api/probe", "DELETE")
    async def end_probe(self, request: Request) -> bytes:
        """End the probe under way."""
        await shield(probes_of(self._probes).stop())
        request.setResponseCode(204)
        return b""


def probes_of(probes: IProbes | None) -> IProbes:
    """Return the probe of the panel; Problem where this panel has none."""
    if probes is None:
        raise Problem(404, "This panel has no probe")
    return probes
