"""A writer of etc/irsend.toml, from the declarations that its reader uses.

    python -m irsend.sample_configuration > etc/irsend.toml

Each key stands there once, with its meaning and what is allowed; only those of
the bench are set. `irsendctl sample` prints the same, `configuration` reads it.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable

import attrs

from irsend.configuration import SECTIONS, Configuration
from irsend.device.items import Item, OnOff, items_of
from irsend.device.windows import windows

BENCH: dict[str, object] = {
    "settings.email_ifax.smtp_receive": True,
    "settings.email_ifax.pop": True,
    "settings.email_ifax.email_address": "ir@bench.test",
    "settings.email_ifax.smtp_server": "127.0.0.1",
    "settings.email_ifax.pop_server": "127.0.0.1",
    "settings.email_ifax.pop_address": "ir@bench.test",
    "settings.email_ifax.pop_password": "bench",
    "settings.service_mode.smtp_tx_port": 2526,
    "settings.service_mode.pop3_port": 2110,
    "mailhost.enabled": True,
}
"""The bench of `make run`, and of a machine without --config: one that polls the mail host beside it."""

_WIDTH = 92
_HEAD = """\
# irsend: a bench with one printer on it.
#
#     irsendctl sample > irsend.toml
#     irsend-machine --config irsend.toml
#
# Every key there is stands here. A key behind a "#" has the value shown, its
# default: to change it, take the "#" away and write another value. The keys
# without a "#" make the bench that runs without --config too, where the mail host at
# the end of this file is the only mail server that the printer knows.
#
# The last of these wins: the printer's model, this file, a variable in the
# environment (IRSEND_LISTEN__SMTP is smtp of [listen] below), what was changed at the
# machine (`irsendctl factory-reset` forgets it), --set KEY=VALUE. After a change,
# --check at the end of the second line above says whether the file can be used, --print-config
# what is in force and from where, and SIGHUP has a running machine read the file again.
# `twistd -n irsend` does the same as irsend-machine."""


def sample() -> str:
    """Return etc/irsend.toml as it is shipped."""
    blocks = [_HEAD, *_single_keys()]
    for one in attrs.fields(Configuration):
        if one.name in SECTIONS:
            made_of = SECTIONS[one.name]
            blocks += _table(one.name, [_caption(made_of)], made_of)
        elif one.name == "settings":
            for window, about, window_class in windows():
                captions = [_caption(window_class), f"Panel: {' > '.join(about.path)}"]
                blocks += _table(_table_of(window), captions, window_class)
    return "\n\n".join(blocks) + "\n"


def _table_of(window: str) -> str:
    """Return the table of a window: the bench's own has a shorter name."""
    return window if window == "quirks" else f"settings.{window}"


def _single_keys() -> Iterable[str]:
    # No model is named: a new one is a file of its own, and changes nothing here.
    allowed = "a name from `irsendctl models`, or the path of a model file"
    yield _entry("Which printer it is.", f"Allowed: {allowed}.", '# model = "ir2270"')
    for key, about, default in items_of(Configuration):
        yield _item("", key, about, default)


def _table(name: str, captions: list[str], made_of: type) -> list[str]:
    heading = [f"\n[{name}]", *(line for caption in captions for line in _prose(caption))]
    usual = made_of()
    entries = [
        _item(name, key, about, getattr(usual, key)) for key, about, _ in items_of(made_of)
    ]
    return ["\n".join(heading), *entries]


def _item(table: str, key: str, about: Item, default: object) -> str:
    """Return one key: what it means, what is allowed, the key itself."""
    whole = f"{table}.{key}"
    usual = toml(about.kind.plain(default))
    meaning = about.meaning
    if table.startswith("settings.") or table == "quirks":
        meaning = f"{about.label}. {meaning}"
    allowed = "true or false" if isinstance(about.kind, OnOff) else about.kind.allowed
    notes = f"Allowed: {allowed}."
    if about.later:
        notes += " Only newer models have it."
    if whole not in BENCH:
        return _entry(meaning, notes, f"# {key} = {usual}")
    return _entry(meaning, f"{notes} Default: {usual}.", f"{key} = {toml(BENCH[whole])}")


def _entry(meaning: str, notes: str, line: str) -> str:
    return "\n".join([*_prose(meaning), *_prose(notes, "  "), line])


def _caption(made_of: type) -> str:
    return (made_of.__doc__ or "").partition("\n")[0]


def _prose(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"# {indent}",
        subsequent_indent=f"# {indent}",
        break_long_words=False,
        break_on_hyphens=False,
    )


def toml(value: object) -> str:
    """Return a value of an item as TOML writes it."""
    match value:
        case dict():
            pairs = ", ".join(f"{toml(key)} = {toml(one)}" for key, one in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list():
            return f"[{', '.join(toml(one) for one in value)}]"
    # Of the values that items have, JSON writes these as TOML does.
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(sample())
