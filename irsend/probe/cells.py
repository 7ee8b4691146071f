"""The words of a probe's report: the cells of its table, and the lines below it."""

from __future__ import annotations

from collections.abc import Iterator

from irsend.device.probe_state import ProbeRow
from irsend.probe.findings import smallest_change, unused_offers
from irsend.probe.outcome import Outcome, Report, settings_text


def rows(report: Report) -> Iterator[ProbeRow]:
    """Yield the rows of the table, those of a model one after the other."""
    for model in report.models():
        verdict = "passes" if report.passing(model) else "does not pass"
        for place, outcome in enumerate(report.of_model(model)):
            first = place == 0
            own = not outcome.same_as
            yield ProbeRow(
                model=model.title or model.name if first else "",
                year=str(model.year) if first else "",
                verdict=verdict if first else "",
                settings=settings_text(outcome.varied),
                tls=tls_text(outcome) if own else "",
                login=login_text(outcome) if own else "",
                result=result_text(outcome),
                panel=outcome.panel,
                advice=advice_text(outcome) if own else "",
                same_as=outcome.same_as,
            )


def result_text(outcome: Outcome) -> str:
    """Return the result with its code: "NG #841"."""
    return " ".join(part for part in (outcome.result, outcome.code) if part)


def tls_text(outcome: Outcome) -> str:
    """Return version and cipher, or why there is none."""
    if outcome.tls:
        return f"{outcome.tls.version} {outcome.tls.cipher}"
    return f"none: {outcome.why_no_tls}"


def login_text(outcome: Outcome) -> str:
    """Return the mechanism and why it was chosen, or why there is none."""
    why = outcome.why_mechanism.rpartition("; ")[2].removeprefix(f"{outcome.tried} ")
    if outcome.mechanism:
        return f"{outcome.mechanism}: {why}" if why else outcome.mechanism
    if outcome.tried:
        end = "not given" if outcome.result == "not tried" else "failed"
        return f"{outcome.tried} {end}: {why}"
    return f"none: {outcome.why_mechanism}" if outcome.why_mechanism else "none"


def advice_text(outcome: Outcome) -> str:
    """Return the advice; where there is none, the reason."""
    return " ".join(one.sentence for one in outcome.advice) or outcome.reason


def lines_below(report: Report) -> Iterator[str]:
    """Yield what stands below the table."""
    offers = report.offers
    yield f"The server greets with: {offers.greeting}"
    if offers.plain or not offers.has_tls:
        yield f"In plain text it offers: {', '.join(offers.plain) or 'nothing'}"
    if offers.has_tls:
        versions = ", ".join(offers.tls_versions) or "no version that this computer speaks"
        yield f"TLS: {versions}"
        yield f"Under TLS it offers: {', '.join(offers.secured) or 'nothing'}"
    if offers.problem:
        yield f"Not all could be asked: {offers.problem}"
    unused = unused_offers(report)
    yield f"Offers that no model used: {', '.join(unused) or 'none'}"
    failing = [model.called for model in report.models() if not report.passing(model)]
    passing = [model.called for model in report.models() if report.passing(model)]
    yield f"Passing: {', '.join(passing) or 'none'}"
    yield f"Not passing: {', '.join(failing) or 'none'}"
    change = smallest_change(report)
    if change:
        yield (
            f"The smallest change that lets one more through: {change.text} "
            f"(for the {', the '.join(change.models)})"
        )
    if report.dry_run:
        yield "Nothing was sent, and nothing fetched."
    elif report.mails:
        mails = "1 mail" if report.mails == 1 else f"{report.mails} mails"
        yield f"Sent: {mails}, one for each result that differs; the other runs ended before DATA."
    else:
        yield "No mail was sent."
