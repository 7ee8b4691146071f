"""The machine loses its power ten times while it fetches 200 mails (docs/fidelity)."""

from __future__ import annotations

import random
from collections.abc import Callable

import httpx

from tests.live.case import LiveTestCase
from tests.live.dovecot import PASSWORD, USER, start_dovecot
from tests.live.machine import Machine, start_machine
from tests.live.mails import compare, make_mail, subjects
from tests.live.wiretap import Crossing, Wiretap

MAILS = 200

Moment = Callable[[Crossing], bool]
"""Asked at each segment; True once, when the power is to fail."""


def after_octets(octets: int) -> Moment:
    """The moment at which Dovecot has sent so much: mostly in the middle of a mail."""

    def moment(crossing: Crossing) -> bool:
        return len(crossing.server) >= octets

    return moment


class AfterStored:
    """The moment at which so many mails are stored, and so many octets more have crossed."""

    def __init__(self, machine: Machine, mails: int, octets: int) -> None:
        self._machine, self._mails, self._octets = machine, mails, octets
        self._at: int | None = None

    def __call__(self, crossing: Crossing) -> bool:
        """Say whether it has come."""
        if self._at is None and len(self._machine.stored()) >= self._mails:
            self._at = len(crossing.server) + self._octets
        return self._at is not None and len(crossing.server) >= self._at


def at_first_deletion(crossing: Crossing) -> bool:
    """The moment at which the first DELE is on the wire."""
    return b"DELE " in crossing.client


def before_quit(crossing: Crossing) -> bool:
    """The moment at which QUIT is on the wire: Dovecot never hears it, and deletes nothing."""
    return b"QUIT\r\n" in crossing.client


class AfterQuit:
    """The moment at which Dovecot has heard QUIT and has deleted: its reply is lost."""

    def __init__(self) -> None:
        self._heard = 0

    def __call__(self, crossing: Crossing) -> bool:
        """Say whether it has come."""
        if b"QUIT\r\n" not in crossing.client:
            return False
        if not self._heard:
            self._heard = len(crossing.server)
        return len(crossing.server) > self._heard


class PowerTests(LiveTestCase):
    programs = ("dovecot",)
    as_root = True
    timeout = 180

    async def test_killed_ten_times(self) -> None:
        """After ten kills in its midst, all 200 mails are in memory, whole and once each."""
        draw = random.Random(200)
        sizes = [int(1000 * 200 ** draw.random()) for _ in range(MAILS)]
        mails = {f"m{n}": make_mail(f"m{n}", size) for n, size in enumerate(sizes)}
        dovecot = await start_dovecot(self)
        dovecot.deliver(list(mails.values()))
        tap = Wiretap(self.reactor, dovecot.port)
        self.addCleanup(tap.stop)
        machine = await start_machine(
            self,
            email_ifax={
                "pop": True,
                "pop_server": "127.0.0.1",
                "pop_address": USER,
                "pop_password": PASSWORD,
            },
            service_mode={"pop3_port": tap.port},
        )
        moments: list[Moment] = [
            after_octets(draw.randrange(20_000, 600_000)) for _ in range(2)
        ]
        for stored in (25, 50, 75, 100, 125):
            moments.append(AfterStored(machine, stored, draw.randrange(100_000)))
        moments += [at_first_deletion, before_quit, AfterQuit()]
        progress = []
        for moment in moments:
            await self.receive_until(machine, tap, moment)
            progress.append(len(machine.stored()))
            # At every moment what is in memory is whole, and nothing is there twice.
            compare(machine.memory, mails, must_have=set())
            await machine.start()
        self.assertEqual(10, len(progress))
        # Else it was not in the midst of its work.
        self.assertTrue(all(0 < stored < MAILS for stored in progress[2:8]), progress)
        answer = await machine.receive()
        self.assertEqual(("OK", None), (answer["result"], answer["code"]))
        compare(machine.memory, mails, must_have=set(mails))
        self.assertEqual(MAILS, len(machine.stored()))
        # A job each, since a job is what is printed.
        self.assertEqual(subjects(machine.memory), await machine.subjects_of_jobs())
        self.assertEqual([], dovecot.remaining())

    async def receive_until(self, machine: Machine, tap: Wiretap, moment: Moment) -> None:
        """Have the machine fetch, and kill it at that moment."""
        struck: list[Crossing] = []

        def watch(crossing: Crossing) -> bool:
            if crossing is tap.crossings[-1] and not struck and moment(crossing):
                machine.pull_the_plug()
                struck.append(crossing)
            return bool(struck)

        tap.watch = watch
        try:
            answer = await machine.receive()
        except httpx.TransportError:
            answer = None
        tap.watch = lambda crossing: False
        self.assertTrue(struck, f"the reception ended before its moment: {answer}")
        self.assertEqual(-9, await machine.ended())
