"""What a received mail holds: its head, its parts in order, and what was wrong with it.

Values only; `mime_parser` makes them, the printing of `imaging` reads them.
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


class Kind(Enum):
    """What a part is to a machine that prints."""

    TEXT = "text"
    TIFF = "tiff"
    HTML = "html"
    OTHER = "other"
    """Nothing that the first models print."""


@frozen(kw_only=True)
class Head:
    """What is printed above the text; each on one line, decoded, empty where the mail has none."""

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
    """The file's name, as the sender has it; never a path to write to."""
    text: str = field(default="", repr=False)
    """Of a text: lines ending in LF."""
    content: bytes = field(default=b"", repr=False)
    """Of all others: the octets of the file, as far as they could be decoded."""


@frozen(kw_only=True)
class Problem:
    """Something that was wrong, with its result code (docs/fidelity, Result codes)."""

    code: str
    words: str
    """A sentence for whoever reads the page."""


@frozen(kw_only=True)
class ParsedMessage:
    """A mail, taken apart."""

    head: Head
    parts: tuple[Part, ...] = ()
    problems: tuple[Problem, ...] = ()
