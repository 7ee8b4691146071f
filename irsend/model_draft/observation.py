"""An observation: a key of a model file, its value, and what in the record shows it."""

from __future__ import annotations

from attrs import frozen

Written = str | int | bool | tuple[str, ...] | dict[str, str]


@frozen
class Observation:
    """A key with the value that the record shows."""

    key: str
    """Whole, such as quirks.helo_name."""
    value: Written
    seen: str
    """What shows it, in a few words: a line of the session, mostly."""
