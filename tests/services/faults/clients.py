"""What a client of Python's standard library saw of a session, step by step, as text."""

from __future__ import annotations

import base64
import contextlib
import poplib
import smtplib
import ssl
import warnings
from collections.abc import Callable

PATIENCE = 0.4
"""Seconds after which a client says that the server is silent."""
MAIL = b"Subject: fault\r\n\r\n" + b"A line of the mail.\r\n" * 40


def old_tls(authority: str = "") -> ssl.SSLContext:
    """Return the TLS of 2004, with the checks of today where there is an authority (PEM) to trust."""
    tls = ssl.create_default_context(cadata=authority or None)
    if not authority:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.minimum_version = ssl.TLSVersion.TLSv1
    return tls


class Seen(list[str]):
    """What was seen: a line for each step, the last of which says how the session ended."""

    @property
    def end(self) -> str:
        """How it ended: "done", or the step and what was seen there."""
        return self[-1]


def _what(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "silence"
    if isinstance(error, ConnectionResetError) or isinstance(
        error.__context__, ConnectionResetError
    ):
        return "RST"
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLEOFError):
        return "FIN"
    if isinstance(error, ssl.SSLError):
        return "no TLS"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {bytes(error.smtp_error).decode()}"
    if isinstance(error, poplib.error_proto):
        text = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        return "FIN" if "EOF" in text else str(text)
    if isinstance(error, smtplib.SMTPServerDisconnected) and "timed out" in str(error):
        return "silence"
    if isinstance(error, smtplib.SMTPServerDisconnected | EOFError | BrokenPipeError):
        return "RST" if "reset" in str(error) else "FIN"
    return f"{type(error).__name__}: {error}"


class _Session:
    """Steps of a session, noted until one fails."""

    def __init__(self) -> None:
        self.seen = Seen()

    def run(self, steps: dict[str, Callable[[], object]]) -> Seen:
        """Run the steps; the first that fails ends it."""
        for name, step in steps.items():
            try:
                self.seen.append(f"{name}: {step()}")
            except (OSError, smtplib.SMTPException, poplib.error_proto, EOFError) as error:
                self.seen.append(f"{name}: {_what(error)}")
                return self.seen
        self.seen.append("done")
        return self.seen


def smtp_session(
    address: tuple[str, int],
    *,
    recipient: str = "fax@localhost",
    tls: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
    patience: float = PATIENCE,
) -> Seen:
    """Deliver a mail by smtplib, a command after the other; a reply of 4xx or 5xx ends it."""
    client = smtplib.SMTP(timeout=patience, local_hostname="client.test")
    # For the name that the certificate is checked for.
    client._host = "localhost"  # type: ignore[attr-defined]

    def checked(reply: tuple[int, bytes]) -> str:
        code, text = reply
        if code >= 400:
            raise smtplib.SMTPResponseException(code, text)
        return f"{code}"

    def content() -> str:
        client.send(MAIL + b".\r\n")
        return checked(client.getreply())

    steps: dict[str, Callable[[], object]] = {
        "greeting": lambda: checked(client.connect(*address)),
        "ehlo": lambda: checked(client.ehlo()),
    }
    if tls is not None:
        steps["starttls"] = lambda: checked(client.starttls(context=tls))
        steps["ehlo again"] = lambda: checked(client.ehlo())
    if login is not None:
        steps["auth"] = lambda: checked(client.login(*login))
    steps |= {
        "mail": lambda: checked(client.mail("a@client.test")),
        "rcpt": lambda: checked(client.rcpt(recipient)),
        "data": lambda: checked(client.docmd("DATA")),
        "end": content,
        "rset": lambda: checked(client.rset()),
        "quit": lambda: checked(client.quit()),
    }
    try:
        return _Session().run(steps)
    finally:
        client.close()


def pop_session(
    address: tuple[str, int],
    user: str,
    password: str,
    *,
    tls: ssl.SSLContext | None = None,
    apop: bool = False,
    sasl: bool = False,
    patience: float = PATIENCE,
) -> Seen:
    """Fetch a mail by poplib, a command after the other; -ERR ends it."""
    made: list[poplib.POP3] = []

    def connect() -> str:
        made.append(poplib.POP3(*address, timeout=patience))
        return "+OK"

    def ok(step: Callable[[poplib.POP3], object]) -> Callable[[], str]:
        def run() -> str:
            step(made[0])
            return "+OK"

        return run

    steps: dict[str, Callable[[], object]] = {
        "greeting": connect,
        # capa() itself hides what the server says.
        "capa": lambda: b" ".join(made[0]._longcmd("CAPA")[1]).decode(),  # type: ignore[attr-defined]
    }
    if tls is not None:
        steps["stls"] = ok(lambda client: client.stls(context=tls))
    if apop:
        steps["apop"] = ok(lambda client: client.apop(user, password))
    elif sasl:
        secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        steps["auth"] = ok(lambda client: client._shortcmd(f"AUTH PLAIN {secret}"))  # type: ignore[attr-defined]
    else:
        steps["user"] = ok(lambda client: client.user(user))
        steps["pass"] = ok(lambda client: client.pass_(password))
    steps |= {
        "stat": ok(lambda client: client.stat()),
        "list": ok(lambda client: client.list()),
        "uidl": ok(lambda client: client.uidl()),
        "retr": ok(lambda client: client.retr(1)),
        "dele": ok(lambda client: client.dele(1)),
        "quit": ok(lambda client: client.quit()),
    }
    try:
        return _Session().run(steps)
    finally:
        for client in made:
            with contextlib.suppress(OSError):
                client.close()
