"""The settings windows of the machine, each item once (docs/settings).

`items` says what an item is; the model file says which of these items a printer
has. Values only: the machine's `Device` holds them.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import Factory, field, frozen

from irsend.addresses import mac_address, mail_address
from irsend.device.items import (
    Choice,
    Item,
    Listing,
    Number,
    OnOff,
    Text,
    Value,
    item,
    items_of,
)
from irsend.device.quirks import Quirks
from irsend.wording import did_you_mean

MECHANISMS = (
    "CRAM-MD5",
    "DIGEST-MD5",
    "NTLM",
    "GSSAPI",
    "PLAIN",
    "LOGIN",
    "SCRAM-SHA-256",
    "XOAUTH2",
)

_EMAIL_IFAX = (
    "Additional Functions",
    "System Settings",
    "Network Settings",
    "E-mail/I-Fax",
)


class PopAuthMethod(enum.Enum):
    """How the machine logs in to the POP server."""

    STANDARD = "standard"
    APOP = "apop"
    POP_AUTH = "pop_auth"


class SSLPolicy(enum.Enum):
    """Allow SSL (SMTP Receive)."""

    OFF = "off"
    ON = "on"
    SSL = "ssl"


class MacPolicy(enum.Enum):
    """What the list of MAC addresses means."""

    PERMIT = "permit"
    REJECT = "reject"


def _mechanism(given: str) -> str:
    if given.upper() not in MECHANISMS:
        raise ValueError(f"{given!r} is not a mechanism{did_you_mean(given, MECHANISMS)}")
    return given.upper()


_HOST = r"[A-Za-z0-9._:\-\[\]]+"


@frozen(kw_only=True)
class EmailIFax:
    """E-mail/I-Fax: what is received and sent, from where and to where."""

    smtp_receive: bool = item(
        "SMTP Receive", OnOff(), False, "Takes mail that servers deliver by SMTP."
    )
    pop: bool = item("POP", OnOff(), False, "Fetches mail from the POP server.")
    pop_interval: int = item(
        "POP Interval",
        Number(0, 99, "minutes"),
        0,
        "Time between two looks at the POP server; 0 looks only when asked.",
    )
    email_address: str = item(
        "E-mail Address",
        Text(120, "an e-mail address", read_one=mail_address),
        "",
        "The machine's own address: what is sent comes from it, and its domain is taken by SMTP.",
    )
    smtp_server: str = item(
        "SMTP Server",
        Text(48, "a name or address", _HOST),
        "",
        "The server that takes what the machine sends.",
    )
    pop_server: str = item(
        "POP Server",
        Text(48, "a name or address", _HOST),
        "",
        "The server that keeps mail for the machine.",
    )
    pop_address: str = item("POP Address", Text(64), "", "The login name at the POP server.")
    pop_password: str = item(
        "POP Password", Text(32), "", "The password at the POP server.", secret=True
    )
    maximum_data_size: int = item(
        "Maximum Data Size for Sending",
        Number(0, 99, "MB"),
        3,
        "The largest message that is sent; 0 sets no limit.",
    )
    divided_send: bool = item(
        "Divided TX over Max. Data Size",
        OnOff(),
        False,
        "Sends what is larger in parts instead of refusing it.",
    )
    default_subject: str = item(
        "Default Subject", Text(40), "Attached Image", "The subject when none is given."
    )
    full_mode_timeout: int = item(
        "Full Mode TX Timeout",
        Number(1, 99, "hours"),
        24,
        "How long a full mode I-Fax waits for the receiver's confirmation.",
    )
    print_mdn_dsn: bool = item(
        "Print MDN/DSN upon Receipt", OnOff(), False, "Prints confirmations as they come in."
    )
    via_server: bool = item(
        "Use Route via Server",
        OnOff(),
        True,
        "Sends through the SMTP server, not to the receiver's own.",
    )


@frozen(kw_only=True)
class AuthentEncryption:
    """Authent./Encryption: how the machine proves who it is and hides what it says."""

    pop_auth_method: PopAuthMethod = item(
        "POP AUTH Method",
        Choice(PopAuthMethod),
        PopAuthMethod.STANDARD,
        "Standard: USER and PASS. APOP: a digest of the greeting's timestamp. POP AUTH: SASL.",
    )
    pop_auth_before_sending: bool = item(
        "POP AUTH before Sending",
        OnOff(),
        False,
        "Logs in to the POP server before each sending.",
    )
    smtp_authentication: bool = item(
        "SMTP Authentication (SMTP AUTH)",
        OnOff(),
        False,
        "Logs in to the SMTP server when it asks.",
    )
    user: str = item("User", Text(64), "", "The user name for SMTP AUTH.")
    password: str = item("Password", Text(32), "", "The password for SMTP AUTH.", secret=True)
    allow_ssl_pop: bool = item(
        "Allow SSL (POP)",
        OnOff(),
        False,
        "On: fetches mail under TLS (STLS) or not at all. Off: never uses TLS.",
    )
    allow_ssl_smtp_send: bool = item(
        "Allow SSL (SMTP Send)",
        OnOff(),
        False,
        "Sends under TLS (STARTTLS) where the server offers it, in plain text where it does not.",
    )
    allow_ssl_smtp_receive: SSLPolicy = item(
        "Allow SSL (SMTP Receive)",
        Choice(SSLPolicy),
        SSLPolicy.OFF,
        "Off hides STARTTLS; On offers it; SSL refuses mail in plain text.",
    )
    display_auth_screen: bool = item(
        "Display Auth. Screen When Sending",
        OnOff(),
        False,
        "Asks for user and password at each sending.",
    )
    verify_pop: bool = item(
        "Confirm Certificate (POP)",
        OnOff(),
        False,
        "Checks the POP server's certificate.",
        later=True,
    )
    verify_smtp_send: bool = item(
        "Confirm Certificate (SMTP Send)",
        OnOff(),
        False,
        "Checks the SMTP server's certificate.",
        later=True,
    )
    verify_cn: bool = item(
        "Add CN to Verification Items",
        OnOff(),
        False,
        "Checks the server's name against its certificate too.",
        later=True,
    )


@frozen(kw_only=True)
class ReceivingMacAddress:
    """Receiving MAC Address Settings: who may talk to the machine at all."""

    enabled: bool = item(
        "Receiving MAC Address", OnOff(), False, "Filters frames by MAC address."
    )
    policy: MacPolicy = item(
        "Policy",
        Choice(MacPolicy),
        MacPolicy.PERMIT,
        "Permit: only these addresses pass. Reject: all but these pass.",
    )
    addresses: tuple[str, ...] = item(
        "Addresses",
        Listing(100, "MAC addresses such as 00:00:85:12:34:56", mac_address),
        (),
        "The addresses that the policy speaks of.",
    )


@frozen(kw_only=True)
class ServiceMode:
    """Service mode: what only the service technician changes."""

    smtp_tx_port: int = item("SMTP TX port", Number(1, 65535), 25, "The SMTP server's port.")
    smtp_rx_port: int = item(
        "SMTP RX port",
        Number(1, 65535),
        25,
        "The machine's own SMTP port. At 25 the bench listens where [listen] smtp says; "
        "any other port is listened on as it is, at the same interface.",
    )
    pop3_port: int = item("POP3 port", Number(1, 65535), 110, "The POP server's port.")
    disabled_mechanisms: tuple[str, ...] = item(
        "Mechanisms switched off",
        Listing(len(MECHANISMS), "of " + ", ".join(MECHANISMS), _mechanism),
        (),
        "SASL mechanisms that the machine does not use though it could.",
    )


@frozen(kw_only=True)
class Window:
    """A window of the panel: its title and the keys pressed to reach it."""

    title: str
    path: tuple[str, ...]
    note: str = ""
    """What is to be known of it, a sentence beside its title."""


def _window(title: str, path: tuple[str, ...], made_of: type, note: str = "") -> Any:
    return field(
        default=Factory(made_of),
        metadata={Window: Window(title=title, path=path, note=note), type: made_of},
    )


@frozen(kw_only=True)
class Settings:
    """All windows with the values they hold; replaced whole, never changed in place."""

    email_ifax: EmailIFax = _window("E-mail/I-Fax", _EMAIL_IFAX, EmailIFax)
    authent_encryption: AuthentEncryption = _window(
        "Authent./Encryption", (*_EMAIL_IFAX, "Authent./Encryption"), AuthentEncryption
    )
    receiving_mac_address: ReceivingMacAddress = _window(
        "Receiving MAC Address Settings",
        (*_EMAIL_IFAX, "Receiving MAC Address Settings"),
        ReceivingMacAddress,
    )
    service_mode: ServiceMode = _window("Service mode", ("Service mode",), ServiceMode)
    quirks: Quirks = _window(
        "Quirks",
        ("Bench", "Quirks"),
        Quirks,
        "This window is the bench's: no printer has it on its panel.",
    )

    def value(self, key: str) -> Value:
        """Return the value at a whole key, such as "email_ifax.pop"."""
        window, _, name = key.partition(".")
        value: Value = getattr(getattr(self, window), name)
        return value

    def replace(self, changes: Mapping[str, Value]) -> Settings:
        """Return settings with these values at these whole keys."""
        by_window: dict[str, dict[str, Any]] = {}
        for key, value in changes.items():
            window, _, name = key.partition(".")
            by_window.setdefault(window, {})[name] = value
        return attrs.evolve(
            self,
            **{
                name: attrs.evolve(getattr(self, name), **values)
                for name, values in by_window.items()
            },
        )


def windows() -> Iterator[tuple[str, Window, type]]:
    """Give key, window and class of each window, in the panel's order."""
    for one in attrs.fields(Settings):
        yield one.name, one.metadata[Window], one.metadata[type]


ITEMS: dict[str, Item] = {
    f"{window}.{key}": about
    for window, _, made_of in windows()
    for key, about, _ in items_of(made_of)
}
"""Every item there is by its whole key, in the panel's order."""

DEFAULTS: dict[str, Value] = {
    f"{window}.{key}": default
    for window, _, made_of in windows()
    for key, _, default in items_of(made_of)
}
"""The default of every item, where a model says nothing else."""
