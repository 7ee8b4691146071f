"""The senders: who hands mail to an SMTP server, as fast as it is taken.

Large mails come from `send`, one prepared piece of memory handed to the kernel:
it spends a tenth of the time that smtp-sink takes to read it (0.04 s of 0.5 s
for 200 MB), Postfix's smtp-source a seventh (0.07 s of 0.53 s), so neither holds
anybody up; `send` is taken because it needs nothing installed and leaves more
of the second core to the server. Small mails in many sessions come from
smtp-source: there a sender in Python would be what is measured.
"""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path

from benchmarks.bench import Failed
from benchmarks.mail import RECIPIENT, SENDER
from benchmarks.processes import run


def send(port: int, content: bytes, count: int, seconds: float) -> float:
    """Send a mail so many times in one session; return the seconds they took."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            replies = wire.makefile("rb")
            _expect(replies, b"2")
            wire.sendall(b"EHLO localhost\r\n")
            _expect(replies, b"2")
            began = time.perf_counter()
            ended = content + b".\r\n"
            for _ in range(count):
                for words, wanted in (
                    (f"MAIL FROM:<{SENDER}>\r\n".encode(), b"2"),
                    (f"RCPT TO:<{RECIPIENT}>\r\n".encode(), b"2"),
                    (b"DATA\r\n", b"3"),
                    (ended, b"2"),
                ):
                    wire.sendall(words)
                    _expect(replies, wanted)
            took = time.perf_counter() - began
            wire.sendall(b"QUIT\r\n")
            _expect(replies, b"2")
            return took
    except OSError as error:
        raise Failed(f"the session ended early: {error}") from error


def _expect(replies, wanted: bytes) -> None:
    while True:
        line = replies.readline()
        if line[3:4] != b"-":
            break
    if not line.startswith(wanted):
        raise Failed(
            f"the server said {line.decode('ascii', 'replace').strip() or 'nothing more'}"
        )


SMTP_SOURCE = shutil.which(
    "smtp-source", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
)


def send_many(
    port: int, size: int, count: int, sessions: int, seconds: float, directory: Path
) -> float:
    """Send small mails in so many open sessions at once; return the seconds they took."""
    if SMTP_SOURCE is None:
        raise Failed("smtp-source, which sends the mails, is missing (Debian: postfix)")
    return run(
        [
            *(SMTP_SOURCE, "-d", "-s", str(sessions), "-m", str(count), "-l", str(size)),
            *("-M", "localhost", "-f", SENDER, "-t", RECIPIENT, f"127.0.0.1:{port}"),
        ],
        seconds,
        directory,
    )
