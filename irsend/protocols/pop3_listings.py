"""The lists that a POP3 client asks of its server: CAPA, LIST and UIDL.

Standards: RFC 1939 5 and 7, RFC 2449 5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.mail.pop3 import ServerErrorResponse
from twisted.python.failure import Failure

_T = TypeVar("_T")


class Listings:
    """Mixed in before a client that sends commands."""

    sendLong: Callable[..., Deferred[object]]

    def sizes(self) -> Deferred[dict[int, int]]:
        """LIST: octets of each message by its number, from 1."""
        return self._table(b"LIST", lambda value: int(value[:15]))

    def uidls(self) -> Deferred[dict[int, bytes]]:
        """UIDL: unique id of each message by its number, from 1."""
        return self._table(b"UIDL", lambda value: value)

    def capabilities(self, useCache: bool = True) -> Deferred[dict[bytes, list[bytes]]]:
        """CAPA: names in upper case with their arguments; empty where CAPA is refused."""
        found: dict[bytes, list[bytes]] = {}

        def take(line: bytes) -> None:
            name, *arguments = line.split() or [b""]
            found[name.upper()] = arguments

        def refused(failure: Failure) -> None:
            failure.trap(ServerErrorResponse)

        answer = self.sendLong(b"CAPA", None, take, None)
        return answer.addErrback(refused).addCallback(lambda _: found)

    def _table(self, command: bytes, read: Callable[[bytes], _T]) -> Deferred[dict[int, _T]]:
        found: dict[int, _T] = {}

        def take(line: bytes) -> None:
            number, value, *_ = line.split()
            found[int(number[:9])] = read(value)

        return self.sendLong(command, None, take, None).addCallback(lambda _: found)
