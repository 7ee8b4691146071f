"""What the panel asks of a machine: `IMachine`, whose answers are values of `irsend.device`.

`services` implements it; what protocols ask is in `interfaces`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import IO

    from twisted.internet.defer import Deferred

    from irsend.device.device import Device
    from irsend.device.documents import Document, PageText
    from irsend.device.items import Value
    from irsend.device.jobs import Job, JobQuery
    from irsend.device.mails import Mail, MailContent, MailPart, MailQuery
    from irsend.device.probe_state import ProbeState
    from irsend.device.send_order import Original, SendOrder
    from irsend.device.sessions import Session
    from irsend.device.status import StatusEntry
    from irsend.interfaces import TranscriptLine


class IMachine(Interface):
    """The machine as its panel sees it. What reads a disk returns a Deferred.

    Times are seconds since the epoch.
    """

    device: Device = Attribute(
        "Its model, settings, status line, sessions under way, and `observe`."
    )

    def memory() -> tuple[int, int]:
        """Return the octets of memory in use, and its capacity."""

    def mac_filter() -> tuple[str, int]:
        """Return the way the MAC address filter is enforced, and how many frames it has dropped.

        Where frames cannot be dropped, the number is of connections refused.
        """

    def change_settings(given: dict[str, object]) -> dict[str, Value]:
        """Change items by whole key, return what changed; SettingsRefused names each wrong one, NotKept."""

    def factory_reset() -> None:
        """Discard what was changed at the machine: the configuration holds again. NotKept."""

    def receive() -> Deferred[Session]:
        """Fetch mail from the POP server now; fires when the session has ended.

        Raises CannotReceive where the settings forbid it or do not say from where.
        """

    def scan_directory() -> Path:
        """Return a new, empty directory for originals; the caller removes it."""

    def read_order(originals: Sequence[Original], given: dict[str, object]) -> SendOrder:
        """Return the order of these originals and items; SendRefused names each wrong one."""

    def send(order: SendOrder) -> Deferred[Job]:
        """Scan and queue; fires once the job will survive a crash.

        Fails with ScanRefused, MemoryFull or NotKept: then nothing is queued. May be
        cancelled until it fires.
        """

    def job_ended(number: str) -> Deferred[Job]:
        """Fire with the newest job of this number when it has ended; NoSuchRecord."""

    def next_login() -> float | None:
        """Return when the POP server lets the machine log in again (LOGIN-DELAY); None for now."""

    def clear_status() -> Deferred[None]:
        """Clear the status line, as the operator does; NotKept."""

    def status_history(limit: int = 100) -> Deferred[list[StatusEntry]]:
        """Give what came on the status line, newest first."""

    def sessions(
        limit: int = 100,
        before: int | None = None,
        kind: str | None = None,
        peer: str | None = None,
        result: str | None = None,
        code: str | None = None,
    ) -> Deferred[list[Session]]:
        """Give the sessions that fit, newest first, those under way among them."""

    def session(id: int) -> Deferred[Session]:
        """Give one session; NoSuchRecord."""

    def settings_at(at: float) -> Deferred[dict[str, object]]:
        """Give the settings at a time, by whole key, without secrets."""

    def transcript(id: int) -> Deferred[list[TranscriptLine]]:
        """Give what was said in a session, so far or to its end; NoSuchRecord."""

    def jobs(limit: int = 100, query: JobQuery = ...) -> Deferred[list[Job]]:
        """Give the jobs that a query finds, newest first."""

    def job(number: str) -> Deferred[Job]:
        """Give the newest job of this number; NoSuchRecord."""

    def cancel_job(number: str) -> Deferred[Job]:
        """Cancel a job that waits or runs; NoSuchRecord, CannotCancel, NotKept."""

    def mails(query: MailQuery) -> Deferred[list[Mail]]:
        """Give the received mails that a query finds, newest first: those that wait, and those kept."""

    def mail(id: int) -> Deferred[MailContent]:
        """Give a received mail with its fields and its text; NoSuchRecord, CannotReadMail."""

    def open_mail(id: int) -> Deferred[tuple[IO[bytes], int]]:
        """Give a received mail as it came: an open file, where it begins, and its octets; NoSuchRecord.

        The caller closes the file.
        """

    def open_mail_part(id: int, part: int) -> Deferred[tuple[MailPart, IO[bytes]]]:
        """Give a part of a mail, and an open file of its octets, decoded; NoSuchRecord, CannotReadMail.

        The caller closes the file.
        """

    def remove_mail(id: int) -> Deferred[None]:
        """Delete a received mail; one that waits is not printed (#995). NoSuchRecord, NotKept."""

    def remove_mails() -> Deferred[None]:
        """Delete all received mails, those that wait too; NotKept."""

    def change_paper(paper: bool) -> Deferred[None]:
        """Put paper into the drawer, or take it out; without paper received mail waits. NotKept."""

    def documents() -> list[Document]:
        """Return the documents in the tray, newest first."""

    def document(number: str) -> Document:
        """Return the document of this number; NoSuchRecord."""

    def document_file(number: str) -> Path:
        """Return the path of a document's PDF; NoSuchRecord."""

    def draw_page(
        number: str, page: int, dots: int, *, crop_to_ink: bool = False
    ) -> Deferred[bytes]:
        """Give a page as a PNG, at so many dots an inch; NoSuchRecord, CannotDraw.

        With `crop_to_ink` it is the upper part of the page's ink, in a fixed aspect.
        """

    def read_page(number: str, page: int) -> Deferred[PageText]:
        """Give the text of a page, with its places; NoSuchRecord, CannotDraw."""

    def set_text(text: str, title: str) -> Deferred[bytes]:
        """Give a text as the machine sets it on its paper, as a PDF with this title; CannotDraw."""

    def remove_document(number: str) -> Deferred[None]:
        """Delete a document from the tray; NoSuchRecord, NotKept."""

    def key_description() -> dict[str, object] | None:
        """Return subject, names, validity, bits and fingerprint of the certificate; None without one."""

    def generate_key() -> Deferred[dict[str, object]]:
        """Make a new key and certificate, use them, and describe them; NotKept."""

    def import_key(certificate: bytes, key: bytes) -> dict[str, object]:
        """Use this key and certificate (PEM) from now on; KeyMaterialError, NotKept."""


class IProbes(Interface):
    """The probe of the panel: every model before a mail server (docs/probe)."""

    state: ProbeState | None = Attribute("Of the one under way, or the last; None before any.")

    def begin(given: Mapping[str, object]) -> ProbeState:
        """Begin one; SettingsRefused names each wrong key, an IrsendError that one is under way."""

    def stop() -> Deferred[None]:
        """End the one under way, if any; fires when it has ended."""
