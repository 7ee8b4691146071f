"""Answering: a sender who asked hears that its mail was delivered (DSN), and printed or not (MDN).

The answer is a job like any other, in the machine's own queue, from the null
sender: nobody answers it. It never fails the mail that it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import IO, Any, Literal

import attrs
from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.logger import Logger

from irsend.device.codes import CODES
from irsend.device.jobs import Job, Recipient
from irsend.device.send_policy import sender_address
from irsend.message.reports.dsn import dsn
from irsend.message.reports.mdn import mdn
from irsend.message.reports.multipart_report import ReportHead
from irsend.message.style import Style
from irsend.services.bench import Bench
from irsend.services.receive.dispatch import Mail
from irsend.store.outbox import Outbox, Outgoing

# Messages that wait in the outbox; where there are more nobody is answered, however many ask.
_MOST_WAITING = 1000
_SUBJECT = {
    "dsn": "Delivery status notification",
    "mdn": "Disposition notification",
}


class Notifier:
    """Makes the answers of full mode's receiver (RFC 2532, RFC 8098)."""

    log = Logger()

    def __init__(self, bench: Bench, outbox: Outbox, queue: Callable[[Outgoing], None]) -> None:
        self._bench = bench
        self._outbox = outbox
        self._queue = queue

    @property
    def allowed(self) -> bool:
        """True where the model answers, and the settings say how it sends."""
        device = self._bench.device
        window = device.settings.email_ifax
        knows_a_way = bool(window.smtp_server) or not window.via_server
        return device.model.reception.confirms and knows_a_way

    @inlineCallbacks
    def delivered(self, mail: Mail, beginning: bytes) -> Generator[Deferred[Any], Any, Mail]:
        """Tell that a mail is in memory, where that was asked for; fires with it, and never fails."""
        requests, job = mail.requests, mail.job
        if not requests.delivered or job.told or not self.allowed:
            return mail
        told = self._bench.device.job_changed(job, told=True)
        try:
            # In front of the answer: whatever is lost with the power, it is not told twice.
            yield self._bench.journal.flush()
        except Exception:
            self.log.failure("While writing down that a delivery is told")
            self._bench.device.job_changed(job)
            return mail
        yield self._send(
            "dsn",
            told,
            requests.return_path,
            beginning,
            lambda answer, style: dsn(answer, style, requests),
        )
        return attrs.evolve(mail, job=told)

    def printed(
        self, mail: Mail, job: Job, message_id: str, beginning: bytes
    ) -> Deferred[None]:
        """Tell what came of a mail, where that was asked for; never fails."""
        requests = mail.requests
        if requests.why_not:
            self.log.info(
                "Job {number}: no MDN, since {why}", number=job.number, why=requests.why_not
            )
        if not requests.notify_to or not self.allowed:
            return succeed(None)
        code = job.code or ""
        features = self._bench.device.model.reception.features

        def compose(answer: ReportHead, style: Style) -> tuple[bytes, str]:
            return mdn(
                answer,
                style,
                requests,
                subject=job.subject,
                original=message_id,
                code=code,
                problem=CODES.get(code, ""),
                features=features,
            )

        return self._send("mdn", job, requests.notify_to, beginning, compose)

    @inlineCallbacks
    def _send(
        self,
        kind: Literal["dsn", "mdn"],
        about: Job,
        to: str,
        beginning: bytes,
        compose: Callable[[ReportHead, Style], tuple[bytes, str]],
    ) -> Generator[Deferred[Any], Any, None]:
        """Put an answer into the outbox, and have it sent."""
        bench = self._bench
        device = bench.device
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
        sender = sender_address(device.settings, device.model.name, bench.host)
        meant = about.recipients[0].address if about.recipients else sender
        answer = ReportHead(
            at=device.now(),
            number=job.number,
            count=job.serial % 10_000,
            sender=sender,
            to=to,
            recipient=meant,
            host=bench.host,
            machine=device.model.title or device.model.name,
            beginning=beginning,
        )
        style = Style(**attrs.asdict(device.model.header))

        def write(into: IO[bytes]) -> tuple[Outgoing, bytes]:
            content, message_id = compose(answer, style)
            into.write(content)
            outgoing = Outgoing(
                job=attrs.evolve(job, size=len(content)),
                sender="",
                message_id=message_id,
                head_length=len(content),
                answer=kind,
            )
            return outgoing, b""

        try:
            outgoing: Outgoing = yield self._outbox.accept(write)
        except (OSError, ValueError) as error:
            self.log.error(
                "Job {number}: no {kind}: {error}",
                number=about.number,
                kind=kind.upper(),
                error=str(error),
            )
            return
        device.job_changed(outgoing.job)
        self._queue(outgoing)
