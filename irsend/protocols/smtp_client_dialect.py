"""The dialect of an SMTP client: where and how it departs from RFC 5321, each place an object.

`STANDARD` departs nowhere. Which dialect a client has is its caller's choice.

Standards: RFC 5321 2.4 (case), 3.3 (no space behind the colon), 4.1.1.1 (EHLO, HELO), 4.1.1.4
(the end mark), 4.2.1 (the digits of a reply); RFC 3207 4.2 (EHLO again).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from attrs import field, frozen
from twisted.internet.defer import Deferred

from irsend.interfaces import ITranscript
from irsend.protocols.dot_stuffing import DotStuffing
from irsend.protocols.smtp_client_replies import ReplyLines, ServerReply, Timeouts

# The words of a command in front of its arguments.
_WORDS = re.compile(rb"MAIL FROM:|RCPT TO:|[A-Z]+")
_NOT_ASKED = ServerReply(250, ())


class CommandForm:
    """How commands are written: as RFC 5321 has them."""

    end = b"\r\n"
    """Of commands, and of the responses of AUTH."""

    def written(self, command: bytes) -> bytes:
        """Return a command as it is sent, without its end."""
        return command


@frozen
class LooseCommandForm(CommandForm):
    """Commands in small letters, with a space between colon and path, or ending in LF."""

    lower_case: bool = False
    space: bool = False
    end: bytes = b"\r\n"

    def written(self, command: bytes) -> bytes:
        """Return a command with its words in this form; arguments stay as they are."""
        match = _WORDS.match(command)
        assert match is not None
        words = match[0].lower() if self.lower_case else match[0]
        if self.space and words.endswith(b":"):
            words += b" "
        return words + command[match.end() :]


class GreetingSession(Protocol):
    """What greeting the server needs of the session."""

    identity: bytes
    extensions: dict[bytes, bytes]
    tls: tuple[str, str] | None
    transcript: ITranscript

    def command(self, line: bytes) -> Deferred[ServerReply]:
        """Send a command; fires with the reply, whatever it is."""


@frozen
class Hello:
    """How the server is greeted: by EHLO, or HELO where that is not known; under TLS again."""

    commands: tuple[bytes, ...] = (b"EHLO", b"HELO")
    again: bool = True
    """False under TLS goes on with the extensions that were announced in plain text."""

    async def say(self, session: GreetingSession) -> ServerReply:
        """Greet the server, and fill the session's extensions; return the last reply."""
        reply = _NOT_ASKED
        if session.tls is not None and not self.again:
            session.transcript.note("no EHLO under TLS")
            return reply
        session.extensions = {}
        name = b" " + session.identity if session.identity else b""
        for command in self.commands:
            reply = await session.command(command + name)
            if reply.positive and command == b"EHLO":
                for line in reply.lines[1:]:
                    keyword, _, parameters = line.strip().partition(b" ")
                    session.extensions[keyword.upper()] = parameters.strip()
            if not reply.permanent:
                break
        return reply

    def known_under_tls(self, extensions: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """Return what is known of the server's extensions when TLS begins (RFC 3207 4.2)."""
        return {} if self.again else extensions


class ContentSession(Protocol):
    """What the end of a message needs of the session."""

    transport: Any
    transcript: ITranscript
    timeouts: Timeouts
    closed: Deferred[None]

    def setTimeout(self, period: float | None) -> None:
        """Set how long the server may be silent."""

    def callLater(self, period: float, func: Callable[[], None]) -> Any:
        """Call something in so many seconds."""

    def end_content(self, end: bytes) -> None:
        """Write the end of the content, and wait for the reply."""


class FinalDot:
    """When the end mark goes out: with the last of the content."""

    def send(self, session: ContentSession, last: bytes, mark: bytes) -> None:
        """Send the last of the content, and the end mark."""
        session.end_content(last + mark)


@frozen
class LateFinalDot(FinalDot):
    """The end mark follows after so many seconds, while a reply of the server's is read."""

    seconds: float

    def send(self, session: ContentSession, last: bytes, mark: bytes) -> None:
        """Send the last of the content, and the end mark so many seconds later."""
        session.transport.write(last)
        session.transcript.note(f"the final dot waits for {self.seconds:g} s")
        session.setTimeout(None)
        timer = session.callLater(self.seconds, lambda: session.end_content(mark))

        def cancel(_: None) -> None:
            if timer.active():
                timer.cancel()

        session.closed.addCallback(cancel)


class NoFinalDot(FinalDot):
    """The end mark never goes out."""

    def send(self, session: ContentSession, last: bytes, mark: bytes) -> None:
        """Send the last of the content, and its line end where it has none."""
        session.transport.write(last + mark.removesuffix(b".\r\n"))
        session.transcript.note("the final dot is not sent")
        session.setTimeout(session.timeouts.end)


class BareLFFinalDot(FinalDot):
    """The line of the end mark ends in LF."""

    def send(self, session: ContentSession, last: bytes, mark: bytes) -> None:
        """Send the last of the content, and the end mark."""
        session.end_content(last + mark.removesuffix(b"\r\n") + b"\n")


class BareLFStuffing(DotStuffing):
    """Content whose lines end in LF, dots doubled; the last line and the end mark end in CR LF.

    A dot at the beginning of a line is doubled whichever line end is before it: of
    what is sent nothing but the end mark can be read as one.
    """

    _held = b""
    """The end of a line, or half of it, at the end of what was fed."""

    def feed(self, content: bytes) -> bytes:
        """Return the content as it goes out; the line end behind it waits."""
        if not content:
            return b""
        outgoing = self._held + super().feed(content)
        kept = len(outgoing) - 2 if outgoing.endswith(b"\r\n") else len(outgoing)
        kept -= outgoing.endswith(b"\r")
        self._held = outgoing[kept:]
        return outgoing[:kept].replace(b"\r\n", b"\n")

    def end(self) -> bytes:
        """Return the end mark, behind a line end."""
        return self._held.removesuffix(b"\r\n") + b"\r\n.\r\n"


@frozen(kw_only=True)
class Dialect:
    """How a client speaks; by default as the standards have it."""

    commands: CommandForm = field(factory=CommandForm)
    hello: Hello = Hello()
    replies: Callable[[], ReplyLines] = ReplyLines
    """Makes what reads the replies of a session."""
    rset_before_mail: bool = False
    """RSET before each mail transaction; otherwise only where the last one is open."""
    content: Callable[[], DotStuffing] = DotStuffing
    """Makes what prepares the content of a mail for the wire."""
    final_dot: FinalDot = field(factory=FinalDot)


STANDARD = Dialect()
"""The standards' own."""
