"""The outcome of a run, read from the session of its machine."""

from __future__ import annotations

import re
from collections.abc import Sequence

from irsend.device.sessions import Session
from irsend.interfaces import TranscriptLine
from irsend.probe.outcome import Outcome
from irsend.probe.plan import POP_METHOD, POP_TLS, SMTP_AUTH, SMTP_TLS, Run
from irsend.services.error_text import WITHHELD

_TLS_FAILED = "TLS failed: "
_WITHOUT_LOGIN = "going on without authentication"
_CHOSEN = re.compile(r"; ([A-Z0-9-]+) (?:comes first|is the only one known) on ")
_WITHOUT_TLS = re.compile(r"STARTTLS (?:is not offered|was refused)")


def impossible(run: Run) -> Outcome:
    """Return the outcome of a run that no machine of this model can make."""
    return Outcome(
        model=run.model,
        varied=run.varied,
        counts=run.counts,
        result="not tried",
        reason=run.impossible,
        why_no_tls="not tried",
    )


def outcome_of(
    run: Run, session: Session, lines: Sequence[TranscriptLine], *, rehearsed: bool
) -> Outcome:
    """Return the outcome of a run whose session has ended."""
    notes = [line.text for line in lines if line.speaker == "-"]
    withheld = WITHHELD in session.reason
    ok = session.result == "OK"
    return Outcome(
        model=run.model,
        varied=run.varied,
        counts=run.counts,
        result="not tried" if withheld else "OK" if ok else "NG",
        code=None if withheld else session.code,
        reason=session.reason,
        panel=session.status_line,
        tls=session.tls,
        why_no_tls="" if session.tls else _why_no_tls(run, session, notes),
        mechanism=session.auth or ("USER and PASS" if ok and _is_pop(run) else None),
        tried=_tried(session),
        why_mechanism=session.choice,
        handed_over=ok and not rehearsed and not _is_pop(run),
        depends_on=_depends_on(run, session, lines, notes),
        transcript=tuple(lines),
    )


def _is_pop(run: Run) -> bool:
    return POP_METHOD in run.varied


def _tried(session: Session) -> str:
    chosen = _CHOSEN.search(session.choice)
    if chosen:
        return chosen[1]
    return session.auth or ""


def _why_no_tls(run: Run, session: Session, notes: list[str]) -> str:
    if run.model.tls is None:
        return "the model has no TLS"
    if not run.varied[POP_TLS if _is_pop(run) else SMTP_TLS]:
        return "Allow SSL is off"
    if session.reason.startswith(_TLS_FAILED):
        return session.reason.removeprefix(_TLS_FAILED)
    return next(
        (note for note in notes if _WITHOUT_TLS.match(note)), "the session ended before"
    )


def _depends_on(
    run: Run, session: Session, lines: Sequence[TranscriptLine], notes: list[str]
) -> frozenset[str]:
    """Return the settings that this end rests on."""
    said = [line.text.upper() for line in lines if line.speaker == "C"]
    tls_key, login_key = (POP_TLS, POP_METHOD) if _is_pop(run) else (SMTP_TLS, SMTP_AUTH)
    if session.reason.startswith(_TLS_FAILED):
        # Neither EHLO nor a login comes before TLS with the connection.
        return frozenset({tls_key})
    found: set[str] = set()
    hello = "CAPA" if _is_pop(run) else "EHLO"
    greeted = any(line.startswith(hello) for line in said)
    refused_hello = session.reason.startswith("the server refused EHLO") and session.tls is None
    if not greeted or refused_hello:
        return frozenset()
    without_tls = run.model.tls is None or any(_WITHOUT_TLS.match(note) for note in notes)
    if not without_tls:
        found.add(tls_key)
    if not any(_WITHOUT_LOGIN in note for note in notes):
        found.add(login_key)
    return frozenset(found)
