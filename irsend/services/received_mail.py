"""A received mail in memory, as the services hand it on."""

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
    """Of its file in memory."""
    requests: ReportRequests
    """Which DSN and MDN its sender asks for."""
    fragment: Fragment | None = None
    """Set for a part of a divided mail."""
