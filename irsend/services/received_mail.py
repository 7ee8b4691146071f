"""A received mail in memory, as one service passes it to the next."""

from __future__ import annotations

from attrs import frozen

from irsend.device.jobs import Job
from irsend.message.fragments import Fragment
from irsend.message.reports.requests import ReportRequests


@frozen(kw_only=True)
class ReceivedMail:
    """A mail with its job, and what `dispatch` has read of it."""

    job: Job
    name: str
    """The name of its file in memory."""
    requests: ReportRequests
    """Which DSN and MDN its sender asks for."""
    fragment: Fragment | None = None
    """Set for a part of a divided mail."""
