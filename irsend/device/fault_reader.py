"""The reader of fault orders: one grammar for configuration, HTTP interface, irsendctl, panel and recipients.

`faults` has what there is; the reader refuses the rest with a sentence that names what is near.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from typing import TypedDict

from irsend.device.faults import (
    CERTIFICATES,
    KINDS,
    MACHINE,
    MAILHOST_POP,
    MOMENTS,
    OPTIONS,
    POP,
    ROLES,
    SIDES,
    SMTP_RECEIVE,
    STEPS,
    WORDED,
    Fault,
    usual_role,
)
from irsend.wording import did_you_mean, joined_by_or, nearest, question, shown

LONGEST_ORDER = 500
"""Characters of an order."""


class WrongOrder(ValueError):
    """An order is not in the grammar; says why, and what is allowed."""


class _Values(TypedDict, total=False):
    """What the words of a kind give to its fault."""

    number: float
    word: str
    moment: str


def read_order(given: object) -> Fault:
    """Read an order: a line, or a table with `order` and its options; WrongOrder."""
    if isinstance(given, Mapping):
        return _read_table(given)
    if not isinstance(given, str):
        raise WrongOrder(f"{shown(given)} is not an order; allowed: text such as 451-data")
    if len(given) > LONGEST_ORDER or not given.isprintable():
        raise WrongOrder(f"an order is one line of up to {LONGEST_ORDER} printable characters")
    try:
        head, *words = shlex.split(given)
    except ValueError:
        why = "a quote is not closed" if given.strip() else "it is empty"
        raise WrongOrder(f"{shown(given)} is not an order: {why}") from None
    options: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise WrongOrder(
                f"{shown(word)} behind {head} is not an option; allowed: NAME=VALUE, with "
                + ", ".join(OPTIONS)
            )
        if name in options:
            raise WrongOrder(f"{name} is given twice")
        options[name] = value
    return _read(head, options)


def _read_table(given: Mapping[object, object]) -> Fault:
    head = given.get("order")
    if not isinstance(head, str):
        raise WrongOrder("order is missing, or no text; allowed: text such as 451-data")
    options: dict[str, str] = {}
    for name, value in given.items():
        if name == "order":
            continue
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise WrongOrder(f"{shown(value)} is not allowed as {name}")
        options[str(name)] = str(value)
    if not options:
        return read_order(head)
    if " " in head.strip():
        raise WrongOrder("options stand in the order itself, or beside it, not in both")
    return _read(head.strip(), options)


def _read(head: str, options: Mapping[str, str]) -> Fault:
    for name in options:
        if name not in OPTIONS:
            near = did_you_mean(name, OPTIONS)
            raise WrongOrder(
                f"there is no option {name}{near}; there are: {', '.join(OPTIONS)}"
            )
    kind, parts, rest = _kind_of(head)
    about = KINDS[kind]
    values = _values(kind, head, parts, rest)
    written = rest.pop(0) if rest else ""
    if rest:
        begin = head.removesuffix("-" + "-".join(rest))
        raise WrongOrder(f"{head} goes on behind {begin}; allowed: {about.form}")
    role = options.get("role", "")
    if role and role not in ROLES:
        near = did_you_mean(role, ROLES)
        raise WrongOrder(f"{shown(role)} is no role{near}; allowed: {', '.join(ROLES)}")
    step = _step(head, kind, written, role)
    role = role or usual_role(kind, step)
    _check_place(head, kind, step, role, values.get("moment", "before"))
    sessions = _scope(options.get("scope", "always"))
    if role == MACHINE and set(options) - {"role"}:
        raise WrongOrder(f"{head} holds until it is taken back; it has no options")
    text = options.get("text", "")
    if text and kind not in ("reply", "err", "add"):
        raise WrongOrder(f"{head} has no text; CODE, err and add have")
    if len(text) > 400 or not ((text.isascii() and text.isprintable()) or not text):
        raise WrongOrder("text is one line of up to 400 ASCII characters")
    if step and step not in head.split("-") and len(about.steps) > 1 and kind not in WORDED:
        head = f"{head}-{step}"
    return Fault(
        kind=kind,
        head=head,
        role=role,
        step=step,
        text=text,
        sessions=sessions,
        times=_whole(options, "times", None),
        probability=_probability(options.get("probability", "1")),
        seed=_whole(options, "seed", 0) or 0,
        **values,
    )


def _kind_of(head: str) -> tuple[str, list[str], list[str]]:
    """Return the kind of an order, its first word, and the words behind that."""
    first, *rest = head.split("-")
    if re.fullmatch("[0-9]+", first):
        return "reply", [first], rest
    if first in KINDS and first != "reply":
        return first, [first], rest
    close = nearest(first, [name for name in KINDS if name != "reply"])
    near = question(["-".join([word, *rest]) for word in close]) or did_you_mean(
        head, [kind.example for kind in KINDS.values()]
    )
    raise WrongOrder(
        f"{shown(head)} is no order{near}; allowed: {', '.join(k.form for k in KINDS.values())}"
    )


def _values(kind: str, head: str, parts: list[str], rest: list[str]) -> _Values:
    """Take the words that belong to the kind off `rest`; return what they mean."""
    match kind:
        case "reply":
            code = int(parts[0]) if len(parts[0]) == 3 else 0
            if not 200 <= code <= 599:
                raise WrongOrder(f"{shown(head)}: a reply has a code from 200 to 599")
            return {"number": code}
        case "delay" | "restart":
            return {"number": _number(head, kind, rest, 0, 3600, "seconds")}
        case "throttle":
            return {"number": _number(head, kind, rest, 1, 10**9, "octets a second")}
        case "size":
            return {"number": _number(head, kind, rest, 0, 10**15, "octets")}
        case "drop" | "reset":
            if rest and (rest[0] in MOMENTS or len(rest) > 1):
                return {"moment": _one_of(head, kind, rest, MOMENTS)}
        case "certificate":
            return {"word": _one_of(head, kind, rest, CERTIFICATES)}
        case "memory":
            return {"word": _one_of(head, kind, rest, ("full",))}
        case "paper":
            return {"word": _one_of(head, kind, rest, ("out",))}
        case "clock":
            side = SIDES[_one_of(head, kind, rest, SIDES)]
            return {"number": side * _number(head, kind, rest, 0, 10**9, "seconds")}
        case "forget" | "add":
            word = "-".join(rest)
            rest.clear()
            if not re.fullmatch("[A-Za-z0-9=][A-Za-z0-9=-]{0,60}", word):
                raise WrongOrder(f"{shown(head)}: the word of an extension is missing or wrong")
            return {"word": word.upper()}
    return {}


def _number(
    head: str, kind: str, rest: list[str], least: float, most: float, unit: str
) -> float:
    given = rest.pop(0) if rest else ""
    if (
        not re.fullmatch(r"[0-9]{1,16}(\.[0-9]{1,6})?", given)
        or not least <= float(given) <= most
    ):
        raise WrongOrder(
            f"{shown(head)}: {shown(given) if given else 'nothing'} behind {kind} is not allowed; "
            f"allowed: a number from {least:g} to {most:g} ({unit})"
        )
    return float(given)


def _one_of(head: str, kind: str, rest: list[str], words: Collection[str]) -> str:
    given = rest.pop(0) if rest else ""
    if given not in words:
        near = did_you_mean(given, words)
        raise WrongOrder(
            f"{shown(head)}: {shown(given) if given else 'nothing'} behind {kind}- is not allowed"
            f"{near}; allowed: {joined_by_or(list(words))}"
        )
    return given


def _step(head: str, kind: str, written: str, role: str) -> str:
    about = KINDS[kind]
    if written == "helo":
        written = "ehlo"
    if not written:
        if kind in WORDED and role == MAILHOST_POP:
            return "capa"
        step = about.usual or next(iter(about.steps), "")
        return "retr" if step and role in POP and role not in STEPS[step].roles else step
    if written in STEPS and written in about.steps:
        return written
    steps = about.steps
    near = question([head.removesuffix(written) + word for word in nearest(written, steps)])
    allowed = ", ".join(steps) if steps else "none"
    raise WrongOrder(
        f"{shown(head)}: {shown(written)} is no step of {_called(kind)}{near}; allowed: {allowed}"
    )


def _called(kind: str) -> str:
    return "a reply" if kind == "reply" else kind


def _check_place(head: str, kind: str, step: str, role: str, moment: str) -> None:
    about = KINDS[kind]
    if role not in about.roles:
        if kind == "reply" and role == MAILHOST_POP:
            raise WrongOrder(
                f"{head}: POP has no codes; write err and a step, such as err-retr"
            )
        raise WrongOrder(
            f"{head} is not possible as {role}; possible: {', '.join(about.roles)}"
        )
    if step and role not in STEPS[step].roles:
        theirs = [name for name in about.steps if role in STEPS[name].roles]
        raise WrongOrder(f"{head}: {role} has no step {step}; it has: {', '.join(theirs)}")
    if moment != "before" and step in ("connect", "handshake"):
        raise WrongOrder(f"{head}: at {step} a connection can be dropped before only")
    if moment == "after" and step == "content":
        raise WrongOrder(f"{head}: what is behind the content is {kind}-before-end")


def _scope(given: str) -> int | None:
    if given in ("always", "until taken back"):
        return None
    if given in ("next", "next session"):
        return 1
    match = re.fullmatch("([0-9]{1,6})( sessions?)?", given)
    if match and int(match[1]):
        return int(match[1])
    raise WrongOrder(
        f"{shown(given)} is not allowed as scope; allowed: next, a number of sessions, always"
    )


def _whole(options: Mapping[str, str], name: str, default: int | None) -> int | None:
    given = options.get(name)
    if given is None:
        return default
    if not re.fullmatch("[0-9]{1,9}", given) or (name == "times" and not int(given)):
        raise WrongOrder(f"{shown(given)} is not allowed as {name}; allowed: a whole number")
    return int(given)


def _probability(given: str) -> float:
    if not re.fullmatch(r"[01]|0?\.[0-9]{1,6}|1\.0{1,6}", given):
        raise WrongOrder(f"{shown(given)} is not allowed as probability; allowed: 0 to 1")
    return float(given)


_MAGIC_STEPS = ("rcpt", "data", "content", "end", "rset", "quit")


def read_magic(local_part: str) -> Fault | None:
    """Return the fault that a magic recipient asks for; None for any other recipient.

    It is one of a step from RCPT on, in the session that names the recipient.
    """
    try:
        fault = _read(local_part.lower(), {"role": SMTP_RECEIVE})
    except WrongOrder:
        return None
    return fault if fault.step in _MAGIC_STEPS else None
