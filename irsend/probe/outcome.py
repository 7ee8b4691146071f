"""What came of the runs of a probe: values that table, page and document show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs
from attrs import field, frozen

from irsend.device.items import Value
from irsend.device.model import Model
from irsend.device.sessions import TLSUse
from irsend.interfaces import TranscriptLine
from irsend.probe.offers import Offers

Result = Literal["OK", "NG", "not tried"]


@frozen(kw_only=True)
class Advice:
    """What to change, and on which side."""

    name: str
    side: str
    """"server", "printer" or "probe"."""
    sentence: str
    change: str = ""
    """The change in a few words, the same for all models that it helps; empty where it helps none."""
    cost: int = 0
    """How much it changes: 1 is little."""
    source: str = ""


@frozen(kw_only=True)
class Outcome:
    """What came of one run."""

    model: Model
    varied: Mapping[str, Value]
    """The settings that tell the runs of the model apart, by whole key."""
    counts: bool
    """Whether an office would keep these settings: see `passes`."""
    result: Result
    code: str | None = None
    reason: str = ""
    """Why it is not OK."""
    panel: str = ""
    """The text that the status line shows."""
    tls: TLSUse | None = None
    why_no_tls: str = ""
    mechanism: str | None = None
    """The one that a login succeeded with."""
    tried: str = ""
    """The mechanism that the model chose."""
    why_mechanism: str = ""
    handed_over: bool = False
    """True where a mail was sent; False where the transaction ended before DATA."""
    depends_on: frozenset[str] = frozenset()
    """The settings of `varied` that this end rests on: with others of the rest it is the same."""
    same_as: str = ""
    """The run whose session this outcome was taken from; empty where it had its own."""
    transcript: tuple[TranscriptLine, ...] = field(default=(), repr=False)
    advice: tuple[Advice, ...] = ()

    @property
    def passes(self) -> bool:
        """True where the mail was accepted, or the login to the maildrop, with settings that count."""
        return self.result == "OK" and self.counts

    def holds_for(self, varied: Mapping[str, Value]) -> bool:
        """Say whether a run of the model with these settings must end the same way."""
        return all(varied[key] == self.varied[key] for key in self.depends_on)

    def of_run(self, varied: Mapping[str, Value], *, counts: bool) -> Outcome:
        """Return it as the outcome of another run that must end the same way."""
        return attrs.evolve(
            self, varied=varied, counts=counts, same_as=settings_text(self.varied)
        )


@frozen(kw_only=True)
class Report:
    """What a probe has found."""

    server: str
    """Its URL."""
    at: float
    """When the probe began, in seconds since the epoch."""
    dry_run: bool
    offers: Offers
    outcomes: tuple[Outcome, ...]
    """Of all models, each with its runs one after the other."""
    mails: int
    """How many were handed over."""

    def models(self) -> list[Model]:
        """Return the models, in their order."""
        # By identity: a user's file may have the name of another model.
        return list({id(one.model): one.model for one in self.outcomes}.values())

    def of_model(self, model: Model) -> list[Outcome]:
        """Return the outcomes of one model."""
        return [one for one in self.outcomes if one.model is model]

    def passing(self, model: Model) -> bool:
        """Say whether a model passes: with one of the settings that count it is OK."""
        return any(one.passes for one in self.of_model(model))

    @property
    def all_pass(self) -> bool:
        """Say whether every model passes."""
        return all(self.passing(model) for model in self.models())


_SHORT = {
    "authent_encryption.allow_ssl_smtp_send": "SSL",
    "authent_encryption.smtp_authentication": "AUTH",
    "authent_encryption.allow_ssl_pop": "SSL",
    "authent_encryption.pop_auth_method": "",
}
"""How the settings that tell runs apart are called in a row."""


def settings_text(varied: Mapping[str, Value]) -> str:
    """Return settings as a row shows them: "SSL on, AUTH off"."""
    return ", ".join(
        f"{_SHORT[key]} {value_text(value)}".strip() for key, value in varied.items()
    )


def value_text(value: Value) -> str:
    """Return a setting's value as `irsendctl set` takes it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(getattr(value, "value", value))


def label(outcome: Outcome) -> str:
    """Return how a run is called: its model and its settings."""
    return f"{outcome.model.name}, {settings_text(outcome.varied)}"


def best_of(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome that came farthest: the one whose advice is worth most."""
    return max(
        outcomes, key=lambda one: (one.counts, one.result != "not tried", len(one.transcript))
    )
