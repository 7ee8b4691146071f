"""Delivery results: the result of a mail for one recipient, and the code of each error of a session."""

from __future__ import annotations

from attrs import evolve, frozen
from OpenSSL import SSL
from twisted.internet import error as net

from irsend.device import codes
from irsend.device.send_policy import Step, code_of_refusal
from irsend.protocols.sasl import ClockSkew, MechanismFailed
from irsend.protocols.smtp_client_replies import ServerReply, UnreadableReply
from irsend.protocols.tls import CertificateAsked, NothingInCommon, TLSFailed
from irsend.services.error_text import error_text

# Characters of a server's reply that the journal keeps.
_LONGEST_REASON = 500
_STEP_OF = {b"MAIL": Step.SENDER, b"RCPT": Step.RECIPIENT, b"DATA": Step.DATA}


@frozen
class DeliveryResult:
    """The result of an attempt for one recipient."""

    code: str | None = None
    """None where the mail was handed over."""
    reason: str = ""
    retryable: bool = False
    """True where another attempt may succeed."""
    retryable_elsewhere: bool = False
    """True where another server of the same domain may take it."""

    @property
    def open(self) -> bool:
        """True where it is not final: another attempt may follow, or this one was cancelled."""
        return self.code is not None and (self.retryable or self.code == codes.CANCELLED)


class SessionFailed(Exception):
    """A session cannot go on; `result` is for all recipients that have none yet."""

    def __init__(self, reason: str, code: str, *, retryable: bool = False) -> None:
        super().__init__(reason)
        self.result = DeliveryResult(
            code, reason[:_LONGEST_REASON], retryable, retryable_elsewhere=True
        )


def refused(reply: ServerReply, step: Step | None = None) -> SessionFailed:
    """Return the error of a refusal; its step is by default that of the command it replies to."""
    step = step or _STEP_OF.get(reply.to, Step.CONTENT)
    code = code_of_refusal(step, reply.code_read)
    return SessionFailed(
        f"the server refused {step.value}: {reply}", code, retryable=not reply.permanent
    )


def not_taken_for_success(reply: ServerReply, printer: str) -> SessionFailed:
    """Return the error of a login that succeeded, in words that the printer does not know."""
    why = f"the {printer} does not take this for a success of its login: {reply}"
    return SessionFailed(why, codes.SMTP_LOGIN)


def too_large(size: int, limit: int) -> DeliveryResult:
    """Return the result of a mail that is too large and may not be divided (#705); both in octets."""
    why = (
        f"{size} octets are more than Maximum Data Size for Sending ({limit}; "
        "email_ifax.maximum_data_size), and the mail may not be divided "
        "(email_ifax.divided_send is off)"
    )
    return DeliveryResult(codes.TOO_LARGE, why)


def refusal_of(reply: ServerReply) -> DeliveryResult:
    """Return the result of a recipient that was refused in a mail transaction."""
    return evolve(refused(reply).result, retryable_elsewhere=not reply.permanent)


def failure_of(problem: Exception, server: str) -> SessionFailed | None:
    """Return the error of a session with this server, with its code (docs/fidelity); None for a bug.

    Which errors another attempt may mend is ours.
    """
    text = error_text(problem)
    match problem:
        case NothingInCommon():
            return SessionFailed(f"TLS failed: {text}", codes.NO_COMMON_CIPHER)
        case CertificateAsked():
            return SessionFailed(f"TLS failed: {text}", codes.CLIENT_CERTIFICATE)
        case TLSFailed() | SSL.Error():
            return SessionFailed(f"TLS failed: {text}", codes.SMTP_CONNECTION)
        case ClockSkew():
            return SessionFailed(f"login failed: {text}", codes.CLOCK_SKEW)
        case MechanismFailed():
            return SessionFailed(f"login failed: {text}", codes.SMTP_LOGIN)
        case net.DNSLookupError():
            return SessionFailed(
                f"{server} is not found in DNS", codes.SERVER_NOT_FOUND, retryable=True
            )
        case net.TimeoutError():
            # Twisted's own, of a connection that was not made, has no text.
            given = problem.args[0] if problem.args else ""
            reason = str(given) or f"{server} cannot be reached: it does not answer"
            return SessionFailed(reason, codes.SMTP_CONNECTION, retryable=True)
        case net.ConnectError():
            reason = f"{server} cannot be reached: {text}"
            return SessionFailed(reason, codes.SMTP_CONNECTION, retryable=True)
        case net.ConnectionLost():
            return SessionFailed(text, codes.CONNECTION_LOST, retryable=True)
        case UnreadableReply():
            return SessionFailed(text, codes.SMTP_CONNECTION)
        case OSError():
            return SessionFailed(f"the message cannot be read: {text}", codes.CONNECTION_LOST)
    return None
