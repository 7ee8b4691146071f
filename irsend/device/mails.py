"""A received mail as programs and people look at it, and the query that finds it.

Texts are decoded and on one line, empty where the mail has none. `message` reads them.
"""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class MailPart:
    """A part of a mail that is no multipart."""

    part: int
    """From 1, in the order of the mail."""
    type: str
    """Its MIME type, without parameters, in small letters."""
    name: str = ""
    """The file's name as the sender gives it; never a path to write to."""
    size: int = 0
    """Octets, decoded."""
    charset: str = ""
    """Of a text, as its sender gives it."""
    attachment: bool = False
    """It is not the text of the mail."""


@frozen(kw_only=True)
class MailSummary:
    """What a mail says of itself."""

    sender: str = ""
    """The From field, with the name in it."""
    to: str = ""
    subject: str = ""
    date: str = ""
    """The Date field as it stands."""
    envelope_sender: str = ""
    """Empty for the null reverse-path, and for a mail that was fetched by POP."""
    envelope_recipients: tuple[str, ...] = ()
    parts: tuple[MailPart, ...] = ()


@frozen(kw_only=True)
class Mail:
    """A received mail that is kept: it waits for printing, or was printed."""

    id: int
    """The serial of its job."""
    at: float
    """When it came, in seconds since the epoch."""
    size: int
    """Octets, as they came."""
    summary: MailSummary
    session: int | None
    """The session that brought it; None where that is not known."""
    job: str
    """The number of its job."""
    document: str | None
    """The number of its document; None where it is not printed, or the document is gone."""

    @property
    def attachments(self) -> tuple[MailPart, ...]:
        """Its parts that are not its text."""
        return tuple(one for one in self.summary.parts if one.attachment)


@frozen(kw_only=True)
class MailContent:
    """A mail, read as far as people read it."""

    mail: Mail
    headers: tuple[tuple[str, str], ...]
    """Name and value of each field, in order; the values decoded, on one line."""
    text: str
    """Its text; that of its HTML where it has no other."""


@frozen(kw_only=True)
class MailQuery:
    """Which mails are meant. Texts match anywhere, in capitals or small letters; None matches all."""

    sender: str | None = None
    """In the From field, or the sender of the envelope."""
    to: str | None = None
    """In the To field, or a recipient of the envelope."""
    subject: str | None = None
    text: str | None = None
    """In the text of the mail."""
    anywhere: str | None = None
    """In any of these."""
    since: float | None = None
    """It came then or later; seconds since the epoch."""
    session: int | None = None
    before: int | None = None
    """Its id is smaller: the next page."""
    limit: int = 100
