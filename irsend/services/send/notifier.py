"""The notifier: sends a DSN when a mail is delivered, an MDN when it is printed or cannot be.

Only where the sender asked for it. A report is a job like any other in the send
queue, with the null sender, so that no report answers it. A report that fails
does not fail its mail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Literal

import attrs
from twisted.logger import Logger

from irsend.device.codes import CODES
from irsend.device.device import Device
from irsend.device.jobs import Job, Recipient
from irsend.device.send_policy import sender_address
from irsend.message.reports.dsn import dsn
from irsend.message.reports.mdn import mdn
from irsend.message.reports.multipart_report import ReportHead
from irsend.message.style import Style
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.received_mail import ReceivedMail
from irsend.services.send.quirks import style_of
from irsend.services.send.send_queue import SendQueue
from irsend.services.unexpected import log_unexpected
from irsend.store.journal import Journal
from irsend.store.outbox import Outbox, Outgoing

# With so many messages in the outbox no report is sent, so that mails cannot fill the disk with them.
_MOST_WAITING = 1000
_SUBJECT = {
    "dsn": "Delivery status notification",
    "mdn": "Disposition notification",
}


class Notifier:
    """Sends the reports of a receiver in full mode (RFC 2532, RFC 3461, RFC 8098)."""

    log = Logger()

    def __init__(
        self,
        *,
        device: Device,
        journal: Journal,
        configuration: LiveConfiguration,
        outbox: Outbox,
        send_queue: SendQueue,
    ) -> None:
        self._device = device
        self._journal = journal
        self._configuration = configuration
        self._outbox = outbox
        self._send_queue = send_queue

    @property
    def allowed(self) -> bool:
        """True where the model sends reports, and the settings have a route for them."""
        device = self._device
        window = device.settings.email_ifax
        has_route = bool(window.smtp_server) or not window.via_server
        return device.model.reception.confirms and has_route

    async def mail_delivered(self, mail: ReceivedMail, head_octets: bytes) -> ReceivedMail:
        """Send the DSN of a mail that is in memory, where one was asked for.

        Returns the mail with its job as it is then. Never fails.
        """
        requests, job = mail.requests, mail.job
        if not requests.delivered or job.dsn_sent or not self.allowed:
            return mail
        marked = self._device.job_changed(job, dsn_sent=True)
        try:
            # Before the DSN is sent: it is not sent twice, whenever the power fails.
            await self._journal.flush()
        except Exception:
            log_unexpected(self.log, "While writing down that a DSN is sent")
            self._device.job_changed(job)
            return mail
        await self._send(
            "dsn",
            marked,
            requests.return_path,
            head_octets,
            lambda head, style: dsn(head, style, requests),
        )
        return attrs.evolve(mail, job=marked)

    async def mail_printed(
        self, mail: ReceivedMail, job: Job, message_id: str, head_octets: bytes
    ) -> None:
        """Send the MDN of a mail that was printed, or was not, where one was asked for. Never fails."""
        requests = mail.requests
        if requests.mdn_suppressed:
            self.log.info(
                "Job {number}: no MDN, since {why}",
                number=job.number,
                why=requests.mdn_suppressed,
            )
        if not requests.notify_to or not self.allowed:
            return
        code = job.code or ""
        features = self._device.model.reception.features

        def compose(head: ReportHead, style: Style) -> tuple[bytes, str]:
            return mdn(
                head,
                style,
                requests,
                subject=job.subject,
                original=message_id,
                code=code,
                problem=CODES.get(code, ""),
                features=features,
            )

        await self._send("mdn", job, requests.notify_to, head_octets, compose)

    async def _send(
        self,
        kind: Literal["dsn", "mdn"],
        about: Job,
        to: str,
        head_octets: bytes,
        compose: Callable[[ReportHead, Style], tuple[bytes, str]],
    ) -> None:
        """Put a report into the outbox, and queue it."""
        device, host = self._device, self._configuration.host
        if len(self._outbox) >= _MOST_WAITING:
            self.log.error(
                "Job {number}: no {kind}: too much waits to be sent",
                number=about.number,
                kind=kind.upper(),
            )
            return
        job = device.new_job(
            "tx", to, subject=_SUBJECT[kind], recipients=(Recipient(address=to),)
        )
        sender = sender_address(device.settings, device.model.name, host)
        meant = about.recipients[0].address if about.recipients else sender
        head = ReportHead(
            at=device.now(),
            number=job.number,
            count=job.serial % 10_000,
            sender=sender,
            to=to,
            recipient=meant,
            host=host,
            machine=device.model.title or device.model.name,
            head_octets=head_octets,
        )
        style = style_of(device.model.header, device.settings.quirks)

        def write(into: IO[bytes]) -> tuple[Outgoing, bytes]:
            content, message_id = compose(head, style)
            into.write(content)
            outgoing = Outgoing(
                job=attrs.evolve(job, size=len(content)),
                sender="",
                message_id=message_id,
                head_length=len(content),
                report=kind,
            )
            return outgoing, b""

        try:
            outgoing = await self._outbox.accept(write)
        except (OSError, ValueError) as error:
            self.log.error(
                "Job {number}: no {kind}: {error}",
                number=about.number,
                kind=kind.upper(),
                error=str(error),
            )
            return
        device.job_changed(outgoing.job)
        self._send_queue.enqueue(outgoing)
