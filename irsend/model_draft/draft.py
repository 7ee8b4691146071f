"""The draft itself: what the record shows, as a model file with a comment at each key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from irsend.device.items import items_of, read_value
from irsend.device.model import Model, read_model
from irsend.device.model_tables import MODEL_TABLES
from irsend.errors import ValueRefused
from irsend.model_draft.capture import Capture
from irsend.model_draft.client_hello import observe_hello, unknown_suites
from irsend.model_draft.dialogue import dialogue_of, observe_dialogue
from irsend.model_draft.mail_header import observe_header
from irsend.model_draft.observation import Observation, Written
from irsend.model_draft.recorded_session import RecordedSession

_TABLES = ("tls", "sasl", "sending", "header", "quirks")
_ITEMS = {
    f"{table}.{key}": about
    for table, made_of in MODEL_TABLES.items()
    for key, about, _ in items_of(made_of)
}
_SOURCE = """
# Where the record can be read, so that others can check it: fill in, and take the # away.
# [[sources]]
# address = "https://"
# date = ""
# standing = "single report"
# says = "A recorded session."
# keys = [{keys}]
"""


def draft_model(
    name: str, session: RecordedSession, capture: Capture | None = None
) -> tuple[str, Model]:
    """Return a model file of what was recorded, and the model that it describes."""
    found = _merged(_observed(session, capture))
    lines = [
        "# A first draft, from one recorded session. What the session does not show is irsend's",
        "# default; beside each key stands what shows it.",
        f"name = {_toml(name)}",
        f"title = {_toml(name)}",
        'maker = ""',
    ]
    for table in _TABLES:
        of_table = [one for one in found if one.key.startswith(f"{table}.")]
        if of_table or (table == "tls" and _begins_tls(session)):
            lines += ["", f"[{table}]"]
        for one in of_table:
            lines += _written(one)
    if capture and capture.hello and (left_out := unknown_suites(capture.hello)):
        lines += [
            "",
            f"# Its ClientHello has suites that OpenSSL has no name for: {', '.join(left_out)}",
        ]
    keys = ", ".join(_toml(one.key) for one in found)
    text = "\n".join(lines) + "\n" + _SOURCE.format(keys=keys)
    return text, read_model(name, text)


def _written(one: Observation) -> list[str]:
    key = one.key.partition(".")[2]
    try:
        read_value(one.key, _ITEMS[one.key], one.value)
    except ValueRefused as refused:
        # Longer than a file may have it, for example.
        return [f"# {_comment(f'{key} is left out: {refused.problem}')}"]
    return [f"# {_comment(one.seen)}", f"{key} = {_toml(one.value)}"]


def _observed(session: RecordedSession, capture: Capture | None) -> Iterator[Observation]:
    dialogue = dialogue_of(session)
    found = list(observe_dialogue(session, dialogue))
    found += observe_header([one.text for one in dialogue.content])
    if capture is not None and capture.hello is not None:
        found = [one for one in found if not one.key.startswith("tls.")]
        found += observe_hello(capture.hello, capture.record_version)
        if capture.implicit:
            found.append(Observation("tls.implicit", True, "TLS began with the connection"))
    if capture is not None and capture.session is not None:
        # A transcript does not always show what ended a line.
        of_octets = dialogue_of(capture.session)
        found += [
            one
            for one in observe_dialogue(capture.session, of_octets)
            if one.key.startswith("quirks.bare_lf_")
        ]
    yield from found


def _merged(found: Iterable[Observation]) -> list[Observation]:
    """Keep the first of each key; the oldest version is the newest where nothing shows an older one."""
    by_key: dict[str, Observation] = {}
    for one in found:
        by_key.setdefault(one.key, one)
    if "tls.newest" in by_key and "tls.oldest" not in by_key:
        newest = by_key["tls.newest"]
        by_key["tls.oldest"] = Observation(
            "tls.oldest", newest.value, "not shown: taken for the newest"
        )
    return list(by_key.values())


def _begins_tls(session: RecordedSession) -> bool:
    return any(one.verb == "STARTTLS" for one in dialogue_of(session).commands)


def _comment(text: str) -> str:
    shown = "".join(sign if " " <= sign <= "~" else "?" for sign in text)
    return shown if len(shown) <= 100 else shown[:97] + "..."


def _toml(value: Written) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{_toml(key)} = {_toml(text)}" for key, text in value.items())
        return f"{{ {pairs} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    # TOML writes strings, numbers and switches as JSON does, but without pairs of surrogates.
    return json.dumps(value, ensure_ascii=False)
