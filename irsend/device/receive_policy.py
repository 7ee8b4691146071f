"""What the machine takes by SMTP: its policies, as answers to the questions of a session.

Pure functions of the settings, called by `services.receive.smtp_server_session`. The policies
are those of docs/fidelity, Reception by SMTP.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from irsend.device.windows import Settings, SSLPolicy
from irsend.interfaces import ACCEPT, Mailbox, Reply, Verdict

# To the letter, and without an enhanced status code: docs/fidelity, Reception by SMTP.
MUST_STARTTLS = Reply(530, "Must issue a STARTTLS command first")
NOT_LOCAL = Reply(550, "Not an address of this machine, and it does not relay", "5.7.1")
MEMORY_FULL = Reply(452, "Insufficient memory", "4.3.1")
TOO_MANY_SESSIONS = Reply(421, "Too many sessions, try again later", "4.7.0")


def starttls_offered(settings: Settings) -> bool:
    """Off hides STARTTLS, On and SSL offer it."""
    return settings.authent_encryption.allow_ssl_smtp_receive is not SSLPolicy.OFF


def mail_allowed(settings: Settings, *, secured: bool) -> Verdict:
    """Plain text is refused under SSL, and the session ended (docs/fidelity, Reception by SMTP)."""
    if settings.authent_encryption.allow_ssl_smtp_receive is SSLPolicy.SSL and not secured:
        return Verdict.refuse(MUST_STARTTLS, hang_up=True)
    return ACCEPT


def memory_allows(size: int, *, used: int, capacity: int) -> Verdict:
    """A full memory takes no further mail, nor one whose announced size does not fit (docs/fidelity)."""
    if used >= capacity or used + size > capacity:
        return Verdict.refuse(MEMORY_FULL)
    return ACCEPT


def recipient_allowed(
    settings: Settings, recipient: Mailbox, *, names: Collection[str], own_address: str
) -> Verdict:
    """Any local part at the machine's own domain; everything else would be relaying.

    With an E-mail Address the domain is that address's. Without one it is any of
    the machine's names, or the address that the client connected to, as a literal.
    """
    domain = recipient.domain.decode("ascii").lower()
    own = settings.email_ifax.email_address
    if not domain:
        # The reserved <postmaster> (RFC 5321 4.5.1).
        return ACCEPT
    if own:
        allowed = domain == own.rpartition("@")[2].lower()
    elif domain.startswith("["):
        literal = _address(domain[1:-1].removeprefix("ipv6:"))
        allowed = literal in {_address(own_address), *(_address(name) for name in names)}
    else:
        allowed = domain in {name.lower() for name in names}
    return ACCEPT if allowed else Verdict.refuse(NOT_LOCAL)


def _address(text: str) -> str:
    """Return an address in the form in which addresses are compared; a name in small letters."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text.lower()
    # What a socket for both IPv4 and IPv6 calls an IPv4 address.
    return str(getattr(address, "ipv4_mapped", None) or address)
