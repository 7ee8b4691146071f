"""Test mails with an identity, and their comparison with what a machine has stored."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

from attrs import field, frozen

_TRACE = {b"return-path", b"delivered-to", b"received"}
_IDENTITY = re.compile(rb"^Message-ID: <([^>\r\n]+)>\r\n", re.MULTILINE)
_LETTERS = b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .=-"


@frozen
class Mail:
    """A mail with CRLF line ends, and the left part of its Message-ID."""

    identity: str
    content: bytes = field(repr=False)

    @property
    def stuffed(self) -> bytes:
        """The mail as it crosses the wire in SMTP and POP3, end mark included."""
        return re.sub(rb"(?m)^\.", b"..", self.content) + b".\r\n"


def make_mail(identity: str, size: int, *, seed: int = 0) -> Mail:
    """Return a mail of about `size` octets; the same arguments give the same octets.

    Lines that begin with a dot, empty lines and long lines are among its lines.
    """
    draw = random.Random(f"{identity}/{seed}")
    header = (
        "From: Sender <sender@client.test>\r\nTo: <ir@ir.bench.test>\r\n"
        f"Subject: mail {identity}\r\n"
        f"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{identity}@client.test>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
    ).encode("ascii")
    lines = [header, b".begins with a dot\r\n", b".\r\n", b"..\r\n", b"\r\n"]
    # A page of lines of its own, repeated: random enough to show a cut or a swap
    # of two mails, and made fast enough for megabytes.
    page = b"".join(
        bytes(draw.choices(_LETTERS, k=draw.choice((0, 1, 60, 72, 76, 900)))) + b"\r\n"
        for _ in range(60)
    )
    have = sum(map(len, lines))
    number = 0
    while have < size:
        piece = (
            b"%d of %s\r\n" % (number, identity.encode("ascii")) + page[: max(0, size - have)]
        )
        piece = piece[: piece.rfind(b"\r\n") + 2]
        lines.append(piece)
        have += len(piece)
        number += 1
    return Mail(identity, b"".join(lines))


def identity_of(content: bytes) -> str | None:
    """Return the left part of a stored mail's Message-ID; None where it has none."""
    found = _IDENTITY.search(content)
    return found[1].partition(b"@")[0].decode("ascii", "replace") if found else None


def trace_before(stored: bytes, sent: bytes) -> list[bytes]:
    """Return the names of the header fields added before `sent`, in lower case.

    AssertionError where the stored mail is not `sent`, octet for octet, behind
    nothing but trace fields (RFC 5321 4.4).
    """
    if not stored.endswith(sent):
        at = max(0, stored.find(sent[:40]))
        differs = next(
            (n for n, (a, b) in enumerate(zip(stored[at:], sent, strict=False)) if a != b),
            min(len(stored) - at, len(sent)),
        )
        raise AssertionError(
            f"stored ({len(stored)} octets) is not what was sent ({len(sent)} octets); "
            f"they differ at octet {differs} of the mail: stored "
            f"{stored[max(0, at + differs - 20) : at + differs + 40]!r}, "
            f"sent {sent[max(0, differs - 20) : differs + 40]!r}"
        )
    added = stored[: len(stored) - len(sent)]
    names: list[bytes] = []
    for line in added.split(b"\r\n")[:-1]:
        if line[:1] in (b" ", b"\t") and names:
            continue
        names.append(line.partition(b":")[0].lower())
    strange = [name for name in names if name not in _TRACE]
    if strange or (added and not added.endswith(b"\r\n")):
        raise AssertionError(f"there are other lines than trace before the mail: {added!r}")
    return names


def stored_files(memory: Path) -> list[Path]:
    """Return the mails of a Maildir that are there for good: those of new and cur."""
    return [one for part in ("new", "cur") for one in sorted((memory / part).glob("*"))]


def subjects(memory: Path) -> Counter[str]:
    """Return how often each subject is in a Maildir of our mails."""
    identities = [identity_of(path.read_bytes()) for path in stored_files(memory)]
    return Counter(f"mail {identity}" for identity in identities)


def compare(memory: Path, sent: dict[str, Mail], *, must_have: set[str]) -> None:
    """Hold a Maildir to what was sent: nothing foreign, nothing damaged, nothing twice.

    And nothing lost of what it `must_have`; AssertionError tells what is wrong.
    """
    there: Counter[str] = Counter()
    for path in stored_files(memory):
        stored = path.read_bytes()
        identity = identity_of(stored)
        if identity is None or identity not in sent:
            raise AssertionError(
                f"{path.name} ({len(stored)} octets) is no mail of ours: {stored[:200]!r}"
            )
        try:
            trace_before(stored, sent[identity].content)
        except AssertionError as error:
            raise AssertionError(f"{identity}: {error}") from None
        there[identity] += 1
    twice = sorted(identity for identity, times in there.items() if times > 1)
    lost = sorted(must_have - there.keys())
    if twice or lost:
        raise AssertionError(
            f"twice: {twice}; lost: {lost}; of {len(must_have)} that must be there"
        )
