"""Keys of the configuration in the environment: IRSEND_LISTEN__SMTP is listen.smtp."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from irsend.device.items import Item
from irsend.errors import ConfigurationError
from irsend.wording import nearest, no_such

_PREFIX = "IRSEND_"
_OTHERS = re.compile(
    # Of irsendctl, of `irsendctl run`, of the suite.
    r"URL|PASSWORD|SECRET|UTC|MACHINE|LIVE|CA_FILE|SMTP_(HOST|PORT|PASSWORD)"
    r"|MAILHOST_(SMTP|POP3)_PORT"
    # What Kubernetes and Docker set in each container beside a service of this name.
    r"|SERVICE_(HOST|PORT\w*)|PORT(_\w+)?"
)
"""Variables that are not the machine's, behind the prefix."""


def variable_of(key: str) -> str:
    """Return the name of the variable for a whole key."""
    return _PREFIX + key.upper().replace(".", "__")


def read_environment(
    environment: Mapping[str, str], items: Mapping[str, Item | None]
) -> dict[str, object]:
    """Return what is given by whole key, as the file would have it; ConfigurationError.

    `items` has every key; None stands for one that is no item.
    """
    keys = {variable_of(key): key for key in items}
    given: dict[str, object] = {}
    refused = []
    for name, text in sorted(environment.items()):
        if not name.startswith(_PREFIX) or _OTHERS.fullmatch(name, len(_PREFIX)):
            continue
        if name not in keys:
            refused.append(f"{name}: {no_such('variable', _near(name, keys), _HOW)}")
            continue
        about = items[keys[name]]
        try:
            given[keys[name]] = _value(text, about)
        except (ValueError, RecursionError) as error:
            # A secret may stand in what TOML's reader says.
            why = "" if about and about.secret else f" ({error})"
            refused.append(f"{name}: this is no TOML value{why}; allowed: {_allowed(about)}")
    if refused:
        raise ConfigurationError("\n".join(refused))
    return given


_HOW = "; a variable is IRSEND_ and a key of the configuration, as in IRSEND_LISTEN__SMTP"


def _near(name: str, keys: Mapping[str, str]) -> list[str]:
    key = name.removeprefix(_PREFIX).lower().replace("__", ".")
    return [variable_of(one) for one in nearest(key, keys.values())]


def _value(text: str, about: Item | None) -> object:
    """Return a list or a table of TOML as such, any other value as the text that it is."""
    if about is None or about.kind.type not in ("list", "table"):
        return text
    if not text.lstrip().startswith(("[", "{")):
        return text
    return tomllib.loads(f"value = {text.strip()}")["value"]


def _allowed(about: Item | None) -> str:
    return about.kind.allowed if about else ""
