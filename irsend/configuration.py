"""The configuration: etc/irsend.toml and --set, read into frozen values.

What the machine's own windows hold is not told here, but in `device.windows`;
this is the bench around it. `sample` writes etc/irsend.toml from the same
declarations that the reader uses.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import attrs
from attrs import Factory, field, frozen

from irsend.device.items import Listing, Number, OnOff, Table, Text, item, read_values
from irsend.device.model import Model, load_model
from irsend.device.windows import windows
from irsend.errors import ConfigurationError, ModelError, SettingsRefused, ValueRefused

_ENDPOINT = Text(
    400, 'a Twisted endpoint string such as "tcp:2525:interface=127.0.0.1", or "" for off'
)


def _name(given: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:\-]{1,255}", given):
        raise ValueError(f"{given!r} is not a host name or address")
    return given


@frozen(kw_only=True)
class Listen:
    """Where the machine listens: Twisted endpoint strings."""

    smtp: str = item(
        "SMTP",
        _ENDPOINT,
        "tcp:2525:interface=127.0.0.1",
        "Where mail is delivered to the machine.",
    )
    panel: str = item(
        "panel",
        _ENDPOINT,
        "tcp:8631:interface=127.0.0.1",
        "Where the panel and its HTTP interface are.",
    )


@frozen(kw_only=True)
class Panel:
    """The panel."""

    password: str = item(
        "password",
        Text(200),
        "",
        "Asked for by HTTP Basic authentication (any user name). Empty: only loopback may use the panel.",
        secret=True,
    )


@frozen(kw_only=True)
class TLS:
    """The machine's key and certificate, and whom it trusts."""

    certificate: str = item(
        "certificate",
        Text(4096, "the path of a PEM file"),
        "",
        "Empty: one is made at the first start, for the host names below.",
    )
    key: str = item(
        "key", Text(4096, "the path of a PEM file"), "", "The key of that certificate."
    )
    trust: str = item(
        "trust",
        Text(4096, "the path of a PEM file"),
        "",
        "Root certificates; empty: the system's.",
    )
    hostnames: tuple[str, ...] = item(
        "host names",
        Listing(50, "host names and addresses", _name),
        ("localhost", "127.0.0.1"),
        "The machine's names. The first that is no address greets; mail for them is taken "
        "while no E-mail Address is set.",
    )


@frozen(kw_only=True)
class Limits:
    """What the machine bears. Sizes in MB are 1,000,000 octets."""

    message_size: int = item(
        "message", Number(1, 10_000, "MB"), 100, "The largest message; SIZE says so."
    )
    memory: int = item(
        "memory", Number(1, 1_000_000, "MB"), 512, "What waits for printing, all together."
    )
    recipients: int = item("recipients", Number(1, 10_000), 100, "Recipients of one message.")
    command_line: int = item(
        "command line",
        Number(512, 65_536, "octets"),
        2048,
        "The longest command line, its end included.",
    )
    errors: int = item(
        "errors", Number(1, 1000), 10, "Errors of one session before it is ended."
    )
    idle: int = item(
        "idle time", Number(1, 86_400, "seconds"), 300, "A session with nothing said."
    )
    message_idle: int = item(
        "message without progress",
        Number(1, 86_400, "seconds"),
        600,
        "A message of which nothing comes.",
    )
    sessions: int = item("sessions", Number(1, 100_000), 100, "SMTP sessions at a time.")
    sessions_per_peer: int = item(
        "sessions of a peer", Number(1, 100_000), 20, "The same, from one address."
    )
    pop_connect: int = item(
        "POP connect",
        Number(1, 3600, "seconds"),
        30,
        "How long the POP server may take to be reached.",
    )
    pop_reply: int = item(
        "POP reply",
        Number(1, 3600, "seconds"),
        120,
        "How long it may take to answer, or to go on.",
    )
    pop_session: int = item(
        "POP session", Number(10, 86_400, "seconds"), 3600, "How long one session may take."
    )
    transcript_lines: int = item(
        "transcript",
        Number(100, 1_000_000, "lines"),
        10_000,
        "Lines of one session that are kept.",
    )
    sessions_kept: int = item(
        "sessions kept",
        Number(10, 10_000_000),
        100_000,
        "Sessions in the journal; the oldest go first.",
    )


@frozen(kw_only=True)
class Faults:
    """Misbehaviour on demand. None can be ordered yet."""


@frozen(kw_only=True)
class MailHost:
    """The embedded mail host, for a bench with no mail server."""

    enabled: bool = item("enabled", OnOff(), False, "Runs it beside the machine.")
    smtp: str = item(
        "SMTP", _ENDPOINT, "tcp:2526:interface=127.0.0.1", "Its relay, with STARTTLS and AUTH."
    )
    pop3: str = item(
        "POP3",
        _ENDPOINT,
        "tcp:2110:interface=127.0.0.1",
        "Its maildrop, with STLS, APOP and AUTH.",
    )
    accounts: dict[str, str] = item(
        "accounts",
        Table(),
        Factory(lambda: {"ir@bench.test": "bench"}),
        "Address and password of each account.",
        secret=True,
    )


def _section(made_of: type) -> Any:
    return field(default=Factory(made_of), metadata={type: made_of})


@frozen(kw_only=True)
class Configuration:
    """One bench: which machine, where its state is, where it listens, what it bears."""

    model: Model
    state: str = item(
        "state directory",
        Text(4096, "a path"),
        "var/irsend",
        "What the machine keeps; relative to where twistd was started.",
    )
    listen: Listen = _section(Listen)
    panel: Panel = _section(Panel)
    settings: dict[str, Any] = field(factory=dict, repr=False)
    """Values of the file by whole key, already read."""
    overrides: dict[str, Any] = field(factory=dict, repr=False)
    """Values of --set by whole key, which win over what was changed at the machine."""
    tls: TLS = _section(TLS)
    limits: Limits = _section(Limits)
    faults: Faults = _section(Faults)
    mailhost: MailHost = _section(MailHost)


SECTIONS: dict[str, type] = {
    one.name: one.metadata[type] for one in attrs.fields(Configuration) if type in one.metadata
}


def read_configuration(
    path: str | None = None,
    *,
    model: str | None = None,
    state: str | None = None,
    sets: list[str] | None = None,
) -> Configuration:
    """Read the file and what the command line adds; raise ConfigurationError with a line for each fault."""
    raw: dict[str, Any] = {}
    if path is not None:
        try:
            raw = tomllib.loads(Path(path).read_text("utf-8"))
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from None
        except ValueError as error:
            # Not UTF-8, not TOML, or a number that is none for Python.
            raise ConfigurationError(f"{path}: {error}") from None
    from_set: dict[str, Any] = {}
    for assignment in sets or []:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise ConfigurationError(f"--set {assignment}: write it as KEY=VALUE")
        _put(from_set, key.strip(), value)
    if model is not None:
        from_set["model"] = model
    if state is not None:
        from_set["state"] = state
    named = from_set.get("model", raw.get("model", "ir2270"))
    try:
        if not isinstance(named, str):
            raise ModelError(
                f"model: {named!r} is not allowed; allowed: a name or the path of a model file"
            )
        the_model = load_model(named)
    except ModelError as error:
        source = path if "model" in raw and "model" not in from_set else ""
        raise ConfigurationError(f"{source}: {error}" if source else str(error)) from None
    base = _read(path or "etc/irsend.toml", the_model, raw)
    top = _read("--set", the_model, from_set)
    settings = base.pop("settings", {})
    overrides = top.pop("settings", {})
    merged = {**base, **top}
    for name, made_of in SECTIONS.items():
        section = made_of(**base.get(name, {}))
        merged[name] = attrs.evolve(section, **_over(section, top.get(name, {})))
    return Configuration(model=the_model, settings=settings, overrides=overrides, **merged)


def _over(section: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """Let --set change single entries of a table, such as one account; the others stay."""
    return {
        key: {**getattr(section, key), **value} if isinstance(value, dict) else value
        for key, value in changes.items()
    }


def configuration(**given: Any) -> Configuration:
    """Return a configuration from values as the file would have them, without a file (for tests)."""
    the_model = load_model(given.pop("model", "ir2270"))
    values = _read("", the_model, given)
    for name, made_of in SECTIONS.items():
        values[name] = made_of(**values.get(name, {}))
    return Configuration(model=the_model, **values)


def _put(into: dict[str, Any], key: str, value: str) -> None:
    parts = key.split(".")
    # A table's own keys may hold dots: mailhost.accounts.ir@bench.test=bench.
    if parts[:2] == ["mailhost", "accounts"] and len(parts) > 2:
        parts = [*parts[:2], ".".join(parts[2:])]
    for part in parts[:-1]:
        inner = into.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(f"--set {key}: {part} is a single value, not a table")
        into = inner
    into[parts[-1]] = value


def _read(source: str, model: Model, raw: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    refused: list[ValueRefused] = []
    single = {
        key: raw[key] for key in raw if key not in SECTIONS and key not in ("settings", "model")
    }
    try:
        values.update(
            read_values(Configuration, "", {k: v for k, v in single.items() if k == "state"})
        )
    except SettingsRefused as error:
        refused += error.refused
    for key in single.keys() - {"state"}:
        there_are = ", ".join(["model", "state", "settings", *SECTIONS])
        refused.append(ValueRefused(key, f"there is no such key; there are: {there_are}"))
    for name, made_of in SECTIONS.items():
        if name not in raw:
            continue
        if not isinstance(raw[name], dict):
            refused.append(
                ValueRefused(name, f"{raw[name]!r} is not allowed; allowed: a table, [{name}]")
            )
            continue
        try:
            values[name] = read_values(made_of, name, raw[name])
        except SettingsRefused as error:
            refused += error.refused
    try:
        values["settings"] = model.read_settings(_flat(raw.get("settings", {})))
    except SettingsRefused as error:
        refused += [ValueRefused(f"settings.{one.key}", one.problem) for one in error.refused]
    except ValueRefused as error:
        refused.append(error)
    if refused:
        prefix = f"{source}: " if source else ""
        raise ConfigurationError("\n".join(f"{prefix}{one}" for one in refused))
    return values


def _flat(raw: object) -> dict[str, object]:
    if not isinstance(raw, dict):
        raise ValueRefused(
            "settings", f"{raw!r} is not allowed; allowed: a table for each window"
        )
    flat: dict[str, object] = {}
    for window, values in raw.items():
        if not isinstance(values, dict):
            raise ValueRefused(
                f"settings.{window}",
                f"{values!r} is not allowed; allowed: tables named "
                + ", ".join(name for name, _, _ in windows()),
            )
        flat.update({f"{window}.{key}": value for key, value in values.items()})
    return flat
