"""Serializes the machine's values as JSON: the only place that gives a field its name and form.

The names are the contract of the HTTP interface. Nothing here reads a disk.
"""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Mapping
from typing import Any

import attrs

from irsend.device import Device, Job, Session, StatusEntry, load_model, model_names
from irsend.device.codes import meaning
from irsend.device.documents import Document, PageText
from irsend.device.mails import Mail, MailContent
from irsend.device.model_description import describe_model
from irsend.device.probe_state import ProbeState
from irsend.device.status import CAUSES
from irsend.device.windows import ITEMS, windows
from irsend.interfaces import TranscriptLine
from irsend.machine_interface import IMachine

JSON = dict[str, Any]


def timestamp(at: float | None) -> str | None:
    """Return seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    when = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return when.isoformat(timespec="milliseconds")


def status(machine: IMachine) -> JSON:
    """Serialize the status line and the machine's state.

    `since` is when the text came on the line, null while it is empty;
    `next_login` when the POP server allows the next login, null for now.
    """
    device: Device = machine.device
    used, capacity = machine.memory()
    way, dropped = machine.mac_filter()
    shown = device.status.shown
    return {
        "model": device.model.name,
        "title": device.model.title,
        "status_line": device.status.text,
        "state": device.state,
        "memory": {"used": used, "capacity": capacity},
        "paper": device.paper,
        "disk_failure": device.disk_failure,
        "since": timestamp(shown.at) if shown else None,
        "cause": status_cause(shown) if shown else None,
        "next_login": timestamp(machine.next_login()),
        "mac_filter": {
            "on": device.settings.receiving_mac_address.enabled,
            "way": way,
            "dropped": dropped,
        },
    }


def status_cause(entry: StatusEntry) -> JSON:
    """Serialize what a text on the status line means, what drew it, and what to do."""
    cause = CAUSES[entry.text.value]
    return {
        "session": entry.session,
        "meaning": cause.meaning,
        "setting": cause.setting,
        "label": ITEMS[cause.setting].label,
        "remedy": cause.remedy,
    }


def status_entry(entry: StatusEntry) -> JSON:
    """Serialize a line of the status history."""
    return {"at": timestamp(entry.at), "text": entry.text.value, "session": entry.session}


def setting(device: Device, key: str) -> JSON:
    """Serialize an item of a window. A secret is null, and `set` says whether there is one."""
    about, value = ITEMS[key], device.settings.value(key)
    default = device.model.default(key)
    members = {
        "key": key,
        "label": about.label,
        "type": about.kind.type,
        "value": None if about.secret else about.kind.plain(value),
        "default": None if about.secret else about.kind.plain(default),
        "allowed": about.kind.constraint(),
        "secret": about.secret,
        "help": about.meaning,
    }
    if about.secret:
        members["set"] = bool(value)
    return members


def settings(device: Device, only: str | None = None) -> JSON:
    """Serialize the windows that the model has, or one of them, in the panel's order."""
    has = device.model.items()
    shown = []
    for name, window, _ in windows():
        keys = [key for key in has if key.startswith(f"{name}.")]
        if keys and only in (None, name):
            shown.append(
                {
                    "key": name,
                    "label": window.title,
                    "path": list(window.path),
                    "items": [setting(device, key) for key in keys],
                }
            )
    return {"windows": shown}


def changes(values: Mapping[str, object]) -> JSON:
    """Serialize values of settings by whole key; secrets are null."""
    return {
        key: None if ITEMS[key].secret else ITEMS[key].kind.plain(value)
        for key, value in values.items()
    }


def session(one: Session) -> JSON:
    """Serialize a protocol session, under way (`result` and `ended` null) or ended."""
    return {
        "id": one.id,
        "kind": one.kind,
        "peer": one.peer,
        "mac": one.mac,
        "tls": {"version": one.tls.version, "cipher": one.tls.cipher} if one.tls else None,
        "auth": one.auth,
        "choice": one.choice,
        "result": one.result,
        "code": one.code,
        "code_text": meaning(one.code),
        "status_line": one.status_line,
        "started": timestamp(one.started),
        "ended": timestamp(one.ended),
        "bytes": one.bytes,
        "reason": one.reason,
        "messages": one.messages,
    }


def transcript_line(line: TranscriptLine) -> JSON:
    """Serialize a line of a transcript."""
    return {"at": timestamp(line.at), "speaker": line.speaker, "text": line.text}


def transcript_text(lines: list[TranscriptLine]) -> str:
    """Return a transcript in the form of `tests/transcripts`: each line on one line, whatever it holds."""
    return "".join(f"{_in_one_line(str(line))}\n" for line in lines)


def job(one: Job) -> JSON:
    """Serialize a job, which is a line of the communication report."""
    return {
        "number": one.number,
        "direction": one.direction,
        "kind": one.kind,
        "party": one.party,
        "subject": one.subject,
        "pages": one.pages,
        "result": one.result,
        "code": one.code,
        "code_text": meaning(one.code),
        "reason": one.reason,
        "size": one.size,
        "recipients": [
            {
                "address": each.address,
                "result": each.result,
                "code": each.code,
                "code_text": meaning(each.code),
                "reason": each.reason,
            }
            for each in one.recipients
        ],
        "sessions": list(one.sessions),
        "started": timestamp(one.started),
        "ended": timestamp(one.ended),
    }


def document(one: Document) -> JSON:
    """Serialize a printed document."""
    return {
        "number": one.number,
        "pages": one.pages,
        "from": one.sender,
        "subject": one.subject,
        "printed": timestamp(one.printed),
        "codes": list(one.codes),
        "code_texts": [meaning(code) for code in one.codes],
        "notices": list(one.notices),
        "size": one.size,
    }


def mail(one: Mail) -> JSON:
    """Serialize a received mail."""
    about = one.summary
    return {
        "id": one.id,
        "at": timestamp(one.at),
        "from": about.sender,
        "to": about.to,
        "subject": about.subject,
        "date": about.date,
        "envelope": {"from": about.envelope_sender, "to": list(about.envelope_recipients)},
        "size": one.size,
        "attachments": [
            {"part": part.part, "name": part.name, "type": part.type, "size": part.size}
            for part in one.attachments
        ],
        "session": one.session,
        "job": one.job,
        "document": one.document,
    }


def mail_content(one: MailContent) -> JSON:
    """Serialize a received mail with its header fields, its text and all its parts."""
    return {
        **mail(one.mail),
        "headers": [list(field) for field in one.headers],
        "text": one.text,
        "parts": [attrs.asdict(part) for part in one.mail.summary.parts],
    }


def page_text(one: PageText) -> JSON:
    """Serialize the text of a page, with the place of each line in points."""
    return {
        "width": one.width,
        "height": one.height,
        "lines": [
            {
                "text": line.text,
                "x": line.x,
                "y": line.y,
                "width": line.width,
                "height": line.height,
            }
            for line in one.lines
        ],
    }


def reception(one: Session) -> JSON:
    """Serialize the result of a reception by POP."""
    return {
        "result": one.result,
        "code": one.code,
        "code_text": meaning(one.code),
        "received": one.messages,
        "session": one.id,
        "reason": one.reason,
    }


def probe(one: ProbeState | None) -> JSON:
    """Serialize the state of the panel's probe."""
    if one is None:
        return {
            "state": "none",
            "server": "",
            "done": 0,
            "of": 0,
            "step": "",
            "problem": "",
            "report": None,
        }
    return {
        "state": "running" if one.running else "failed" if one.problem else "done",
        "server": one.server,
        "done": one.done,
        "of": one.of,
        "step": one.step,
        "problem": one.problem,
        "report": one.report,
    }


def probe_step(one: ProbeState) -> JSON:
    """Serialize how far a probe is: an event has no report."""
    return {name: value for name, value in probe(one).items() if name != "report"}


@functools.cache
def models() -> list[JSON]:
    """Serialize the models that irsend comes with, each with its statements and sources."""
    return [describe_model(load_model(name)) for name in model_names()]


def dumps(value: object) -> bytes:
    """Return a serialized value as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _in_one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\t" else char.encode("unicode_escape").decode()
        for char in text
    )
