"""What the outcomes of a probe say together: offers that nobody used, and the smallest change that helps."""

from __future__ import annotations

from attrs import frozen

from irsend.device.model import Model
from irsend.probe.outcome import Outcome, Report

_USED_IN_MAIL = {"SIZE": " SIZE=", "8BITMIME": " BODY=8BITMIME", "DSN": " RET="}
"""What an extension adds to the MAIL command."""
_SASL = ("AUTH", "SASL")


@frozen
class Change:
    """A change at the server, and the models that it would let through."""

    text: str
    models: tuple[str, ...]


def unused_offers(report: Report) -> list[str]:
    """Return what the server offers and no model made use of."""
    offers, outcomes = report.offers, report.outcomes
    used = {one.tls.version for one in outcomes if one.tls}
    unused = [version for version in offers.tls_versions if version not in used]
    tried = {one.tried for one in outcomes}
    mechanisms = dict.fromkeys((*offers.mechanisms_plain, *offers.mechanisms_secured))
    unused += [name for name in mechanisms if name not in tried]
    for line in dict.fromkeys((*offers.plain, *offers.secured)):
        keyword = line.split(" ")[0].partition("=")[0]
        if keyword not in _SASL and not _is_used(keyword, outcomes):
            unused.append(keyword)
    return list(dict.fromkeys(unused))


def _is_used(keyword: str, outcomes: tuple[Outcome, ...]) -> bool:
    if keyword in ("STARTTLS", "STLS"):
        return any(one.tls for one in outcomes)
    if keyword == "PIPELINING":
        return any(
            keyword in one.model.sending.extensions and _says(one, "MAIL FROM:")
            for one in outcomes
        )
    if keyword in _USED_IN_MAIL:
        return any(_says(one, _USED_IN_MAIL[keyword]) for one in outcomes)
    return any(_says(one, keyword) for one in outcomes)


def _says(outcome: Outcome, words: str) -> bool:
    """Say whether the machine has said this in a command."""
    return any(
        line.speaker == "C" and words in line.text.upper() for line in outcome.transcript
    )


def smallest_change(report: Report) -> Change | None:
    """Return the change that costs least of those that let one more model through; None without one."""
    helped: dict[tuple[int, str], list[Model]] = {}
    for model in report.models():
        if report.passing(model):
            continue
        changes = {
            (advice.cost, advice.change)
            for outcome in report.of_model(model)
            for advice in outcome.advice
            if advice.change and outcome.counts
        }
        for change in changes:
            helped.setdefault(change, []).append(model)
    if not helped:
        return None
    cost, text = min(helped, key=lambda one: (one[0], -len(helped[one]), one[1]))
    return Change(text, tuple(model.called for model in helped[cost, text]))
