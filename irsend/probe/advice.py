"""What to change where a run was not OK: the first rule of advice.toml that fits it.

A rule is data: conditions on the facts of an outcome, a sentence, the change in a few
words, and the source that it rests on.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from importlib import resources

import attrs
from attrs import frozen

from irsend.configuration_sections import MB
from irsend.device.model_tables import TLS_VERSIONS
from irsend.probe.offers import Offers
from irsend.probe.outcome import Advice, Outcome, value_text
from irsend.probe.plan import POP_METHOD, POP_TLS, SMTP_AUTH, SMTP_TLS
from irsend.protocols.tls_context import version_range

_REPLY = re.compile(r"(?:the server refused [^:]*|login refused): (.*)", re.DOTALL)
_OFFERED = re.compile(r"offered ([A-Z0-9-]+(?:, [A-Z0-9-]+)*)")

Facts = Mapping[str, str]


@frozen(kw_only=True)
class Rule:
    """One piece of advice, and when it is given."""

    name: str
    when: Mapping[str, re.Pattern[str]]
    """A pattern for each fact that counts; it fits the whole fact."""
    side: str
    sentence: str
    """With the names of facts in braces."""
    change: str
    cost: int
    source: str

    def fits(self, facts: Facts) -> bool:
        """Say whether all its conditions hold."""
        return all(pattern.fullmatch(facts[name]) for name, pattern in self.when.items())

    def advice(self, facts: Facts) -> Advice:
        """Return the advice with the facts in it."""
        return Advice(
            name=self.name,
            side=self.side,
            sentence=self.sentence.format_map(facts),
            change=self.change.format_map(facts),
            cost=self.cost,
            source=self.source,
        )


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Return the rules of advice.toml, in their order."""
    text = resources.files("irsend.probe").joinpath("advice.toml").read_text("utf-8")
    return tuple(
        Rule(
            name=one["name"],
            when={
                name: re.compile(pattern, re.DOTALL) for name, pattern in one["when"].items()
            },
            side=one["side"],
            sentence=one["sentence"],
            change=one.get("change", ""),
            cost=one.get("cost", 0),
            source=one["source"],
        )
        for one in tomllib.loads(text)["advice"]
    )


def advised(outcome: Outcome, offers: Offers, server: str) -> Outcome:
    """Return an outcome with the advice that the first fitting rule gives."""
    facts = facts_of(outcome, offers, server)
    found = next((rule for rule in rules() if rule.fits(facts)), None)
    return attrs.evolve(outcome, advice=(found.advice(facts),) if found else ())


def facts_of(outcome: Outcome, offers: Offers, server: str) -> dict[str, str]:
    """Return what rules may ask of an outcome, and name in their sentences."""
    model, is_pop = outcome.model, server.startswith("pop3")
    reply = _REPLY.search(outcome.reason)
    offered = _OFFERED.search(outcome.why_mechanism)
    order = model.sasl.secured if outcome.tls else model.sasl.plain
    size = _size_limit(offers)
    largest = int(str(model.default("email_ifax.maximum_data_size")))
    return {
        "protocol": "pop3" if is_pop else "smtp",
        "server": server,
        "model": model.called,
        "result": outcome.result,
        "code": outcome.code or "",
        "reason": outcome.reason,
        "reply": reply[1].strip() if reply else "",
        "allow_ssl": value_text(outcome.varied.get(POP_TLS if is_pop else SMTP_TLS, False)),
        "auth": value_text(outcome.varied.get(SMTP_AUTH, False)),
        "method": value_text(outcome.varied.get(POP_METHOD, "")),
        "tls": outcome.tls.version if outcome.tls else "none",
        "model_tls": version_range(model.tls.oldest, model.tls.newest) if model.tls else "none",
        "implicit_always": "yes" if model.tls and model.tls.implicit_always else "no",
        "newest": model.tls.newest if model.tls else "",
        "server_tls": ", ".join(offers.tls_versions) or "none",
        "versions_in_common": "yes" if _in_common(outcome, offers) else "no",
        "offers_tls": "yes" if offers.starts_tls else "no",
        "mechanism": outcome.tried,
        "why_mechanism": outcome.why_mechanism,
        "offered": offered[1] if offered else "none",
        "offered_secured": ", ".join(offers.mechanisms_secured) or "none",
        "known": ", ".join(order) or "none",
        "attempts": str(model.sending.attempts),
        "tries_again": "yes" if model.sending.attempts > 1 else "no",
        "pause": str(model.sending.pause),
        "size": str(size // MB) if size else "",
        "largest": str(largest),
        "too_small": "yes" if size and (not largest or size < largest * MB) else "no",
    }


def _size_limit(offers: Offers) -> int:
    for line in (*offers.secured, *offers.plain):
        keyword, _, limit = line.partition(" ")
        if keyword == "SIZE" and limit.isdigit():
            return int(limit[:18])
    return 0


def _in_common(outcome: Outcome, offers: Offers) -> bool:
    if outcome.model.tls is None:
        return False
    first = TLS_VERSIONS.index(outcome.model.tls.oldest)
    last = TLS_VERSIONS.index(outcome.model.tls.newest)
    return any(version in offers.tls_versions for version in TLS_VERSIONS[first : last + 1])
