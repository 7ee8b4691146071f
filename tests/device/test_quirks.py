"""The quirks as they are declared: each off by default, with what it does and who was seen with it."""

from __future__ import annotations

from pathlib import Path

from twisted.trial import unittest

from irsend.device.items import items_of
from irsend.device.quirks import DATE_FORMS, Quirk, Quirks
from irsend.device.windows import windows
from irsend.message.style import DATES

_TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
# What these change is not in a session's lines; tests.services.send.test_quirks and
# tests.message.test_compose have it.
_NOT_IN_LINES = {
    "one_connection_per_recipient",
    "sender_not_login",
    "date",
    "message_id_trailing_dot",
    "multipart_quoted_printable",
}


class DeclarationTests(unittest.SynchronousTestCase):
    """Each item of the window."""

    def test_notes(self) -> None:
        """Each quirk says in sentences what servers make of it."""
        for key, about, _ in items_of(Quirks):
            assert isinstance(about, Quirk)
            self.assertRegex(about.servers, r"^[A-Z].*\.$", key)

    def test_sightings(self) -> None:
        """Each sighting has a public address."""
        for key, about, _ in items_of(Quirks):
            assert isinstance(about, Quirk)
            for one in about.seen:
                self.assertRegex(one.address, "^https?://[a-z0-9.-]+/", key)

    def test_conversations(self) -> None:
        """Each quirk that changes lines has conversations, and each of its conversations sets it."""
        for key, about, _ in items_of(Quirks):
            assert isinstance(about, Quirk)
            self.assertEqual(not about.conversations, key in _NOT_IN_LINES, key)
            for name in about.conversations:
                text = (_TRANSCRIPTS / f"{name}.txt").read_text("utf-8")
                self.assertIn(f"\nsetting: quirks.{key} = ", text, name)

    def test_every_conversation_is_named(self) -> None:
        """No conversation about a quirk stands in the folder that no quirk names."""
        named = {
            name
            for _, about, _ in items_of(Quirks)
            for name in getattr(about, "conversations", ())
        }
        there_are = {path.stem for path in _TRANSCRIPTS.glob("quirk-*.txt")}
        self.assertEqual(there_are - named, set())

    def test_dates(self) -> None:
        """The forms of Date that can be set are those that can be written."""
        self.assertEqual(DATE_FORMS, tuple(DATES))

    def test_bench(self) -> None:
        """The window says that it is the bench's, and no other does."""
        self.assertEqual([key for key, window, _ in windows() if window.note], ["quirks"])
