"""`watch` on a terminal: a screen with the state of the machine.

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
from typing import TYPE_CHECKING

from rich.live import Live

from irsend.ctl.errors import DONE, INTERRUPTED, NoMachine
from irsend.ctl.events import Connected, Disconnected, ServerEvent, follow
from irsend.ctl.machine_state import MachineState, Snapshot, take_snapshot
from irsend.ctl.watch_view import render

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from irsend.ctl.http_client import Machine
    from irsend.ctl.invocation import Invocation

INTERVAL = 0.25
"""Seconds between two drawings, at least."""

Change = Snapshot | ServerEvent | Disconnected | Exception


class _Terminated(Exception):
    """SIGTERM or SIGHUP came."""


def watch_live(call: Invocation) -> int:
    """Show the machine until Ctrl-C; return the exit status."""
    console = call.output.console
    state = MachineState(call.machine.url)
    # Before the screen is switched: a missing machine is an error as for any command.
    state.apply(take_snapshot(call.machine))
    changes: queue.SimpleQueue[Change] = queue.SimpleQueue()
    threading.Thread(target=_follow, args=(call, changes.put), daemon=True).start()
    try:
        with (
            _signals_end_it(),
            _keyboard_silenced(),
            Live(
                console=console,
                screen=True,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            ) as live,
        ):
            show(state, changes, console, lambda drawn: live.update(drawn, refresh=True))
    except KeyboardInterrupt:
        return INTERRUPTED
    except _Terminated:
        return DONE
    return DONE


def show(
    state: MachineState,
    changes: queue.SimpleQueue[Change],
    console: Console,
    draw: Callable[[RenderableType], None],
) -> None:
    """Draw whenever the state or the size has changed; raise an exception that comes."""
    drawn: tuple[object, ...] = ()
    while True:
        now = (state.changes, *console.size)
        if now != drawn:
            draw(render(state, *console.size))
            drawn = now
        until = time.monotonic() + INTERVAL
        with contextlib.suppress(queue.Empty):
            while (left := until - time.monotonic()) > 0:
                change = changes.get(timeout=left)
                if isinstance(change, Exception):
                    raise change
                state.apply(change)


def _follow(call: Invocation, report: Callable[[Change], None]) -> None:
    """Report the changes of a machine; last, the exception that ended that."""
    try:
        with call.another_machine() as machine:
            for event in follow(machine, call.pause):
                if isinstance(event, Connected):
                    _report_snapshot(machine, report)
                else:
                    report(event)
    except Exception as error:
        report(error)


def _report_snapshot(machine: Machine, report: Callable[[Change], None]) -> None:
    # If the machine is gone again already, the stream reports it.
    with contextlib.suppress(NoMachine):
        report(take_snapshot(machine))


@contextlib.contextmanager
def _signals_end_it() -> Iterator[None]:
    """Let SIGTERM and SIGHUP restore the terminal before the end, as Ctrl-C does."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _Terminated

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _keyboard_silenced() -> Iterator[None]:
    """Neither show the keys that are pressed, nor leave them to the shell."""
    try:
        import termios

        keyboard = sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
    except (ImportError, OSError, ValueError, termios.error):
        # Standard input is no terminal.
        yield
        return
    quiet = termios.tcgetattr(keyboard)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(keyboard, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSAFLUSH, before)
