"""The machine's menus: one for each step on the path to a settings window, made from the windows.

A new window needs nothing here: its path says where it appears.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import define, field

from irsend.device import Model
from irsend.device.windows import windows

ROOT = "/functions"


@define(eq=False)
class Menu:
    """A screen of the menus: keys to its submenus, and the items of a window where it is one."""

    title: str
    address: str
    """The path of its URL."""
    parent: Menu | None = None
    window: str = ""
    """The key of its settings window; empty where it only leads on."""
    note: str = ""
    """What is to be known of that window."""
    submenus: list[Menu] = field(factory=list)

    @property
    def path(self) -> list[Menu]:
        """The menus from the root to this."""
        return [*(self.parent.path if self.parent else []), self]

    def walk(self) -> Iterator[Menu]:
        """Give this menu and all beneath it."""
        yield self
        for one in self.submenus:
            yield from one.walk()


def root_menu(model: Model) -> Menu:
    """Return Additional Functions of a model; without the windows of which it has no item."""
    has = {key.partition(".")[0] for key in model.items()}
    root = Menu(title="Additional Functions", address=ROOT)
    for name, window, _ in windows():
        if name not in has:
            continue
        menu = root
        # A path that begins elsewhere is hung under Additional Functions all the same.
        titles = window.path[1:] if window.path[0] == root.title else window.path
        for title in titles:
            menu = _submenu(menu, title)
        menu.window, menu.note = name, window.note
    return root


def menu_of_window(root: Menu, name: str) -> Menu | None:
    """Return the menu of a window; None where there is none."""
    return next((one for one in root.walk() if one.window == name), None)


def _submenu(parent: Menu, title: str) -> Menu:
    for one in parent.submenus:
        if one.title == title:
            return one
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    menu = Menu(title=title, address=f"{parent.address}/{slug}", parent=parent)
    parent.submenus.append(menu)
    return menu
