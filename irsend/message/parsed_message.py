"""A received mail when parsed: its head, its parts in order, and what was wrong with it.

Values only; `mime_parser` makes them, `imaging.mail_to_pdf` prints them.
"""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

NOT_PRINTABLE = "#818"
MIME_WRONG = "#819"
ENCODING_WRONG = "#820"
TIFF_WRONG = "#821"
UNDECODABLE = "#822"
UNSUPPORTED_TYPE = "#827"
HTML_RECEIVED = "#828"
TOO_MANY_PAGES = "#829"
TOO_MANY_LINES = "#835"
NO_CODE = ""


class Kind(Enum):
    """How the machine treats a part."""

    TEXT = "text"
    TIFF = "tiff"
    HTML = "html"
    OTHER = "other"
    """Not printed by the first models."""


@frozen(kw_only=True)
class Head:
    """The fields that are printed above the text: decoded, on one line, empty where the mail has none."""

    date: str = ""
    sender: str = ""
    """The From field, with the name in it."""
    message_id: str = ""
    to: str = ""
    subject: str = ""


@frozen(kw_only=True)
class Part:
    """One part of a mail that is no multipart."""

    kind: Kind
    type: str
    """Its MIME type, without parameters, in small letters."""
    name: str = ""
    """The file's name as the sender gives it; never a path to write to."""
    text: str = field(default="", repr=False)
    """Of a text: lines ending in LF."""
    content: bytes = field(default=b"", repr=False)
    """Of all other kinds: the file's octets, as far as they could be decoded."""


@frozen(kw_only=True)
class Problem:
    """Something that was wrong, with its result code (docs/fidelity, Result codes)."""

    code: str
    """NO_CODE where nothing is lost: the job is OK."""
    words: str
    """A sentence that is printed."""


@frozen(kw_only=True)
class ParsedMessage:
    """A mail, parsed."""

    head: Head
    parts: tuple[Part, ...] = ()
    problems: tuple[Problem, ...] = ()
