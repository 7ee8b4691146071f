"""The OpenAPI paths of faults on order: a part of `openapi`."""

from __future__ import annotations

from irsend.device.fault_reader import LONGEST_ORDER
from irsend.device.faults import KINDS, OPTIONS, ROLES, STEPS
from irsend.panel.faults import MOST_ORDERS
from irsend.panel.openapi_operations import NO_CONTENT, json_response, operation, parameter
from irsend.panel.openapi_schemas import COUNT, TEXT, Schema, list_of, object_of, or_null, ref

_LINE: Schema = {
    "type": "string",
    "maxLength": LONGEST_ORDER,
    "examples": ["451-data", "drop-after-rcpt scope=next"],
    "description": "An order, as docs/faults has it.",
}
_ORDER: Schema = {
    "type": "object",
    "required": ["order"],
    "properties": {
        "order": _LINE,
        **{
            name: {"type": ["string", "number"], "description": meaning}
            for name, meaning in OPTIONS.items()
        },
    },
    "additionalProperties": False,
}

FAULT_SCHEMAS: Schema = {
    "OrderedFault": object_of(
        number={**COUNT, "description": "By which it is taken back."},
        order=TEXT,
        kind={"enum": list(KINDS)},
        role={"enum": list(ROLES)},
        step={"enum": [*STEPS, None]},
        meaning=TEXT,
        sessions_left={**or_null(COUNT), "description": "null until it is taken back."},
        times_left={**or_null(COUNT), "description": "null at each time."},
        happened={**COUNT, "description": "How often it has happened."},
    ),
    "Faults": object_of(
        faults=list_of(ref("OrderedFault")),
        magic={"type": "boolean", "description": "Whether recipients may ask for faults."},
        authority={
            **or_null(TEXT),
            "description": "The certificate (PEM) of the authority behind wrong certificates.",
        },
    ),
}


def fault_paths() -> Schema:
    """Return the paths with their operations."""
    return {
        "/api/faults": {
            "get": operation(
                "faults",
                "The faults that are ordered, oldest first",
                json_response("Those in force.", ref("Faults")),
            ),
            "put": operation(
                "orderFaults",
                "Have exactly the faults of a list in force; or add one order to those in force",
                json_response("Those in force.", ref("Faults")),
                body={
                    "oneOf": [
                        {
                            **object_of(
                                faults={
                                    "type": "array",
                                    "maxItems": MOST_ORDERS,
                                    "items": {"oneOf": [_LINE, _ORDER]},
                                }
                            ),
                            "additionalProperties": False,
                        },
                        _ORDER,
                    ]
                },
                _415="Not application/json.",
                _422="Nothing was ordered; `errors` says which order is wrong, and what is allowed.",
            ),
            "delete": operation(
                "takeBackFaults", "Take all orders back", NO_CONTENT, status="204"
            ),
        },
        "/api/faults/{number}": {
            "delete": operation(
                "takeBackFault",
                "Take one order back",
                NO_CONTENT,
                parameter("number", {**COUNT, "examples": [1]}, "The order's number.", "path"),
                status="204",
                _404="No such order in force.",
            )
        },
    }
