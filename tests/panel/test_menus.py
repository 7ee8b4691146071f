"""The menus, made from the windows: each step of a path is a screen, and what a model lacks is not there."""

from __future__ import annotations

from twisted.trial import unittest

from irsend.device import load_model, model_names
from irsend.device.windows import windows
from irsend.panel.menus import menu_of_window, root_menu


class MenuTests(unittest.SynchronousTestCase):
    """The tree of screens."""

    def test_paths(self) -> None:
        """Each window is reached by the keys that its path names, from Additional Functions on."""
        root = root_menu(load_model("ir2270"))
        for name, window, _ in windows():
            menu = menu_of_window(root, name)
            assert menu is not None
            titles = [one.title for one in menu.path]
            self.assertEqual(titles[-len(window.path) :], list(window.path))
            self.assertEqual(titles[0], "Additional Functions")

    def test_authent_encryption(self) -> None:
        """Authent./Encryption is at the place that the manual gives."""
        menu = menu_of_window(root_menu(load_model("ir2270")), "authent_encryption")
        assert menu is not None
        self.assertEqual(
            menu.address,
            "/functions/system-settings/network-settings/e-mail-i-fax/authent-encryption",
        )

    def test_lacking(self) -> None:
        """A window of which the model has no item is no screen."""
        root = root_menu(load_model("estudio190f"))
        self.assertIsNone(menu_of_window(root, "receiving_mac_address"))
        self.assertIsNotNone(menu_of_window(root, "email_ifax"))

    def test_addresses(self) -> None:
        """No two screens of a model have the same address."""
        for name in model_names():
            addresses = [one.address for one in root_menu(load_model(name)).walk()]
            self.assertEqual(len(addresses), len(set(addresses)))
