"""An order to send: originals and destinations, read, and refused where they cannot be sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from irsend.addresses import mail_address
from irsend.device.device import Device
from irsend.device.items import Lines, Listing, OneOf, OnOff, Text, item, items_of, read_values
from irsend.device.jobs import JobKind
from irsend.errors import SendRefused, SettingsRefused, ValueRefused
from irsend.wording import shown

FORMATS = ("pdf", "tiff", "jpeg")
RESOLUTIONS = (
    "100x100",
    "150x150",
    "200x100",
    "200x200",
    "200x400",
    "300x300",
    "400x400",
    "600x600",
)
"""Dots an inch, across and down."""
PAPERS = ("auto", "A4", "A3", "A5", "B4", "B5", "LTR", "LGL", "11X17")
MOST_RECIPIENTS = 100
_LONGEST_TEXT = 100_000
_LONGEST_SHOWN = 60
_MOST_SHOWN = 3
"""Wrong addresses that a sentence names."""


class _WordInAnyCase(OneOf):
    """One of a few words, in any case."""

    def read(self, given: object) -> str:
        """Take one of the words, as it is written here."""
        word = given.strip().lower() if isinstance(given, str) else None
        return super().read(next((one for one in self.words if one.lower() == word), given))


class _Resolution(_WordInAnyCase):
    """Dots an inch across and down; one number stands for both."""

    def read(self, given: object) -> str:
        """Take 300x300, and 300 for it."""
        if isinstance(given, str) and re.fullmatch(r"[0-9]{1,9}", given.strip()):
            given = f"{given.strip()}x{given.strip()}"
        return super().read(given)


@frozen(kw_only=True)
class Original:
    """A file with pages on it."""

    path: Path
    name: str
    """The name by which a sentence calls it."""


@frozen(kw_only=True)
class SendOrder:
    """One sending, as it is ordered at the panel."""

    originals: tuple[Original, ...]
    to: tuple[str, ...] = item(
        "to",
        Listing(MOST_RECIPIENTS, "e-mail addresses", mail_address),
        (),
        "The destinations.",
    )
    subject: str = item(
        "subject", Text(200), "", "Empty: the Default Subject of the settings window."
    )
    text: str = item("text", Lines(_LONGEST_TEXT), "", "The text in front of the pages.")
    kind: JobKind = item(
        "kind", _WordInAnyCase(("email", "ifax")), "email", "E-mail, or I-Fax."
    )
    format: str = item(
        "format",
        _WordInAnyCase(FORMATS),
        "pdf",
        "Of the attachment; I-Fax is TIFF, and jpeg asks for colour in full mode.",
    )
    resolution: str = item(
        "resolution",
        _Resolution(RESOLUTIONS),
        "200x200",
        "Dots an inch; I-Fax is 204x98 or 204x196, the finer from 200x200 on.",
    )
    paper: str = item("paper", _WordInAnyCase(PAPERS), "auto", "The size of the pages.")
    full: bool = item(
        "full", OnOff(), False, "I-Fax in full mode: asks the receiver for a confirmation."
    )
    user: str = item(
        "user", Text(64), "", "For Display Auth. Screen When Sending: instead of the User set."
    )
    password: str = item(
        "password", Text(32), "", "The same, instead of the Password set.", secret=True
    )


def read_order(
    device: Device, originals: Sequence[Original], given: dict[str, object]
) -> SendOrder:
    """Return the order; SendRefused names everything about it that is not allowed."""
    refused: list[ValueRefused] = []
    values: dict[str, Any] = {}
    try:
        values = read_values(SendOrder, "", given)
    except SettingsRefused as error:
        refused += [
            ValueRefused("to", _wrong_addresses(given["to"])) if one.key == "to" else one
            for one in error.refused
        ]
    if not originals:
        refused.append(
            ValueRefused("page", "nothing is on the glass; at least one file is needed")
        )
    if not given.get("to"):
        refused.append(ValueRefused("to", "no destination is given; at least one is needed"))
    refused += _against_model(device, values)
    if refused:
        raise SendRefused(refused)
    return SendOrder(originals=tuple(originals), **values)


def _against_model(device: Device, values: dict[str, Any]) -> list[ValueRefused]:
    refused = []
    window = device.settings.authent_encryption
    ifax = values.get("kind", "email") == "ifax"
    if values.get("full"):
        if not ifax:
            refused.append(
                ValueRefused("full", "only an I-Fax is sent in full mode (kind = ifax)")
            )
        elif not device.model.sending.full_mode:
            refused.append(ValueRefused("full", f"the {device.model.called} has no full mode"))
    unused = ""
    if not window.display_auth_screen:
        unused = (
            "the machine does not ask for it: Display Auth. Screen When Sending is off "
            "(authent_encryption.display_auth_screen)"
        )
    elif not window.smtp_authentication:
        unused = (
            "the machine would not use it: SMTP Authentication is off "
            "(authent_encryption.smtp_authentication)"
        )
    if unused:
        refused += [
            ValueRefused(key, unused) for key in ("user", "password") if values.get(key)
        ]
    return refused


def _wrong_addresses(given: object) -> str:
    """Say what is wrong with destinations, each once and not at length."""
    entries = given.split(",") if isinstance(given, str) else given
    if not isinstance(entries, (list, tuple)) or not all(
        isinstance(one, str) for one in entries
    ):
        return "this is not allowed; allowed: e-mail addresses"
    wrong = dict.fromkeys(one.strip() for one in entries if not _is_address(one))
    if not wrong:
        return f"{len(entries)} are too many; allowed: up to {MOST_RECIPIENTS} e-mail addresses"
    said = ", ".join(shown(one, _LONGEST_SHOWN) for one in list(wrong)[:_MOST_SHOWN])
    if len(wrong) > _MOST_SHOWN:
        said += f" and {len(wrong) - _MOST_SHOWN} more"
    return f"{said} {'is no e-mail address' if len(wrong) == 1 else 'are no e-mail addresses'}"


def _is_address(given: str) -> bool:
    try:
        mail_address(given)
    except ValueError:
        return False
    return True


ORDER_ITEMS = {key: (about, default) for key, about, default in items_of(SendOrder)}
"""What can be said of a sending beside its files, for OpenAPI and the docs."""
