"""What the message of a recorded session shows: the order of its fields, and the forms of their values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from irsend.model_draft.observation import Observation

# What the machine writes by itself, or what differs from mail to mail.
_WRITTEN = {
    "date", "from", "to", "cc", "subject", "mime-version", "x-priority", "x-mailer", "message-id",
    "content-type", "content-transfer-encoding", "disposition-notification-to", "reply-to",
    "sender", "received", "return-path", "bcc", "in-reply-to", "references",
}  # fmt: skip
_CAN_BE_OMITTED = ("Content-Transfer-Encoding", "Message-ID", "MIME-Version")
_NOT_OF_A_FORM = re.compile(r"[^A-Za-z0-9._+=\-{}]+")
_DAY = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d"
_RUNS = (
    (re.compile(_DAY + _TIME), "{stamp}"),
    (re.compile(_DAY[len("(?:19|20)") :] + _TIME), "{short}"),
)
# Letters and digits without a word in them: another in each mail.
_RANDOM = re.compile(
    r"(?<![{A-Za-z0-9])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{10,}(?![}A-Za-z0-9])"
)
_LONGEST_FORM = 80
_DATES = (
    ("asctime", re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}")),
    ("iso", re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")),
    ("short_year", re.compile(r"(?:[A-Z][a-z]{2}, )? ?\d{1,2} [A-Z][a-z]{2} \d\d \d\d:")),
)


def observe_header(content: Sequence[str]) -> Iterator[Observation]:
    """Give what a message's lines show, dots at their beginnings undone."""
    lines = [line[1:] if line.startswith(".") else line for line in content]
    end = lines.index("") if "" in lines else len(lines)
    fields = list(_fields(lines[:end]))
    if not fields:
        return
    names = [name for name, _ in fields]
    values = {name.lower(): value for name, value in reversed(fields)}
    yield Observation("header.order", tuple(dict.fromkeys(names)), "the header of the message")
    for name, key in (("x-mailer", "header.mailer"), ("x-priority", "header.priority")):
        if name in values:
            yield Observation(key, values[name], f"{name.title()}: {values[name]}")
    fixed = {name: value for name, value in fields if name.lower() not in _WRITTEN}
    if fixed:
        yield Observation("header.fixed", fixed, ", ".join(fixed))
    omitted = tuple(name for name in _CAN_BE_OMITTED if name.lower() not in values)
    if omitted:
        yield Observation("header.omits", omitted, "the header does not have them")
    yield from _date(values.get("date"))
    yield from _message_id(values.get("message-id", ""))
    yield from _multipart(values, lines[end:])


def _fields(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give name and value of each field, unfolded."""
    name, value = "", ""
    for line in lines:
        if line[:1] in (" ", "\t"):
            value += line
            continue
        if name:
            yield name, value.strip()
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[!-9;-~]+", name):
            name = ""
    if name:
        yield name, value.strip()


def _date(value: str | None) -> Iterator[Observation]:
    if value is None:
        yield Observation("quirks.date", "none", "there is no field Date")
        return
    for form, pattern in _DATES:
        if pattern.match(value):
            yield Observation("quirks.date", form, f"Date: {value}")


def _message_id(value: str) -> Iterator[Observation]:
    found = re.match(r"<([^@>]+)@([^>]*)>", value)
    if not found:
        return
    yield Observation("header.message_id", form_of(found[1]), f"Message-ID: {value}")
    if found[2].endswith("."):
        yield Observation("quirks.message_id_trailing_dot", True, f"Message-ID: {value}")


def _multipart(values: dict[str, str], body: Sequence[str]) -> Iterator[Observation]:
    kind = values.get("content-type", "")
    if not kind.lower().startswith("multipart/"):
        return
    found = re.search(r'boundary="?([^";]+)"?', kind, re.I)
    if found:
        form = form_of(found[1], "{number}", "{count}")
        yield Observation("header.boundary", form, f"boundary={found[1]}")
    if values.get("content-transfer-encoding", "").lower() == "quoted-printable":
        yield Observation(
            "quirks.multipart_quoted_printable", True, "quoted-printable on the multipart"
        )
    names = re.findall(r'(?:file)?name="?([^";\s]+)"?', "\n".join(body), re.I)
    for name in names:
        stem = name.rpartition(".")[0] or name
        if re.search(r"\d{3}", stem):
            paged = re.sub(r"(?<!\d)\d{3}(?!\d)", "{page}", stem)
            form = form_of(paged, "{number}", "{count}")
            yield Observation("header.attachment", form, f"name={name}")
            return


def form_of(text: str, first: str = "{count}", second: str = "{number}") -> str:
    """Return the form of an identifier: its date and time, and its counts, as places."""
    form = _NOT_OF_A_FORM.sub("_", text)
    for run, place in _RUNS:
        form = run.sub(place, form, count=1)
    places = iter((first, second))
    parts = re.split(r"(\{[a-z]+\})", form)
    for at, part in enumerate(parts):
        if not part.startswith("{"):
            parts[at] = re.sub(r"\d{4,}", lambda _: next(places, second), part)
    form = _RANDOM.sub("{stamp}{count}", "".join(parts), count=1)
    # It must differ from mail to mail.
    if "{" not in form:
        form += "{stamp}{count}"
    return form if len(form) <= _LONGEST_FORM else "{stamp}.{count}"
