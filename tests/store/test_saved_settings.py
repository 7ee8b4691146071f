"""The settings that were changed at the machine survive a restart."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.device import load_model
from irsend.device.windows import DEFAULTS, ITEMS, MacPolicy, PopAuthMethod, SSLPolicy
from irsend.errors import StateError
from irsend.store.saved_settings import SavedSettings

VALUES: dict[str, Any] = {
    "email_ifax.pop": True,
    "email_ifax.pop_interval": 15,
    "email_ifax.email_address": "ir@bench.test",
    "email_ifax.pop_password": "a\"b\\c'd #=",
    "email_ifax.default_subject": "Grüße vom Drucker",
    "authent_encryption.allow_ssl_smtp_receive": SSLPolicy.SSL,
    "authent_encryption.pop_auth_method": PopAuthMethod.APOP,
    "receiving_mac_address.policy": MacPolicy.REJECT,
    "receiving_mac_address.addresses": ("00:00:85:12:34:56", "00:00:85:12:34:57"),
    "service_mode.disabled_mechanisms": ("PLAIN",),
}


class Case(SynchronousTestCase):
    """A place for the file."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def saved(self) -> dict[str, object]:
        """What another start finds."""
        return SavedSettings(self.path).load()


class RoundTripTests(Case):
    """Saved and loaded."""

    def read_back(self) -> dict[str, Any]:
        """What another start takes for its settings."""
        return load_model("iradvance").read_settings(self.saved())

    def test_nothing_saved(self) -> None:
        """Before anything was changed there is nothing, and no file."""
        self.assertEqual(self.saved(), {})
        self.assertFalse(self.path.exists())

    def test_round_trip(self) -> None:
        """Values of every kind come back as they were."""
        SavedSettings(self.path).save(VALUES)
        self.assertEqual(self.read_back(), VALUES)

    def test_every_item(self) -> None:
        """Every item can be saved."""
        SavedSettings(self.path).save(DEFAULTS)
        self.assertEqual(self.read_back(), DEFAULTS)

    def test_added(self) -> None:
        """What is saved later is added, and replaces the same key."""
        settings_before = SavedSettings(self.path)
        settings_before.save({"email_ifax.pop": True, "email_ifax.pop_interval": 5})
        after = SavedSettings(self.path)
        after.load()
        after.save({"email_ifax.pop_interval": 6, "authent_encryption.user": "ir"})
        self.assertEqual(
            self.read_back(),
            {
                "email_ifax.pop": True,
                "email_ifax.pop_interval": 6,
                "authent_encryption.user": "ir",
            },
        )

    def test_form(self) -> None:
        """The file is closed to others, has the form of the configuration, and says how it is forgotten."""
        SavedSettings(self.path).save({"email_ifax.pop": True})
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        text = self.path.read_text("utf-8")
        self.assertIn("irsendctl factory-reset", text.split("\n")[0])
        self.assertEqual(tomllib.loads(text), {"email_ifax": {"pop": True}})

    def test_forget(self) -> None:
        """Forgotten, nothing of it comes back with what is saved next."""
        saved = SavedSettings(self.path)
        saved.save(VALUES)
        saved.forget()
        saved.forget()
        self.assertFalse(self.path.exists())
        saved.save({"email_ifax.pop": True})
        self.assertEqual(self.saved(), {"email_ifax.pop": True})

    @settings(deadline=None, max_examples=60)
    @given(st.text(max_size=32))
    def test_any_text(self, text: str) -> None:
        """Every text that an item takes comes back as it was."""
        path = Path(self.mktemp())
        model = load_model("ir2270")
        try:
            values = model.read_settings({"email_ifax.pop_password": text})
        except Exception:
            return
        SavedSettings(path).save(values)
        self.assertEqual(model.read_settings(SavedSettings(path).load()), values)


class BrokenTests(Case):
    """A file that was spoilt."""

    def refused(self, content: bytes) -> str:
        """What a file is refused with."""
        self.path.write_bytes(content)
        return str(self.assertRaises(StateError, self.saved))

    def test_broken(self) -> None:
        """A file that is no TOML is refused with its name, the place, and what to do."""
        sentence = self.refused(b"[email_ifax]\npop = perhaps\n")
        self.assertTrue(sentence.startswith(f"{self.path}: "), sentence)
        self.assertIn("line 2", sentence)
        self.assertIn("mend it, or delete it", sentence)

    def test_not_text(self) -> None:
        """A file that is not UTF-8 is refused alike."""
        self.assertIn("mend it, or delete it", self.refused(b"\xff\xfe"))

    def test_enormous_number(self) -> None:
        """A number of thousands of digits is refused alike."""
        self.assertIn("mend it", self.refused(b"[email_ifax]\npop = " + b"1" * 5000))

    def test_directory(self) -> None:
        """A directory at its place is refused in words."""
        self.path.mkdir()
        self.assertIn("Is a directory", str(self.assertRaises(StateError, self.saved)))

    def test_strange_content(self) -> None:
        """Values that stand in no window are not loaded, and kept by no save that follows."""
        self.path.write_text("stray = 1\n[email_ifax]\npop = true\n[x]\ny = 1\n")
        saved = SavedSettings(self.path)
        self.assertEqual(saved.load(), {"email_ifax.pop": True, "x.y": 1})
        saved.save({"email_ifax.pop_interval": 5})
        self.assertEqual(self.saved()["email_ifax.pop_interval"], 5)

    def test_window_that_is_a_value(self) -> None:
        """A single value where a window belongs does not keep the window from being saved."""
        self.path.write_text("email_ifax = 5\n")
        saved = SavedSettings(self.path)
        self.assertEqual(saved.load(), {})
        saved.save({"email_ifax.pop": True})
        self.assertEqual(self.saved(), {"email_ifax.pop": True})

    def test_known(self) -> None:
        """The item's own form is what is saved: a file with words for values reads back alike."""
        self.path.write_text('[email_ifax]\npop = "on"\n')
        self.assertEqual(
            ITEMS["email_ifax.pop"].kind.read(self.saved()["email_ifax.pop"]), True
        )
