"""A configuration that is read again replaces the old one whole."""

from __future__ import annotations

import gc
import time
import weakref
from typing import Any

import attrs
from twisted.internet import reactor
from twisted.logger import globalLogPublisher
from twisted.trial import unittest

from irsend.configuration import SECTIONS, Configuration, configuration
from irsend.configuration_sections import IN_MEMORY
from irsend.device.items import Number, OnOff, items_of
from irsend.services.machine.machine import Machine


def _configured(**given: Any) -> Configuration:
    return configuration(
        **{"state": IN_MEMORY, "listen": {"smtp": "tcp:0:interface=127.0.0.1"}, **given}
    )


class ReloadTests(unittest.TestCase):
    """A machine in memory, whose configuration is read again while it runs."""

    def setUp(self) -> None:
        """Switch it on."""
        self.switch_on(_configured())

    def switch_on(self, configured: Configuration) -> None:
        """Switch a machine on until the test ends."""
        self.machine = Machine(configured, reactor, time.time)
        self.machine.acquire()
        self.machine.startService()
        self.addCleanup(self.machine.stopService)

    async def test_no_part_keeps_a_section(self) -> None:
        """Behind a reload nothing holds any section of the old configuration."""
        await self.machine.smtp_listener.settled()
        await self.machine.control.change_paper(False)
        old = {
            name: weakref.ref(getattr(self.machine.configuration, name)) for name in SECTIONS
        }
        self.machine.reload(_configured())
        gc.collect()
        kept = [name for name, section in old.items() if section() is not None]
        self.assertEqual(kept, [])

    def test_in_force(self) -> None:
        """Every number and switch of every section has its new value behind a reload."""
        changed: dict[str, dict[str, object]] = {}
        for name, made_of in SECTIONS.items():
            for key, about, default in items_of(made_of):
                if isinstance(about.kind, Number):
                    other = about.kind.maximum if default != about.kind.maximum else 1
                    changed.setdefault(name, {})[key] = other
                elif isinstance(about.kind, OnOff):
                    changed.setdefault(name, {})[key] = not default
        self.machine.reload(_configured(**changed))
        for name, values in changed.items():
            section = attrs.asdict(getattr(self.machine.configuration, name))
            self.assertEqual({key: section[key] for key in values}, values, name)

    def test_limits_in_force(self) -> None:
        """Limits of the store, and what SIZE says, are those of the new configuration."""
        self.machine.reload(_configured(limits={"memory": 3, "message_size": 2}))
        self.assertEqual(self.machine.control.memory()[1], 3_000_000)
        self.assertEqual(self.machine.smtp_listener.size_limit(), 2_000_000)

    def test_at_the_start_only(self) -> None:
        """A key that counts from the next start on is named in the log, and no other."""
        warned: list[str] = []

        def observe(event: dict[str, Any]) -> None:
            if "next start only" in (event.get("log_format") or ""):
                warned.append(event["key"])

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.machine.reload(
            _configured(
                model="iradvance",
                state="elsewhere",
                listen={"smtp": "tcp:0:interface=127.0.0.1", "panel": ""},
                printing={"workers": 3, "tray_days": 3},
                link={"covers_panel": True},
                limits={"memory": 3},
            )
        )
        self.assertEqual(
            warned, ["model", "state", "listen.panel", "printing.workers", "link.covers_panel"]
        )

    def test_old_keys(self) -> None:
        """A configuration with an old key works by the new one, and the log names that."""
        warned: list[str] = []

        def observe(event: dict[str, Any]) -> None:
            if event.get("log_format") == "{sentence}":
                warned.append(event["sentence"])

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.machine.reload(_configured(sending={"helo": "literal"}))
        self.assertEqual(self.machine.device.settings.quirks.helo_name, "literal")
        self.assertEqual(
            warned,
            ['sending.helo is called quirks.helo_name now; write quirks.helo_name = "literal"'],
        )
