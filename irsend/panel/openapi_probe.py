"""The OpenAPI paths and schemas of the probe: a part of `openapi`."""

from __future__ import annotations

from irsend.panel.openapi_operations import NO_CONTENT, json_response, operation
from irsend.panel.openapi_schemas import COUNT, TEXT, Schema, list_of, object_of, ref

_YES_NO: Schema = {"type": "boolean", "default": False}

PROBE_SCHEMAS: dict[str, Schema] = {
    "Probe": object_of(
        state={"enum": ["none", "running", "done", "failed"]},
        server={**TEXT, "description": "Its URL; empty without a probe."},
        done={**COUNT, "description": "Steps that are done."},
        of={**COUNT, "description": "Steps in all, as far as they are known."},
        step={**TEXT, "description": "What is done now."},
        problem={**TEXT, "description": "Why it failed."},
        report={
            "type": ["object", "null"],
            "description": "When it has ended, what `irsendctl probe --json` prints.",
        },
    ),
    "ProbeOrder": {
        "type": "object",
        "properties": {
            "url": {
                **TEXT,
                "description": "smtp://HOST[:PORT], smtps://, pop3:// or pop3s://.",
            },
            "to": {
                **list_of({**TEXT, "format": "email"}),
                "description": "Whom the mail is for.",
            },
            "from": {**TEXT, "description": "The sender; else the user, else the recipient."},
            "user": {**TEXT, "description": "The login."},
            "password": {**TEXT, "writeOnly": True, "description": "Of the user."},
            "models": {**list_of(TEXT), "description": "Names of models; none: all."},
            "settings": {
                "type": "object",
                "additionalProperties": TEXT,
                "description": "Settings that all machines have, by whole key.",
            },
            "dry_run": {**_YES_NO, "description": "Stop before DATA: no mail is sent."},
            "allow_clear": {
                **_YES_NO,
                "description": "Give the password in plain text where the model would.",
            },
            "pause": {
                "type": "number",
                "minimum": 0,
                "maximum": 3600,
                "default": 0.2,
                "description": "Seconds between two connections.",
            },
        },
        "required": ["url"],
        "additionalProperties": False,
    },
}


def probe_paths() -> Schema:
    """Return the paths with their operations."""
    return {
        "/api/probe": {
            "get": operation(
                "probe",
                "The probe that is under way, or the last",
                json_response("Its state, with the report when it has ended.", ref("Probe")),
                _404="This panel has no probe.",
            ),
            "post": operation(
                "beginProbe",
                "Let every model meet a mail server",
                json_response("It has begun.", ref("Probe")),
                status="202",
                body=ref("ProbeOrder"),
                _404="This panel has no probe.",
                _409="A probe is under way.",
                _415="Not application/json.",
                _422="Nothing was begun; `errors` names each wrong key.",
            ),
            "delete": operation(
                "endProbe",
                "End the probe that is under way",
                NO_CONTENT,
                status="204",
                _404="This panel has no probe.",
            ),
        }
    }
