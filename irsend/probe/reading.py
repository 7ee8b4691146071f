"""Reads what a probe is to do, as the command line or a form gives it; SettingsRefused names each key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from irsend.addresses import mail_address
from irsend.device.model import load_model, model_names
from irsend.device.windows import ITEMS
from irsend.errors import ModelError, SettingsRefused, ValueRefused
from irsend.probe.order import Order
from irsend.probe.plan import check
from irsend.probe.target import Target, WrongTarget, read_target

LONGEST_PAUSE = 3600
"""Seconds."""


def read_order(
    *,
    url: str,
    to: Sequence[str] = (),
    sender: str = "",
    user: str = "",
    models: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    dry_run: bool = False,
    allow_clear: bool = False,
    pause: float = 0.2,
    patience: int = 30,
    trust: str = "",
    token_file: str = "",
) -> Order:
    """Return an order; SettingsRefused names each key that is wrong, never a secret.

    Without `models` these are all that irsend comes with; without a `sender` it is the
    user, where that is an address, else the first recipient.
    """
    refused: list[ValueRefused] = []
    target: Target | None = None
    try:
        target = read_target(url)
    except WrongTarget as error:
        refused.append(ValueRefused("url", str(error)))
    if target is not None:
        if not target.is_pop and not to:
            refused.append(ValueRefused("to", "is missing; allowed: whom the mail is for"))
        if target.is_pop and not user:
            refused.append(ValueRefused("user", "is missing; allowed: whose maildrop it is"))
    for key, addresses in (("to", to), ("from", [sender] if sender else [])):
        refused += [
            ValueRefused(key, f"{one!r} is not allowed; allowed: an e-mail address")
            for one in addresses
            if not _is_address(one)
        ]
    loaded = []
    for name in dict.fromkeys(models or model_names()):
        try:
            loaded.append(load_model(name))
        except ModelError as error:
            refused.append(ValueRefused("model", str(error).removeprefix("model: ")))
    given, wrong = _settings(settings or {})
    refused += wrong
    if refused or target is None:
        raise SettingsRefused(refused)
    order = Order(
        target=target,
        models=tuple(loaded),
        settings=given,
        sender=sender or (user if _is_address(user) else "") or (to[0] if to else ""),
        recipients=tuple(to),
        user=user,
        token_file=token_file,
        allow_clear=allow_clear,
        dry_run=dry_run,
        pause=pause,
        patience=patience,
        trust=trust,
    )
    check(order)
    return order


def with_password(order: Order, password: str) -> Order:
    """Return it with the password of its user; SettingsRefused where no panel takes that."""
    order = attrs.evolve(order, password=password)
    check(order)
    return order


_GIVEN_OTHERWISE = {
    "email_ifax.smtp_server": "the URL",
    "email_ifax.via_server": "the URL",
    "service_mode.smtp_tx_port": "the URL",
    "email_ifax.pop": "the URL",
    "email_ifax.pop_server": "the URL",
    "service_mode.pop3_port": "the URL",
    "email_ifax.email_address": "the sender",
    "email_ifax.pop_address": "the user",
    "authent_encryption.user": "the user",
}
"""Settings that are no settings of their own here."""


def _settings(given: Mapping[str, str]) -> tuple[dict[str, str], list[ValueRefused]]:
    values = {key.removeprefix("settings."): value for key, value in given.items()}
    refused = [
        ValueRefused(key, f"{_GIVEN_OTHERWISE[key]} says it; allowed: any other setting")
        for key in values
        if key in _GIVEN_OTHERWISE
    ]
    refused += [
        ValueRefused(
            key, "this is a secret; allowed: the password of --user, not a setting of its own"
        )
        for key in values
        if key in ITEMS and ITEMS[key].secret
    ]
    return values, refused


def _is_address(text: str) -> bool:
    try:
        mail_address(text)
    except ValueError:
        return False
    return True
