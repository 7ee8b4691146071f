"""Which runs a probe makes: each model by each of the settings that change what it does.

The runs of a model come in the order of what an office would prefer: TLS before plain
text, a login before none.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from attrs import field, frozen

from irsend.device.items import Value
from irsend.device.model import Model
from irsend.device.windows import ITEMS, PopAuthMethod
from irsend.errors import SettingsRefused
from irsend.probe.order import Order

SMTP_TLS = "authent_encryption.allow_ssl_smtp_send"
SMTP_AUTH = "authent_encryption.smtp_authentication"
POP_TLS = "authent_encryption.allow_ssl_pop"
POP_METHOD = "authent_encryption.pop_auth_method"
SMTP_PORT, POP_PORT = "service_mode.smtp_tx_port", "service_mode.pop3_port"


@frozen(kw_only=True)
class Run:
    """One model with settings: what one machine in RAM is to try."""

    model: Model
    varied: Mapping[str, Value]
    """The settings that other runs of the model have otherwise, by whole key."""
    settings: Mapping[str, Value] = field(repr=False)
    """All that is set, secrets among them."""
    impossible: str = ""
    """Why the model cannot be set up so; empty where it can."""
    counts: bool = True
    """Whether an office would keep these settings: where the mail goes so, the model passes."""


def runs_of(model: Model, order: Order) -> list[Run]:
    """Return the runs of one model; SettingsRefused for values that no panel takes."""
    given, impossible = _given(model, order)
    axes = _axes(model, order, given)
    runs = []
    for values in itertools.product(*axes.values()):
        varied = dict(zip(axes, values, strict=True))
        settings = {
            **given,
            **{key: value for key, value in varied.items() if model.has_item(key)},
        }
        logs_in = bool(varied.get(SMTP_AUTH, True)) or len(axes.get(SMTP_AUTH, ())) < 2
        runs.append(
            Run(
                model=model,
                varied=varied,
                settings=settings,
                impossible=impossible,
                counts=logs_in,
            )
        )
        if impossible:
            break
    return runs


def _axes(model: Model, order: Order, given: Mapping[str, Value]) -> dict[str, Sequence[Value]]:
    """Return the settings that matter here, each with the values that the model can have."""
    on_off: tuple[Value, ...] = (True, False)
    # At a port of implicit TLS nothing is said without it.
    tls: tuple[Value, ...] = (True,) if order.target.implicit_tls else on_off
    has_tls = model.tls is not None
    if order.target.is_pop:
        axes: dict[str, Sequence[Value]] = {
            POP_TLS: tls if has_tls and model.has_item(POP_TLS) else (False,),
            POP_METHOD: tuple(PopAuthMethod)
            if model.has_item(POP_METHOD)
            else (PopAuthMethod.STANDARD,),
        }
    else:
        logs_in = bool(order.user) and model.has_item(SMTP_AUTH)
        axes = {
            SMTP_TLS: tls if has_tls and model.has_item(SMTP_TLS) else (False,),
            SMTP_AUTH: on_off if logs_in else (False,),
        }
    return {key: (given[key],) if key in given else values for key, values in axes.items()}


def _given(model: Model, order: Order) -> tuple[dict[str, Value], str]:
    """Return what every run has set, and why the model cannot be set so, or nothing."""
    target = order.target
    if target.is_pop:
        wanted: dict[str, object] = {
            "email_ifax.pop": True,
            "email_ifax.pop_server": target.host,
            "email_ifax.pop_address": order.user,
            "email_ifax.pop_password": order.password,
            POP_PORT: target.port,
        }
    else:
        wanted = {
            "email_ifax.smtp_server": target.host,
            "email_ifax.via_server": True,
            "email_ifax.email_address": order.sender,
            SMTP_PORT: target.port,
        }
        if order.user:
            wanted["authent_encryption.user"] = order.user
            wanted["authent_encryption.password"] = order.password
    wanted |= order.settings
    lacking = [key for key in wanted if key in ITEMS and not model.has_item(key)]
    missing = [key for key in lacking if _matters(key, wanted[key], model, order)]
    values = model.read_settings({key: wanted[key] for key in wanted if key not in lacking})
    impossible = ""
    if missing:
        impossible = f"its windows do not have {', '.join(missing)}"
        port = SMTP_PORT if not target.is_pop else POP_PORT
        if port in missing:
            impossible += f": it knows no port but {model.default(port)}"
    implicit = model.tls is not None and (model.tls.implicit or model.tls.implicit_always)
    if target.implicit_tls and not implicit:
        impossible = "it does not know TLS from the connection on, only STARTTLS and STLS"
    return values, impossible


def _matters(key: str, value: object, model: Model, order: Order) -> bool:
    """Say whether a model that lacks an item cannot do what is asked."""
    if key in order.settings:
        return True
    return key in (SMTP_PORT, POP_PORT) and value != model.default(key)


def check(order: Order) -> None:
    """Raise SettingsRefused where a value is none that any panel takes, or a key is wrong."""
    refused: dict[str, SettingsRefused] = {}
    for model in order.models:
        try:
            runs_of(model, order)
        except SettingsRefused as error:
            refused[str(error)] = error
    if refused:
        raise next(iter(refused.values()))
