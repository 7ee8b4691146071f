"""A printed document as it lies in the tray, and the text of its pages."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class Document:
    """Sheets that came out of the machine for one received mail."""

    serial: int
    """Of its job."""
    number: str
    """Of its job, in the communication report."""
    pages: int
    sender: str
    """The From field, with the name in it."""
    subject: str
    printed: float
    """Seconds since the epoch."""
    codes: tuple[str, ...] = ()
    """Result codes, each once, in the order they came up."""
    notices: tuple[str, ...] = ()
    """Sentences that were printed on it about what could not be printed."""
    size: int = 0
    """Octets of its PDF."""


@frozen(kw_only=True)
class TextLine:
    """A line of a page's text, and where it stands: in points, from the page's upper left corner."""

    text: str
    x: float
    y: float
    width: float
    height: float


@frozen(kw_only=True)
class PageText:
    """The text of a page of a printed document, in its order. Pictures have none."""

    width: float
    """Of the page, in points."""
    height: float
    lines: tuple[TextLine, ...]
