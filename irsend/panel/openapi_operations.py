"""Builds OpenAPI 3.1 objects: operations, parameters, responses. `openapi` says which there are."""

from __future__ import annotations

from irsend.panel.openapi_schemas import ONE_LINE, TEXT, TIMESTAMP, Schema, ref
from irsend.panel.problems import CONTENT_TYPE
from irsend.panel.request_parameters import MOST_SECONDS
from irsend.panel.waiting import LONGEST

NO_CONTENT: Schema = {"description": "Done."}


def json_response(description: str, schema: Schema) -> Schema:
    """Describe a response in JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def text_response(description: str, *media_types: str) -> Schema:
    """Describe a text response in one of these media types."""
    return {
        "description": description,
        "content": {each: {"schema": TEXT} for each in media_types},
    }


def file_response(description: str, media_type: str) -> Schema:
    """Describe a response that is a file."""
    schema = {"type": "string", "contentMediaType": media_type}
    return {"description": description, "content": {media_type: {"schema": schema}}}


def either(response: Schema, other: Schema) -> Schema:
    """Describe a response in the media types of both, with the first one's description."""
    return {**response, "content": {**response["content"], **other["content"]}}


def problem_response(description: str) -> Schema:
    """Describe a problem document."""
    return {"description": description, "content": {CONTENT_TYPE: {"schema": ref("Problem")}}}


def parameter(name: str, schema: Schema, description: str, where: str = "query") -> Schema:
    """Describe a parameter."""
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": description,
        "schema": schema,
    }


def limit_of(of: str) -> Schema:
    """Describe the parameter that limits a list."""
    schema = {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 100}
    return parameter("limit", schema, f"The most {of} that are given.")


def text_filter(name: str, description: str) -> Schema:
    """Describe a parameter that a text must contain, in capitals or small letters."""
    schema = {"type": "string", "maxLength": 255, "pattern": ONE_LINE}
    return parameter(name, schema, description)


def since_parameter(what: str) -> Schema:
    """Describe the parameter that leaves out what is older."""
    schema: Schema = {
        "anyOf": [{"type": "number", "minimum": 0, "maximum": MOST_SECONDS}, TIMESTAMP]
    }
    words = f"{what}: ISO 8601 with a zone (Z is UTC), or seconds since the epoch."
    return parameter("since", schema, words)


def wait_parameter(until: str) -> Schema:
    """Describe the parameter of requests that wait."""
    schema = {"type": "number", "minimum": 0, "maximum": LONGEST, "default": 0}
    words = f"Seconds: answers as soon as {until}, else after them with what there is."
    return parameter("wait", schema, words)


CODE_FILTER = parameter(
    "code",
    {"type": "string", "pattern": "^(#?[0-9]{3})?$"},
    "With this code; the # may be left out.",
)

NOT_KEPT = "It could not be saved, so nothing was changed: the disk fails, or is full."
"""What 507 means of a change."""


def operation(
    name: str,
    summary: str,
    response: Schema,
    *parameters: Schema,
    status: str = "200",
    body: Schema | None = None,
    form: Schema | None = None,
    also: Schema | None = None,
    **problems: str,
) -> Schema:
    """Describe an operation; `_404="..."` says what a status means there."""
    described: Schema = {"operationId": name, "summary": summary}
    if parameters:
        described["parameters"] = list(parameters)
    if body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
    if form is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": form}},
        }
    described["responses"] = {
        status: response,
        **(also or {}),
        **{code.removeprefix("_"): problem_response(text) for code, text in problems.items()},
        "default": problem_response("Any other error."),
    }
    return described
