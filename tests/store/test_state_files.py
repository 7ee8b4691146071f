"""Small files that are replaced together: all of them, or none."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from irsend.errors import NotKept
from irsend.store.keys import KeyStore
from irsend.store.receiver_features import ReceiverFeatures
from irsend.store.state import replace_files, write_durably
from tests.parts import key_pem


class ReplaceTests(SynchronousTestCase):
    """Two files, and what stands in their way: directories, which no file replaces."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.first, self.second = self.directory / "a", self.directory / "b"

    def there(self) -> dict[str, bytes]:
        """The files, with their content."""
        return {one.name: one.read_bytes() for one in self.directory.iterdir() if one.is_file()}

    def test_all(self) -> None:
        """Files are made, replaced and deleted together, and nothing else is left."""
        replace_files({self.first: b"1", self.second: b"2"})
        self.assertEqual(self.there(), {"a": b"1", "b": b"2"})
        replace_files({self.first: b"3", self.second: None})
        self.assertEqual(self.there(), {"a": b"3"})
        replace_files({self.second: None})
        self.assertEqual(self.there(), {"a": b"3"})

    def test_none(self) -> None:
        """Where the second one fails at its last step, the first is what it was, or is not there."""
        self.second.mkdir()
        for before in ({}, {"a": b"1"}):
            for name, content in before.items():
                (self.directory / name).write_bytes(content)
            error = self.assertRaises(
                OSError, replace_files, {self.first: b"2", self.second: b"2"}
            )
            self.assertEqual((error.filename, self.there()), (str(self.second), before))

    def test_unwritten(self) -> None:
        """Where one cannot be written beside its place, none is replaced."""
        self.first.write_bytes(b"1")
        (self.directory / "b.new").mkdir()
        contents = {self.first: b"2", self.second: b"2"}
        self.assertRaises(OSError, replace_files, contents)
        self.assertEqual(self.there(), {"a": b"1"})

    def test_one_durably(self) -> None:
        """A file that cannot be renamed leaves nothing beside its place, and the error has its path."""
        self.second.mkdir()
        error = self.assertRaises(OSError, write_durably, self.second, b"2")
        self.assertEqual(error.filename, str(self.second / "").rstrip("/") + ".new")
        self.assertEqual(self.there(), {})


class KeptTests(SynchronousTestCase):
    """What is kept in such files."""

    def test_key_and_certificate(self) -> None:
        """A key whose certificate cannot be written is not kept either: the old pair fits still."""
        directory = Path(self.mktemp())
        directory.mkdir()
        store = KeyStore(directory)
        before = store.save(*key_pem(2048))
        (directory / "certificate.pem.new").mkdir()
        error = self.assertRaises(NotKept, store.save, *key_pem(1024))
        self.assertIn("certificate.pem", str(error))
        self.assertEqual(store.load().describe(), before.describe())

    def test_features(self) -> None:
        """Features that cannot be written are not known either, and are learnt the next time."""
        path = Path(self.mktemp())
        features = ReceiverFeatures(path)
        path.with_name(path.name + ".new").mkdir()
        expression = "(& (color=Binary) (image-coding=[MH,MMR]))"
        self.assertRaises(OSError, features.learn, "a@b.test", expression)
        self.assertFalse(features.accept("a@b.test", "F"))
        path.with_name(path.name + ".new").rmdir()
        features.learn("a@b.test", expression)
        self.assertTrue(features.accept("a@b.test", "F"))
