"""A load: a few connections at once, and a ledger of what was promised by a 250."""

from __future__ import annotations

import random
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError, ConnectionDone

from tests.live.dialogues import Dialogue, RefusalError, call, deliver, greet
from tests.live.mails import Mail, make_mail

SMALLEST = 1_000
"""Octets."""


@define(eq=False)
class Ledger:
    """What was sent, what was acknowledged, and what was under way when a connection broke."""

    sent: dict[str, Mail] = field(factory=dict)
    acknowledged: set[str] = field(factory=set)
    interrupted: set[str] = field(factory=set)
    refusals: list[str] = field(factory=list)


class Load:
    """Delivers mails of 1 KB and more over several connections until the server is gone."""

    def __init__(
        self, reactor: Any, ledger: Ledger, *, to: str, seed: int, largest: int = 2_000_000
    ) -> None:
        self._reactor = reactor
        self._ledger = ledger
        self._to = to
        self._largest = largest
        self._draw = random.Random(seed)
        self._seed = seed
        self._number = 0
        self._dialogues: list[Dialogue] = []
        self._ended: Deferred[Any] | None = None
        self._wanted = 0
        self._enough: Deferred[None] | None = None

    def start(self, port: int, connections: int) -> None:
        """Begin."""
        self._ended = gatherResults(
            [Deferred.fromCoroutine(self._deliver_on(port)) for _ in range(connections)],
            consumeErrors=True,
        )

    async def ended(self) -> None:
        """Wait until no connection is left."""
        assert self._ended is not None
        await self._ended

    def heard(self) -> list[str]:
        """Return the last thing that each connection heard."""
        return [one.heard[-1] for one in self._dialogues if one.heard]

    def hang_up(self) -> None:
        """End all connections."""
        for dialogue in self._dialogues:
            if not dialogue.closed:
                dialogue.hang_up()

    def acknowledged_so_many(self, number: int) -> Deferred[None]:
        """Fire at the very moment of the `number`th 250 from now on."""
        self._wanted = number
        self._enough = Deferred()
        return self._enough

    def _count(self) -> None:
        self._wanted -= 1
        if self._wanted == 0 and self._enough:
            self._enough.callback(None)

    def _next_mail(self) -> Mail:
        self._number += 1
        size = int(SMALLEST * (self._largest / SMALLEST) ** self._draw.random())
        mail = make_mail(f"load-{self._seed}-{self._number}", size)
        self._ledger.sent[mail.identity] = mail
        return mail

    async def _deliver_on(self, port: int) -> None:
        mail: Mail | None = None
        try:
            dialogue = await call(self._reactor, port)
            self._dialogues.append(dialogue)
            await greet(dialogue)
            while True:
                mail = self._next_mail()
                await deliver(dialogue, mail, self._to)
                self._ledger.acknowledged.add(mail.identity)
                mail = None
                self._count()
        except (ConnectionDone, ConnectError):
            if mail:
                self._ledger.interrupted.add(mail.identity)
        except RefusalError as refusal:
            self._ledger.refusals.append(str(refusal))
            dialogue.hang_up()
            await dialogue.until_closed()
