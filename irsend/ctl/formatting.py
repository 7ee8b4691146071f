"""Single values as people read them: times, sizes, settings, results.

Everything that comes from the machine goes through `visible` before it is
shown: a mail server's words in a transcript must not steer the terminal.
"""

from __future__ import annotations

import datetime
import itertools
import os
import time
from collections.abc import Iterator

from irsend.ctl.json_values import JsonObject, values
from irsend.wording import joined_by_or

HIDDEN = "••••••"
UTC_VARIABLE = "IRSEND_UTC"
"""The variable of the environment that has times shown in UTC; without it they are local time."""


def visible(text: object) -> str:
    """Return text with control characters and other unprintable ones as escapes."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in str(text)
    )


def in_utc() -> bool:
    """Say whether times are shown in UTC."""
    return os.environ.get(UTC_VARIABLE, "") not in ("", "0")


def show_utc() -> None:
    """Have times shown in UTC from now on, by this process and by those that it starts."""
    os.environ[UTC_VARIABLE] = "1"


def local_time(at: object) -> datetime.datetime | None:
    """Return a time in the machine's answer, seconds since the epoch or ISO 8601, as it is shown.

    That is the local time of this host, or UTC where `UTC_VARIABLE` is set.
    """
    zone = datetime.UTC if in_utc() else None
    try:
        if isinstance(at, (int, float)) and not isinstance(at, bool):
            return datetime.datetime.fromtimestamp(at, datetime.UTC).astimezone(zone)
        if isinstance(at, str):
            return datetime.datetime.fromisoformat(at).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def zone_name(at: object = None) -> str:
    """Return the zone of a time as it is shown, by default of now: CET, UTC, UTC+03."""
    then = local_time(time.time() if at is None else at)
    name = (then.tzname() if then else None) or ""
    # Some zones have no name but their distance from UTC.
    return f"UTC{name}" if name[:1] in ("+", "-") else name


def timed(heading: str) -> str:
    """Return the heading of a column of times, with their zone."""
    return f"{heading} ({zone_name()})"


def short_time(at: object, today: datetime.date | None = None) -> str:
    """Return a time in a list: 10:23:05 of today, 11-20 10:23 of this year, 2025-11-20.

    A time of another zone than the heading's, as of summer in winter, names its own.
    """
    then, now = local_time(at), local_time(time.time())
    if then is None or now is None:
        return ""
    today = today or now.date()
    if then.date() == today:
        return f"{then:%H:%M:%S}"
    if then.year != today.year:
        return f"{then:%Y-%m-%d}"
    zone = "" if then.tzname() == now.tzname() else f" {zone_name(at)}"
    return f"{then:%m-%d %H:%M}{zone}"


def full_time(at: object) -> str:
    """Return a time with date, seconds and zone."""
    then = local_time(at)
    return f"{then:%Y-%m-%d %H:%M:%S} {zone_name(at)}" if then else ""


def octets(count: object) -> str:
    """Return a size in kB or MB (1,000 and 1,000,000 octets), as the machine counts."""
    if not isinstance(count, (int, float)):
        return ""
    if count < 1000:
        return f"{count} B"
    for limit, unit in ((1e6, "kB"), (1e9, "MB"), (1e12, "GB")):
        size = count / (limit / 1000)
        if size < 999.5 or unit == "GB":
            return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"
    raise AssertionError(count)


def setting(value: object, *, secret: bool = False) -> str:
    """Return a setting's value as it is given to `set`: on and off, commas between entries."""
    if secret or value is None:
        return HIDDEN
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(visible(one) for one in value)
    return visible(value)


def allowed(constraint: object) -> str:
    """Return in words the constraint of an item, which comes as JSON."""
    if isinstance(constraint, str):
        return visible(constraint)
    if isinstance(constraint, list):
        return joined_by_or([setting(one) for one in constraint])
    if not isinstance(constraint, dict):
        return ""
    if "minimum" in constraint and "maximum" in constraint:
        unit = f" {visible(constraint['unit'])}" if constraint.get("unit") else ""
        return visible(f"{constraint['minimum']} to {constraint['maximum']}") + unit
    if "max_length" in constraint:
        return visible(f"up to {constraint['max_length']} characters")
    if "max_items" in constraint:
        return visible(f"up to {constraint['max_items']} entries")
    return ", ".join(f"{visible(name)} {setting(one)}" for name, one in constraint.items())


def result(row: JsonObject) -> str:
    """Return a session's or job's result with its code: OK, NG #806."""
    return visible(" ".join(str(part) for part in (row.get("result"), row.get("code")) if part))


def explained_result(row: JsonObject) -> str:
    """Return a result with its code and what that means: NG #806 destination refused."""
    return " ".join(part for part in (result(row), visible(row.get("code_text") or "")) if part)


def explained_codes(document: JsonObject) -> Iterator[str]:
    """Yield the codes of a document, each with its meaning where the machine gives it."""
    codes, texts = values(document, "codes"), values(document, "code_texts")
    for code, text in itertools.zip_longest(codes, texts[: len(codes)], fillvalue=""):
        yield f"{code} {text}".rstrip()


def session_result(session: JsonObject) -> str:
    """Return a session's result, or "under way"."""
    return result(session) if session.get("ended") else "under way"


def session_notes(session: JsonObject) -> str:
    """Return what its code means, its text on the status line, and the reason of its end."""
    notes = (session.get("code_text"), session.get("status_line"), session.get("reason"))
    return visible("; ".join(dict.fromkeys(str(note) for note in notes if note)))


def outcome(session: JsonObject) -> str:
    """Return the result of a session with its notes."""
    return ": ".join(part for part in (session_result(session), session_notes(session)) if part)


def encryption(session: JsonObject) -> str:
    """Return the TLS version and cipher of a session, empty for plain text."""
    tls = session.get("tls")
    return visible(f"{tls.get('version')} {tls.get('cipher')}") if isinstance(tls, dict) else ""
