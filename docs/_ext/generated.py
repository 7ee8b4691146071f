"""The parts of the pages that are made from the code: reStructuredText from windows, models, routes.

Pure functions of what `irsend` declares; `irsend_pages` puts the text into the
pages. A page never repeats by hand what stands here.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from irsend.configuration import SECTIONS, Configuration
from irsend.device import Model, load_model, model_names
from irsend.device.codes import CODES
from irsend.device.explanations import explanations as explained
from irsend.device.items import Item, items_of
from irsend.device.model_description import describe_model, tls_range
from irsend.device.model_sources import STANDINGS, Source, names_of_keys
from irsend.device.model_tables import MODEL_TABLES
from irsend.device.quirks import Quirk, Quirks
from irsend.device.renamed_keys import OF_MODELS
from irsend.device.send_order import ORDER_ITEMS
from irsend.device.windows import ITEMS, windows

REPOSITORY = Path(__file__).parents[2]
TRANSCRIPTS = REPOSITORY / "tests" / "transcripts"

_NOT_OF_THE_TITLE = re.compile(r"^# ?(?:docs/fidelity: )?| ?\(docs/fidelity\)| ?\[ours\]")


def settings() -> list[str]:
    """Return every settings window: its path on the panel, then each item with what it allows."""
    models = [load_model(name) for name in model_names()]
    lines: list[str] = []
    for window_key, window, made_of in windows():
        lines += [*_heading(window.title, "-"), " > ".join(window.path), ""]
        meaning = _first_line(made_of).removeprefix(f"{window.title}: ")
        lines += [meaning[:1].upper() + meaning[1:], ""]
        if window.note:
            lines += [window.note, ""]
        for key, about, default in items_of(made_of):
            whole = f"{window_key}.{key}"
            lines += _entry(
                whole, about, default, label=True, had_by=_had_by(whole, about, models)
            )
    return lines


def models() -> list[str]:
    """Return a table of the models that irsend comes with, then each: its statements and their sources."""
    known = [load_model(name) for name in model_names()]
    rows = [
        (
            f":ref:`{model.name} <model-{model.name}>`",
            _plain(model.title),
            str(model.year),
            tls_range(model.tls),
            ", ".join(model.sasl.secured if model.tls else model.sasl.plain) or "none",
            _plain(model.special),
        )
        for model in known
    ]
    heads = ("Name", "Machine", "Year", "TLS", "Mechanisms", "Special")
    lines = _table(heads, rows, widths="14 18 6 12 20 30")
    for model in known:
        lines += _model(model)
    return lines


def _model(model: Model) -> list[str]:
    described = describe_model(model)
    lines = [f".. _model-{model.name}:", "", *_heading(model.title, "-")]
    lines += [f"``{model.name}``, {model.maker}, {model.year}. {_plain(model.special)}", ""]
    rows = [
        (
            f"``{one['key']}``",
            _shown(one["value"]) if one["value"] is not None else "none",
            one["standing"] or "not stated",
            ", ".join(str(number) for number in one["sources"]),
        )
        for one in described["statements"]
    ]
    lines += _table(("Key", "Value", "Standing", "Source"), rows, widths="22 54 14 10")
    for one in described["sources"]:
        dated = one["date"] or f"no date, read {one['read']}"
        lines.append(f"{one['number']}. `{one['address']} <{one['address']}>`__,")
        lines.append(f"   {one['standing']}, {dated}: {_plain(one['says'])}")
    return [*lines, ""]


def standings() -> list[str]:
    """Return what each standing of a statement means."""
    return _table(("Standing", "Meaning"), list(STANDINGS.items()), widths="20 80")


def model_keys() -> list[str]:
    """Return the keys that a model file may have."""
    rows = []
    for prefix, made_of in [("", Model), *MODEL_TABLES.items(), ("sources[]", Source)]:
        for key, about, default in items_of(made_of):
            whole = f"{prefix}.{key}" if prefix else key
            shown = _shown(about.kind.plain(_value(default)))
            allowed = _plain(about.kind.allowed)
            if made_of is Model and key in ("lacks", "has"):
                allowed = "whole keys of :doc:`settings`"
            rows.append((f"``{whole}``", allowed, shown, _plain(about.meaning)))
    assumed = names_of_keys().allowed
    rows.append(("``assumed``", _plain(assumed), "empty", "The keys that rest on no source."))
    return _table(("Key", "Allowed", "Default", "Meaning"), rows, widths="16 34 20 30")


def renamed_keys() -> list[str]:
    """Return the old keys of model files, each with the quirk that it is now."""
    rows = [(f"``{old}``", f":confval:`{about.new}`") for old, about in OF_MODELS.items()]
    return _table(("Old key", "Now"), rows)


def quirks() -> list[str]:
    """Return each quirk: what it does, what servers make of it, conversations, who was seen with it."""
    lines: list[str] = []
    for key, about, default in items_of(Quirks):
        assert isinstance(about, Quirk)
        lines += [*_heading(about.label, "-"), f":confval:`quirks.{key}`", ""]
        lines += [_plain(about.meaning), ""]
        lines += _field("Allowed", _plain(about.kind.allowed))
        lines += _field("The standard's way", _shown(about.kind.plain(default)))
        lines += _field("Servers", _plain(about.servers))
        if about.conversations:
            named = ", ".join(f":transcript:`{name}`" for name in about.conversations)
            lines += _field("On the wire", named)
        seen = "; ".join(f"{_plain(one.who)} ({one.address})" for one in about.seen)
        lines += [*_field("Seen", seen or "no source: it is there for tests"), ""]
    return lines


def configuration() -> list[str]:
    """Return the keys of etc/irsend.toml beside those of the settings windows."""
    lines = [*_heading("At the top", "-")]
    lines += [
        ".. confval:: model",
        "",
        "   Which printer it is: see :doc:`models`.",
        "",
        "   :Allowed: a model's name, or the path of a model file",
        "   :Default: ``ir2270``",
        "",
    ]
    for key, about, default in items_of(Configuration):
        lines += _entry(key, about, default)
    for section, made_of in SECTIONS.items():
        lines += [*_heading(f"[{section}]", "-"), _first_line(made_of), ""]
        for key, about, default in items_of(made_of):
            lines += _entry(f"{section}.{key}", about, default)
    return lines


def codes() -> list[str]:
    """Return the result codes of jobs."""
    return _table(
        ("Code", "Meaning"), [(f"``{code}``", meaning) for code, meaning in CODES.items()]
    )


def explanations() -> list[str]:
    """Return every code and every text of the status line, explained."""
    lines: list[str] = []
    for one in explained():
        lines += [
            *_heading(one.name, "-"),
            _plain(one.meaning[:1].upper() + one.meaning[1:]).rstrip(".") + ".",
            "",
            f":Drawn by: {_plain(one.drawn_by)}",
            f":Look at: {_plain(one.look_at)}",
            "",
        ]
    return lines


def routes() -> list[str]:
    """Return the routes of the HTTP interface as its own OpenAPI document has them."""
    from irsend.panel import openapi

    document = openapi.description(load_model("ir2270"), asks_for_password=False)
    rows = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parameters = [
                one["name"] for one in operation.get("parameters", []) if one["in"] == "query"
            ]
            words = operation["summary"] + "."
            if parameters:
                words += " Query: " + ", ".join(f"``{name}``" for name in parameters) + "."
            answers = ", ".join(code for code in operation["responses"] if code != "default")
            rows.append((f"``{method.upper()} {path}``", words, answers))
    return _table(("Request", "What it does", "Answers"), rows, widths="40 48 12")


def schemas() -> list[str]:
    """Return the JSON objects of the HTTP interface, key by key."""
    from irsend.panel import openapi

    document = openapi.description(load_model("ir2270"), asks_for_password=False)
    rows = []
    for name, schema in document["components"]["schemas"].items():
        if name != "Changes" and schema.get("properties"):
            keys = ", ".join(f"``{key}``" for key in schema["properties"])
            rows.append((name, keys))
    return _table(("Object", "Keys"), rows, widths="20 80")


def form() -> list[str]:
    """Return the form of POST /api/send, value by value."""
    rows = [
        (
            "``page``",
            "a file: PDF, TIFF, PNG or JPEG",
            "yes",
            "needed",
            "What is put on the glass, in its order.",
        )
    ]
    for key, (about, default) in ORDER_ITEMS.items():
        many = about.kind.type == "list"
        allowed = _plain(about.kind.allowed)
        rows.append(
            (
                f"``{key}``",
                allowed,
                "yes, or with commas" if many else "no",
                "needed" if many else _shown(about.kind.plain(_value(default))),
                _plain(about.meaning),
            )
        )
    heads = ("Name", "Allowed", "Repeated", "Default", "Meaning")
    return _table(heads, rows, widths="10 32 12 12 34")


def import_table() -> list[str]:
    """Return which part of irsend may import which, as tests/import_table.py has it."""
    table = import_rules().MAY_IMPORT
    rows = [(f"``{part}``", _keys(may) if may else "nothing") for part, may in table.items()]
    return _table(("Part", "May import"), rows, widths="20 80")


def import_rules() -> Any:
    """Return the module tests/import_table.py, without the tests around it."""
    path = REPOSITORY / "tests" / "import_table.py"
    spec = importlib.util.spec_from_file_location("irsend_import_table", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def transcripts() -> list[str]:
    """Return every conversation of tests/transcripts, each with its title and a label."""
    lines: list[str] = []
    for file in sorted(TRANSCRIPTS.glob("*.txt")):
        title, *conversation = file.read_text("utf-8").rstrip().split("\n")
        lines += [f".. _transcript-{file.stem}:", "", *_heading(file.stem, "-")]
        lines += [
            _plain(_NOT_OF_THE_TITLE.sub("", title)) + ".",
            "",
            ".. code-block:: text",
            "",
        ]
        lines += [f"   {line}" for line in conversation] + [""]
    return lines


def _heading(title: str, underline: str) -> list[str]:
    return [title, underline * len(title), ""]


def _field(name: str, text: str) -> list[str]:
    return [f":{name}: {text}"]


def _first_line(made_of: type) -> str:
    return _plain((made_of.__doc__ or "").strip().split("\n")[0])


def _entry(
    whole: str, about: Item, default: object, *, label: bool = False, had_by: str = ""
) -> list[str]:
    lines = [f".. confval:: {whole}", ""]
    if label:
        lines += [f"   **{_plain(about.label)}.**"]
    lines += [f"   {_plain(about.meaning)}"]
    if about.secret:
        lines += ["   Secret: it can be written, and is never shown."]
    if about.at_start:
        lines += ["   A change counts from the next start on."]
    if had_by:
        lines += [f"   {had_by}"]
    return [
        *lines,
        "",
        f"   :Allowed: {_plain(about.kind.allowed)}",
        f"   :Default: {_shown(about.kind.plain(_value(default)))}",
        "",
    ]


def _value(default: Any) -> Any:
    return default.factory() if hasattr(default, "factory") else default


def _shown(plain: object) -> str:
    if isinstance(plain, bool):
        return "``on``" if plain else "``off``"
    if isinstance(plain, dict):
        pairs = ", ".join(f'"{name}" = "{text}"' for name, text in plain.items())
        return f"``{{ {pairs} }}``" if pairs else "empty"
    if isinstance(plain, (list, tuple)):
        return ", ".join(f"``{one}``" for one in plain) or "empty"
    return f"``{plain}``" if plain != "" else "empty"


def _had_by(whole: str, about: Item, models: list[Model]) -> str:
    having = [model.name for model in models if model.has_item(whole)]
    lacking = [model.name for model in models if not model.has_item(whole)]
    if about.later:
        return f"Only on later models: {_keys(having)}."
    return f"Not on {_keys(lacking)}." if lacking else ""


def _keys(names: Any) -> str:
    return ", ".join(f"``{name}``" for name in names) or "none"


def _plain(text: str) -> str:
    """Return text that reStructuredText reads as nothing but text; what stands in quotes becomes literal."""
    parts = re.split(r'("[^"]*")', text)
    return "".join(
        f"``{part}``" if part.startswith('"') else re.sub(r"([*`|\\_])", r"\\\1", part)
        for part in parts
    )


def _table(
    heads: tuple[str, ...], rows: list[tuple[str, ...]], widths: str = "auto"
) -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in (heads, *rows):
        for number, cell in enumerate(row):
            lines.append(f"   {'* -' if number == 0 else '  -'} {cell}")
    return [*lines, ""]


def picks() -> list[str]:
    """Return what each kind of machine picks of what relays offer."""
    from picks import OFFERS, picked

    rows = []
    for offered in OFFERS:
        row = [", ".join(offered) or "nothing"]
        for model, secured in _KINDS:
            row.append(picked(model, offered, secured=secured) or "*none*")
        rows.append(tuple(row))
    heads = ("The relay offers", *(f"``{m}``{', TLS' if s else ''}" for m, s in _KINDS))
    return _table(heads, rows, widths="30 14 14 14 14 14")


_KINDS = (
    ("ir2270", False),
    ("ir2270", True),
    ("estudio190f", False),
    ("iradvance", False),
    ("iradvance", True),
)


def _order(model: str) -> list[str]:
    sasl = load_model(model).sasl
    lines = _field("In plain text", ", ".join(sasl.plain) or "none")
    lines += _field("Under TLS", ", ".join(sasl.secured) or "none; it has no TLS")
    return [*lines, ""]


def order_canon() -> list[str]:
    """Return the order of the imageRUNNERs."""
    return _order("ir2270")


def order_toshiba() -> list[str]:
    """Return the order of the e-STUDIO."""
    return _order("estudio190f")


def order_later() -> list[str]:
    """Return the order of later machines."""
    return _order("iradvance")


def declared_keys() -> Iterator[str]:
    """Give every whole key that a page must have: those of the windows and of the configuration."""
    yield from ITEMS
    yield "model"
    yield from (key for key, _, _ in items_of(Configuration))
    for section, made_of in SECTIONS.items():
        yield from (f"{section}.{key}" for key, _, _ in items_of(made_of))


__all__ = [
    "codes",
    "configuration",
    "declared_keys",
    "explanations",
    "form",
    "import_rules",
    "import_table",
    "model_keys",
    "models",
    "order_canon",
    "order_later",
    "order_toshiba",
    "picks",
    "quirks",
    "renamed_keys",
    "routes",
    "schemas",
    "settings",
    "standings",
    "transcripts",
]
