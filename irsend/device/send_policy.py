"""The rules of sending: what the machine calls itself, and what a failure is called in the report.

Pure functions; `services.send` holds the conversation with the server.
"""

from __future__ import annotations

import enum
import ipaddress

from irsend.device import codes
from irsend.device.windows import PopAuthMethod, Settings


class Step(enum.Enum):
    """Where in a session with an SMTP server something was refused."""

    GREETING = "the session"
    HELLO = "EHLO"
    LOGIN = "AUTH"
    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    DATA = "DATA"
    CONTENT = "the message"


_CODE_OF: dict[Step, str] = {
    Step.GREETING: codes.SMTP_CONNECTION,
    Step.HELLO: codes.SMTP_CONNECTION,
    Step.LOGIN: codes.SMTP_LOGIN,
    Step.SENDER: codes.SMTP_CONNECTION,
    Step.RECIPIENT: codes.DESTINATION_REFUSED,
    Step.DATA: codes.SMTP_CONNECTION,
    Step.CONTENT: codes.SMTP_CONNECTION,
}


def code_of_refusal(step: Step, reply_code: int) -> str:
    """Return the result code of an SMTP refusal; which step has which code is ours (docs/sending).

    A login that is refused for the moment only (454, RFC 4954 6) says nothing
    about user name and password; a 530 to MAIL does: nobody is logged in.
    """
    if step is Step.LOGIN and reply_code < 500:
        return codes.SMTP_CONNECTION
    if step is Step.SENDER and reply_code == 530:
        return codes.SMTP_LOGIN
    return _CODE_OF[step]


def code_of_pop_login(settings: Settings, code: str | None, *, tls_failed: bool) -> str:
    """Return the code that a failed POP AUTH before Sending gives the job (docs/sending)."""
    if tls_failed:
        return codes.POP_BEFORE_TLS
    if code != codes.POP_LOGIN:
        return code or codes.POP_CONNECTION
    match settings.authent_encryption.pop_auth_method:
        case PopAuthMethod.POP_AUTH:
            return codes.POP_BEFORE_POP_AUTH
        case PopAuthMethod.APOP:
            return codes.POP_BEFORE_APOP
        case PopAuthMethod.STANDARD:
            return codes.POP_LOGIN


def helo_name(form: str, host: str, address: str) -> str:
    """Return what the machine calls itself: its name in full, the bare host, its address, or nothing.

    `address` is the connection's own. Real machines use forms that are no host
    name too (docs/fidelity, Sending).
    """
    match form:
        case "bare":
            return host.partition(".")[0]
        case "literal":
            return _literal(address)
        case "ip":
            return address
        case "empty":
            return ""
    return host


def _literal(address: str) -> str:
    """RFC 5321 4.1.3."""
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        return ""
    return f"[IPv6:{address}]" if version == 6 else f"[{address}]"


def sender_address(settings: Settings, model: str, host: str) -> str:
    """Return where a mail comes from: E-mail Address, else the model at the machine's name [ours]."""
    return settings.email_ifax.email_address or f"{model}@{host}"


def own_address(model: str, host: str, login: str) -> str:
    """Return a sender that is not the login, whatever that is (docs/quirks)."""
    address = f"{model}@{host}"
    usable = model.isascii() and login not in (model, address)
    return address if usable else f"scanner@{host}"
