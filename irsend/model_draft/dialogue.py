"""What the command lines of a recorded session show: names, extensions, logins, spaces, cases, ends."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from irsend.device.windows import MECHANISMS
from irsend.model_draft.observation import Observation
from irsend.model_draft.recorded_session import RecordedSession, Said

_VERB = re.compile(r"([A-Za-z]+)(?: +(.*))?$")
_PATH = re.compile(r"((?:MAIL FROM|RCPT TO):)( *)<[^>]*>(.*)", re.I)
_VERSION = re.compile(r"TLS ?v?(1(?:\.[0-3])?)[ :]+([A-Z0-9]\S*)")


@frozen
class Command:
    """A client's command, and the server's lines behind it."""

    line: Said
    reply: tuple[Said, ...]
    secured: bool
    """Whether it was said under TLS."""

    @property
    def verb(self) -> str:
        """The verb, in capitals."""
        found = _VERB.match(self.line.text)
        return found[1].upper() if found else ""

    @property
    def argument(self) -> str:
        """What follows the verb."""
        found = _VERB.match(self.line.text)
        return (found[2] or "") if found else ""

    @property
    def code(self) -> int | None:
        """The code of the reply."""
        return self.reply[-1].code if self.reply else None


@frozen
class Dialogue:
    """The commands of a session, and the lines of its message."""

    commands: tuple[Command, ...]
    content: tuple[Said, ...]
    dotted: bool
    """Whether the message was ended by a dot."""

    def of(self, verb: str) -> list[Command]:
        """Return the commands with this verb."""
        return [one for one in self.commands if one.verb == verb]


def dialogue_of(session: RecordedSession) -> Dialogue:
    """Return what a session consists of; answers within a login are left out."""
    commands: list[Command] = []
    content: list[Said] = []
    secured = in_message = dotted = in_login = False
    lines = list(session.lines)
    for at, line in enumerate(lines):
        if not line.by_client:
            in_login = line.code == 334
            continue
        if in_message:
            if line.text == ".":
                in_message, dotted = False, True
            else:
                content.append(line)
            continue
        if in_login:
            continue
        reply = tuple(_reply_behind(lines, at))
        command = Command(line, reply, secured)
        commands.append(command)
        secured = secured or (command.verb == "STARTTLS" and command.code == 220)
        in_message = command.verb == "DATA" and command.code == 354
    return Dialogue(tuple(commands), tuple(content), dotted)


def _reply_behind(lines: list[Said], at: int) -> Iterator[Said]:
    for line in lines[at + 1 :]:
        if line.by_client:
            return
        yield line
        if line.last:
            return


def observe_dialogue(session: RecordedSession, dialogue: Dialogue) -> Iterator[Observation]:
    """Give what the commands of a session show, the standard's way left out."""
    yield from _hello(dialogue)
    yield from _tls(session, dialogue)
    yield from _login(dialogue)
    yield from _extensions(session, dialogue)
    yield from _spelling(dialogue)
    if dialogue.commands and not dialogue.of("QUIT"):
        yield Observation("quirks.no_quit", True, "it closed the connection without QUIT")
    if dialogue.content and not dialogue.dotted:
        yield Observation("quirks.final_dot", "missing", "no dot ended the message")


def _hello(dialogue: Dialogue) -> Iterator[Observation]:
    greetings = [one for one in dialogue.commands if one.verb in ("EHLO", "HELO")]
    if not greetings:
        return
    first = greetings[0]
    name = first.argument.strip()
    if name.startswith("["):
        form = "literal"
    elif not name:
        form = "empty"
    else:
        form = "name" if "." in name else "bare"
    yield Observation("quirks.helo_name", form, first.line.text)
    if first.verb == "HELO":
        yield Observation("quirks.helo_only", True, first.line.text)


def _tls(session: RecordedSession, dialogue: Dialogue) -> Iterator[Observation]:
    if any(one.secured for one in dialogue.commands):
        behind = next(one for one in dialogue.commands if one.secured)
        if behind.verb not in ("EHLO", "HELO"):
            yield Observation(
                "quirks.no_ehlo_after_starttls", True, f"{behind.line.text} behind STARTTLS"
            )
    for note in session.notes:
        found = _VERSION.search(note)
        if found:
            version = "TLS 1.0" if found[1] == "1" else f"TLS {found[1]}"
            yield Observation("tls.newest", version, note)
            if version != "TLS 1.3":
                cipher = re.split(r"[:,)]", found[2])[0]
                yield Observation("tls.ciphers", f"{cipher}:@SECLEVEL=0", note)
            return


def _login(dialogue: Dialogue) -> Iterator[Observation]:
    for command in dialogue.of("AUTH"):
        mechanism, _, initial = command.argument.partition(" ")
        offered = _offered(dialogue, "AUTH", before=command)
        seen = command.line.text.partition(" ")[2].split(" ")[0]
        if mechanism.upper() in MECHANISMS:
            order = "sasl.secured" if command.secured else "sasl.plain"
            yield Observation(order, (mechanism.upper(),), f"{seen} of {' '.join(offered)}")
        if mechanism.upper() in ("PLAIN", "XOAUTH2") and not initial:
            yield Observation("sasl.initial_response", False, f"AUTH {seen} by itself")
        if mechanism.upper() == "LOGIN" and initial:
            yield Observation(
                "quirks.inline_login_name", True, "AUTH LOGIN with the user name behind it"
            )
        return


def _offered(dialogue: Dialogue, word: str, before: Command) -> list[str]:
    """Return what the last EHLO before a command was answered with behind a word."""
    offered: list[str] = []
    for command in dialogue.commands[: dialogue.commands.index(before)]:
        if command.verb == "EHLO":
            replies = [re.split(r"[ =]+", line.text[4:]) for line in command.reply]
            offered = next((one[1:] for one in replies if one[0].upper() == word), [])
    return offered


def _extensions(session: RecordedSession, dialogue: Dialogue) -> Iterator[Observation]:
    used, seen = [], []
    for command in [*dialogue.of("MAIL"), *dialogue.of("RCPT")]:
        found = _PATH.match(command.line.text)
        parameters = found[3].upper() if found else ""
        for word, extension in (
            ("SIZE=", "SIZE"),
            ("BODY=8BITMIME", "8BITMIME"),
            ("NOTIFY=", "DSN"),
            ("RET=", "DSN"),
        ):
            if word in parameters and extension not in used:
                used.append(extension)
                seen.append(command.line.text)
    together = [
        two.text
        for one, two in zip(session.lines, session.lines[1:], strict=False)
        if one.by_client and two.by_client and _PATH.match(one.text)
    ]
    if together:
        used.append("PIPELINING")
        seen.append(f"{together[0]} before the reply")
    if dialogue.of("MAIL"):
        yield Observation("sending.extensions", tuple(used), "; ".join(seen) or "none was used")


def _spelling(dialogue: Dialogue) -> Iterator[Observation]:
    words = [
        (found[1] if found else command.line.text.split(" ")[0], command.line.text)
        for command in dialogue.commands
        for found in [_PATH.match(command.line.text)]
    ]
    if words and all(word.islower() for word, _ in words):
        yield Observation("quirks.lower_case_commands", True, words[0][1])
    for command in dialogue.of("MAIL"):
        found = _PATH.match(command.line.text)
        if found and found[2]:
            yield Observation("quirks.space_after_colon", True, command.line.text)
    if any(one.line.end == "\n" for one in dialogue.commands):
        yield Observation("quirks.bare_lf_commands", True, "LF ended a command")
    if any(line.end == "\n" for line in dialogue.content):
        yield Observation("quirks.bare_lf_content", True, "LF ended a line of the message")
    before_mail = [
        one
        for one, two in zip(dialogue.commands, dialogue.commands[1:], strict=False)
        if two.verb == "MAIL"
    ]
    if before_mail and before_mail[0].verb == "RSET":
        yield Observation("quirks.rset_before_mail", True, "RSET, then MAIL")
