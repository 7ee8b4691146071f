"""`irsendctl run`: a program beside a machine of its own."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

_REPOSITORY = Path(__file__).parents[3]
_IRSENDCTL = [sys.executable, "-m", "irsend.ctl", "run"]
_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("IRSEND_")},
    "PYTHONPATH": str(_REPOSITORY),
    "COLUMNS": "300",
}

DELIVER = """
import os, smtplib
with smtplib.SMTP(os.environ["IRSEND_SMTP_HOST"], int(os.environ["IRSEND_SMTP_PORT"])) as client:
    client.sendmail("shop@office.test", ["scan@localhost"], "Subject: Invoice 17\\n\\nPay.\\n")
"""

WAIT = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [2, 15, 1])
print("ready", flush=True)
signal.alarm(60)
print(signal.sigwait([2, 15, 1]).name, flush=True)
raise SystemExit(7)
"""
"""Says which signal came, and ends with 7."""


def irsendctl(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Call `irsendctl run` to its end."""
    return subprocess.run(
        [*_IRSENDCTL, *arguments],
        env={**_ENVIRONMENT, **environment},
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def python(program: str) -> list[str]:
    """Return the arguments that run a program of Python's."""
    return ["--", sys.executable, "-c", program]


class RunTests(SynchronousTestCase):
    """Programs that end by themselves."""

    def test_succeeds(self) -> None:
        """The program delivers to the machine and asks it; its output is all that there is."""
        program = DELIVER + (
            "import json, sys, urllib.request\n"
            "url = os.environ['IRSEND_URL']\n"
            "mails = json.load(urllib.request.urlopen(url + '/api/mails?wait=20'))\n"
            "print([mail['subject'] for mail in mails], sys.stdin.read())\n"
        )
        ended = irsendctl(*python(program))
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertEqual(ended.stdout, "['Invoice 17'] \n")

    def test_fails(self) -> None:
        """The exit status is the program's; where it is not 0 the transcripts are printed."""
        ended = irsendctl(*python(DELIVER + "print('said')\nraise SystemExit(42)"))
        self.assertEqual((ended.returncode, ended.stdout), (42, "said\n"))
        self.assertIn(" ended with 42. Sessions of the machine:\n\nsession 1: ", ended.stderr)
        self.assertIn("S: 250 2.6.0 Message accepted\n", ended.stderr)
        ended = irsendctl("--", "false")
        self.assertEqual(ended.returncode, 1)
        self.assertEqual(
            ended.stderr, "false ended with 1; there was no session with the machine.\n"
        )

    def test_killed(self) -> None:
        """A program that a signal ends has 128 and the signal's number."""
        self.assertEqual(irsendctl("--", "sh", "-c", "kill -KILL $$").returncode, 137)

    def test_cannot_run(self) -> None:
        """What is no program is named in a sentence, with the status that a shell gives."""
        ended = irsendctl("--", "no-such-command", "-x")
        self.assertEqual(ended.returncode, 127)
        self.assertEqual(ended.stderr, "no-such-command: there is no such command.\n")
        ended = irsendctl("--", "/")
        self.assertEqual(ended.returncode, 126)
        self.assertEqual(ended.stderr, "/: it cannot be run: Permission denied\n")

    def test_options(self) -> None:
        """Model and keys are the machine's; options behind the program are its own, also without --."""
        program = (
            DELIVER.split("    ")[0]
            + "    print(client.ehlo()[1].decode(), client.ehlo_resp)\n    client.mail('')\n"
        )
        ended = irsendctl(
            "--model=iradvance",
            "--set=settings.authent_encryption.allow_ssl_smtp_receive=on",
            "--set",
            "limits.message_size=3",
            *python(program)[1:],
        )
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertIn("STARTTLS", ended.stdout)
        self.assertIn("SIZE 3000000", ended.stdout)

    def test_environment(self) -> None:
        """The environment has the addresses of what listens, and none of what does not, or of another run."""
        names = (
            "import os\n"
            "print([name[7:] for name in sorted(os.environ) if name.startswith('IRSEND_')"
            " and os.environ[name] != 'old'])\n"
        )
        old = dict.fromkeys(
            ("IRSEND_SMTP_HOST", "IRSEND_MAILHOST_SMTP_PORT", "IRSEND_URL"), "http://old"
        )
        ended = irsendctl(*python(names), **old)
        addresses = [
            "MAILHOST_POP3_PORT",
            "MAILHOST_SMTP_PORT",
            "SMTP_HOST",
            "SMTP_PORT",
            "URL",
        ]
        self.assertEqual(ended.stdout, f"{['CA_FILE', *addresses]}\n")
        off = (
            "--set=mailhost.enabled=off",
            "--set=settings.email_ifax.smtp_receive=off",
            "--set=listen.panel=",
        )
        ended = irsendctl(*off, *python(names), **old)
        self.assertEqual((ended.stdout, ended.stderr), ("['CA_FILE']\n", ""))

    def test_certificates(self) -> None:
        """A client that trusts IRSEND_CA_FILE verifies the machine and the mail host."""
        program = (
            "import os, smtplib, ssl\n"
            "context = ssl.create_default_context(cafile=os.environ['IRSEND_CA_FILE'])\n"
            "for port in ('IRSEND_SMTP_PORT', 'IRSEND_MAILHOST_SMTP_PORT'):\n"
            "    with smtplib.SMTP('localhost', int(os.environ[port])) as client:\n"
            "        print(client.starttls(context=context)[0])\n"
        )
        on = "settings.authent_encryption.allow_ssl_smtp_receive=on"
        ended = irsendctl("--model=iradvance", "--set", on, *python(program))
        self.assertEqual((ended.stdout, ended.stderr), ("220\n220\n", ""))

    def test_wrong_use(self) -> None:
        """A wrong model or key, and no program at all, is wrong use: nothing is run."""
        for arguments, said in (
            (("--model", "ir1", "--", "echo"), "model: 'ir1' is not allowed"),
            (("--set", "limits.rcpts=1", "--", "echo"), "limits.rcpts: there is no such key"),
            (("--set", "pop", "--", "echo"), "--set pop: write it as KEY=VALUE"),
            ((), "-- COMMAND is missing; usage: irsendctl run [OPTIONS] -- COMMAND..."),
            (("--sett", "x=1", "--", "echo"), "--sett: there is no such option"),
        ):
            ended = irsendctl(*arguments)
            self.assertEqual((ended.returncode, ended.stdout), (2, ""))
            self.assertIn(said, ended.stderr)
            self.assertTrue(ended.stderr.endswith("\nSee: irsendctl run --help\n"))
            self.assertNotIn("Traceback", ended.stderr)

    def test_light(self) -> None:
        """Help does not import the library for tests."""
        program = (
            "import irsend.ctl.program, sys\nirsend.ctl.program.run(['run', '--help'])\n"
            "print('irsend.testing' in sys.modules)\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program], env=_ENVIRONMENT, capture_output=True, check=True
        )
        self.assertTrue(ended.stdout.endswith(b"\nFalse\n"))


class SignalTests(SynchronousTestCase):
    """Signals while the program runs."""

    def test_passed_on(self) -> None:
        """A signal to irsendctl reaches the program, whose exit status is still that of irsendctl."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with subprocess.Popen(
                [*_IRSENDCTL, *python(WAIT)],
                env=_ENVIRONMENT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            ) as running:
                assert running.stdout is not None
                self.assertEqual(running.stdout.readline(), "ready\n")
                running.send_signal(number)
                out, err = running.communicate(timeout=60)
            self.assertEqual((out, running.returncode), (f"{number.name}\n", 7))
            self.assertIn("ended with 7", err)
            self.assertNotIn("Traceback", err)

    def test_ctrl_c(self) -> None:
        """Ctrl-C at the terminal reaches the program once, and irsendctl waits for its end."""
        program = (
            "import signal\nsignal.alarm(60)\nsignal.pthread_sigmask(signal.SIG_BLOCK, [2])\n"
            "print('ready', flush=True)\nsignal.sigwait([2])\n"
            # One that irsendctl had passed on would come now.
            "print(signal.sigtimedwait([2], 0.3), flush=True)\n"
        )
        child, terminal = pty.fork()
        if child == 0:
            os.execve(sys.executable, [*_IRSENDCTL, *python(program)], _ENVIRONMENT)
        said = b""
        try:
            while b"ready" not in said:
                said += os.read(terminal, 1000)
            os.write(terminal, b"\x03")
            while chunk := os.read(terminal, 1000):
                said += chunk
        except OSError:
            # The other end is closed.
            pass
        finally:
            os.close(terminal)
        _, status = os.waitpid(child, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, said)
        self.assertTrue(said.endswith(b"None\r\n"), said)
