"""The machine under test: `twistd -n irsend` as its own process, and its HTTP interface."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import tomlkit
from twisted.internet.threads import deferToThread

import irsend
from tests.live.case import LiveTestCase
from tests.live.mails import stored_files
from tests.live.network import Host
from tests.live.programs import Program

ADDRESS = "ir@ir.bench.test"
"""Whom the machine takes mail for, among others."""

_NAMES = [
    "ir.bench.test",
    "none.bench.test",
    "may.bench.test",
    "encrypt.bench.test",
    "127.0.0.1",
]

# What the machine logs of its listening addresses.
_SMTP_ADDRESS = re.compile(r"SMTP: listening on \S+:(\d+)")
_PANEL_ADDRESS = re.compile(r"Panel: http://\S+:(\d+)/")

_TWISTD = "import sys; from twisted.scripts.twistd import run; sys.argv[0] = 'twistd'; run()"


class Machine:
    """One machine with one state directory through all its starts and ends."""

    def __init__(
        self,
        test: LiveTestCase,
        directory: Path,
        configuration: dict[str, Any],
        environment: Mapping[str, str],
        host: Host | None = None,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self._test = test
        self._host = host
        self._prefix = (*(host.prefix if host else ()), *prefix)
        self._reactor = test.reactor
        self.state = directory / "state"
        self._file = directory / "irsend.toml"
        self._configuration = configuration
        self._environment = environment
        self._program: Program | None = None
        self.smtp_port = 0
        self.panel_port = 0

    @property
    def memory(self) -> Path:
        """The Maildir of what was received."""
        return self.state / "memory"

    def stored(self) -> list[Path]:
        """Return the mails that are in memory for good."""
        return stored_files(self.memory)

    @property
    def log(self) -> str:
        """What the process said since it was last started."""
        return self._program.output if self._program else ""

    async def start(self) -> None:
        """Start the process and wait until it has said where it listens."""
        self._file.write_text(tomlkit.dumps(self._configuration), "utf-8")
        arguments = ["-n", "--pidfile=", "irsend", "--config", str(self._file)]
        where = str(Path(irsend.__file__).parents[1])
        self._program = program = self._test.start(
            "machine",
            *self._prefix,
            sys.executable,
            "-c",
            _TWISTD,
            *arguments,
            environment={
                **self._environment,
                "PYTHONPATH": os.pathsep.join(
                    filter(None, [where, os.environ.get("PYTHONPATH")])
                ),
                "PYTHONUNBUFFERED": "1",
            },
            directory=str(self._file.parent),
        )
        await self._test.until(
            lambda: program.status is not None or self._addresses() is not None,
            "the machine has logged its listening addresses",
            30,
        )
        addresses = self._addresses()
        if program.status is not None or addresses is None:
            raise AssertionError(f"the machine ended with status {program.status} at its start")
        self.smtp_port, self.panel_port = addresses

    def _addresses(self) -> tuple[int, int] | None:
        smtp, panel = _SMTP_ADDRESS.search(self.log), _PANEL_ADDRESS.search(self.log)
        receives = self._configuration["settings"]["email_ifax"].get("smtp_receive", False)
        if panel is None or (receives and smtp is None):
            return None
        return int(smtp[1]) if smtp else 0, int(panel[1])

    async def kill(self) -> None:
        """Take the power away: SIGKILL."""
        assert self._program is not None
        self._program.send_signal("KILL")
        self._test.assertEqual(-9, await self._program.end(10))

    def pull_the_plug(self) -> None:
        """Send SIGKILL at this very moment, without waiting for the end."""
        assert self._program is not None
        self._program.send_signal("KILL")

    async def ended(self, within: float = 10.0) -> int:
        """Wait until the process has ended; return its status."""
        assert self._program is not None
        return await self._program.end(within)

    def terminate(self) -> None:
        """Switch it off in an orderly way: SIGTERM."""
        assert self._program is not None
        self._program.send_signal("TERM")

    def forget_peak_memory(self) -> None:
        """Have the peak begin anew at what the process holds now: its start needed more."""
        assert self._program is not None
        Path(f"/proc/{self._program.pid}/clear_refs").write_text("5")

    def peak_memory(self) -> int:
        """Return the most octets of RAM that the process has held at any time (VmHWM)."""
        assert self._program is not None
        status = Path(f"/proc/{self._program.pid}/status").read_text("ascii")
        found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
        assert found is not None, status
        return int(found[1]) * 1024

    async def get(self, path: str) -> Any:
        """Ask the HTTP interface."""
        return await self._ask("GET", path)

    async def change(self, settings: dict[str, Any]) -> None:
        """Change settings at the machine, by whole key."""
        await self._ask("PATCH", "/api/settings", json=settings)

    async def put_paper(self, paper: bool) -> None:
        """Put paper into the drawer, or take it out."""
        await self._ask("PUT", "/api/paper", json={"paper": paper})

    async def printed_all(self, within: float) -> list[Any]:
        """Wait until nothing waits in memory; return the documents in the tray, the newest first."""
        deadline = self._reactor.seconds() + within
        while (status := await self.get("/api/status"))["memory"]["used"]:
            if self._reactor.seconds() > deadline:
                raise AssertionError(f"not within {within:g} s: all printed; {status}")
        documents: list[Any] = await self.get("/api/tray?limit=10000")
        return documents

    async def receive(self) -> Any:
        """Have it fetch mail by POP now; return its answer when the reception has ended."""
        return await self._ask("POST", "/api/receive", json={})

    async def send(
        self, *pages: tuple[str, bytes], to: str | list[str], wait: bool = True, **words: str
    ) -> Any:
        """Put pages on the glass and send them; return the job, as it ended where that is waited for."""
        return await self._ask(
            "POST",
            f"/api/send?wait={int(wait)}",
            data={"to": to, **words},
            files=[("page", page) for page in pages],
        )

    async def until_job(self, number: str, results: tuple[str, ...], within: float) -> Any:
        """Ask after a job again and again until its result is one of these; return it."""
        deadline = self._reactor.seconds() + within
        while (job := await self.get(f"/api/jobs/{number}"))["result"] not in results:
            if self._reactor.seconds() > deadline:
                raise AssertionError(f"not within {within:g} s: {results} of {job}")
        return job

    async def cancel(self, number: str) -> None:
        """Cancel a job."""
        await self._ask("DELETE", f"/api/jobs/{number}")

    async def probe(self, **order: Any) -> Any:
        """Let every model meet a mail server; return the state of the probe when it has ended."""
        await self._ask("POST", "/api/probe", json=order)
        while (state := await self.get("/api/probe"))["state"] == "running":
            pass
        return state

    async def session(self, number: int) -> Any:
        """Return a session."""
        return await self.get(f"/api/sessions/{number}")

    async def clear_status(self) -> None:
        """Clear the status line, as the operator does."""
        await self._ask("DELETE", "/api/status")

    async def status_line(self) -> str:
        """Return what stands on the status line."""
        line: str = (await self._quiet())["status_line"]
        return line

    async def status_texts(self) -> list[str]:
        """Return the texts of the status history, the newest first."""
        await self._quiet()
        return [one["text"] for one in await self.get("/api/status/history")]

    async def subjects_of_jobs(self) -> Counter[str]:
        """Return how often each subject stands in the report; failed sessions have none."""
        jobs = await self.get("/api/jobs?limit=10000")
        return Counter(one["subject"] for one in jobs if one["subject"])

    async def transcript(self, session: int) -> str:
        """Return what was said in a session, as text."""
        text: str = await self._ask(
            "GET", f"/api/sessions/{session}", headers={"Accept": "text/plain"}
        )
        return text

    async def last_session(self, kind: str) -> Any:
        """Return the newest session of this kind."""
        await self._quiet()
        sessions = [one for one in await self.get("/api/sessions") if one["kind"] == kind]
        self._test.assertTrue(sessions, f"there is no session of kind {kind}")
        return sessions[0]

    async def _quiet(self) -> Any:
        """Wait until no session is under way; return the status then.

        A client has ended a moment before the machine knows that its session has.
        """
        return await self.until_state("ready")

    async def until_state(self, state: str) -> Any:
        """Wait until the machine is in this state; return the status then."""
        deadline = self._reactor.seconds() + 15
        while (status := await self.get("/api/status"))["state"] != state:
            if self._reactor.seconds() > deadline:
                raise AssertionError(f"the machine is not {state}: {status}")
        return status

    async def _ask(self, method: str, path: str, **details: Any) -> Any:
        def ask() -> Any:
            answer = httpx.request(
                method,
                f"http://127.0.0.1:{self.panel_port}{path}",
                timeout=110,
                trust_env=False,
                **details,
            )
            if answer.is_error:
                raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
            is_json = "json" in answer.headers.get("content-type", "")
            return answer.json() if is_json else answer.text

        return await (self._host.start(ask) if self._host else deferToThread(ask))


async def start_machine(
    test: LiveTestCase,
    *,
    model: str = "ir2270",
    limits: dict[str, Any] | None = None,
    tls: dict[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    smtp: str = "tcp:0:interface=127.0.0.1",
    panel: str = "tcp:0:interface=127.0.0.1",
    link: dict[str, Any] | None = None,
    printing: dict[str, Any] | None = None,
    host: Host | None = None,
    prefix: tuple[str, ...] = (),
    name: str = "machine",
    **windows: dict[str, Any],
) -> Machine:
    """Start a machine with these settings, window by window; it ends with the test.

    It runs at a `host` of a test's network, where one is given, by a command that
    the `prefix` stands before.
    """
    directory = test.directory / name
    directory.mkdir()
    configuration = {
        "model": model,
        "state": str(directory / "state"),
        "listen": {"smtp": smtp, "panel": panel},
        "link": link or {},
        # What was received is counted in memory, unless a test wants it printed.
        "printing": {"loaded": False, **(printing or {})},
        "tls": {"hostnames": _NAMES, **(tls or {})},
        "limits": limits or {},
        "settings": {
            **windows,
            "email_ifax": {"smtp_receive": True, **windows.get("email_ifax", {})},
        },
    }
    machine = Machine(test, directory, configuration, environment or {}, host, prefix)
    await machine.start()
    return machine
