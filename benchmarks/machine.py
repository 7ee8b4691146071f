"""Us: `twistd irsend` as a process of its own, with limits that no benchmark meets."""

from __future__ import annotations

import http.client
import json
import sys

from benchmarks.bench import Bench, Failed, empty
from benchmarks.processes import IMPORTS_FROM_HERE, Server, free_port

_TWISTD = "from twisted.scripts.twistd import run; run()"


class Machine:
    """A running machine, and the keys of it that a benchmark presses."""

    keeps = "synced"

    def __init__(self, bench: Bench, pop_port: int = 0, stls: bool = False) -> None:
        self._directory = bench.place("irsend")
        self._state = self._directory / "state"
        self._pop_port, self._stls = pop_port, stls
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
        return f"""\
model = "iradvance"
state = "{self._state}"

[listen]
smtp = "tcp:{self.smtp_port}:interface=127.0.0.1"
panel = "tcp:{self._panel_port}:interface=127.0.0.1"

[settings.email_ifax]
smtp_receive = true
{polled}
[settings.authent_encryption]
allow_ssl_pop = {str(self._stls).lower()}

[settings.service_mode]
pop3_port = {self._pop_port or 110}

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
        wire = http.client.HTTPConnection("127.0.0.1", self._panel_port, timeout=seconds)
        try:
            wire.request("POST", "/api/receive")
            answer = wire.getresponse()
            content = answer.read()
        except TimeoutError:
            raise Failed(f"POST /api/receive has no answer after {seconds:.0f} s") from None
        finally:
            wire.close()
        if answer.status != 200:
            raise Failed(f"POST /api/receive answers {answer.status}: {content[:300]!r}")
        result = json.loads(content)
        if result["result"] != "OK":
            raise Failed(f"POST /api/receive gives {result}")
        return int(result["received"])
