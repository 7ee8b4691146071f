"""The names that `irsend.testing` gives to tests of other projects."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

import irsend.testing


class NameTests(SynchronousTestCase):
    """`irsend.testing`, whose names are imported when they are used."""

    def test_all(self) -> None:
        """Each name can be used, and is what its own module calls so."""
        for name in irsend.testing.__all__:
            found = getattr(irsend.testing, name)
            self.assertEqual(found.__name__, name)
            self.assertIn(name, dir(irsend.testing))

    def test_no_other(self) -> None:
        """Another name is an AttributeError, as of any module."""
        error = self.assertRaises(AttributeError, lambda: irsend.testing.Print)
        self.assertEqual(str(error), "module 'irsend.testing' has no attribute 'Print'")
