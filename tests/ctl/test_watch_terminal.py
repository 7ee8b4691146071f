"""`watch` on a terminal: what it draws, how often, and how it leaves the terminal."""

from __future__ import annotations

import io
import json
import queue
import re
import signal
import threading
import time
from typing import Any

from rich.console import Console
from rich.screen import Screen
from twisted.trial.unittest import SynchronousTestCase

from irsend.ctl import watch_terminal
from irsend.ctl.events import Disconnected, ServerEvent
from irsend.ctl.machine_state import KEPT, MachineState, Snapshot
from irsend.ctl.watch_view import render
from tests.ctl.calls import environment
from tests.ctl.commands.test_watch import FollowingCase
from tests.ctl.stand_in import BROKEN, DOCUMENT, JOB, REJECTED, SESSION, STATUS
from tests.ctl.terminals import Terminal

UNDER_WAY = {**SESSION, "id": 13, "result": None, "ended": None, "tls": None}
EVIL = "\x1b[2J\x1b]0;title\x07\x9b31m\u202eevil\r\n"


def event(name: str, value: Any) -> ServerEvent:
    """Return an event that carries this."""
    return ServerEvent(name, json.dumps(value), None)


def shown() -> MachineState:
    """Return a picture of the stand-in's machine."""
    taken = MachineState("http://127.0.0.1:8631")
    status = {**STATUS, "status_line": "SSL Error (SMTP RX Reject)", "state": "receiving"}
    status["since"] = "2026-11-20T09:15:00.000+00:00"
    taken.apply(Snapshot(status, [UNDER_WAY, SESSION, REJECTED], [JOB], [BROKEN, DOCUMENT]))
    return taken


def drawn(taken: MachineState, width: int = 80, height: int = 24, **console: Any) -> str:
    """Return what a terminal of this size is written."""
    written = io.StringIO()
    Console(file=written, width=width, height=height, force_terminal=True, **console).print(
        Screen(render(taken, width, height)), end=""
    )
    return written.getvalue()


def plain(taken: MachineState, width: int = 80, height: int = 24) -> list[str]:
    """Return its lines, without colours."""
    return (
        re.sub(r"\x1b\[[0-9;]*m", "", drawn(taken, width, height)).replace("\r", "").split("\n")
    )


class PictureTests(SynchronousTestCase):
    """What is drawn."""

    def test_whole(self) -> None:
        """Model, state, status line, memory, paper, sessions, jobs and documents stand in 80 by 24."""
        lines = plain(shown())
        self.assertEqual(len(lines), 24)
        for at, said in (
            (0, r"Canon imageRUNNER 2270 \(ir2270\) +● receiving"),
            (2, r"SSL Error \(SMTP RX Reject\) +since 11-20"),
            (4, r"1.2 MB of 512 MB in use +Paper loaded"),
            (5, r"Sessions  1 under way"),
            (6, r" 13 smtp-receive 192.0.2.17 .* under way"),
            (7, r" 12 smtp-receive 192.0.2.17 +1.2 +48.2 kB OK"),
            (8, r" 11 smtp-receive 192.0.2.17 .* NG: SSL Error"),
        ):
            self.assertRegex(lines[at], said)
        whole = "\n".join(lines)
        self.assertRegex(
            whole, r"Jobs .*\n.* 5001 rx email scanner@bench.test +Attached Im.* OK"
        )
        self.assertRegex(whole, r"Printed .*\n.* 5002 .* 1 p #827")

    def test_every_size(self) -> None:
        """No terminal is so small or so large that more is drawn than it has room for."""
        for width in (10, 30, 69, 70, 80, 200):
            for height in (1, 5, 9, 14, 24, 60):
                lines = plain(shown(), width, height)
                self.assertEqual(len(lines), height)
                self.assertLessEqual(max(map(len, lines)), width)

    def test_narrow(self) -> None:
        """In 44 columns the status line, parties and results are still there."""
        whole = "\n".join(plain(shown(), 44, 24))
        for said in (
            "SSL Error (SMTP RX Reject)",
            "192.0.2.17",
            "NG: SSL",
            "scanner@bench",
            "OK",
        ):
            self.assertIn(said, whole)

    def test_terminal_is_not_steered(self) -> None:
        """No control character of an answer or an event reaches the terminal."""
        taken = shown()
        taken.apply(
            event("status", {**STATUS, "status_line": EVIL, "title": EVIL, "state": EVIL})
        )
        evil = {"kind": EVIL, "peer": EVIL, "reason": EVIL, "status_line": EVIL, "code": EVIL}
        taken.apply(event("session", {**SESSION, "id": 99, **evil, "tls": {"version": EVIL}}))
        job = {"number": EVIL, "party": EVIL, "subject": EVIL, "pages": EVIL, "code": EVIL}
        taken.apply(event("job", {**JOB, **job, "kind": EVIL, "direction": EVIL}))
        document = {**DOCUMENT, "number": EVIL, "from": EVIL, "subject": EVIL, "codes": [EVIL]}
        taken.apply(event("tray", {"document": document, "removed": None}))
        for happened in (None, Disconnected(EVIL)):
            if happened is not None:
                taken.apply(happened)
            for width in (60, 200):
                written = "\n".join(plain(taken, width, 40))
                self.assertTrue(written.replace("\n", "").isprintable(), repr(written))
                self.assertIn("\\x1b[2J", written)

    def test_no_colour(self) -> None:
        """Without colours the text is the same."""
        written = drawn(shown(), no_color=True)
        self.assertNotRegex(written, r"\x1b\[[0-9;]*3[0-9]")
        self.assertIn("SSL Error (SMTP RX Reject)", written)

    def test_changes(self) -> None:
        """Events change the screen; after the machine was gone, a new snapshot replaces all of it."""
        taken = shown()
        taken.apply(event("session", {**UNDER_WAY, "result": "OK", "ended": SESSION["ended"]}))
        taken.apply(event("status", {**STATUS, "paper": False}))
        taken.apply(event("job", {**JOB, "number": "5003", "result": "waiting", "ended": None}))
        taken.apply(event("tray", {"document": BROKEN, "removed": "it was taken out"}))
        whole = "\n".join(plain(taken))
        self.assertNotIn("under way", whole)
        self.assertIn("The status line is empty.", whole)
        self.assertIn("No paper", whole)
        self.assertIn("Jobs  1 not ended", whole)
        self.assertNotIn("5002", whole)
        taken.apply(Disconnected("There is no machine: connection refused."))
        self.assertIn("Waiting for it to come back: There is no machine", plain(taken)[-1])
        taken.apply(Snapshot(STATUS, [], [], []))
        whole = "\n".join(plain(taken))
        self.assertNotIn("gone", whole)
        self.assertEqual(whole.count("none yet"), 3)

    def test_bounded(self) -> None:
        """However much happens, no more is kept than a screen can show."""
        taken = shown()
        for number in range(2 * KEPT):
            taken.apply(event("session", {**SESSION, "id": number}))
            taken.apply(event("job", {**JOB, "number": str(number)}))
            document = {**DOCUMENT, "number": str(number)}
            taken.apply(event("tray", {"document": document, "removed": None}))
        for rows in (taken.ended, taken.jobs, taken.documents):
            self.assertEqual(len(rows), KEPT)
        self.assertEqual(taken.ended[0]["id"], 2 * KEPT - 1)


class ShowingTests(SynchronousTestCase):
    """How often it is drawn."""

    def test_hundreds_of_sessions(self) -> None:
        """A thousand sessions in a second are all taken, and drawn no oftener than some times a second."""
        happened: queue.SimpleQueue[Any] = queue.SimpleQueue()
        taken, pictures = shown(), []

        def tell() -> None:
            for number in range(1000):
                happened.put(event("session", {**SESSION, "id": 100 + number}))
                if number % 10 == 0:
                    time.sleep(0.008)
            happened.put(ZeroDivisionError())

        threading.Thread(target=tell, daemon=True).start()
        began = time.monotonic()
        console = Console(file=io.StringIO(), width=80, height=24)
        self.assertRaises(
            ZeroDivisionError, watch_terminal.show, taken, happened, console, pictures.append
        )
        self.assertEqual(taken.ended[0]["id"], 1099)
        self.assertLessEqual(
            len(pictures), (time.monotonic() - began) / watch_terminal.INTERVAL + 1
        )
        self.assertGreater(len(pictures), 2)


class TerminalTests(FollowingCase):
    """On a terminal of its own."""

    def on_terminal(self, *arguments: str, size: tuple[int, int] = (80, 24)) -> Terminal:
        """Start `watch` there."""
        given = ("watch", *arguments)
        terminal = Terminal(given, environment(self.machine.url), size)
        self.addCleanup(terminal.end)
        return terminal

    def test_as_it_was(self) -> None:
        """Ctrl-C ends it with 130; screen, cursor and keyboard are as they were, with no message."""
        terminal = self.on_terminal()
        terminal.until("Ctrl-C ends it", "5001 rx email")
        self.assertIn("\x1b[?1049h", terminal.written)
        self.assertNotEqual(terminal.now, terminal.before)
        terminal.type("x\x03")
        self.assertEqual(terminal.wait(), 130)
        self.assertEqual(terminal.now, terminal.before)
        before, _, behind = terminal.written.rpartition("\x1b[?1049l")
        self.assertEqual(behind, "")
        self.assertIn("\x1b[?25h", before)

    def test_terminated(self) -> None:
        """SIGTERM leaves the terminal as it was, too."""
        terminal = self.on_terminal()
        terminal.until("Ctrl-C ends it")
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(terminal.now, terminal.before)
        self.assertTrue(terminal.written.endswith("\x1b[?1049l"))

    def test_events(self) -> None:
        """Events are drawn as they come."""
        terminal = self.on_terminal()
        terminal.until("Ctrl-C ends it")
        self.wait_until_listened_to()
        self.machine.tell(1, "session", UNDER_WAY)
        terminal.until("1 under way")
        self.machine.tell(2, "status", {**STATUS, "status_line": "SSL Error (POP)"})
        terminal.until("SSL Error (POP)")

    def test_resized(self) -> None:
        """A terminal that becomes wider is filled."""
        terminal = self.on_terminal()
        terminal.until("Ctrl-C ends it")
        terminal.resize(120, 30)
        terminal.until("─" * 105)

    def test_gone_and_back(self) -> None:
        """It shows that the machine is gone, and by itself that it is back."""
        terminal = self.on_terminal()
        terminal.until("Ctrl-C ends it")
        self.wait_until_listened_to()
        self.machine.stop()
        terminal.until("The machine is gone.", "Waiting for it to come back")
        self.restart()
        terminal.until("The status line is empty.", "Ctrl-C ends it")

    def test_no_machine(self) -> None:
        """Without a machine it ends with 3 and a sentence, and the screen is never taken."""
        self.machine.stop()
        terminal = self.on_terminal()
        self.assertEqual(terminal.wait(), 3)
        self.assertIn("There is no machine at", terminal.written)
        self.assertNotIn("\x1b[?1049h", terminal.written)

    def test_lines(self) -> None:
        """With --lines a terminal is given lines."""
        terminal = self.on_terminal("--lines")
        terminal.until("ready, status line empty")
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 130)
        self.assertNotIn("\x1b[?1049h", terminal.written)
