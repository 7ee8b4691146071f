"""JSON Schemas of what the HTTP interface gives (see `serializers`) and takes.

The schemas of settings and orders are made from their items.

Standards: JSON Schema 2020-12.
"""

from __future__ import annotations

from typing import Any, get_args

from irsend.device import Model
from irsend.device.codes import CODES
from irsend.device.device import State
from irsend.device.items import Item, Lines
from irsend.device.jobs import Direction, JobKind, JobResult
from irsend.device.model_sources import STANDINGS
from irsend.device.send_order import MOST_RECIPIENTS, ORDER_ITEMS
from irsend.device.sessions import SESSION_KINDS, SESSION_RESULTS
from irsend.device.status import StatusText
from irsend.device.windows import ITEMS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
CODE_TEXT: Schema = {**TEXT, "description": "What the code means; empty without one."}
ONE_LINE = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$"
"""Matches a line of text: no control characters and no ends of lines."""
_ANNOTATIONS = ("title", "description", "writeOnly")
_ON, _OFF = ("on", "true", "yes"), ("off", "false", "no")
TIMESTAMP: Schema = {"type": "string", "format": "date-time"}


def ref(name: str) -> Schema:
    """Refer to one of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    """Allow null too."""
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(schema: Schema) -> Schema:
    """Describe an array."""
    return {"type": "array", "items": schema}


def object_of(optional: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """Describe an object with these members, all required but the optional ones."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


SCHEMAS: dict[str, Schema] = {
    "Problem": {
        **object_of(
            ("errors",),
            type=TEXT,
            title=TEXT,
            status={"type": "integer"},
            detail=TEXT,
            errors=list_of(object_of(key=TEXT, problem=TEXT)),
        ),
        "description": "RFC 9457; `errors` names each key that is wrong.",
    },
    "Status": object_of(
        model=TEXT,
        title=TEXT,
        status_line={"enum": ["", *(text.value for text in StatusText)]},
        state={"enum": list(get_args(State))},
        memory=object_of(used=COUNT, capacity=COUNT),
        paper={"type": "boolean"},
        disk_failure={
            **TEXT,
            "description": "Path and cause while the disk fails; empty while it works.",
        },
        since={**or_null(TIMESTAMP), "description": "When the text came on the status line."},
        cause={
            **or_null(
                object_of(
                    session=or_null(COUNT), meaning=TEXT, setting=TEXT, label=TEXT, remedy=TEXT
                )
            ),
            "description": "What the text means, the setting that drew it, and what to do.",
        },
        next_login={
            **or_null(TIMESTAMP),
            "description": "When the POP server lets the machine in again (LOGIN-DELAY).",
        },
        mac_filter={
            **object_of(
                on={"type": "boolean"},
                way={"enum": ["kernel", "first-frame", "neighbour", "none"]},
                dropped=COUNT,
            ),
            "description": "Receiving MAC Address Settings: how they are enforced, and how many "
            "frames were dropped; connections refused where frames cannot be.",
        },
    ),
    "StatusEntry": object_of(
        at=TIMESTAMP, text={"enum": [text.value for text in StatusText]}, session=or_null(COUNT)
    ),
    "Settings": object_of(windows=list_of(ref("Window"))),
    "Window": object_of(key=TEXT, label=TEXT, path=list_of(TEXT), items=list_of(ref("Item"))),
    "Item": object_of(
        ("set",),
        key={**TEXT, "description": "The whole key, as PATCH takes it."},
        label=TEXT,
        type={"enum": ["choice", "number", "text", "list"]},
        value={"description": "null where it is secret."},
        default={"description": "The factory setting; null where it is secret."},
        allowed={
            "description": "choice: the values; number: minimum, maximum, unit; "
            "text: max_length; list: max_items."
        },
        secret={"type": "boolean"},
        help=TEXT,
        set={"type": "boolean", "description": "Of a secret: whether there is one."},
    ),
    "Session": object_of(
        id=COUNT,
        kind={"enum": list(SESSION_KINDS)},
        peer=TEXT,
        mac=or_null(TEXT),
        tls=or_null(object_of(version=TEXT, cipher=TEXT)),
        auth={**or_null(TEXT), "description": "The mechanism that a login succeeded with."},
        choice={**TEXT, "description": "Mechanisms offered, the one chosen, and why."},
        result={"enum": [*SESSION_RESULTS, None], "description": "null while under way."},
        code=or_null({"enum": list(CODES)}),
        code_text=CODE_TEXT,
        status_line=TEXT,
        started=TIMESTAMP,
        ended=or_null(TIMESTAMP),
        bytes=COUNT,
        reason=TEXT,
        messages=COUNT,
    ),
    "TranscriptLine": object_of(
        at=TIMESTAMP,
        speaker={"enum": ["C", "S", "-"], "description": "Client, server, or what happened."},
        text=TEXT,
    ),
    "Job": object_of(
        number={**TEXT, "pattern": "^[0-9]{4}$"},
        direction={"enum": list(get_args(Direction))},
        kind={"enum": list(get_args(JobKind))},
        party=TEXT,
        subject=TEXT,
        pages=or_null(COUNT),
        result={"enum": list(get_args(JobResult))},
        code=or_null({"enum": list(CODES)}),
        code_text=CODE_TEXT,
        reason={**TEXT, "description": "Why it is NG, or what the last attempt met."},
        size={**or_null(COUNT), "description": "Octets of the message that is sent."},
        recipients=list_of(
            object_of(
                address=TEXT,
                result={"enum": list(get_args(JobResult))},
                code=or_null({"enum": list(CODES)}),
                code_text=CODE_TEXT,
                reason=TEXT,
            )
        ),
        sessions=list_of(COUNT),
        started=TIMESTAMP,
        ended=or_null(TIMESTAMP),
    ),
    "Document": object_of(
        (),
        number={**TEXT, "pattern": "^[0-9]{4}$"},
        pages=COUNT,
        **{"from": TEXT},
        subject=TEXT,
        printed=TIMESTAMP,
        codes=list_of({"enum": list(CODES)}),
        code_texts={**list_of(TEXT), "description": "What these codes mean, in their order."},
        notices={**list_of(TEXT), "description": "What stands on it of what is not printed."},
        size={**COUNT, "description": "Octets of the PDF."},
    ),
    "PageText": object_of(
        width={"type": "number", "description": "Of the page; all in points of 1/72 inch."},
        height={"type": "number"},
        lines={
            **list_of(
                object_of(
                    text=TEXT,
                    x={"type": "number"},
                    y={"type": "number"},
                    width={"type": "number"},
                    height={"type": "number"},
                )
            ),
            "description": "In reading order, their upper left corners from the page's; up to "
            "1,000 of them. Pictures have none.",
        },
    ),
    "Reception": object_of(
        result={"enum": [*SESSION_RESULTS, None]},
        code=or_null({"enum": list(CODES)}),
        code_text=CODE_TEXT,
        received={**COUNT, "description": "Messages."},
        session=COUNT,
        reason=TEXT,
    ),
    "Model": object_of(
        name=TEXT,
        title=TEXT,
        maker=TEXT,
        year={"type": "integer"},
        special={**TEXT, "description": "What is special about it."},
        tls={
            "type": ["object", "null"],
            "description": "The keys of [tls] in its file; null: it has no TLS.",
        },
        mechanisms=object_of(secured=list_of(TEXT), plain=list_of(TEXT)),
        statements=list_of(ref("ModelStatement")),
        sources=list_of(ref("ModelSource")),
    ),
    "ModelStatement": object_of(
        key={**TEXT, "description": "A key of the model's file."},
        value={},
        standing={
            "enum": [*STANDINGS, ""],
            "description": "How far it can be trusted; empty: the file does not say.",
        },
        sources={**list_of(COUNT), "description": "The numbers of its sources."},
    ),
    "ModelSource": object_of(
        number=COUNT,
        address=TEXT,
        date={**TEXT, "description": "When it was published; empty: it has no date."},
        read={**TEXT, "description": "When it was read, where it has no date."},
        standing={"enum": list(STANDINGS)},
        says=TEXT,
        keys=list_of(TEXT),
    ),
    "Key": {
        "type": "object",
        "description": "The machine's certificate.",
        "properties": {
            "subject": TEXT,
            "names": list_of(TEXT),
            "not_before": TIMESTAMP,
            "not_after": TIMESTAMP,
            "bits": COUNT,
            "sha256": {**TEXT, "description": "The fingerprint."},
        },
    },
}


def _of_item(about: Item) -> Schema:
    """Describe the value of an item."""
    allowed: Any = about.kind.constraint()
    schema: Schema
    if about.kind.type == "choice":
        schema = {"enum": allowed}
    elif about.kind.type == "number":
        schema = {"type": "integer", **{end: allowed[end] for end in ("minimum", "maximum")}}
    elif about.kind.type == "list":
        schema = {"type": "array", "items": TEXT, "maxItems": allowed["max_items"]}
    else:
        schema = {"type": "string", "maxLength": allowed["max_length"], "pattern": ONE_LINE}
        if isinstance(about.kind, Lines):
            del schema["pattern"]
    schema["title"] = about.label
    schema["description"] = about.meaning
    if about.secret:
        schema["writeOnly"] = True
    return schema


def _accepted(about: Item) -> Schema:
    """Describe what PATCH takes for an item: its value, or the value as text, as `irsendctl set` sends it."""
    schema = _of_item(about)
    annotations = {name: schema.pop(name) for name in _ANNOTATIONS if name in schema}
    words: Schema = {"type": "string"}
    if about.kind.type == "choice":
        schema, words = _choice(schema["enum"])
    elif about.kind.type == "number":
        words["pattern"] = "^[0-9]{1,19}$"
    elif about.kind.type == "list":
        # Repeated entries count once, so maxItems would refuse what PATCH takes.
        del schema["maxItems"]
        annotations["description"] += (
            f" {about.kind.allowed[:1].upper()}{about.kind.allowed[1:]}."
        )
    else:
        return {**schema, **annotations}
    return {"anyOf": [schema, words], **annotations}


def _choice(values: list[Any]) -> tuple[Schema, Schema]:
    """Describe one of some values, and the words for them, which are taken in any case."""
    words = [*_ON, *_OFF] if values == [False, True] else values
    taken = [word for word, on in (("on", True), ("off", False)) if word in words]
    enum = [*values, *(word == "on" for word in taken)] if words is values else values
    any_case = ("".join(f"[{a}{a.upper()}]" if a.isalpha() else a for a in w) for w in words)
    return {"enum": enum}, {"type": "string", "pattern": f"^({'|'.join(any_case)})$"}


def changes(model: Model) -> Schema:
    """Describe what PATCH /api/settings takes for this model."""
    properties = {key: _accepted(ITEMS[key]) for key in model.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def order() -> Schema:
    """Describe the form of POST /api/send."""
    page = {**list_of({"type": "string", "format": "binary"}), "minItems": 1}
    page["description"] = "PDF, TIFF, PNG or JPEG files, in their order."
    properties: Schema = {"page": page}
    for key, (about, default) in ORDER_ITEMS.items():
        properties[key] = _of_item(about)
        if properties[key].get("enum") == [False, True]:
            # A form has text only.
            properties[key]["enum"], default = ["off", "on"], "off"
        if not about.secret and default:
            properties[key]["default"] = default
    to = properties["to"]
    # Repeated addresses count once, so maxItems would refuse what POST takes.
    to["description"] += f" {MOST_RECIPIENTS} at most."
    del to["maxItems"]
    to.update(minItems=1, items={"type": "string", "format": "email"})
    return {
        "type": "object",
        "properties": properties,
        "required": ["page", "to"],
        "additionalProperties": False,
    }
