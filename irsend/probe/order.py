"""What is asked of a probe."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from irsend.device.model import Model
from irsend.probe.target import Target


@frozen(kw_only=True)
class Order:
    """One probe, as the command line orders it."""

    target: Target
    models: tuple[Model, ...]
    settings: Mapping[str, str] = field(factory=dict, repr=False)
    """By whole key, as --setting gives them."""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    user: str = ""
    """Empty: the machines do not log in."""
    password: str = field(default="", repr=False)
    token_file: str = ""
    """The path of the access token for XOAUTH2; empty: models that know it pass it over."""
    allow_clear: bool = False
    """Whether a password may go in plain text where the model would give it so."""
    dry_run: bool = False
    pause: float = 0.2
    """Seconds between two connections."""
    patience: int = 30
    """Seconds that the server may take for one answer."""
    trust: str = ""
    """The path of root certificates, for settings that check a certificate."""
