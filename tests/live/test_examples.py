"""The examples of docs/testing that need more than Python, before a real `twistd irsend`."""

from __future__ import annotations

from pathlib import Path

from tests.live.case import LiveTestCase
from tests.live.machine import Machine, start_machine
from tests.live.programs import Program, run

_EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


class _ExampleTests(LiveTestCase):
    """One example, with a printer that prints what it receives, as it does from the shop."""

    async def run_example(self, *arguments: str) -> tuple[Machine, Program]:
        """Run it to its end beside a machine with the defaults."""
        machine = await start_machine(
            self, tls={"hostnames": ["localhost"]}, printing={"loaded": True}
        )
        example = await run(
            self.reactor,
            arguments,
            environment={
                "IRSEND_SMTP_HOST": "127.0.0.1",
                "IRSEND_SMTP_PORT": str(machine.smtp_port),
                "IRSEND_URL": f"http://127.0.0.1:{machine.panel_port}",
                "no_proxy": "127.0.0.1",
            },
        )
        return machine, example


class ShellTests(_ExampleTests):
    """docs/examples/mail.sh."""

    programs = ("curl", "jq")

    async def test_passes(self) -> None:
        """The shell script finds the mail that it sent, and deletes it."""
        machine, example = await self.run_example("sh", str(_EXAMPLES / "mail.sh"))
        self.assertEqual(example.output, "mail.sh: Invoice 17 has arrived\n")
        self.assertEqual(example.status, 0)
        self.assertEqual(await machine.get("/api/mails"), [])


class NodeTests(_ExampleTests):
    """docs/examples/invoice.test.mjs."""

    programs = ("node",)

    async def test_passes(self) -> None:
        """The test in JavaScript finds the mail that it sent, and its attachment."""
        machine, example = await self.run_example(
            "node", "--test", str(_EXAMPLES / "invoice.test.mjs")
        )
        self.assertEqual(example.status, 0, example.output)
        # Behind a mark that each version of node has its own of.
        self.assertRegex(example.output, r"(?m)^\S+ pass 1$")
        [mail] = await machine.get("/api/mails")
        self.assertEqual(mail["subject"], "Invoice 17")
