"""Models as tables and text."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from irsend.ctl.formatting import setting, visible
from irsend.ctl.json_values import Json, JsonObject, objects, values
from irsend.ctl.views import WIDE, pairs, table

_STYLES = {"documented": "green", "reported": "green", "single report": "yellow"}


def models(rows: list[JsonObject], width: int) -> RenderableType:
    """Draw the models that there are: a row for each, or a paragraph where the terminal is narrow."""
    if width < WIDE:
        return Group(*map(_paragraph, rows))
    drawn = table("Name", "*Title", ("Year", "right"), "*TLS", "*Under TLS", "*Special")
    for model in rows:
        drawn.add_row(
            *(visible(model.get(name) or "") for name in ("name", "title", "year")),
            _tls(model),
            ", ".join(_mechanisms(model, "secured")),
            visible(model.get("special") or ""),
        )
    return drawn


def _paragraph(model: JsonObject) -> RenderableType:
    name, title, year = (visible(model.get(key) or "") for key in ("name", "title", "year"))
    secured = ", ".join(_mechanisms(model, "secured"))
    tls = _tls(model)
    speaks = ("no TLS" if tls == "none" else tls) + (
        f"; under TLS {secured}" if secured else ""
    )
    lines = [Text(f"{title}, {year}")]
    if "tls" in model:
        lines.append(Text(speaks))
    if special := visible(model.get("special") or ""):
        lines.append(Text(special, "dim"))
    return Group(Text(name, "bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines))


def model(described: JsonObject) -> RenderableType:
    """Draw one model: what it is, each statement of its file, and the sources."""
    name, title = visible(described.get("name", "")), visible(described.get("title") or "")
    rows = [
        ("Model", f"{title} ({name})" if title else name),
        ("Maker", visible(described.get("maker") or "")),
        ("Year", visible(described.get("year") or "")),
        ("Special", visible(described.get("special") or "")),
        ("TLS", _tls(described)),
        ("Under TLS", ", ".join(_mechanisms(described, "secured")) or "no login"),
        ("In plain text", ", ".join(_mechanisms(described, "plain")) or "no login"),
    ]
    drawn: list[RenderableType] = [
        pairs([(label, Text(value, overflow="fold")) for label, value in rows if value])
    ]
    if statements := objects(described, "statements"):
        drawn += [Text(), _statements(statements)]
    for source in objects(described, "sources"):
        drawn += [Text(), _source(source)]
    return Group(*drawn)


def _statements(statements: list[JsonObject]) -> RenderableType:
    drawn = table("Key", "*Value", "Standing", "Sources")
    for one in statements:
        standing = visible(one.get("standing") or "")
        drawn.add_row(
            visible(one.get("key", "")),
            _value(one.get("value")),
            Text(standing or "not stated", _STYLES.get(standing, "dim")),
            ", ".join(str(number) for number in values(one, "sources")),
        )
    return drawn


def _source(source: JsonObject) -> RenderableType:
    dated = visible(source.get("date") or "") or f"no date, read {visible(source.get('read'))}"
    head = f"{visible(source.get('number', ''))}. {visible(source.get('address', ''))}"
    said = f"{visible(source.get('standing', ''))}, {dated}: {visible(source.get('says', ''))}"
    return Group(Text(head, "bold", overflow="fold"), Padding(Text(said), (0, 0, 0, 3)))


def _tls(described: JsonObject) -> str:
    tls = described.get("tls")
    if not isinstance(tls, dict):
        # A machine of an older release does not say.
        return "none" if "tls" in described else ""
    oldest, newest = visible(tls.get("oldest", "")), visible(tls.get("newest", ""))
    return f"{oldest} only" if oldest == newest else f"{oldest} to {newest}"


def _mechanisms(described: JsonObject, which: str) -> list[str]:
    mechanisms = described.get("mechanisms")
    if not isinstance(mechanisms, dict):
        return []
    return [visible(one) for one in values(mechanisms, which)]


def _value(value: Json) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(visible(one) for one in value) or "none"
    return setting(value)
