"""The section [limits] of etc/irsend.toml: what the machine bears."""

from __future__ import annotations

from attrs import frozen

from irsend.device.items import Number, item


@frozen(kw_only=True)
class Limits:
    """Limits of the machine. A MB has 1,000,000 octets."""

    message_size: int = item(
        "message", Number(1, 10_000, "MB"), 100, "The largest message; SIZE says so."
    )
    memory: int = item(
        "memory", Number(1, 1_000_000, "MB"), 512, "What waits for printing, all together."
    )
    recipients: int = item("recipients", Number(1, 10_000), 100, "Recipients of one message.")
    command_line: int = item(
        "command line",
        Number(512, 65_536, "octets"),
        2048,
        "The longest command line, its end included.",
    )
    errors: int = item(
        "errors", Number(1, 1000), 10, "Errors of one session before it is ended."
    )
    idle: int = item(
        "idle time", Number(1, 86_400, "seconds"), 300, "A session with nothing said."
    )
    message_idle: int = item(
        "message without progress",
        Number(1, 86_400, "seconds"),
        600,
        "A message of which nothing comes.",
    )
    sessions: int = item("sessions", Number(1, 100_000), 100, "SMTP sessions at a time.")
    sessions_per_peer: int = item(
        "sessions of a peer", Number(1, 100_000), 20, "The same, from one address."
    )
    pop_connect: int = item(
        "POP connect",
        Number(1, 3600, "seconds"),
        30,
        "How long the POP server may take to be reached.",
    )
    pop_reply: int = item(
        "POP reply",
        Number(1, 3600, "seconds"),
        120,
        "How long it may take to answer, or to go on.",
    )
    pop_session: int = item(
        "POP session", Number(10, 86_400, "seconds"), 3600, "How long one session may take."
    )
    smtp_connect: int = item(
        "SMTP connect",
        Number(1, 3600, "seconds"),
        30,
        "How long the SMTP server may take to be reached.",
    )
    smtp_greeting: int = item(
        "SMTP greeting", Number(1, 3600, "seconds"), 300, "How long it may take to greet."
    )
    smtp_reply: int = item(
        "SMTP reply",
        Number(1, 3600, "seconds"),
        300,
        "How long it may take to answer a command.",
    )
    smtp_data: int = item(
        "SMTP DATA", Number(1, 3600, "seconds"), 120, "How long it may take to answer DATA."
    )
    smtp_block: int = item(
        "SMTP block",
        Number(1, 3600, "seconds"),
        180,
        "How long it may take to read the next part of a message.",
    )
    smtp_end: int = item(
        "SMTP end",
        Number(1, 3600, "seconds"),
        600,
        "How long it may take to answer the end of a message.",
    )
    smtp_session: int = item(
        "SMTP session", Number(10, 86_400, "seconds"), 3600, "How long one sending may take."
    )
    pages: int = item("pages", Number(1, 100_000), 1000, "Pages of one sending.")
    upload: int = item(
        "originals", Number(1, 10_000, "MB"), 200, "What is put on the glass, all together."
    )
    scan: int = item(
        "scan", Number(1, 86_400, "seconds"), 600, "How long reading the originals may take."
    )
    printed_pages: int = item(
        "printed pages", Number(1, 10_000), 1000, "Pages of one document; more is #829."
    )
    printed_lines: int = item(
        "printed lines", Number(1, 100_000), 1000, "Lines of its text; more is #835."
    )
    print: int = item(
        "print",
        Number(1, 86_400, "seconds"),
        300,
        "CPU time of a document; by the clock four times that.",
    )
    transcript_lines: int = item(
        "transcript",
        Number(100, 1_000_000, "lines"),
        10_000,
        "Lines of one session that are kept.",
    )
    sessions_kept: int = item(
        "sessions kept",
        Number(10, 10_000_000),
        100_000,
        "Sessions in the journal; the oldest go first.",
    )
