"""What arrived, as the first screen lists it: documents, and mails that are not printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from irsend.device.documents import Document
from irsend.device.jobs import Job
from irsend.device.mails import Mail


@frozen(kw_only=True)
class Arrival:
    """A document with its mail, or either of them alone."""

    number: str
    """Of its job."""
    at: float
    """When it came; of a document without its mail, when that was printed."""
    sender: str
    subject: str
    document: Document | None
    """None where it is not printed, or is out of the tray."""
    mail: int | None
    """The id of its mail, where that is kept."""
    waits: bool = False
    """It is still to be printed."""

    def has(self, sought: str) -> bool:
        """Say whether number, sender or subject has this text in it, in capitals or small letters."""
        sought = sought.casefold()
        texts = (self.number, self.sender, self.subject)
        return any(sought in text.casefold() for text in texts)


def arrivals(documents: Sequence[Document], jobs: Sequence[Job]) -> list[Arrival]:
    """Return what the tray and these jobs of reception have, newest first."""
    by_serial = {one.serial: one for one in jobs}
    listed = [_of_document(one, by_serial.get(one.serial)) for one in documents]
    printed = {one.serial for one in documents}
    listed += [
        Arrival(
            number=one.number,
            at=one.started,
            sender=one.party,
            subject=one.subject,
            document=None,
            mail=one.serial,
            waits=one.ended is None,
        )
        for one in jobs
        if one.mail_file is not None and one.printed_as not in printed
    ]
    return _newest_first(listed)


def found(listed: Sequence[Arrival], mails: Iterable[Mail], sought: str) -> list[Arrival]:
    """Return what of a list has the text that is sought, or is one of the mails that have it."""
    ids, documents = set(), set()
    others = []
    there = {one.mail for one in listed} | {
        one.document.number for one in listed if one.document
    }
    for mail in mails:
        ids.add(mail.id)
        documents.add(mail.document)
        if mail.id not in there and mail.document not in there:
            others.append(_of_mail(mail))
    matching = [
        one
        for one in listed
        if one.has(sought)
        or one.mail in ids
        or (one.document is not None and one.document.number in documents)
    ]
    return _newest_first([*matching, *others])


def _of_document(document: Document, job: Job | None) -> Arrival:
    return Arrival(
        number=document.number,
        at=document.printed if job is None else job.started,
        sender=document.sender,
        subject=document.subject,
        document=document,
        mail=job.serial if job is not None and job.mail_file is not None else None,
    )


def _of_mail(mail: Mail) -> Arrival:
    return Arrival(
        number=mail.job,
        at=mail.at,
        sender=mail.summary.sender,
        subject=mail.summary.subject,
        document=None,
        mail=mail.id,
    )


def _newest_first(listed: Iterable[Arrival]) -> list[Arrival]:
    return sorted(listed, key=lambda one: one.at, reverse=True)
