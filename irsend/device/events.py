"""The events that the device's observers receive: each carries the new value whole."""

from __future__ import annotations

from attrs import field, frozen

from irsend.device.documents import Document
from irsend.device.items import Value
from irsend.device.jobs import Job
from irsend.device.probe_state import ProbeState
from irsend.device.sessions import Session
from irsend.device.status import StatusEntry, StatusLine
from irsend.device.windows import Settings


@frozen(kw_only=True)
class SettingsChanged:
    """Some items have other values than before."""

    settings: Settings
    changes: dict[str, Value] = field(repr=False)
    """The new values by whole key; a secret may be among them."""
    at_machine: bool
    """True for a change made at the machine, which is to survive a restart."""


@frozen(kw_only=True)
class StatusChanged:
    """The status line changed: `raised` is shown now, or None where it was cleared."""

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
    """A page was scanned; it belongs to no job yet."""

    page: int
    """From 1."""
    pages: int


@frozen(kw_only=True)
class PeerKeptOff:
    """The MAC address filter has dropped frames or refused a connection; there is no session of it."""

    dropped: int
    """Frames dropped by now; connections refused, where frames cannot be dropped."""


@frozen(kw_only=True)
class PaperChanged:
    """The drawer was emptied, or paper was put into it."""

    paper: bool


@frozen(kw_only=True)
class DiskChanged:
    """The disk fails, or works again."""

    failure: str
    """Path and cause; empty where it works again."""


@frozen(kw_only=True)
class PagePrinted:
    """A page with an image is printed; the document comes out when all pages are."""

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
    """A document is no longer in the tray."""

    document: Document
    why: str
    """In words: somebody took it, or it was removed to make room."""


@frozen(kw_only=True)
class ProbeChanged:
    """A probe of the panel has come a step further, or has ended."""

    state: ProbeState


Event = (
    SettingsChanged
    | StatusChanged
    | SessionChanged
    | JobChanged
    | PageScanned
    | PeerKeptOff
    | PaperChanged
    | DiskChanged
    | PagePrinted
    | DocumentPrinted
    | DocumentRemoved
    | ProbeChanged
)
