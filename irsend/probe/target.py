"""The server that is probed, from its URL."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import frozen

from irsend.errors import IrsendError

_PORTS = {"smtp": 25, "smtps": 465, "pop3": 110, "pop3s": 995}
_ALLOWED = "smtp://HOST[:PORT], smtps://, pop3:// or pop3s://"


class WrongTarget(IrsendError):
    """This is no URL of a mail server."""


@frozen
class Target:
    """A mail server."""

    scheme: str
    host: str
    """A name or an address, an IPv6 address without brackets."""
    port: int

    @property
    def is_pop(self) -> bool:
        """True for POP3, False for SMTP."""
        return self.scheme.startswith("pop3")

    @property
    def implicit_tls(self) -> bool:
        """True where TLS begins with the connection."""
        return self.scheme.endswith("s")

    @property
    def standard_port(self) -> int:
        """The port of the scheme."""
        return _PORTS[self.scheme]

    def __str__(self) -> str:
        """Return the URL, with its port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def read_target(url: str) -> Target:
    """Return the server of a URL; WrongTarget."""
    shown = url
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname
    except ValueError:
        raise _wrong(shown) from None
    if "@" in parts.netloc:
        # What stands there may be a password: it is not repeated.
        raise WrongTarget(
            "a user or password in the URL is not allowed; allowed: --user, and the password "
            "by --password-file, IRSEND_SECRET or the prompt"
        )
    beyond = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in _PORTS or not host or beyond or port == 0:
        raise _wrong(shown)
    return Target(parts.scheme, host, port or _PORTS[parts.scheme])


def _wrong(url: str) -> WrongTarget:
    return WrongTarget(f"{url!r} is not allowed; allowed: {_ALLOWED}")
