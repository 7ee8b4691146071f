"""The OpenAPI paths of receiving, sending, jobs and their report: a part of `openapi`."""

from __future__ import annotations

from typing import get_args

from irsend.device.jobs import Direction, JobResult
from irsend.panel.openapi_operations import (
    CODE_FILTER,
    NOT_KEPT,
    either,
    file_response,
    json_response,
    limit_of,
    operation,
    parameter,
    since_parameter,
    text_filter,
    text_response,
    wait_parameter,
)
from irsend.panel.openapi_schemas import Schema, list_of, ref

_JOB_NUMBER = parameter(
    "number",
    {"type": "string", "pattern": "^[0-9]{4}$", "examples": ["5001"]},
    "0001 to 4999 sent, 5001 to 9999 received.",
    "path",
)


def job_paths() -> Schema:
    """Return the paths with their operations."""
    return {
        "/api/receive": {
            "post": operation(
                "receive",
                "Fetch mail from the POP server now; answers when that has ended",
                json_response("How it went, OK or NG.", ref("Reception")),
                _409="It cannot be tried as the settings stand.",
            )
        },
        "/api/send": {
            "post": operation(
                "send",
                "Scan originals and send them",
                json_response("It is queued, and will survive a crash.", ref("Job")),
                parameter(
                    "wait", {"enum": ["0", "1"], "default": "0"}, "1: answer when it has ended."
                ),
                status="202",
                form=ref("Order"),
                also={"200": json_response("It has ended, OK, NG or --.", ref("Job"))},
                _400="The form is damaged.",
                _413="The originals or the words beside them are too large, or too many.",
                _415="Not multipart/form-data.",
                _422="Nothing is sent; the originals cannot be read, or `errors` names each wrong field.",
                _507="The memory is full, or the disk fails: nothing is queued.",
            )
        },
        "/api/jobs": {
            "get": operation(
                "jobs",
                "Jobs, newest first",
                json_response("The jobs.", list_of(ref("Job"))),
                parameter(
                    "number",
                    {"type": "string", "pattern": "^([0-9]{1,4})?$"},
                    "Of this number.",
                ),
                parameter(
                    "direction", {"enum": list(get_args(Direction))}, "Sent or received."
                ),
                parameter("result", {"enum": list(get_args(JobResult))}, "That are so now."),
                CODE_FILTER,
                text_filter("party", "In the other side's address, or that of a recipient."),
                text_filter("subject", "In the subject."),
                since_parameter("That began then or later"),
                parameter(
                    "ended", {"enum": ["0", "1"]}, "1: that have ended; 0: that have not."
                ),
                limit_of("jobs"),
                wait_parameter("there is a job that fits"),
            )
        },
        "/api/jobs/{number}": {
            "get": operation(
                "job",
                "The newest job of this number",
                json_response("The job.", ref("Job")),
                _JOB_NUMBER,
                _404="No such job.",
            ),
            "delete": operation(
                "cancelJob",
                "Cancel a job that waits or runs",
                json_response("The job, cancelled.", ref("Job")),
                _JOB_NUMBER,
                _404="No such job.",
                _409="It has ended.",
                _507=NOT_KEPT,
            ),
        },
        "/api/report": {
            "get": operation(
                "report",
                "The communication report",
                either(
                    text_response("The report.", "text/plain", "text/csv"),
                    file_response("The report, as it is printed.", "application/pdf"),
                ),
                parameter(
                    "format", {"enum": ["text", "csv", "pdf"], "default": "text"}, "Its form."
                ),
                parameter(
                    "clock",
                    {"enum": ["local", "utc"], "default": "local"},
                    "Its times: the machine's local time, or UTC.",
                ),
                limit_of("jobs"),
                _409="It cannot be set as PDF.",
            )
        },
    }
