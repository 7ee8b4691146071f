"""The state of a probe as the panel shows it: how far it is, and the rows of its table (docs/probe)."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen


@frozen(kw_only=True)
class ProbeRow:
    """A row of the table: what one model does with one combination of settings."""

    model: str
    """Empty in all rows of a model but the first; so are the next two."""
    year: str
    verdict: str
    """Whether the model passes, in words."""
    settings: str
    tls: str
    login: str
    result: str
    """"OK", "NG" with its code, or "not tried"."""
    panel: str
    """The text on the status line."""
    advice: str
    same_as: str
    """The settings whose session this row was taken from; empty where it had its own."""


@frozen(kw_only=True)
class ProbeState:
    """The probe that is under way, or the last one."""

    server: str
    running: bool
    done: int = 0
    of: int = 0
    step: str = ""
    """What is done now."""
    problem: str = ""
    """Why it ended without a whole table; empty where it did not."""
    rows: tuple[ProbeRow, ...] = ()
    lines: tuple[str, ...] = ()
    """What stands below the table."""
    report: Mapping[str, object] | None = field(default=None, repr=False)
    """The report as `irsendctl probe --json` has it; None before there is a row."""
