"""Host and port of a server that a test connects to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress


class Address(NamedTuple):
    """Host and port: `smtplib.SMTP(*machine.smtp)`, or one by one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def first_address(addresses: Sequence[IAddress]) -> Address:
    """Return host and port of the first; AssertionError where nothing listens."""
    if not addresses:
        raise AssertionError("it does not listen there now")
    address: Any = addresses[0]
    return Address(address.host, address.port)
