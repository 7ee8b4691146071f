"""Delivery results: what a mail came to for a recipient, and the code that an error of a session has."""

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

# What of a server's words stands in the journal, in characters.
_LONGEST_REASON = 300
_STEP_OF = {b"MAIL": Step.SENDER, b"RCPT": Step.RECIPIENT, b"DATA": Step.DATA}


@frozen
class DeliveryResult:
    """What a mail came to for one recipient."""

    code: str | None = None
    """None: it was handed over."""
    reason: str = ""
    again: bool = False
    """True where another attempt may end otherwise."""
    elsewhere: bool = False
    """True where another server of the same domain may take it."""

    @property
    def open(self) -> bool:
        """True where it is not over yet: another attempt may be, or it was broken off."""
        return self.code is not None and (self.again or self.code == codes.CANCELLED)


class SessionFailed(Exception):
    """A session cannot go on; `outcome` is for all recipients that have none yet."""

    def __init__(self, reason: str, code: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.outcome = DeliveryResult(code, reason[:_LONGEST_REASON], again, elsewhere=True)


def refused(reply: ServerReply, step: Step | None = None) -> SessionFailed:
    """Return what a refusal comes to; its step is that of the command it answers."""
    step = step or _STEP_OF.get(reply.to, Step.CONTENT)
    code = code_of_refusal(step, reply.code)
    return SessionFailed(
        f"the server refused {step.value}: {reply}", code, again=not reply.permanent
    )


def too_large(size: int, limit: int) -> DeliveryResult:
    """Return what comes of a mail that may not be divided (#705); both in octets."""
    why = (
        f"{size} octets are more than Maximum Data Size for Sending ({limit}; "
        "email_ifax.maximum_data_size), and the mail may not be divided "
        "(email_ifax.divided_send is off)"
    )
    return DeliveryResult(codes.TOO_LARGE, why)


def refusal_of(reply: ServerReply) -> DeliveryResult:
    """Return what a refusal in a mail transaction comes to for its recipient."""
    return evolve(refused(reply).outcome, elsewhere=not reply.permanent)


def failure_of(problem: Exception, server: str) -> SessionFailed | None:
    """Return what an error of a session with this server comes to (docs/fidelity); None for a bug.

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
                f"{server} is not found in DNS", codes.SERVER_NOT_FOUND, again=True
            )
        case net.TimeoutError():
            # Twisted's own is of the connection, and says nothing.
            told = problem.args[0] if problem.args else ""
            reason = str(told) or f"{server} cannot be reached: it does not answer"
            return SessionFailed(reason, codes.SMTP_CONNECTION, again=True)
        case net.ConnectError():
            reason = f"{server} cannot be reached: {text}"
            return SessionFailed(reason, codes.SMTP_CONNECTION, again=True)
        case net.ConnectionLost():
            return SessionFailed(text, codes.CONNECTION_LOST, again=True)
        case UnreadableReply():
            return SessionFailed(text, codes.SMTP_CONNECTION)
        case OSError():
            return SessionFailed(f"the message cannot be read: {text}", codes.CONNECTION_LOST)
    return None
