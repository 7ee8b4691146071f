"""Builds OpenAPI 3.1 objects: operations, parameters, responses. `openapi` says which there are."""

from __future__ import annotations

from irsend.panel.openapi_schemas import TEXT, Schema, ref
from irsend.panel.problems import CONTENT_TYPE

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
