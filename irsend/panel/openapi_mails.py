"""The OpenAPI paths and schemas of received mail: a part of `openapi`."""

from __future__ import annotations

from irsend.panel.openapi_operations import (
    NO_CONTENT,
    NOT_KEPT,
    file_response,
    json_response,
    limit_of,
    operation,
    parameter,
    since_parameter,
    text_filter,
    wait_parameter,
)
from irsend.panel.openapi_schemas import (
    COUNT,
    TEXT,
    TIMESTAMP,
    Schema,
    list_of,
    object_of,
    or_null,
    ref,
)

_ID = parameter(
    "id",
    {"type": "integer", "minimum": 0, "maximum": 10**18 - 1, "examples": [1]},
    "Of the mail.",
    "path",
)
_PART = parameter(
    "part",
    {"type": "integer", "minimum": 0, "maximum": 99_999, "examples": [1]},
    "From 1.",
    "path",
)
_NUMBER: Schema = {"type": "integer", "minimum": 1, "maximum": 2**62}
_NO_MAIL = "No such mail."


_MAIL: dict[str, Schema] = {
    "id": COUNT,
    "at": {**TIMESTAMP, "description": "When it came."},
    "from": {
        **TEXT,
        "description": "The From field, decoded; empty without one, as the next three.",
    },
    "to": TEXT,
    "subject": TEXT,
    "date": {**TEXT, "description": "The Date field as its sender wrote it."},
    "envelope": {
        **object_of((), **{"from": TEXT, "to": list_of(TEXT)}),
        "description": "Of SMTP; empty where the mail was fetched by POP.",
    },
    "size": {**COUNT, "description": "Octets, as it came."},
    "attachments": list_of(object_of(part=COUNT, name=TEXT, type=TEXT, size=COUNT)),
    "session": {
        **or_null(COUNT),
        "description": "That brought it; null where it is not known.",
    },
    "job": {**TEXT, "description": "The number of its job."},
    "document": {
        **or_null(TEXT),
        "description": "The number of its document; null where that is not printed, or gone.",
    },
}

MAIL_SCHEMAS: dict[str, Schema] = {
    "Mail": object_of((), **_MAIL),
    "MailContent": object_of(
        (),
        **_MAIL,
        headers={
            **list_of({**list_of(TEXT), "minItems": 2, "maxItems": 2}),
            "description": "Name and value of each field, in order; values are decoded.",
        },
        text={**TEXT, "description": "That of its HTML where it has no other."},
        parts={
            **list_of(
                object_of(
                    part=COUNT,
                    type=TEXT,
                    name=TEXT,
                    size=COUNT,
                    charset=TEXT,
                    attachment={"type": "boolean"},
                )
            ),
            "description": "All that are no multipart, in order; size is in octets, decoded.",
        },
    ),
}


def mail_paths() -> Schema:
    """Return the paths with their operations."""
    return {
        "/api/mails": {
            "get": operation(
                "mails",
                "Received mails, newest first: those that wait for printing, and printed ones that are kept",
                json_response("The mails.", list_of(ref("Mail"))),
                text_filter("from", "In the From field, or the sender of the envelope."),
                text_filter("to", "In the To field, or a recipient of the envelope."),
                text_filter("subject", "In the subject."),
                text_filter("text", "In the text."),
                since_parameter("That came then or later"),
                parameter("session", _NUMBER, "That this session brought."),
                limit_of("mails"),
                parameter("before", _NUMBER, "Only mails with a smaller id: the next page."),
                wait_parameter("there is a mail that fits"),
            ),
            "delete": operation(
                "removeMails",
                "Delete all received mails; those that wait are not printed",
                NO_CONTENT,
                status="204",
                _507=NOT_KEPT,
            ),
        },
        "/api/mails/{id}": {
            "get": operation(
                "mail",
                "One received mail, with its header fields and its text",
                json_response("The mail.", ref("MailContent")),
                _ID,
                _404=_NO_MAIL,
                _409="The mail cannot be read.",
            ),
            "delete": operation(
                "removeMail",
                "Delete a received mail; one that waits is not printed",
                NO_CONTENT,
                _ID,
                status="204",
                _404=_NO_MAIL,
                _507=NOT_KEPT,
            ),
        },
        "/api/mails/{id}/raw": {
            "get": operation(
                "mailSource",
                "The octets of a received mail as they came",
                file_response("The mail.", "message/rfc822"),
                _ID,
                _404=_NO_MAIL,
            )
        },
        "/api/mails/{id}/parts/{part}": {
            "get": operation(
                "mailPart",
                "A part of a received mail, decoded, in the type that its sender gave it",
                file_response("The part.", "*/*"),
                _ID,
                _PART,
                _404="No such mail, or no such part.",
                _409="The mail cannot be read.",
            )
        },
    }
