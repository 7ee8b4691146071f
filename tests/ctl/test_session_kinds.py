"""irsendctl knows the machine's kinds of sessions, though it imports nothing of the device."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from irsend.ctl.commands.read import SESSION_KINDS
from irsend.device import sessions


class SessionKindTests(SynchronousTestCase):
    """What `--kind` takes."""

    def test_same(self) -> None:
        """The kinds that irsendctl filters by are those that a session can have."""
        self.assertEqual(SESSION_KINDS, sessions.SESSION_KINDS)
