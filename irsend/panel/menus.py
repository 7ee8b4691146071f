"""The machine's menus: a screen for each step of the path to a settings window, made from the windows.

A new window appears by itself, at the place that its path says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import define, field

from irsend.device import Model
from irsend.device.windows import windows

ROOT = "/functions"


@define(eq=False)
class Step:
    """A screen of the menus: keys that lead on, and the items of a window where it is one."""

    title: str
    address: str
    """The path of its URL."""
    above: Step | None = None
    window: str = ""
    """The key of its settings window; empty where it has only keys."""
    keys: list[Step] = field(factory=list)

    @property
    def path(self) -> list[Step]:
        """The steps from the first menu to this."""
        return [*(self.above.path if self.above else []), self]

    def all(self) -> Iterator[Step]:
        """Give this step and all behind it."""
        yield self
        for key in self.keys:
            yield from key.all()


def menus(model: Model) -> Step:
    """Return the first menu, Additional Functions, of a model: what it lacks is not there."""
    has = {key.partition(".")[0] for key in model.items()}
    root = Step(title="Additional Functions", address=ROOT)
    for name, window, _ in windows():
        if name not in has:
            continue
        step = root
        # What does not begin at Additional Functions is reached from there all the same.
        titles = window.path[1:] if window.path[0] == root.title else window.path
        for title in titles:
            step = _step(step, title)
        step.window = name
    return root


def step_of_window(root: Step, name: str) -> Step | None:
    """Return the screen of a window; None where there is none."""
    return next((one for one in root.all() if one.window == name), None)


def _step(above: Step, title: str) -> Step:
    for key in above.keys:
        if key.title == title:
            return key
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    step = Step(title=title, address=f"{above.address}/{slug}", above=above)
    above.keys.append(step)
    return step
