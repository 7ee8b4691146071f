"""The OpenAPI paths of paper and tray, documents and their pages: a part of `openapi`."""

from __future__ import annotations

from irsend.panel.openapi_operations import (
    CODE_FILTER,
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
from irsend.panel.openapi_schemas import Schema, list_of, object_of, ref

_DOCUMENT = parameter(
    "number",
    {"type": "string", "pattern": "^[0-9]{4}$", "examples": ["5001"]},
    "Of its job, 5001 to 9999.",
    "path",
)
_PAGE = parameter("page", {"type": "integer", "minimum": 1, "examples": [1]}, "From 1.", "path")
_UNCHANGED: Schema = {"304": {"description": "As it was asked for before (If-None-Match)."}}
_NO_PAGE = "No such document, or no such page."
_NO_DOCUMENT = "No such document in the tray."


def tray_paths() -> Schema:
    """Return the paths with their operations."""
    return {
        "/api/paper": {
            "put": operation(
                "changePaper",
                "Put paper into the drawer, or take it out; without it what was received waits",
                json_response("The status.", ref("Status")),
                body={**object_of(paper={"type": "boolean"}), "additionalProperties": False},
                _415="Not application/json.",
                _422="Nothing was changed.",
                _507=NOT_KEPT,
            )
        },
        "/api/tray": {
            "get": operation(
                "tray",
                "Printed documents, newest first",
                json_response("The documents.", list_of(ref("Document"))),
                text_filter("from", "In the From field of its mail."),
                text_filter("subject", "In its subject."),
                CODE_FILTER,
                since_parameter("That were printed then or later"),
                limit_of("documents"),
                wait_parameter("there is a document that fits"),
            )
        },
        "/api/tray/{number}": {
            "get": operation(
                "document",
                "One printed document",
                json_response("The document.", ref("Document")),
                _DOCUMENT,
                _404=_NO_DOCUMENT,
            ),
            "delete": operation(
                "takeDocument",
                "Take a document out of the tray, for good",
                NO_CONTENT,
                _DOCUMENT,
                status="204",
                _404=_NO_DOCUMENT,
                _507=NOT_KEPT,
            ),
        },
        "/api/tray/{number}.pdf": {
            "get": operation(
                "documentFile",
                "A printed document as PDF",
                file_response("The document.", "application/pdf"),
                _DOCUMENT,
                _404=_NO_DOCUMENT,
            )
        },
        "/api/tray/{number}/{page}.png": {
            "get": operation(
                "documentPage",
                "A page of a printed document, to look at",
                file_response("The page.", "image/png"),
                _DOCUMENT,
                _PAGE,
                parameter(
                    "dots",
                    {"type": "integer", "minimum": 10, "maximum": 600, "default": 100},
                    "Dots an inch.",
                ),
                parameter(
                    "crop",
                    {"enum": ["none", "ink"], "default": "none"},
                    "ink: only the upper part of what is printed on the page, in a fixed aspect.",
                ),
                also=_UNCHANGED,
                _404=_NO_PAGE,
                _409="The page cannot be drawn.",
            )
        },
        "/api/tray/{number}/{page}.json": {
            "get": operation(
                "documentPageText",
                "The text of a page of a printed document, to lay over its picture",
                json_response("The text.", ref("PageText")),
                _DOCUMENT,
                _PAGE,
                also=_UNCHANGED,
                _404=_NO_PAGE,
                _409="The page cannot be read.",
            )
        },
    }
