"""The sections of etc/irsend.toml: the bench around the machine, each key once.

The items of the machine's own windows stand in `device.windows`; `configuration`
reads the file as a whole.
"""

from __future__ import annotations

import ipaddress
import re

from attrs import Factory, frozen

from irsend.addresses import mac_address
from irsend.device.items import Listing, Number, OneOf, OnOff, Table, Text, item
from irsend.link.enforcement import NAMES

IN_MEMORY = ":memory:"
"""The state directory of a machine that keeps nothing."""
MB = 1_000_000
"""Octets of a MB, here as in the settings windows."""
_SAMPLE = 'a Twisted endpoint string such as "tcp:2525:interface=127.0.0.1", or "" for off'
_ENDPOINT = Text(400, _SAMPLE)


def _port(given: str) -> str:
    if not (given.isascii() and given.isdecimal() and 0 < int(given[:6]) < 65536):
        raise ValueError(f"{given!r} is not a port")
    return str(int(given))


def _name(given: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:\-]{1,255}", given):
        raise ValueError(f"{given!r} is not a host name or address")
    return given


def _name_server(given: str) -> str:
    host, colon, port = given.rpartition(":") if given.count(":") == 1 else (given, "", "")
    try:
        ipaddress.ip_address(host.strip("[]"))
        if colon and not 0 < int(port) < 65536:
            raise ValueError
    except ValueError:
        raise ValueError(f"{given!r} is not an address") from None
    return given


def _without_filter(given: str) -> str:
    if given.startswith("mac:"):
        raise ValueError("the machine has a filter of its own: receiving_mac_address")
    return given


_MACHINES_ENDPOINT = Text(400, _SAMPLE, read_one=_without_filter)


@frozen(kw_only=True)
class Listen:
    """Where the machine listens: Twisted endpoint strings."""

    smtp: str = item(
        "SMTP",
        _MACHINES_ENDPOINT,
        "tcp:2525:interface=127.0.0.1",
        "Where mail is delivered to the machine.",
        at_start=True,
    )
    panel: str = item(
        "panel",
        _MACHINES_ENDPOINT,
        "tcp:8631:interface=127.0.0.1",
        "Where the panel and its HTTP interface are.",
        at_start=True,
    )


@frozen(kw_only=True)
class Panel:
    """The panel."""

    password: str = item(
        "password",
        Text(200),
        "",
        "Asked for by HTTP Basic authentication (any user name). Empty: only loopback may use the panel.",
        secret=True,
    )


@frozen(kw_only=True)
class TLS:
    """The machine's key and certificate, and the root certificates that it trusts."""

    certificate: str = item(
        "certificate",
        Text(4096, "the path of a PEM file"),
        "",
        "Empty: one is made at the first start, for the host names below.",
    )
    key: str = item(
        "key", Text(4096, "the path of a PEM file"), "", "The key of that certificate."
    )
    trust: str = item(
        "trust",
        Text(4096, "the path of a PEM file"),
        "",
        "Root certificates; empty: the system's.",
    )
    plain_passwords: bool = item(
        "passwords in plain text",
        OnOff(),
        True,
        "Gives a mail server the password in plain text where the model would. Off: such a "
        "session ends before the login.",
    )
    implicit_ports: tuple[str, ...] = item(
        "ports of implicit TLS",
        Listing(20, "ports", _port),
        ("465", "995"),
        "Ports of mail servers where a model that can begins TLS with the connection, while "
        "Allow SSL is on; at any other port it uses STARTTLS or STLS.",
    )
    hostnames: tuple[str, ...] = item(
        "host names",
        Listing(50, "host names and addresses", _name),
        ("localhost", "127.0.0.1"),
        "The machine's names. The first that is no address greets; mail for them is taken "
        "while no E-mail Address is set.",
    )


@frozen(kw_only=True)
class Sending:
    """How the machine sends: its access token, its name servers."""

    token_file: str = item(
        "token file",
        Text(4096, "the path of a file"),
        "",
        "Holds the access token for XOAUTH2; read at each login.",
    )
    token_command: str = item(
        "token command",
        Text(4096),
        "",
        "Prints the access token for XOAUTH2; run at each login, without a shell.",
    )
    name_servers: tuple[str, ...] = item(
        "name servers",
        Listing(10, "addresses, with :port where it is not 53", _name_server),
        (),
        "Asked for MX records where Use Route via Server is off; empty: the system's.",
    )


@frozen(kw_only=True)
class Printing:
    """Paper, the workers that print, the tray of printed documents, and the mails they came in."""

    paper: str = item("paper", OneOf(("A4", "LTR")), "A4", "What is in the drawer.")
    loaded: bool = item(
        "loaded",
        OnOff(),
        True,
        "There is paper in the drawer of a new machine; what irsendctl paper does to it is kept.",
    )
    workers: int = item(
        "workers",
        Number(0, 64),
        2,
        "Processes that print, each one document at a time; without any, mail stays in memory.",
        at_start=True,
    )
    tray_documents: int = item(
        "tray", Number(1, 4000, "documents"), 500, "The oldest go when there are more."
    )
    tray_days: int = item(
        "age in the tray", Number(0, 3650, "days"), 30, "Older documents go; 0 keeps any."
    )
    tray_size: int = item(
        "size of the tray", Number(1, 1_000_000, "MB"), 2000, "The oldest go above it."
    )
    keep_mails: int = item(
        "kept mails",
        Number(0, 1_000_000, "mails"),
        500,
        "Printed mails that are kept; the oldest go when there are more, and 0 keeps none.",
    )
    keep_days: int = item(
        "age of kept mails", Number(0, 3650, "days"), 30, "Older mails go; 0 keeps any."
    )
    keep_size: int = item(
        "size of kept mails", Number(1, 1_000_000, "MB"), 1000, "The oldest go above it."
    )


def _address(given: str) -> str:
    try:
        address = ipaddress.ip_address(given.strip())
    except ValueError:
        raise ValueError(f"{given!r} is not an IP address") from None
    if "%" in given:
        raise ValueError(f"{given!r} has a scope: it is given without")
    return str(getattr(address, "ipv4_mapped", None) or address)


@frozen(kw_only=True)
class Link:
    """How Receiving MAC Address Settings are enforced on the host's network."""

    way: str = item(
        "way",
        OneOf(("auto", *NAMES)),
        "auto",
        "How: kernel drops frames before TCP answers, first-frame and neighbour reset connections; "
        "auto is the first of these that the host lets the machine have.",
        at_start=True,
    )
    addresses: dict[str, str] = item(
        "addresses",
        Table(
            "up to 100 IP addresses with a MAC address each, such as "
            '{ "127.0.0.2" = "00:00:85:12:34:56" }',
            _address,
            mac_address,
            100,
        ),
        Factory(dict),
        "Who is to be taken for whom, whatever frames say: on loopback they say nothing.",
    )
    covers_panel: bool = item(
        "covers panel",
        OnOff(),
        False,
        "Filters the panel too; from this host itself it can be used all the same.",
        at_start=True,
    )


@frozen(kw_only=True)
class Faults:
    """Misbehaviour on demand. None can be ordered yet."""


@frozen(kw_only=True)
class MailHost:
    """The embedded mail host, for a bench with no mail server."""

    enabled: bool = item("enabled", OnOff(), False, "Runs it beside the machine.")
    smtp: str = item(
        "SMTP",
        _ENDPOINT,
        "tcp:2526:interface=127.0.0.1",
        "Its relay, with STARTTLS and AUTH.",
        at_start=True,
    )
    pop3: str = item(
        "POP3",
        _ENDPOINT,
        "tcp:2110:interface=127.0.0.1",
        "Its maildrop, with STLS, APOP and AUTH.",
        at_start=True,
    )
    accounts: dict[str, str] = item(
        "accounts",
        Table(),
        Factory(lambda: {"ir@bench.test": "bench"}),
        "Address and password of each account.",
        secret=True,
        at_start=True,
    )
