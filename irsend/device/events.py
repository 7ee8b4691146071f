"""What the device's observers are told: each event carries the new value whole."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from irsend.device.documents import Document
from irsend.device.jobs import Job
from irsend.device.sessions import Session
from irsend.device.status import StatusEntry, StatusLine
from irsend.device.windows import Settings


@frozen(kw_only=True)
class SettingsChanged:
    """Some items have other values than before."""

    settings: Settings
    changes: dict[str, Any] = field(repr=False)
    """The new values by whole key; a secret may be among them."""
    at_machine: bool
    """True for what was changed at the machine and is to survive a restart."""


@frozen(kw_only=True)
class StatusChanged:
    """The status line shows something else; `raised` came on it, or is None when it was cleared."""

    line: StatusLine
    raised: StatusEntry | None


@frozen(kw_only=True)
class SessionChanged:
    """A session began, changed or ended."""

    session: Session


@frozen(kw_only=True)
class JobChanged:
    """A job was accepted, or changed."""

    job: Job


@frozen(kw_only=True)
class PageScanned:
    """A page has gone over the glass; it belongs to no job yet."""

    page: int
    """From 1."""
    pages: int


@frozen(kw_only=True)
class PeerKeptOff:
    """The MAC address filter has kept somebody off; there is no session of it."""

    dropped: int
    """Frames that were dropped by now, or connections refused where frames cannot be."""


@frozen(kw_only=True)
class PaperChanged:
    """The drawer was emptied, or paper was put into it."""

    paper: bool


@frozen(kw_only=True)
class PagePrinted:
    """A page with an image on it is done; the document comes out when all are."""

    number: str
    """Of the job."""
    page: int
    """From 1."""


@frozen(kw_only=True)
class DocumentPrinted:
    """A document lies in the tray."""

    document: Document


@frozen(kw_only=True)
class DocumentRemoved:
    """A document is in the tray no more."""

    document: Document
    why: str
    """In words: somebody took it, or it was in the way of newer ones."""


Event = (
    SettingsChanged
    | StatusChanged
    | SessionChanged
    | JobChanged
    | PageScanned
    | PeerKeptOff
    | PaperChanged
    | PagePrinted
    | DocumentPrinted
    | DocumentRemoved
)
