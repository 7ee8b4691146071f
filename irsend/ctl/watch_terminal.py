"""`watch` where stdout is a terminal: a picture of the machine that changes with it.

One thread follows the machine; the other draws, some times a second at most,
whatever happens in between. The terminal is left as it was found.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from rich.live import Live

from irsend.ctl.errors import DONE, INTERRUPTED, NoMachine
from irsend.ctl.events import Connected, Gone, ServerEvent, follow
from irsend.ctl.machine_state import MachineState, Reading, read
from irsend.ctl.watch_view import picture

if TYPE_CHECKING:
    from rich.console import Console

    from irsend.ctl.http_client import Machine
    from irsend.ctl.invocation import Invocation

EVERY = 0.25
"""Seconds between two pictures, at least."""

Happened = Reading | ServerEvent | Gone | Exception


class _Terminated(Exception):
    """The process is to end."""


def watch_live(call: Invocation) -> int:
    """Show the machine until Ctrl-C; return the exit status."""
    console = call.output.console
    shown = MachineState(call.machine.url)
    # Before the screen is taken: a machine that is not there is told of as by any command.
    shown.take(read(call.machine))
    happened: queue.SimpleQueue[Happened] = queue.SimpleQueue()
    threading.Thread(target=_follow, args=(call, happened.put), daemon=True).start()
    try:
        with (
            _ended_in_order(),
            _nothing_typed(),
            Live(
                console=console,
                screen=True,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            ) as live,
        ):
            show(shown, happened, console, lambda drawn: live.update(drawn, refresh=True))
    except KeyboardInterrupt:
        return INTERRUPTED
    except _Terminated:
        return DONE
    return DONE


def show(
    shown: MachineState,
    happened: queue.SimpleQueue[Happened],
    console: Console,
    draw: Callable[[Any], None],
) -> None:
    """Draw the picture whenever it or the terminal has changed; raises what comes as an error."""
    drawn: tuple[object, ...] = ()
    while True:
        now = (shown.changes, *console.size)
        if now != drawn:
            draw(picture(shown, *console.size))
            drawn = now
        until = time.monotonic() + EVERY
        with contextlib.suppress(queue.Empty):
            while (left := until - time.monotonic()) > 0:
                one = happened.get(timeout=left)
                if isinstance(one, Exception):
                    raise one
                shown.take(one)


def _follow(call: Invocation, tell: Callable[[Happened], None]) -> None:
    """Tell what happens to a machine, for ever; last of all, what ended that."""
    try:
        with call.another_machine() as machine:
            for happened in follow(machine, call.pause):
                if isinstance(happened, Connected):
                    _read(machine, tell)
                else:
                    tell(happened)
    except Exception as error:
        tell(error)


def _read(machine: Machine, tell: Callable[[Happened], None]) -> None:
    # Should it be gone again already, the stream says so.
    with contextlib.suppress(NoMachine):
        tell(read(machine))


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end it as Ctrl-C does, with the terminal as it was."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _Terminated

    before = {one: signal.signal(one, end) for one in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextlib.contextmanager
def _nothing_typed() -> Iterator[None]:
    """Keep keys that are pressed from the screen, and from the shell behind it."""
    try:
        import termios

        keyboard = sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
    except (ImportError, OSError, ValueError, termios.error):
        # No terminal to type at.
        yield
        return
    quiet = termios.tcgetattr(keyboard)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(keyboard, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSAFLUSH, before)
