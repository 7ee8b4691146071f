"""A probe's report as JSON, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from irsend.device.codes import meaning
from irsend.device.items import Value
from irsend.probe.findings import smallest_change, unused_offers
from irsend.probe.outcome import Outcome, Report, value_text

Json = dict[str, object]


def report_document(report: Report) -> Json:
    """Return the whole report."""
    change = smallest_change(report)
    return {
        "server": report.server,
        "at": datetime.fromtimestamp(report.at, UTC).isoformat(),
        "dry_run": report.dry_run,
        "passes": report.all_pass,
        "mails": report.mails,
        "offers": {
            "greeting": report.offers.greeting,
            "plain": list(report.offers.plain),
            "secured": list(report.offers.secured),
            "tls_versions": list(report.offers.tls_versions),
            "problem": report.offers.problem,
        },
        "unused_offers": unused_offers(report),
        "smallest_change": {"change": change.text, "models": list(change.models)}
        if change
        else None,
        "models": [
            {
                "name": model.name,
                "title": model.title,
                "year": model.year,
                "passes": report.passing(model),
                "runs": [_run(one) for one in report.of_model(model)],
            }
            for model in report.models()
        ],
    }


def _run(outcome: Outcome) -> Json:
    return {
        "settings": _settings(outcome.varied),
        "counts": outcome.counts,
        "result": outcome.result,
        "code": outcome.code,
        "code_text": meaning(outcome.code),
        "reason": outcome.reason,
        "status_line": outcome.panel,
        "tls": {"version": outcome.tls.version, "cipher": outcome.tls.cipher}
        if outcome.tls
        else None,
        "why_no_tls": outcome.why_no_tls,
        "auth": outcome.mechanism,
        "auth_tried": outcome.tried or None,
        "choice": outcome.why_mechanism,
        "mail_sent": outcome.handed_over and not outcome.same_as,
        "same_as": outcome.same_as,
        "advice": [
            {
                "name": one.name,
                "side": one.side,
                "sentence": one.sentence,
                "source": one.source,
            }
            for one in outcome.advice
        ],
        "transcript": [f"{line.speaker}: {line.text}" for line in outcome.transcript],
    }


def _settings(varied: Mapping[str, Value]) -> Json:
    return {
        key: value if isinstance(value, bool) else value_text(value)
        for key, value in varied.items()
    }
