"""The examples of docs/testing that need more than Python, before a real `twistd irsend`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.live.case import LiveTestCase
from tests.live.machine import Machine, start_machine
from tests.live.programs import Program, run

_REPOSITORY = Path(__file__).parents[2]
_EXAMPLES = _REPOSITORY / "docs" / "examples"


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


class BesideMachineTests(LiveTestCase):
    """Examples that `irsendctl run` runs, each beside a machine of its own."""

    async def run_example(self, *arguments: str, directory: Path | None = None) -> Program:
        """Run `irsendctl run` to its end."""
        program = self.start(
            "irsendctl run",
            *(sys.executable, "-m", "irsend.ctl", "run"),
            *arguments,
            environment={"PYTHONPATH": str(_REPOSITORY), "no_proxy": "127.0.0.1"},
            directory=None if directory is None else str(directory),
        )
        self.assertEqual(await program.end(within=120), 0, program.output)
        return program


class ShellBesideMachineTests(BesideMachineTests):
    """docs/examples/mail.sh."""

    programs = ("curl", "jq")

    async def test_passes(self) -> None:
        """The shell script finds the mail that it sent."""
        example = await self.run_example("--", "sh", str(_EXAMPLES / "mail.sh"))
        self.assertEqual(example.output, "mail.sh: Invoice 17 has arrived\n")


class PerlTests(BesideMachineTests):
    """docs/examples/mailer.pl."""

    programs = ("perl",)

    async def test_passes(self) -> None:
        """The script in Perl finds the mail that it sent."""
        example = await self.run_example("--", "perl", str(_EXAMPLES / "mailer.pl"))
        self.assertIn("ok 2 - it goes to one recipient", example.output)


class NodemailerTests(BesideMachineTests):
    """docs/examples/nodemailer.test.mjs."""

    programs = ("node", "npm")

    async def test_passes(self) -> None:
        """The test with nodemailer passes under TLS that is verified."""
        shutil.copy(_EXAMPLES / "nodemailer.test.mjs", self.directory)
        (self.directory / "package.json").write_text("{}")
        install = ("npm", "install", "--no-audit", "--no-fund", "nodemailer")
        installing = self.start("npm", *install, directory=str(self.directory))
        self.assertEqual(await installing.end(within=120), 0, installing.output)
        example = await self.run_example(
            *("--model", "iradvance"),
            *("--set", "settings.authent_encryption.allow_ssl_smtp_receive=on"),
            *("--", "node", "--test", "nodemailer.test.mjs"),
            directory=self.directory,
        )
        self.assertRegex(example.output, r"(?m)^\S+ pass 1$")


class PostfixTests(LiveTestCase):
    """docs/examples/test_postfix.py."""

    programs = ("postfix",)
    as_root = True

    async def test_passes(self) -> None:
        """The test of a gateway passes: Postfix verifies the machine's certificate and relays to it."""
        example = await run(
            self.reactor,
            [
                *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:twisted"),
                f"--basetemp={self.directory / 'pytest'}",
                str(_EXAMPLES / "test_postfix.py"),
            ],
            environment={"PYTHONPATH": str(_REPOSITORY)},
            within=120,
        )
        self.assertEqual(example.status, 0, example.output)
        self.assertIn("1 passed in ", example.output)
