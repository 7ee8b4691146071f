"""Which SASL mechanism the machine picks of those that the server offers (docs/mechanisms).

The model's order decides, once a session. After a mechanism that failed no other is tried.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from attrs import frozen

from irsend.device.model import Model


@frozen
class Choice:
    """A mechanism, or none, and why: a sentence for the journal."""

    mechanism: str | None
    why: str


def choose_mechanism(
    model: Model,
    offered: Iterable[str],
    *,
    secured: bool,
    disabled: Collection[str] = (),
    unusable: Mapping[str, str] | None = None,
) -> Choice:
    """Return the first mechanism of the model's order that is offered and not switched off.

    `unusable` names mechanisms that irsend cannot use here, each with the reason:
    they are passed over, and the sentence says so.
    """
    there = list(dict.fromkeys(name.upper() for name in offered))
    if not there:
        return Choice(None, "offered no mechanism")
    said = [f"offered {', '.join(there)}"]
    order = model.sasl.secured if secured else model.sasl.plain
    for name in order:
        if name not in there:
            continue
        if name in disabled:
            said.append(f"{name} is switched off")
        elif unusable and unusable.get(name):
            said.append(f"{name} passed over ({unusable[name]})")
        else:
            others = [one for one in there if one in order and one != name]
            first = "comes first" if others else "is the only one known"
            said.append(f"{name} {first} on {model.name}{_under(secured)}")
            return Choice(name, "; ".join(said))
    said.append(f"{model.name} has none of them to use{_under(secured)}")
    return Choice(None, "; ".join(said))


def _under(secured: bool) -> str:
    return " under TLS" if secured else ""
