"""Faults on order: roles, steps and kinds as data, and the value of a fault.

`fault_reader` reads an order, a line such as `451-data` or `drop-after-rcpt scope=next`;
`services.fault_orders` keeps those that are in force. The tables of docs/faults are made from here.
"""

from __future__ import annotations

import shlex

from attrs import field, frozen

SMTP_RECEIVE, SMTP_SEND, POP_RECEIVE = "smtp-receive", "smtp-send", "pop-receive"
MAILHOST_SMTP, MAILHOST_POP = "mailhost-smtp", "mailhost-pop3"
MACHINE = "machine"
ROLES: dict[str, str] = {
    SMTP_RECEIVE: "The machine as SMTP server.",
    SMTP_SEND: "The machine as SMTP client.",
    POP_RECEIVE: "The machine as POP client.",
    MAILHOST_SMTP: "The mail host beside it as SMTP server.",
    MAILHOST_POP: "The mail host beside it as POP server.",
    MACHINE: "The machine itself.",
}
"""Who commits a fault, and what that is."""
SMTP_SERVERS = (SMTP_RECEIVE, MAILHOST_SMTP)
SERVERS = (*SMTP_SERVERS, MAILHOST_POP)
CLIENTS = (SMTP_SEND, POP_RECEIVE)
SMTP = (*SMTP_SERVERS, SMTP_SEND)
POP = (MAILHOST_POP, POP_RECEIVE)
SESSIONS = (*SERVERS, *CLIENTS)


@frozen
class Step:
    """A step of a session: what it is, and which roles have it."""

    meaning: str
    roles: tuple[str, ...]


STEPS: dict[str, Step] = {
    "connect": Step("The connection is there, and nothing has been said.", SESSIONS),
    "greeting": Step("The server greets.", SERVERS),
    "ehlo": Step("EHLO or HELO.", SMTP),
    "starttls": Step("STARTTLS.", SMTP),
    "handshake": Step("The TLS handshake, behind STARTTLS or STLS.", SESSIONS),
    "auth": Step("AUTH.", SESSIONS),
    "mail": Step("MAIL FROM.", SMTP),
    "rcpt": Step("RCPT TO.", SMTP),
    "data": Step("DATA.", SMTP),
    "content": Step("The content of the message.", SMTP),
    "end": Step("The end mark of the message, and the reply to it.", SMTP),
    "rset": Step("RSET.", SMTP),
    "capa": Step("CAPA.", POP),
    "stls": Step("STLS.", POP),
    "user": Step("USER.", POP),
    "pass": Step("PASS.", POP),
    "apop": Step("APOP.", POP),
    "stat": Step("STAT.", POP),
    "list": Step("LIST.", POP),
    "uidl": Step("UIDL.", POP),
    "retr": Step("RETR, and the message behind it.", POP),
    "dele": Step("DELE.", POP),
    "quit": Step("QUIT.", SESSIONS),
}
"""The steps of SMTP and POP, in the order in which a session has them."""

WORDED = ("forget", "add", "size")
"""Kinds that change what EHLO or CAPA announces."""
MOMENTS = ("before", "in", "after")
CERTIFICATES: dict[str, str] = {
    "expired": "expired yesterday",
    "foreign": "is for foreign.invalid",
    "unknown": "was issued by an unknown authority",
    "chain": "comes with an intermediate certificate that did not issue it",
}
"""Wrong certificates, and what each does."""
SIDES = {"ahead": 1, "behind": -1}


@frozen(kw_only=True)
class Kind:
    """A kind of fault: how it is written, what it does, and where it is possible."""

    form: str
    """As the docs show it; words in capitals stand for a value."""
    meaning: str
    example: str
    roles: tuple[str, ...]
    steps: tuple[str, ...]
    """Where it is possible; the first is not written, where there is one only."""
    usual: str = ""
    """The step that is meant where none is written; empty for the first of `steps`."""


def _steps_but(*without: str) -> tuple[str, ...]:
    return tuple(name for name in STEPS if name not in without)


_COMMANDS = _steps_but("connect", "handshake")
KINDS: dict[str, Kind] = {
    "reply": Kind(
        form="CODE[-STEP]",
        meaning="Replies with this code, 200 to 599, and does not run the command; text=... is the "
        "reply's text. 421 closes the connection too. At content it replies in the middle of the "
        "message, and closes.",
        example="451-data",
        roles=SMTP_SERVERS,
        steps=tuple(name for name in _COMMANDS if SMTP_RECEIVE in STEPS[name].roles),
        usual="rcpt",
    ),
    "err": Kind(
        form="err[-STEP]",
        meaning="Replies with -ERR, and does not run the command; text=... is the text behind it.",
        example="err-retr",
        roles=(MAILHOST_POP,),
        steps=tuple(name for name in _COMMANDS if MAILHOST_POP in STEPS[name].roles),
        usual="retr",
    ),
    "delay": Kind(
        form="delay-SECONDS[-STEP]",
        meaning="Waits so many seconds, up to 3600, before it goes on.",
        example="delay-30-greeting",
        roles=SESSIONS,
        steps=tuple(STEPS),
        usual="rcpt",
    ),
    "throttle": Kind(
        form="throttle-OCTETS[-STEP]",
        meaning="Sends and reads no more than so many octets a second from that step on.",
        example="throttle-1000-content",
        roles=SESSIONS,
        steps=_steps_but("handshake", "connect"),
        usual="content",
    ),
    "silence": Kind(
        form="silence[-STEP]",
        meaning="Says nothing from that step on, and leaves the connection open.",
        example="silence-end",
        roles=SESSIONS,
        steps=_steps_but("handshake"),
        usual="rcpt",
    ),
    "drop": Kind(
        form="drop[-before|-in|-after][-STEP]",
        meaning="Closes the connection (FIN): before it does anything at that step, in the middle of what "
        "it sends (at content: of what it sends or reads), or behind it.",
        example="drop-after-rcpt",
        roles=SESSIONS,
        steps=tuple(STEPS),
        usual="rcpt",
    ),
    "reset": Kind(
        form="reset[-before|-in|-after][-STEP]",
        meaning="The same as drop, with RST instead of FIN.",
        example="reset-in-content",
        roles=SESSIONS,
        steps=tuple(STEPS),
        usual="rcpt",
    ),
    "stall": Kind(
        form="stall[-handshake]",
        meaning="Agrees to TLS, and says nothing in the handshake.",
        example="stall-handshake",
        roles=SESSIONS,
        steps=("handshake",),
    ),
    "garble": Kind(
        form="garble[-handshake]",
        meaning="Agrees to TLS, and sends octets that are no TLS.",
        example="garble-handshake",
        roles=SESSIONS,
        steps=("handshake",),
    ),
    "cut": Kind(
        form="cut[-handshake]",
        meaning="Closes the connection behind the first octets of its side of the handshake.",
        example="cut-handshake",
        roles=SESSIONS,
        steps=("handshake",),
    ),
    "certificate": Kind(
        form=f"certificate-{'|'.join(CERTIFICATES)}",
        meaning="Shows a certificate that "
        + "; ".join(f"{what} ({name})" for name, what in CERTIFICATES.items())
        + ". The authority behind expired, foreign and chain is at /api/faults.",
        example="certificate-expired",
        roles=SERVERS,
        steps=("handshake",),
    ),
    "forget": Kind(
        form="forget-WORD",
        meaning="Leaves this word out of what EHLO or CAPA announces.",
        example="forget-STARTTLS",
        roles=SERVERS,
        steps=("ehlo", "capa"),
    ),
    "add": Kind(
        form="add-WORD",
        meaning="Announces this word, which it does not know; text=... is what stands behind it.",
        example="add-CHUNKING",
        roles=SERVERS,
        steps=("ehlo", "capa"),
    ),
    "size": Kind(
        form="size-OCTETS",
        meaning="Announces this SIZE, whatever is really taken.",
        example="size-1000",
        roles=SMTP_SERVERS,
        steps=("ehlo",),
    ),
    "restart": Kind(
        form="restart-SECONDS[-STEP]",
        meaning="Switches SMTP reception off and on: every session is reset, and nothing listens for so "
        "many seconds.",
        example="restart-5-content",
        roles=(SMTP_RECEIVE,),
        steps=tuple(
            name for name in _steps_but("handshake") if SMTP_RECEIVE in STEPS[name].roles
        ),
        usual="content",
    ),
    "memory": Kind(
        form="memory-full",
        meaning="The memory counts as full.",
        example="memory-full",
        roles=(MACHINE,),
        steps=(),
    ),
    "paper": Kind(
        form="paper-out",
        meaning="The drawer is empty.",
        example="paper-out",
        roles=(MACHINE,),
        steps=(),
    ),
    "clock": Kind(
        form="clock-ahead|behind-SECONDS",
        meaning="The machine's clock is wrong by so many seconds.",
        example="clock-ahead-86400",
        roles=(MACHINE,),
        steps=(),
    ),
}
"""All kinds of faults, by name."""

OPTIONS: dict[str, str] = {
    "role": "Who commits it; without it the machine as SMTP server, or where that has no such step, the "
    "mail host as POP server.",
    "scope": "next for the next session of that role, a number for so many sessions, always (the "
    "default) until it is taken back.",
    "times": "It happens so often, and then no more; without it at each time.",
    "probability": "It happens with this probability each time, from 0 to 1; 1 by default.",
    "seed": "The seed of the random numbers: the same seed gives the same faults; 0 by default.",
    "text": "The text of a reply, or what stands behind a word; in quotes where it has spaces.",
}
"""What may stand behind an order, as NAME=VALUE."""


def usual_role(kind: str, step: str) -> str:
    """Return who commits a fault where the order does not say."""
    about = KINDS[kind]
    roles = [
        role for role in about.roles if not step or role == MACHINE or role in STEPS[step].roles
    ]
    return roles[0] if roles else MACHINE


@frozen(kw_only=True)
class Fault:
    """A fault that is ordered."""

    kind: str
    head: str
    """The order without its options, with its step: 451-data."""
    role: str
    step: str
    number: float = 0
    """Code, seconds, octets a second, SIZE: by its kind."""
    word: str = ""
    """Extension, or which certificate."""
    moment: str = "before"
    text: str = ""
    sessions: int | None = None
    """Of how many sessions; None until it is taken back."""
    times: int | None = None
    probability: float = 1
    seed: int = 0
    line: str = field(init=False)
    """The order as a line, with all options that are not the default."""

    @line.default
    def _line(self) -> str:
        scope = "" if self.sessions is None else str(self.sessions)
        given = {
            "role": self.role if self.role != MACHINE else "",
            "scope": "next" if scope == "1" else scope,
            "times": "" if self.times is None else str(self.times),
            "probability": "" if self.probability == 1 else f"{self.probability:g}",
            "seed": str(self.seed or ""),
            "text": self.text and shlex.quote(self.text),
        }
        if self.role == usual_role(self.kind, self.step) and self.step != "capa":
            given["role"] = ""
        return " ".join([self.head, *(f"{key}={one}" for key, one in given.items() if one)])

    @property
    def breaks(self) -> bool:
        """Say whether a session that it happens in cannot be in order."""
        return self.kind in _BREAKING


_BREAKING = ("reply", "err", "silence", "drop", "reset", "stall", "garble", "cut", "restart")
