"""A pseudo-terminal for an irsendctl: reads its output, and types."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from typing import Any

from tests.ctl.calls import PATIENCE, command

_CONTROL = re.compile(r"\x1b(?:\[[0-9;?]*[a-zA-Z]|[()][0-9A-B])|[\r\x0f]")


class Terminal:
    """A pseudo-terminal of so many columns and lines, and the irsendctl that runs on it."""

    def __init__(self, arguments: tuple[str, ...], env: dict[str, str], size: Any) -> None:
        self._ours, self._theirs = os.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self._theirs)
        """How the terminal was."""
        self.written = ""
        self.process = subprocess.Popen(
            command(*arguments),
            env={**env, "TERM": "xterm"},
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            # Ctrl-C reaches whoever has the terminal as its own.
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    @property
    def now(self) -> list[Any]:
        """How the terminal is."""
        return termios.tcgetattr(self._theirs)

    def resize(self, width: int, height: int) -> None:
        """Make it larger or smaller."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())

    def until(self, *texts: str) -> str:
        """Wait until all of these have come; return the plain text that came in the meantime."""
        read = ""
        ends = time.monotonic() + PATIENCE
        while not all(text in _CONTROL.sub("", read) for text in texts):
            if time.monotonic() > ends:
                raise AssertionError(f"not on the terminal: {texts}; there is {read!r}")
            read += self._read(0.05)
        return _CONTROL.sub("", read)

    def wait(self) -> int:
        """Wait for its end; return its exit status."""
        ends = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < ends:
            self._read(0.05)
        self._read(0.05)
        return self.process.wait(0)

    def end(self) -> None:
        """End it in any case."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        os.close(self._ours)
        os.close(self._theirs)

    def _read(self, seconds: float) -> str:
        if not select.select([self._ours], [], [], seconds)[0]:
            return ""
        with contextlib.suppress(OSError):
            # Characters cut in two are of no interest here.
            text = os.read(self._ours, 65_536).decode("utf-8", "ignore")
            self.written += text
            return text
        return ""
