"""The OpenAPI 3.1 description of the HTTP interface: its paths. `openapi_schemas` describes what they carry.

A test holds the paths here to the routes of `api`, in both directions.

Standards: OpenAPI 3.1.1.
"""

from __future__ import annotations

from typing import get_args

from irsend import __version__
from irsend.device import Model
from irsend.device.device import State
from irsend.device.sessions import SESSION_KINDS, SESSION_RESULTS
from irsend.device.windows import windows
from irsend.panel.openapi_docs import docs_paths, tagged
from irsend.panel.openapi_jobs import job_paths
from irsend.panel.openapi_mails import MAIL_SCHEMAS, mail_paths
from irsend.panel.openapi_operations import (
    CODE_FILTER,
    NO_CONTENT,
    NOT_KEPT,
    json_response,
    limit_of,
    operation,
    parameter,
    problem_response,
    text_filter,
    text_response,
    wait_parameter,
)
from irsend.panel.openapi_probe import PROBE_SCHEMAS, probe_paths
from irsend.panel.openapi_schemas import (
    COUNT,
    SCHEMAS,
    TEXT,
    Schema,
    changes,
    list_of,
    object_of,
    order,
    ref,
)
from irsend.panel.openapi_tray import tray_paths


def description(model: Model, *, asks_for_password: bool) -> Schema:
    """Return the document for a machine of this model."""
    document: Schema = {
        "openapi": "3.1.1",
        "info": {
            "title": "irsend",
            "version": __version__,
            "summary": f"The HTTP interface of an emulated office printer: {model.title}",
            "description": (
                "Errors are problem documents (RFC 9457). Secrets read back as null. What "
                "changes something is refused for pages of another origin."
            ),
        },
        "paths": _paths(),
        "components": {
            "schemas": {
                **SCHEMAS,
                **MAIL_SCHEMAS,
                **PROBE_SCHEMAS,
                "Changes": changes(model),
                "Order": order(),
            }
        },
    }
    document["tags"] = tagged(document["paths"])
    if asks_for_password:
        document["components"]["securitySchemes"] = {
            "password": {"type": "http", "scheme": "basic", "description": "Any user name."}
        }
        document["security"] = [{"password": []}]
        for path in document["paths"].values():
            for described in path.values():
                described["responses"].update(_WITHOUT_PASSWORD)
        health = document["paths"]["/healthz"]["get"]
        health["security"] = []
        for status in _WITHOUT_PASSWORD:
            del health["responses"][status]
    return document


_WITHOUT_PASSWORD = {
    "401": problem_response("The password is missing, or is not the panel's."),
    "429": problem_response("Too many wrong passwords came from this address lately."),
}
_NOT_HEALTHY = {
    "description": "It does not run (a problem document), or its disk fails.",
    "content": {
        "application/json": {
            "schema": object_of(status={"const": "failing"}, reason=TEXT),
        },
        "application/problem+json": {"schema": ref("Problem")},
    },
}
_SESSION_ID = parameter("id", {**COUNT, "examples": [1]}, "The session's number.", "path")
_WINDOW = parameter(
    "window", {"enum": [name for name, _, _ in windows()]}, "The window's key.", "path"
)


def _paths() -> Schema:
    return {
        "/healthz": {
            "get": operation(
                "health",
                "Whether the machine runs, and can keep what it takes; needs no password",
                json_response("It runs.", object_of(status={"const": "ok"})),
                also={"503": _NOT_HEALTHY},
            )
        },
        "/metrics": {
            "get": operation(
                "metrics",
                "The machine in numbers, for Prometheus",
                text_response("Its metrics.", "text/plain", "application/openmetrics-text"),
            )
        },
        **docs_paths(),
        "/api/status": {
            "get": operation(
                "status",
                "The status",
                json_response("The status.", ref("Status")),
                text_filter(
                    "text",
                    "With wait: until the line has this text, or with an empty one, is empty; "
                    "without it and state, until it has any.",
                ),
                parameter(
                    "state", {"enum": list(get_args(State))}, "With wait: until it is so."
                ),
                wait_parameter("text and state are so"),
            ),
            "delete": operation(
                "clear", "Clear the status line", NO_CONTENT, status="204", _507=NOT_KEPT
            ),
        },
        "/api/status/history": {
            "get": operation(
                "statusHistory",
                "What came on the status line, newest first",
                json_response("The history.", list_of(ref("StatusEntry"))),
                limit_of("entries"),
            )
        },
        "/api/settings": {
            "get": operation(
                "settings",
                "All windows that the model has",
                json_response("The windows.", ref("Settings")),
            ),
            "patch": operation(
                "changeSettings",
                "Change settings by whole key, all or none",
                json_response(
                    "What has changed; secrets are null.", object_of(changed={"type": "object"})
                ),
                body=ref("Changes"),
                _415="Not application/json.",
                _422="Nothing was changed; `errors` names each wrong key.",
                _507=NOT_KEPT,
            ),
        },
        "/api/settings/{window}": {
            "get": operation(
                "settingsWindow",
                "One window",
                json_response("The window.", ref("Settings")),
                _WINDOW,
                _404="The model has no such window.",
            )
        },
        **job_paths(),
        **mail_paths(),
        **probe_paths(),
        **tray_paths(),
        "/api/sessions": {
            "get": operation(
                "sessions",
                "Protocol sessions, newest first, those under way among them",
                json_response("The sessions.", list_of(ref("Session"))),
                limit_of("sessions"),
                parameter(
                    "before",
                    {"type": "integer", "minimum": 1, "maximum": 2**62},
                    "Only sessions with a smaller number: the next page.",
                ),
                parameter("kind", {"enum": list(SESSION_KINDS)}, "Of this kind."),
                text_filter("peer", "With this peer."),
                parameter("result", {"enum": list(SESSION_RESULTS)}, "That ended so."),
                CODE_FILTER,
            )
        },
        "/api/sessions/{id}": {
            "get": operation(
                "session",
                "One session with its transcript; as text/plain the transcript alone",
                {
                    "description": "The session.",
                    "content": {
                        "application/json": {
                            "schema": {
                                "allOf": [
                                    ref("Session"),
                                    object_of(transcript=list_of(ref("TranscriptLine"))),
                                ]
                            }
                        },
                        "text/plain": {"schema": TEXT},
                    },
                },
                _SESSION_ID,
                _404="No such session.",
            )
        },
        "/api/events": {
            "get": operation(
                "events",
                "Server-sent events: status, job, session, setting, page, tray, probe",
                text_response(
                    "An endless stream; each event's data is JSON.", "text/event-stream"
                ),
                parameter(
                    "Last-Event-ID",
                    TEXT,
                    "Begins behind this event, as far back as events are kept.",
                    "header",
                ),
                _503="Too many listen already.",
            )
        },
        "/api/key": {
            "get": operation(
                "key",
                "The machine's certificate",
                json_response("Its description.", ref("Key")),
                _404="There is none.",
            )
        },
        "/api/key/generate": {
            "post": operation(
                "generateKey",
                "Make a new key and certificate, and use them",
                json_response("The new certificate.", ref("Key")),
                _507=NOT_KEPT,
            )
        },
        "/api/key/import": {
            "post": operation(
                "importKey",
                "Use this key and certificate",
                json_response("The certificate.", ref("Key")),
                body={
                    **object_of(
                        certificate={**TEXT, "description": "PEM."},
                        key={**TEXT, "description": "PEM, without a passphrase."},
                    ),
                    "additionalProperties": False,
                },
                _415="Not application/json.",
                _422="They cannot be used.",
                _507=NOT_KEPT,
            )
        },
        "/api/factory-reset": {
            "post": operation(
                "factoryReset",
                "Forget what was changed at the machine",
                NO_CONTENT,
                status="204",
                _507=NOT_KEPT,
            )
        },
        "/api/models": {
            "get": operation(
                "models",
                "The models that irsend comes with",
                json_response("The models.", list_of(ref("Model"))),
            )
        },
    }
