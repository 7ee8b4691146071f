"""A command of a POP3 client, and the reply that it waits for. `pop3_client` sends and reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred

from irsend.interfaces import IMessageSink
from irsend.protocols.sasl.mechanism import IMechanism, MechanismFailed

_T = TypeVar("_T")


class ProtocolViolation(Exception):
    """The server said something that POP3 does not have; says what."""


@define(eq=False)
class Exchange(Generic[_T]):
    """A command and the reply that is awaited."""

    line: bytes
    done: Deferred[_T] = field(factory=Deferred)
    take_line: Callable[[bytes], None] | None = None
    """Takes the lines of a reply of several; None for a reply of one."""
    open_sink: Callable[[], IMessageSink] | None = None
    """Makes the sink of a message."""
    mechanism: IMechanism | None = None
    initial: bytes | None = None
    """The mechanism's initial response, where it did not fit the command."""
    failed: MechanismFailed | None = None
    """Why the client cancelled the login."""
    began: bool = False
    octets: int = 0
    ahead: bool = True
    """May be sent before the replies to the commands before it."""


def command_line(name: bytes, arguments: bytes | None) -> bytes:
    """Return a command without its line end."""
    return name + b" " + arguments if arguments else name
