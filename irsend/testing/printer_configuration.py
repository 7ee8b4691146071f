"""The configuration of a printer in a test: free ports, everything in RAM, SMTP Receive on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from irsend.configuration import Configuration, configuration, read_assignments
from irsend.device.model import Model, load_model
from irsend.errors import ConfigurationError
from irsend.wording import did_you_mean

_RECEIVE = "email_ifax.smtp_receive"
_FREE_PORT = "tcp:0:interface=127.0.0.1"


def printer_configuration(
    *,
    state: str,
    model: str,
    accounts: Mapping[str, str] | None,
    sections: Mapping[str, Mapping[str, object] | None],
    hostnames: Sequence[str],
    settings: Mapping[str, object],
    assignments: Sequence[str] = (),
) -> Configuration:
    """Return the configuration for what a test has given; ConfigurationError, ModelError.

    `assignments` are KEY=VALUE as `--set` takes them; they win over all else.
    """
    assigned = read_assignments(assignments)
    model = str(assigned.pop("model", model))
    the_model = load_model(model)
    given: dict[str, dict[str, object]] = {}
    receiving = {_RECEIVE: True} if the_model.has_item(_RECEIVE) else {}
    for key, value in {**receiving, **whole_keys(the_model, settings)}.items():
        window, _, item = key.partition(".")
        given.setdefault(window, {})[item] = value
    whole: dict[str, object] = {
        "state": state,
        "listen": {"smtp": _FREE_PORT, "panel": _FREE_PORT},
        "tls": {"hostnames": list(hostnames)},
        **{name: dict(section or {}) for name, section in sections.items()},
        "settings": given,
        "mailhost": {
            "enabled": accounts is not None,
            "smtp": _FREE_PORT,
            "pop3": _FREE_PORT,
            "accounts": dict(accounts or {}),
        },
    }
    return configuration(model=model, **_merged(whole, assigned))


def whole_keys(model: Model, settings: Mapping[str, object]) -> dict[str, object]:
    """Return settings by whole key, "window.item".

    A test gives them as "window.item", as `window__item`, or as `item` alone.
    Raises ConfigurationError where the model has no such item.
    """
    return {_whole_key(model, name): value for name, value in settings.items()}


def _whole_key(model: Model, name: str) -> str:
    items = {key.partition(".")[2]: key for key in model.items()}
    key = items.get(name, name.replace("__", ".", 1))
    if "." not in key:
        near = did_you_mean(name, [*_OPTIONS, *model.items()])
        raise ConfigurationError(f"{name}: the {model.called} has no such setting{near}")
    return key


_OPTIONS = (
    "state",
    "model",
    "accounts",
    "paper",
    "limits",
    "sending",
    "link",
    "printing",
    "hostnames",
    "assignments",
)


def _merged(given: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """Return values with those of `over` in their place; tables are merged."""
    merged = dict(given)
    for key, value in over.items():
        before = merged.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(before, value) if both else value  # type: ignore[arg-type]
    return merged
