"""The HTTP interface described, as OpenAPI 3.1; settings come from the model's own windows.

A test holds the paths here to the routes of `api`, in both directions.

Standards: OpenAPI 3.1.1, JSON Schema 2020-12.
"""

from __future__ import annotations

from typing import Any

from irsend import __version__
from irsend.device import Model
from irsend.device.codes import CODES
from irsend.device.status import StatusText
from irsend.device.windows import ITEMS
from irsend.panel.problems import CONTENT_TYPE

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MOMENT: Schema = {"type": "string", "format": "date-time"}


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
        "components": {"schemas": {**_SCHEMAS, "Changes": _changes(model)}},
    }
    if asks_for_password:
        document["components"]["securitySchemes"] = {
            "password": {"type": "http", "scheme": "basic", "description": "Any user name."}
        }
        document["security"] = [{"password": []}]
        document["paths"]["/healthz"]["get"]["security"] = []
    return document


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _object(optional: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


_SCHEMAS: dict[str, Schema] = {
    "Problem": {
        **_object(
            ("errors",),
            type=_TEXT,
            title=_TEXT,
            status={"type": "integer"},
            detail=_TEXT,
            errors=_list_of(_object(key=_TEXT, problem=_TEXT)),
        ),
        "description": "RFC 9457; `errors` names each key that is wrong.",
    },
    "Status": _object(
        model=_TEXT,
        title=_TEXT,
        status_line={"enum": ["", *(text.value for text in StatusText)]},
        state={"enum": ["ready", "receiving", "sending", "printing", "stopped"]},
        memory=_object(used=_COUNT, capacity=_COUNT),
        paper={"type": "boolean"},
        since={**_or_null(_MOMENT), "description": "When the text came on the status line."},
        next_login={
            **_or_null(_MOMENT),
            "description": "When the POP server lets the machine in again (LOGIN-DELAY).",
        },
    ),
    "StatusEntry": _object(
        at=_MOMENT, text={"enum": [text.value for text in StatusText]}, session=_or_null(_COUNT)
    ),
    "Settings": _object(windows=_list_of(_ref("Window"))),
    "Window": _object(
        key=_TEXT, label=_TEXT, path=_list_of(_TEXT), items=_list_of(_ref("Item"))
    ),
    "Item": _object(
        ("set",),
        key={**_TEXT, "description": "The whole key, as PATCH takes it."},
        label=_TEXT,
        type={"enum": ["choice", "number", "text", "list"]},
        value={"description": "null where it is secret."},
        default={"description": "The factory setting; null where it is secret."},
        allowed={
            "description": "choice: the values; number: minimum, maximum, unit; "
            "text: max_length; list: max_items."
        },
        secret={"type": "boolean"},
        help=_TEXT,
        set={"type": "boolean", "description": "Of a secret: whether there is one."},
    ),
    "Session": _object(
        id=_COUNT,
        kind={"enum": ["smtp-receive", "pop-receive", "smtp-send"]},
        peer=_TEXT,
        mac=_or_null(_TEXT),
        tls=_or_null(_object(version=_TEXT, cipher=_TEXT)),
        auth={**_or_null(_TEXT), "description": "The mechanism that a login succeeded with."},
        result={"enum": ["OK", "NG", None], "description": "null while under way."},
        code=_or_null({"enum": list(CODES)}),
        status_line=_TEXT,
        started=_MOMENT,
        ended=_or_null(_MOMENT),
        bytes=_COUNT,
        reason=_TEXT,
        messages=_COUNT,
    ),
    "TranscriptLine": _object(
        at=_MOMENT,
        speaker={"enum": ["C", "S", "-"], "description": "Client, server, or what happened."},
        text=_TEXT,
    ),
    "Job": _object(
        number={**_TEXT, "pattern": "^[0-9]{4}$"},
        direction={"enum": ["tx", "rx"]},
        kind={"enum": ["email", "ifax"]},
        party=_TEXT,
        subject=_TEXT,
        pages=_or_null(_COUNT),
        result={"enum": ["OK", "NG", "--", "waiting", "running"]},
        code=_or_null({"enum": list(CODES)}),
        recipients=_list_of(
            _object(
                address=_TEXT,
                result={"enum": ["OK", "NG", "--", "waiting", "running"]},
                code=_or_null({"enum": list(CODES)}),
            )
        ),
        sessions=_list_of(_COUNT),
        started=_MOMENT,
        ended=_or_null(_MOMENT),
    ),
    "Reception": _object(
        result={"enum": ["OK", "NG", None]},
        code=_or_null({"enum": list(CODES)}),
        received={**_COUNT, "description": "Messages."},
        session=_COUNT,
        reason=_TEXT,
    ),
    "Model": _object(name=_TEXT, title=_TEXT, maker=_TEXT, year={"type": "integer"}),
    "Key": {
        "type": "object",
        "description": "The certificate: subject, names, validity, bits, fingerprint.",
    },
}


def _changes(model: Model) -> Schema:
    properties = {}
    for key in model.items():
        about = ITEMS[key]
        allowed: Any = about.kind.constraint()
        schema: Schema
        if about.kind.type == "choice":
            schema = {"enum": allowed}
        elif about.kind.type == "number":
            bounds = {end: allowed[end] for end in ("minimum", "maximum")}
            schema = {"type": "integer", **bounds}
        elif about.kind.type == "list":
            schema = {"type": "array", "items": _TEXT, "maxItems": allowed["max_items"]}
        else:
            schema = {"type": "string", "maxLength": allowed["max_length"]}
        schema["title"] = about.label
        schema["description"] = about.meaning
        if about.secret:
            schema["writeOnly"] = True
        properties[key] = schema
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _json(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _plain(description: str, *types: str) -> Schema:
    return {"description": description, "content": {each: {"schema": _TEXT} for each in types}}


def _problem(description: str) -> Schema:
    return {"description": description, "content": {CONTENT_TYPE: {"schema": _ref("Problem")}}}


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
    operation["responses"] = {
        status: answer,
        **{code.removeprefix("_"): _problem(text) for code, text in problems.items()},
        "default": _problem("Any other error."),
    }
    return operation


_NOTHING: Schema = {"description": "Done."}
_SESSION_ID = _parameter("id", _COUNT, "The session's number.", "path")
_JOB_NUMBER = _parameter(
    "number",
    {"type": "string", "pattern": "^[0-9]{4}$"},
    "0001 to 4999 sent, 5001 to 9999 received.",
    "path",
)
_WINDOW = _parameter("window", _TEXT, "The window's key.", "path")


def _paths() -> Schema:
    return {
        "/healthz": {
            "get": _operation(
                "health",
                "Whether the machine runs; needs no password",
                _json("It runs.", _object(status={"const": "ok"})),
                _503="It does not run.",
            )
        },
        "/api/openapi.json": {
            "get": _operation(
                "openapi", "This document", _json("OpenAPI 3.1.", {"type": "object"})
            )
        },
        "/api/status": {
            "get": _operation("status", "The status", _json("The status.", _ref("Status"))),
            "delete": _operation("clear", "Clear the status line", _NOTHING, status="204"),
        },
        "/api/status/history": {
            "get": _operation(
                "statusHistory",
                "What came on the status line, newest first",
                _json("The history.", _list_of(_ref("StatusEntry"))),
                _limit("entries"),
            )
        },
        "/api/settings": {
            "get": _operation(
                "settings",
                "All windows that the model has",
                _json("The windows.", _ref("Settings")),
            ),
            "patch": _operation(
                "changeSettings",
                "Change settings by whole key, all or none",
                _json(
                    "What has changed; secrets are null.", _object(changed={"type": "object"})
                ),
                body=_ref("Changes"),
                _415="Not application/json.",
                _422="Nothing was changed; `errors` names each wrong key.",
            ),
        },
        "/api/settings/{window}": {
            "get": _operation(
                "settingsWindow",
                "One window",
                _json("The window.", _ref("Settings")),
                _WINDOW,
                _404="The model has no such window.",
            )
        },
        "/api/receive": {
            "post": _operation(
                "receive",
                "Fetch mail from the POP server now; answers when that has ended",
                _json("How it went, OK or NG.", _ref("Reception")),
                _409="It cannot be tried as the settings stand.",
            )
        },
        "/api/jobs": {
            "get": _operation(
                "jobs",
                "Jobs, newest first",
                _json("The jobs.", _list_of(_ref("Job"))),
                _limit("jobs"),
            )
        },
        "/api/jobs/{number}": {
            "get": _operation(
                "job",
                "The newest job of this number",
                _json("The job.", _ref("Job")),
                _JOB_NUMBER,
                _404="No such job.",
            ),
            "delete": _operation(
                "cancelJob",
                "Cancel a job that waits or runs",
                _json("The job, cancelled.", _ref("Job")),
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
                _json("The sessions.", _list_of(_ref("Session"))),
                _limit("sessions"),
                _parameter(
                    "before",
                    {"type": "integer", "minimum": 1, "maximum": 2**62},
                    "Only sessions with a smaller number: the next page.",
                ),
                _parameter("kind", _SCHEMAS["Session"]["properties"]["kind"], "Of this kind."),
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
                                    _ref("Session"),
                                    _object(transcript=_list_of(_ref("TranscriptLine"))),
                                ]
                            }
                        },
                        "text/plain": {"schema": _TEXT},
                    },
                },
                _SESSION_ID,
                _404="No such session.",
            )
        },
        "/api/events": {
            "get": _operation(
                "events",
                "Server-sent events: status, job, session, setting",
                _plain("An endless stream; each event's data is JSON.", "text/event-stream"),
                _parameter(
                    "Last-Event-ID",
                    _TEXT,
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
                _json("Its description.", _ref("Key")),
                _404="There is none.",
            )
        },
        "/api/key/generate": {
            "post": _operation(
                "generateKey",
                "Make a new key and certificate, and use them",
                _json("The new certificate.", _ref("Key")),
            )
        },
        "/api/key/import": {
            "post": _operation(
                "importKey",
                "Use this key and certificate",
                _json("The certificate.", _ref("Key")),
                body={
                    **_object(
                        certificate={**_TEXT, "description": "PEM."},
                        key={**_TEXT, "description": "PEM, without a passphrase."},
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
                _json("The models.", _list_of(_ref("Model"))),
            )
        },
    }
