"""Us: `twistd irsend` as a process of its own, with limits that no benchmark meets."""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.bench import Bench, Failed, empty
from benchmarks.mail import SENDER
from benchmarks.processes import IMPORTS_FROM_HERE, Server, free_port

_TWISTD = "from twisted.scripts.twistd import run; run()"
_FORM = "multipart/form-data; boundary=bench"


class Machine:
    """A running machine, and the keys of it that a benchmark presses."""

    keeps = "synced"

    def __init__(
        self, bench: Bench, pop_port: int = 0, stls: bool = False, relay_port: int = 0
    ) -> None:
        self._directory = bench.place("irsend")
        self._state = self._directory / "state"
        self._pop_port, self._stls, self._relay_port = pop_port, stls, relay_port
        self._server: Server | None = None
        self.smtp_port = self._panel_port = 0

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._server
        return self._server.pid

    def start(self) -> None:
        """Start it and wait until SMTP and the panel answer."""
        self.smtp_port, self._panel_port = free_port(), free_port()
        configuration = self._directory / "irsend.toml"
        configuration.write_text(self._configuration())
        self._server = Server(
            [
                *(sys.executable, "-c", _TWISTD, "-n", "--pidfile=", "irsend"),
                *("--config", str(configuration)),
            ],
            self.smtp_port,
            self._directory,
            IMPORTS_FROM_HERE,
            also=[self._panel_port],
        )

    def _configuration(self) -> str:
        # A later model: its TLS is today's, as the peers' is.
        polled = (
            'pop = true\npop_server = "127.0.0.1"\n'
            'pop_address = "bench"\npop_password = "bench"\n'
            if self._pop_port
            else ""
        )
        relay = (
            f'email_address = "{SENDER}"\nsmtp_server = "127.0.0.1"\nmaximum_data_size = 0\n'
            if self._relay_port
            else ""
        )
        return f"""\
model = "iradvance"
state = "{self._state}"

[listen]
smtp = "tcp:{self.smtp_port}:interface=127.0.0.1"
panel = "tcp:{self._panel_port}:interface=127.0.0.1"

[printing]
loaded = false

[settings.email_ifax]
smtp_receive = true
{polled}{relay}
[settings.authent_encryption]
allow_ssl_pop = {str(self._stls).lower()}

[settings.service_mode]
pop3_port = {self._pop_port or 110}
smtp_tx_port = {self._relay_port or 25}

[limits]
message_size = 1000
memory = 1000000
errors = 1000
sessions = 100000
sessions_per_peer = 100000
"""

    def stop(self) -> None:
        """End it."""
        if self._server:
            self._server.end()
            self._server = None

    def empty_memory(self) -> None:
        """Delete what was received, behind its back: its limit is out of reach."""
        empty(self._state / "memory")

    def received(self) -> int:
        """Count the mails in memory."""
        return len(list((self._state / "memory" / "new").iterdir()))

    def receive(self, seconds: float) -> int:
        """Press the key for one POP reception; return how many mails came."""
        result = self._ask("POST", "/api/receive", seconds)
        if result["result"] != "OK":
            raise Failed(f"POST /api/receive gives {result}")
        return int(result["received"])

    def put_paper(self, paper: bool) -> None:
        """Put paper into the drawer, or take it out."""
        words = json.dumps({"paper": paper}).encode()
        self._ask("PUT", "/api/paper", 30, words, "application/json")

    def wait_until_printed(self, seconds: float) -> None:
        """Return when nothing waits in memory any more."""
        end = time.monotonic() + seconds
        while (status := self._ask("GET", "/api/status", 30))["memory"]["used"]:
            if time.monotonic() > end:
                raise Failed(
                    f"after {seconds:.0f} s there is still something to print: {status}"
                )
            time.sleep(0.2)

    def printed(self) -> int:
        """Count the documents that it has printed since it was started."""
        told = self._ask("GET", "/metrics", 30).splitlines()
        (count,) = [one for one in told if one.startswith("irsend_documents_printed_total")]
        return int(float(count.split()[1]))

    def order(self, page: bytes, times: int, fields: Mapping[str, str], seconds: float) -> None:
        """Put a page on the glass so many times, and send them; return when the job is accepted."""
        parts = [(f'form-data; name="{name}"', text.encode()) for name, text in fields.items()]
        parts += [('form-data; name="page"; filename="page"', page)] * times
        form = b"".join(
            b"--bench\r\nContent-Disposition: %s\r\n\r\n%s\r\n" % (about.encode(), content)
            for about, content in parts
        )
        self._ask("POST", "/api/send", seconds, form + b"--bench--\r\n", _FORM)

    def wait_until_sent(self, seconds: float) -> None:
        """Return when nothing waits to be sent: a job leaves the outbox as its last step."""
        outbox = self._state / "outbox"
        end = time.monotonic() + seconds
        # Looked at from outside, which costs the machine nothing.
        while any(name.isdigit() for name in os.listdir(outbox)):
            if time.monotonic() > end:
                raise Failed(f"there are jobs in the outbox after {seconds:.0f} s")
            time.sleep(0.002)

    def jobs(self, latest: int) -> list[dict[str, Any]]:
        """Return the latest jobs, the last one first."""
        return self._ask("GET", f"/api/jobs?limit={latest}", 30)

    def _ask(
        self, method: str, path: str, seconds: float, body: bytes = b"", type_: str = ""
    ) -> Any:
        wire = http.client.HTTPConnection("127.0.0.1", self._panel_port, timeout=seconds)
        try:
            wire.request(method, path, body, {"Content-Type": type_} if type_ else {})
            answer = wire.getresponse()
            content = answer.read()
        except TimeoutError:
            raise Failed(f"{method} {path} has no answer after {seconds:.0f} s") from None
        finally:
            wire.close()
        if answer.status not in (200, 202):
            raise Failed(f"{method} {path} answers {answer.status}: {content[:300]!r}")
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return json.loads(content) if is_json else content.decode()
