"""Machine, panel and mail host together: all of them run, or none."""

from __future__ import annotations

import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.trial import unittest

from irsend.assembly import Assembly
from irsend.configuration import configuration
from irsend.store.state import StateDirectory

_FREE = "tcp:0:interface=127.0.0.1"


class AssemblyTests(unittest.TestCase):
    """One bench."""

    def assembly(self, panel: str = _FREE) -> Assembly:
        """Return a bench with all its parts."""
        self.state = Path(self.mktemp()).absolute()
        return Assembly(
            configuration(
                state=str(self.state),
                listen={"smtp": _FREE, "panel": panel},
                settings={"email_ifax": {"smtp_receive": True}},
                mailhost={"enabled": True, "smtp": _FREE, "pop3": _FREE},
            ),
            reactor,
            time.time,
        )

    async def test_start_that_fails(self) -> None:
        """Where the panel's port is taken, nothing else listens on, and the state directory is free."""
        taken = reactor.listenTCP(0, Factory(), interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(taken.stopListening)
        assembly = self.assembly(f"tcp:{taken.getHost().port}:interface=127.0.0.1")
        self.assertRaises(CannotListenError, assembly.startService)
        await deferLater(reactor, 0)
        mailhost = assembly.mailhost
        self.assertEqual(
            [
                *assembly.machine.smtp_listener.addresses,
                *mailhost.smtp_addresses,
                *mailhost.pop3_addresses,
            ],
            [],
        )
        state = StateDirectory(self.state)
        state.acquire()
        state.release()

    async def test_stop_closes_every_port_at_once(self) -> None:
        """Switched off, no part listens on while another still ends what is under way."""
        assembly = self.assembly()
        assembly.startService()
        stopped = assembly.stopService()
        listening = [
            *assembly.machine.smtp_listener.addresses,
            *assembly.panel_addresses,
            *assembly.mailhost.smtp_addresses,
            *assembly.mailhost.pop3_addresses,
        ]
        await stopped
        self.assertEqual(listening, [])
