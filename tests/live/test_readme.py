"""README.md followed to the letter, from a clone and from a wheel, each in an empty directory.

The commands are those of README itself, run one after the other in one shell. Three things
differ from what a reader does. ADDRESS is this checkout. `make test` runs one module of the
suite. What needs the network is installed before the shell moves into a network namespace of
its own: README's ports may be taken on this host.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import sys
from pathlib import Path

from attrs import field, frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.live.case import LiveTestCase
from tests.live.programs import run

_CHECKOUT = Path(__file__).resolve().parents[2]
_STARTS = ("make run", ".venv/bin/irsend-machine")
"""Commands that run until they are ended."""
_READS = ("irsendctl jobs", "irsendctl tray", "irsendctl status")
"""Commands that a reader repeats: printing takes a moment."""
_OF_THE_TESTS = "VIRTUAL_ENV PYTHONPATH MAKEFLAGS MFLAGS MAKELEVEL IRSEND_URL IRSEND_PASSWORD"
"""Variables that a reader's shell does not have."""
_ENDED = "ended with status"
_IN_LINE = re.compile(r"\\\.\\\.\\\.(?:\\ )*")
"""Three escaped dots within a line, with what pads them in a table."""


@frozen
class Command:
    """A command of README, and what it states as the output: `...` stands for anything."""

    line: str
    stated: list[str] = field(factory=list)

    def outcome_fits(self, status: int, output: str, errors: str) -> bool:
        """Say whether the command ended as stated: with 0, or as a program that names its status.

        Without a terminal irsendctl and curl say on stderr how far they are; what is stated is
        the whole of one of the two.
        """
        expected = 0
        for line in self.stated:
            if refused := re.match(r"curl: \(([0-9]+)\)", line):
                expected = int(refused[1])
        pattern = "".join(
            "(?:.*\n)*" if line == "..." else _IN_LINE.sub(".*", re.escape(line)) + " *\n"
            for line in self.stated
        )
        fits = not self.stated or any(
            re.fullmatch(pattern, said.replace("\r", "\n")) for said in (output, errors)
        )
        return status == expected and fits


def blocks_of(readme: str) -> list[list[Command]]:
    """Return the commands of each console block."""
    blocks = []
    for text in re.findall(r"^```console\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL):
        commands: list[Command] = []
        for line in text.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                commands.append(Command(line[2:]))
            else:
                commands[-1].stated.append(line)
        blocks.append(commands)
    return blocks


class ReadingTests(SynchronousTestCase):
    """What these tests take from README, and what they take for its stated output."""

    def test_blocks(self) -> None:
        """A command is joined where it goes on, and has the lines behind it as its output."""
        text = "# A\n```console\n$ one \\\n  --two   # three\nfour\n...\n$ five\n```\n```\n$ six\n```\n"
        self.assertEqual(
            blocks_of(text),
            [[Command("one    --two   # three", ["four", "..."]), Command("five")]],
        )

    def test_outcomes(self) -> None:
        """Output fits where all its lines are stated, and the status where it is 0 or stated."""
        stated = Command("x", ["a (1)  ... c", "...", "curl: (55) d"])
        for status, output, fits in (
            (55, "a (1)  b c\ncurl: (55) d\n", True),
            (55, "a (1)   c  \nb\nb\ncurl: (55) d\n", True),
            (0, "a (1)  b c\ncurl: (55) d\n", False),
            (55, "a (1)  b c\n", False),
            (55, "b\na (1)  b c\ncurl: (55) d\n", False),
        ):
            self.assertEqual(stated.outcome_fits(status, output, "e\n"), fits, output)
            self.assertEqual(stated.outcome_fits(status, "", output), fits, output)
        self.assertTrue(Command("x").outcome_fits(0, "anything\n", ""))
        self.assertFalse(Command("x").outcome_fits(1, "", ""))


class ReadmeTests(LiveTestCase):
    """Each command ends as a reader expects, with the output that README states."""

    timeout = 600
    as_root = True
    programs = ("git", "make", "curl", "unshare", "ip", "bash")

    def setUp(self) -> None:
        """Clone the checkout, and start a shell in an empty directory."""
        super().setUp()
        if not (_CHECKOUT / ".git").exists():
            self.lacking("this test clones the checkout, and this is none")
        self.place = self.directory / "empty"
        self.place.mkdir()
        self.shell = self.start(
            "shell",
            *("bash", "--noprofile", "--norc"),
            directory=str(self.place),
            environment={
                # A checkout of another user's is cloned all the same.
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
            },
        )
        self.machine_log = self.directory / "machine.log"
        self.keep_evidence("machine", self.read_machine_log)
        # README as it stands here; the code is what is committed.
        self.blocks = blocks_of((_CHECKOUT / "README.md").read_text("utf-8"))

    def read_machine_log(self) -> str:
        """Return what the machine has logged."""
        return self.machine_log.read_text("utf-8") if self.machine_log.exists() else ""

    async def command(self, line: str, within: float = 60.0) -> tuple[int, str, str]:
        """Run a line in the shell; return its status, its output and what it says on stderr."""
        before = len(self.shell.output)
        errors = self.directory / "errors"
        redirected = f"{{ {line}\n}} 2> {shlex.quote(str(errors))}"
        self.shell.write(f"{redirected}\nprintf '\\n{_ENDED} %s\\n' $?\n".encode())
        await self.until(
            lambda: f"\n{_ENDED} " in self.shell.output[before:], f"the end of: {line}", within
        )
        output, _, status = self.shell.output[before:].rpartition(f"\n{_ENDED} ")
        return int(status), output, errors.read_text("utf-8")

    async def must(self, line: str, within: float = 60.0) -> str:
        """Run a line that is not of README, or is checked elsewhere; return its output."""
        status, output, errors = await self.command(line, within)
        self.assertEqual(status, 0, f"{line}\n{output}\n{errors}")
        return output

    async def follow(self, commands: list[Command]) -> None:
        """Run commands of README, and check what each comes to."""
        for one in commands:
            outcome = await self.command(one.line)
            if one.line.startswith(_READS):
                deadline = self.reactor.seconds() + 30
                while not one.outcome_fits(*outcome) and self.reactor.seconds() < deadline:
                    outcome = await self.command(one.line)
            self.assertTrue(
                one.outcome_fits(*outcome),
                f"$ {one.line}\ncame to {outcome}\nREADME states:\n" + "\n".join(one.stated),
            )

    async def leave_the_network(self) -> None:
        """Move the shell, where it is, into a network namespace that has loopback alone."""
        self.shell.write(b"exec unshare --net bash --noprofile --norc\n")
        await self.must("ip link set lo up")

    async def start_machine(self, command: Command) -> None:
        """Start what README runs in a terminal of its own; wait until its panel is there."""
        log = shlex.quote(str(self.machine_log))
        self.addCleanup(self.kill_machine)
        self.shell.write(f"{{ {command.line}\n}} > {log} 2>&1 &\n".encode())
        await self.until(
            lambda: "Panel: http://127.0.0.1:8631/" in self.read_machine_log(), "the panel", 60
        )

    async def end_machine(self) -> None:
        """End the machine by its process id; it, and what has started it, must end with 0."""
        (pid,) = self.pids_of_machine()
        await self.must(f"kill {pid}; wait $!")
        self.assertNotIn("Traceback", self.read_machine_log())

    def kill_machine(self) -> None:
        """End a machine that a failed test has left."""
        ended = "Server Shut Down" in self.read_machine_log()
        for pid in [] if ended else self.pids_of_machine():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def pids_of_machine(self) -> list[int]:
        """Return the process id that the state directory names, or none yet."""
        locks = [
            *self.place.glob("var/irsend/lock"),
            *self.place.glob("irsend/var/irsend/lock"),
        ]
        return [int(lock.read_text()) for lock in locks]

    def of_start(self, start: str) -> tuple[list[Command], Command, list[Command]]:
        """Return the block that starts a machine so: what stands before, the start, what behind."""
        (block,) = (one for one in self.blocks if any(c.line.startswith(start) for c in one))
        at = next(i for i, one in enumerate(block) if one.line.startswith(start))
        return block[:at], block[at], block[at + 1 :]

    async def rest(self) -> None:
        """Follow every block that starts no machine."""
        for block in self.blocks:
            if not any(one.line.startswith(_STARTS) for one in block):
                await self.follow(block)

    async def test_from_a_clone(self) -> None:
        """From a clone all of README can be done, and the clone stays clean."""
        before, start, behind = self.of_start("make run")
        await self.must(f"unset {_OF_THE_TESTS}")
        clone = shlex.quote(str(_CHECKOUT))
        await self.follow([Command(one.line.replace("ADDRESS", clone)) for one in before])
        said = await self.must("make .venv/.test", 240)
        self.assertIn(
            "Installing irsend and the packages that it needs into .venv: this takes", said
        )
        await self.leave_the_network()
        await self.start_machine(start)
        self.assertEqual([one.line.split("#")[0].strip() for one in behind], ["make test"])
        await self.must("make test TESTS=tests.test_addresses", 120)
        await self.rest()
        self.assertEqual(await self.must("git status --porcelain --untracked-files=all"), "")
        await self.end_machine()

    async def test_from_a_wheel(self) -> None:
        """From a wheel all of README can be done, and nothing is left but var/ beside the installation."""
        clone = self.directory / "clone"
        built = await run(self.reactor, ["git", "clone", "--quiet", str(_CHECKOUT), str(clone)])
        self.assertEqual(built.status, 0, built.output)
        wheel = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(self.place)]
        built = await run(self.reactor, [sys.executable, *wheel, str(clone)], within=240)
        self.assertEqual(built.status, 0, built.output)
        before, start, behind = self.of_start(".venv/bin/irsend-machine")
        self.assertEqual(behind, [])
        await self.must(f"unset {_OF_THE_TESTS}")
        for one in before:
            await self.must(one.line, 240)
        await self.leave_the_network()
        await self.start_machine(start)
        await self.rest()
        await self.end_machine()
        (file,) = self.place.glob("*.whl")
        left = {path.name for path in self.place.iterdir()}
        self.assertEqual(left, {file.name, ".venv", "var"})
