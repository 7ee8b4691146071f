"""The HTTP interface described, as OpenAPI 3.1: its paths; what they carry is in `schemas`.

A test holds the paths here to the routes of `api`, in both directions.

Standards: OpenAPI 3.1.1.
"""

from __future__ import annotations

from irsend import __version__
from irsend.device import Model
from irsend.panel.problems import CONTENT_TYPE
from irsend.panel.schemas import (
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
        "components": {"schemas": {**SCHEMAS, "Changes": changes(model), "Order": order()}},
    }
    if asks_for_password:
        document["components"]["securitySchemes"] = {
            "password": {"type": "http", "scheme": "basic", "description": "Any user name."}
        }
        document["security"] = [{"password": []}]
        document["paths"]["/healthz"]["get"]["security"] = []
    return document


def _json(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _plain(description: str, *types: str) -> Schema:
    return {"description": description, "content": {each: {"schema": TEXT} for each in types}}


def _problem(description: str) -> Schema:
    return {"description": description, "content": {CONTENT_TYPE: {"schema": ref("Problem")}}}


def _parameter(name: str, schema: Schema, description: str, where: str = "query") -> Schema:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": description,
        "schema": schema,
    }


def _limit(of: str) -> Schema:
    schema = {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 100}
    return _parameter("limit", schema, f"The most {of} that are given.")


def _operation(
    name: str,
    summary: str,
    answer: Schema,
    *parameters: Schema,
    status: str = "200",
    body: Schema | None = None,
    form: Schema | None = None,
    also: Schema | None = None,
    **problems: str,
) -> Schema:
    operation: Schema = {"operationId": name, "summary": summary}
    if parameters:
        operation["parameters"] = list(parameters)
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
    if form is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": form}},
        }
    operation["responses"] = {
        status: answer,
        **(also or {}),
        **{code.removeprefix("_"): _problem(text) for code, text in problems.items()},
        "default": _problem("Any other error."),
    }
    return operation


_NOTHING: Schema = {"description": "Done."}
_SESSION_ID = _parameter("id", COUNT, "The session's number.", "path")
_JOB_NUMBER = _parameter(
    "number",
    {"type": "string", "pattern": "^[0-9]{4}$"},
    "0001 to 4999 sent, 5001 to 9999 received.",
    "path",
)
_WINDOW = _parameter("window", TEXT, "The window's key.", "path")


def _paths() -> Schema:
    return {
        "/healthz": {
            "get": _operation(
                "health",
                "Whether the machine runs; needs no password",
                _json("It runs.", object_of(status={"const": "ok"})),
                _503="It does not run.",
            )
        },
        "/metrics": {
            "get": _operation(
                "metrics",
                "The machine in numbers, for Prometheus",
                _plain("Its metrics.", "text/plain", "application/openmetrics-text"),
            )
        },
        "/api/openapi.json": {
            "get": _operation(
                "openapi", "This document", _json("OpenAPI 3.1.", {"type": "object"})
            )
        },
        "/api/status": {
            "get": _operation("status", "The status", _json("The status.", ref("Status"))),
            "delete": _operation("clear", "Clear the status line", _NOTHING, status="204"),
        },
        "/api/status/history": {
            "get": _operation(
                "statusHistory",
                "What came on the status line, newest first",
                _json("The history.", list_of(ref("StatusEntry"))),
                _limit("entries"),
            )
        },
        "/api/settings": {
            "get": _operation(
                "settings",
                "All windows that the model has",
                _json("The windows.", ref("Settings")),
            ),
            "patch": _operation(
                "changeSettings",
                "Change settings by whole key, all or none",
                _json(
                    "What has changed; secrets are null.", object_of(changed={"type": "object"})
                ),
                body=ref("Changes"),
                _415="Not application/json.",
                _422="Nothing was changed; `errors` names each wrong key.",
            ),
        },
        "/api/settings/{window}": {
            "get": _operation(
                "settingsWindow",
                "One window",
                _json("The window.", ref("Settings")),
                _WINDOW,
                _404="The model has no such window.",
            )
        },
        "/api/receive": {
            "post": _operation(
                "receive",
                "Fetch mail from the POP server now; answers when that has ended",
                _json("How it went, OK or NG.", ref("Reception")),
                _409="It cannot be tried as the settings stand.",
            )
        },
        "/api/send": {
            "post": _operation(
                "send",
                "Scan originals and send them",
                _json("It is queued, and will survive a crash.", ref("Job")),
                _parameter(
                    "wait", {"enum": ["0", "1"], "default": "0"}, "1: answer when it has ended."
                ),
                status="202",
                form=ref("Order"),
                also={"200": _json("It has ended, OK, NG or --.", ref("Job"))},
                _400="The form is damaged.",
                _413="The originals or the words beside them are too large, or too many.",
                _415="Not multipart/form-data.",
                _422="Nothing is sent; the originals cannot be read, or `errors` names each wrong field.",
                _507="The memory is full.",
            )
        },
        "/api/jobs": {
            "get": _operation(
                "jobs",
                "Jobs, newest first",
                _json("The jobs.", list_of(ref("Job"))),
                _limit("jobs"),
            )
        },
        "/api/jobs/{number}": {
            "get": _operation(
                "job",
                "The newest job of this number",
                _json("The job.", ref("Job")),
                _JOB_NUMBER,
                _404="No such job.",
            ),
            "delete": _operation(
                "cancelJob",
                "Cancel a job that waits or runs",
                _json("The job, cancelled.", ref("Job")),
                _JOB_NUMBER,
                _404="No such job.",
                _409="It has ended.",
            ),
        },
        "/api/report": {
            "get": _operation(
                "report",
                "The communication report",
                _plain("The report.", "text/plain", "text/csv"),
                _parameter("format", {"enum": ["text", "csv"], "default": "text"}, "Its form."),
                _limit("jobs"),
            )
        },
        "/api/sessions": {
            "get": _operation(
                "sessions",
                "Protocol sessions, newest first, those under way among them",
                _json("The sessions.", list_of(ref("Session"))),
                _limit("sessions"),
                _parameter(
                    "before",
                    {"type": "integer", "minimum": 1, "maximum": 2**62},
                    "Only sessions with a smaller number: the next page.",
                ),
                _parameter("kind", SCHEMAS["Session"]["properties"]["kind"], "Of this kind."),
                _parameter("peer", {"type": "string", "maxLength": 255}, "With this peer."),
                _parameter("result", {"enum": ["OK", "NG"]}, "That ended so."),
                _parameter(
                    "code",
                    {"type": "string", "pattern": "^#?[0-9]{3}$"},
                    "With this code; the # may be left out.",
                ),
            )
        },
        "/api/sessions/{id}": {
            "get": _operation(
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
            "get": _operation(
                "events",
                "Server-sent events: status, job, session, setting, page",
                _plain("An endless stream; each event's data is JSON.", "text/event-stream"),
                _parameter(
                    "Last-Event-ID",
                    TEXT,
                    "Begins behind this event, as far back as events are kept.",
                    "header",
                ),
                _503="Too many listen already.",
            )
        },
        "/api/key": {
            "get": _operation(
                "key",
                "The machine's certificate",
                _json("Its description.", ref("Key")),
                _404="There is none.",
            )
        },
        "/api/key/generate": {
            "post": _operation(
                "generateKey",
                "Make a new key and certificate, and use them",
                _json("The new certificate.", ref("Key")),
            )
        },
        "/api/key/import": {
            "post": _operation(
                "importKey",
                "Use this key and certificate",
                _json("The certificate.", ref("Key")),
                body={
                    **object_of(
                        certificate={**TEXT, "description": "PEM."},
                        key={**TEXT, "description": "PEM, without a passphrase."},
                    ),
                    "additionalProperties": False,
                },
                _415="Not application/json.",
                _422="They cannot be used.",
            )
        },
        "/api/factory-reset": {
            "post": _operation(
                "factoryReset",
                "Forget what was changed at the machine",
                _NOTHING,
                status="204",
            )
        },
        "/api/models": {
            "get": _operation(
                "models",
                "The models that irsend comes with",
                _json("The models.", list_of(ref("Model"))),
            )
        },
    }
