"""The OpenAPI paths that describe the interface itself, and the headings of all: a part of `openapi`."""

from __future__ import annotations

from irsend.panel.openapi_operations import json_response, operation, text_response
from irsend.panel.openapi_schemas import TEXT, Schema, list_of, object_of

_TAGS = {
    "mails": "Received mail",
    "tray": "Printed documents",
    "paper": "Printed documents",
    "receive": "Receiving and sending",
    "send": "Receiving and sending",
    "jobs": "Receiving and sending",
    "report": "Receiving and sending",
    "sessions": "Sessions and events",
    "events": "Sessions and events",
    "status": "Status line",
    "settings": "Settings",
    "factory-reset": "Settings",
    "key": "Key and certificate",
}
"""Under which heading the documentation shows the operations of a path, by its part behind /api."""
_OTHER = "This program"


def tagged(paths: Schema) -> list[Schema]:
    """Give each operation its heading, and return the headings in the order of the documentation."""
    used = set()
    for path, operations in paths.items():
        name = _TAGS.get(path.removeprefix("/api/").partition("/")[0], _OTHER)
        used.add(name)
        for described in operations.values():
            described["tags"] = [name]
    names = dict.fromkeys([*_TAGS.values(), _OTHER])
    return [{"name": name} for name in names if name in used]


def docs_paths() -> Schema:
    """Return the paths with their operations."""
    return {
        "/api": {
            "get": operation(
                "index",
                "Where the interface is described; a browser is redirected to the page",
                json_response(
                    "The addresses.",
                    object_of(
                        title=TEXT,
                        version=TEXT,
                        model=TEXT,
                        documentation=TEXT,
                        openapi=TEXT,
                        paths=list_of(TEXT),
                    ),
                ),
                also={"303": {"description": "To /api/docs, where Accept prefers text/html."}},
            )
        },
        "/api/docs": {
            "get": operation(
                "docs", "This document as a page", text_response("The page.", "text/html")
            )
        },
        "/api/openapi.json": {
            "get": operation(
                "openapi", "This document", json_response("OpenAPI 3.1.", {"type": "object"})
            )
        },
    }
