"""What an operation of the HTTP interface looks like in OpenAPI 3.1; which there are is told by `openapi`."""

from __future__ import annotations

from irsend.panel.openapi_schemas import TEXT, Schema, ref
from irsend.panel.problems import CONTENT_TYPE

NOTHING: Schema = {"description": "Done."}


def json_answer(description: str, schema: Schema) -> Schema:
    """Describe an answer in JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def plain_answer(description: str, *types: str) -> Schema:
    """Describe an answer in one of these types, as text."""
    return {"description": description, "content": {each: {"schema": TEXT} for each in types}}


def file_answer(description: str, of_type: str) -> Schema:
    """Describe a file."""
    schema = {"type": "string", "contentMediaType": of_type}
    return {"description": description, "content": {of_type: {"schema": schema}}}


def either(answer: Schema, other: Schema) -> Schema:
    """Describe an answer that is one of two; the first one's words describe it."""
    return {**answer, "content": {**answer["content"], **other["content"]}}


def problem_answer(description: str) -> Schema:
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
    """Describe the parameter that says how many are given at most."""
    schema = {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 100}
    return parameter("limit", schema, f"The most {of} that are given.")


def operation(
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
        status: answer,
        **(also or {}),
        **{code.removeprefix("_"): problem_answer(text) for code, text in problems.items()},
        "default": problem_answer("Any other error."),
    }
    return described
