"""How the jobs of received mails end: printed, or not (docs/printing). Pure functions of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from irsend.device.documents import Document
from irsend.device.jobs import Job

LONGEST_REASON = 300
MAIL_DELETED = "its mail is in memory no more: somebody else has deleted it"
"""The reason of a job whose mail was deleted by another program before it was printed."""


def printed_jobs(jobs: Sequence[Job], document: Document, *, images: int) -> tuple[Job, ...]:
    """Return the jobs that a document ends: all have its result, the first also its pages."""
    code = document.codes[0] if document.codes else ""
    why = "; ".join(one.replace("\n", ": ") for one in document.notices)
    printed = finished_jobs(jobs, code, why, document.printed)
    first, *others = (attrs.evolve(one, printed_as=document.serial) for one in printed)
    first = attrs.evolve(first, pages=document.pages, kind="ifax" if images else first.kind)
    with_first = f"a part of what was printed as {first.number}"
    return (
        first,
        *(attrs.evolve(one, reason=one.reason or with_first) for one in others),
    )


def finished_jobs(jobs: Sequence[Job], code: str, why: str, at: float) -> tuple[Job, ...]:
    """Return ended jobs, OK without a code; `mail_file` stays as it is."""
    outcome: dict[str, Any] = {
        "result": "NG" if code or why == MAIL_DELETED else "OK",
        "code": code or None,
        "reason": why[:LONGEST_REASON],
    }

    def ended(job: Job) -> Job:
        recipients = tuple(attrs.evolve(one, **outcome) for one in job.recipients)
        return attrs.evolve(job, recipients=recipients, ended=at, **outcome)

    return tuple(map(ended, jobs))
