"""An item: one line of a settings window, or one key of the configuration, as data.

Each item stands once, as an attrs field made by `item()`. From it are made the
reader of TOML and JSON, the windows of the panel, `irsendctl settings`,
`etc/irsend.toml` and the page of settings in the docs.

This module does not know which items there are: see `windows`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

import attrs
from attrs import field, frozen

from irsend.errors import SettingsRefused, ValueRefused
from irsend.wording import did_you_mean, joined_by_or, nearest, no_such_key, shown

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)

Value = bool | int | str | tuple[str, ...] | dict[str, str] | enum.Enum
"""The value of an item."""

ITEM = "irsend.item"  # where the metadata of an attrs field has its `Item`
# Controls, ends of lines, and halves of surrogate pairs (JSON can write them, UTF-8 cannot).
_NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Kind(Generic[T]):
    """Which values an item takes: reads them from text, TOML or JSON, and describes them."""

    type: str
    allowed: str
    words: tuple[str, ...] = ()
    """The words that it takes, where these are few: the nearest is suggested for another."""

    def read(self, given: object) -> T:
        """Return the value meant by `given`; ValueError where it is not allowed, with a reason or empty."""
        raise NotImplementedError

    def plain(self, value: T) -> object:
        """Return `value` as TOML and JSON write it."""
        return value

    def constraint(self) -> object:
        """Return what is allowed, for programs."""
        raise NotImplementedError


class OnOff(Kind[bool]):
    """An On/Off pair."""

    type = "choice"
    allowed = "on or off (true or false)"
    _values = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
    words = ("on", "off", "true", "false")

    def read(self, given: object) -> bool:
        """Take true and false, and the words on and off."""
        if isinstance(given, bool):
            return given
        if isinstance(given, str) and given.lower() in self._values:
            return self._values[given.lower()]
        raise ValueError

    def constraint(self) -> object:
        """Both values."""
        return [False, True]


class Choice(Kind[E]):
    """One of the members of an enumeration, by its value."""

    type = "choice"

    def __init__(self, members: enum.EnumMeta) -> None:
        self._members: dict[str, E] = {str(member.value): member for member in members}  # type: ignore[var-annotated]
        self.words = tuple(self._members)
        self.allowed = joined_by_or(self.words)

    def read(self, given: object) -> E:
        """Take a member's value in any case; true and false stand for on and off where these exist."""
        word = {True: "on", False: "off"}[given] if isinstance(given, bool) else given
        if isinstance(word, str) and word.lower() in self._members:
            return self._members[word.lower()]
        raise ValueError

    def plain(self, value: E) -> object:
        """Return the member's value."""
        return value.value

    def constraint(self) -> object:
        """All values, in the panel's order."""
        return list(self._members)


class OneOf(Kind[str]):
    """One of a few words, exactly."""

    type = "choice"

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words
        self.allowed = ", ".join(words)

    def read(self, given: object) -> str:
        """Take one of the words."""
        if given not in self.words:
            raise ValueError
        return str(given)

    def constraint(self) -> object:
        """All words."""
        return list(self.words)


class Number(Kind[int]):
    """A whole number in a range."""

    type = "number"

    def __init__(self, minimum: int, maximum: int, unit: str = "") -> None:
        self.minimum, self.maximum, self.unit = minimum, maximum, unit
        self.allowed = f"a whole number from {minimum} to {maximum}" + (
            f" ({unit})" if unit else ""
        )

    def read(self, given: object) -> int:
        """Take an integer or its digits."""
        if isinstance(given, str) and re.fullmatch(r"[0-9]{1,19}", given):
            given = int(given)
        if isinstance(given, bool) or not isinstance(given, int):
            raise ValueError
        if not self.minimum <= given <= self.maximum:
            raise ValueError
        return given

    def constraint(self) -> object:
        """Both ends of the range, and the unit."""
        return {"minimum": self.minimum, "maximum": self.maximum, "unit": self.unit}


class Text(Kind[str]):
    """One line of text up to a length, of a certain form where one is given."""

    type = "text"

    def __init__(
        self,
        longest: int,
        form: str = "",
        pattern: str = "",
        read_one: Callable[[str], str] | None = None,
    ) -> None:
        self.longest = longest
        self._pattern = re.compile(pattern or r".*")
        self._read_one = read_one
        self.allowed = (form + ", " if form else "text of ") + f"up to {longest} characters"

    def read(self, given: object) -> str:
        """Take a string; control characters and ends of lines are never part of one."""
        if not isinstance(given, str) or len(given) > self.longest:
            raise ValueError
        if _NOT_IN_A_LINE.search(given):
            raise ValueError("it holds a control character")
        if given and not self._pattern.fullmatch(given):
            raise ValueError
        return self._read_one(given) if given and self._read_one else given

    def constraint(self) -> object:
        """The greatest length."""
        return {"max_length": self.longest}


class Lines(Kind[str]):
    """Text of several lines, each ending in LF when it is read."""

    type = "text"

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.allowed = f"lines of text, up to {longest} characters together"

    def read(self, given: object) -> str:
        """Take a string; of the control characters only ends of lines and tabs."""
        if not isinstance(given, str) or len(given) > self.longest:
            raise ValueError
        lines = re.sub(r"\r\n?|\u2028|\u2029", "\n", given)
        if _NOT_IN_A_LINE.search(re.sub(r"[\n\t]", "", lines)):
            raise ValueError("it holds a control character")
        return lines

    def constraint(self) -> object:
        """The greatest length."""
        return {"max_length": self.longest}


class Listing(Kind[tuple[str, ...]]):
    """Up to `most` entries, each in its normal form, none twice."""

    type = "list"

    def __init__(self, most: int, of: str, read_one: Callable[[str], str]) -> None:
        self.most, self._read_one = most, read_one
        self.allowed = f"up to {most} {of}"

    def read(self, given: object) -> tuple[str, ...]:
        """Take a list of strings, or one string with commas."""
        if isinstance(given, str):
            given = [part.strip() for part in given.split(",") if part.strip()]
        if not isinstance(given, (list, tuple)) or not all(
            isinstance(one, str) for one in given
        ):
            raise ValueError
        entries = tuple(dict.fromkeys(self._read_one(one) for one in given))
        if len(entries) > self.most:
            raise ValueError
        return entries

    def plain(self, value: tuple[str, ...]) -> object:
        """Return a list."""
        return list(value)

    def constraint(self) -> object:
        """The greatest number of entries."""
        return {"max_items": self.most}


class Table(Kind[dict[str, str]]):
    """Names with a text each, as in `accounts = { "ir@bench.test" = "bench" }`.

    `read_name` and `read_text` return each in its normal form; ValueError says what is wrong.
    """

    type = "table"

    def __init__(
        self,
        allowed: str = 'a table of texts, such as { "name" = "text" }',
        read_name: Callable[[str], str] = str,
        read_text: Callable[[str], str] = str,
        most: int = 1000,
    ) -> None:
        self.allowed = allowed
        self._read_name, self._read_text, self._most = read_name, read_text, most

    def read(self, given: object) -> dict[str, str]:
        """Take a table whose keys and values are strings."""
        if not isinstance(given, dict) or len(given) > self._most:
            raise ValueError
        if not all(isinstance(part, str) for pair in given.items() for part in pair):
            raise ValueError
        read: dict[str, str] = {}
        for written, text in given.items():
            name = self._read_name(written)
            if name in read:
                raise ValueError(f"{name} is there twice")
            read[name] = self._read_text(text)
        return read

    def plain(self, value: dict[str, str]) -> object:
        """Return a copy."""
        return dict(value)

    def constraint(self) -> object:
        """Nothing more than its type."""
        return {}


@frozen(kw_only=True)
class Item:
    """An item without its value: label, kind and meaning."""

    label: str
    kind: Kind[Any]
    meaning: str
    secret: bool = False
    later: bool = False
    """True for items that only later models have; a model file names them."""
    at_start: bool = False
    """True for keys whose change counts from the next start on."""


def item(
    label: str,
    kind: Kind[T],
    default: T,
    meaning: str,
    *,
    secret: bool = False,
    later: bool = False,
    at_start: bool = False,
) -> Any:
    """Declare an item of a window (an attrs field that carries its `Item`)."""
    about = Item(
        label=label, kind=kind, meaning=meaning, secret=secret, later=later, at_start=at_start
    )
    return field(default=default, repr=not secret, metadata={ITEM: about})


def items_of(window: type) -> Iterator[tuple[str, Item, Value]]:
    """Give key, item and default of each item of a window, in the panel's order."""
    for one in attrs.fields(window):
        if ITEM in one.metadata:
            yield one.name, one.metadata[ITEM], one.default


def read_value(key: str, about: Item, given: object) -> Value:
    """Return the value meant by `given` for the item at `key`; raise ValueRefused."""
    try:
        return cast("Value", about.kind.read(given))
    except ValueError as error:
        what = "this value" if about.secret else shown(given)
        reason = f" ({error})" if str(error) else ""
        near = did_you_mean(given, about.kind.words) if isinstance(given, str) else ""
        raise ValueRefused(
            key, f"{what} is not allowed{reason}; allowed: {about.kind.allowed}{near}"
        ) from None


def read_values(window: type, prefix: str, given: Mapping[str, object]) -> dict[str, Any]:
    """Read the values of one window or section, by key; raise SettingsRefused naming every wrong key."""
    known = {key: about for key, about, _ in items_of(window)}
    values, refused = {}, []
    for key, raw in given.items():
        path = f"{prefix}.{key}" if prefix else key
        if key not in known:
            names = [path.removesuffix(key) + name for name in known]
            problem = no_such_key(nearest(path, names), list(known))
            refused.append(ValueRefused(path, problem))
            continue
        try:
            values[key] = read_value(path, known[key], raw)
        except ValueRefused as error:
            refused.append(error)
    if refused:
        raise SettingsRefused(refused)
    return values
