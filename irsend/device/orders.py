"""What somebody puts on the glass, and where it is to go: read, and refused where it cannot be sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from irsend.addresses import mail_address
from irsend.device.device import Device
from irsend.device.items import Lines, Listing, OneOf, OnOff, Text, item, items_of, read_values
from irsend.errors import SendRefused, SettingsRefused, ValueRefused

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


@frozen(kw_only=True)
class Original:
    """A file with pages on it."""

    path: Path
    name: str
    """What people call it."""


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
    kind: str = item("kind", OneOf(("email", "ifax")), "email", "E-mail, or I-Fax.")
    format: str = item(
        "format", OneOf(FORMATS), "pdf", "Of the attachment; I-Fax is always TIFF."
    )
    resolution: str = item(
        "resolution",
        OneOf(RESOLUTIONS),
        "200x200",
        "Dots an inch; I-Fax is 204x98 or 204x196, the finer from 200x200 on.",
    )
    paper: str = item("paper", OneOf(PAPERS), "auto", "The size of the pages.")
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
        refused += error.refused
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
    if values.get("full"):
        if values.get("kind", "email") != "ifax":
            refused.append(
                ValueRefused("full", "only an I-Fax is sent in full mode (kind = ifax)")
            )
        elif not device.model.sending.full_mode:
            refused.append(ValueRefused("full", f"the {device.model.called} has no full mode"))
    if not window.display_auth_screen:
        refused += [
            ValueRefused(
                key,
                "the machine does not ask for it: Display Auth. Screen When Sending is off "
                "(authent_encryption.display_auth_screen)",
            )
            for key in ("user", "password")
            if values.get(key)
        ]
    return refused


ORDER_ITEMS = {key: (about, default) for key, about, default in items_of(SendOrder)}
"""What can be said of a sending beside its files, for OpenAPI and the docs."""
