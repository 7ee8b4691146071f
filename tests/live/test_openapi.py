"""The HTTP interface held to its own description by schemathesis, on a machine that runs."""

from __future__ import annotations

import sys

from tests.live.case import LiveTestCase
from tests.live.dialogues import call, deliver, greet
from tests.live.machine import ADDRESS, Machine, start_machine
from tests.live.mails import make_mail

_EXAMPLES = 10
"""Requests that are made up for an operation, beside those that its description suggests."""
_SEED = 6

# What a schema cannot say of an address, a mechanism, a key or a fault is 422 by contract.
# It would wait as long as a request says that it may.
_CONFIGURATION = """
[parameters]
"query.wait" = 0

[[operations]]
include-name = [
    "PATCH /api/settings", "POST /api/send", "POST /api/key/import", "POST /api/probe",
    "PUT /api/faults",
]
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "5xx"]
"""


class OpenAPITests(LiveTestCase):
    """Requests made up from `/api/openapi.json`: those that fit it, and those that do not."""

    modules = ("schemathesis",)
    timeout = 240

    async def with_a_document(self) -> Machine:
        """Start a machine that has received and printed a mail."""
        machine = await start_machine(self, printing={"loaded": True})
        dialogue = await call(self.reactor, machine.smtp_port)
        await greet(dialogue)
        await deliver(dialogue, make_mail("1", 1000), ADDRESS)
        dialogue.hang_up()
        await dialogue.until_closed()
        tray = machine.state / "tray"
        await self.until(lambda: list(tray.glob("*.pdf")), "a document is in the tray")
        return machine

    async def check(self, machine: Machine) -> None:
        """Have schemathesis make up requests, with all its checks; fail on any finding."""
        configuration = self.directory / "schemathesis.toml"
        configuration.write_text(_CONFIGURATION, "utf-8")
        program = self.start(
            "schemathesis",
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(configuration)),
            *("run", f"http://127.0.0.1:{machine.panel_port}/api/openapi.json"),
            *("--checks", "all", "--continue-on-failure", "--no-color"),
            *("--max-examples", str(_EXAMPLES), "--seed", str(_SEED)),
            # It never ends, and schemathesis waits for the end of every answer.
            *("--exclude-path", "/api/events"),
            directory=str(self.directory),
        )
        self.assertEqual(await program.end(200), 0)
        self.assertRegex(program.output, r"Tested: [0-9]{2}")

    async def test_described(self) -> None:
        """Every answer of a machine that has printed a mail is one that its description has."""
        await self.check(await self.with_a_document())
