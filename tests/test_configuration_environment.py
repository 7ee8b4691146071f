"""The configuration in the environment, and --print-config."""

from __future__ import annotations

import contextlib
import io
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from irsend.configuration import Configuration, read_configuration
from irsend.device.model import model_names
from irsend.effective_configuration import effective
from irsend.sample_configuration import BENCH
from irsend.tap import Options
from tests.test_configuration import Case


class EnvironmentTests(Case):
    """IRSEND_ and the key's path."""

    def read(self, environment: Mapping[str, str], **more: Any) -> Configuration:
        """Return the configuration that an environment makes."""
        return read_configuration(environment=environment, **more)

    def refused_environment(self, environment: Mapping[str, str]) -> str:
        """Return the sentences that an environment is refused with."""
        return self.refusal(lambda: self.read(environment))

    def test_values(self) -> None:
        """A variable gives its key a value, read as --set reads it; lists and tables may be TOML."""
        read = self.read(
            {
                "IRSEND_MODEL": "iradvance",
                "IRSEND_STATE": "elsewhere",
                "IRSEND_LISTEN__SMTP": "tcp:2500",
                "IRSEND_LIMITS__ERRORS": "3",
                "IRSEND_MAILHOST__ENABLED": "on",
                "IRSEND_MAILHOST__ACCOUNTS": '{ "a@bench.test" = "secret" }',
                "IRSEND_TLS__HOSTNAMES": '["ir.bench.test", "127.0.0.1"]',
                "IRSEND_TLS__IMPLICIT_PORTS": "465, 1465",
                "IRSEND_PANEL__PASSWORD": "[not TOML",
                "IRSEND_SETTINGS__EMAIL_IFAX__POP_INTERVAL": "7",
                "IRSEND_QUIRKS__NO_QUIT": "true",
            }
        )
        self.assertEqual(read.model.name, "iradvance")
        self.assertEqual(read.state, "elsewhere")
        self.assertEqual(read.listen.smtp, "tcp:2500")
        self.assertEqual(read.limits.errors, 3)
        self.assertTrue(read.mailhost.enabled)
        self.assertEqual(read.mailhost.accounts, {"a@bench.test": "secret"})
        self.assertEqual(read.tls.hostnames, ("ir.bench.test", "127.0.0.1"))
        self.assertEqual(read.tls.implicit_ports, ("465", "1465"))
        self.assertEqual(read.panel.password, "[not TOML")
        self.assertEqual(read.settings["email_ifax.pop_interval"], 7)
        self.assertEqual(read.settings["quirks.no_quit"], True)
        self.assertEqual(read.overrides, {})

    def test_every_setting(self) -> None:
        """Each setting of the model can be given by a variable."""
        read = self.read({})
        for name in read.model.items():
            variable = f"IRSEND_SETTINGS__{name.upper().replace('.', '__')}"
            value = read.model.initial_settings().value(name)
            plain = getattr(value, "value", value)
            text = ",".join(plain) if isinstance(plain, tuple) else str(plain)
            self.assertEqual(self.read({variable: text}).settings, {name: value}, variable)

    def test_precedence(self) -> None:
        """A variable wins over the file and the bench, --set over the variable."""
        file = self.file(
            '[limits]\nerrors = 1\nidle = 11\n[mailhost.accounts]\n"a@b.c" = "d"\n'
        )
        environment = {
            "IRSEND_LIMITS__ERRORS": "2",
            "IRSEND_LIMITS__IDLE": "22",
            "IRSEND_MAILHOST__ACCOUNTS": '{ "e@f.g" = "h" }',
        }
        read = self.read(
            environment, path=file, sets=["limits.idle=33", "mailhost.accounts.i@j.k=l"]
        )
        self.assertEqual((read.limits.errors, read.limits.idle), (2, 33))
        self.assertEqual(read.mailhost.accounts, {"e@f.g": "h", "i@j.k": "l"})
        bench = self.read({"IRSEND_SETTINGS__EMAIL_IFAX__POP": "off"}, without_file=BENCH)
        self.assertEqual(bench.settings["email_ifax.pop"], False)
        named = self.read({"IRSEND_MODEL": "nothing"}, model="bizhub")
        self.assertEqual(named.model.name, "bizhub")

    def test_others(self) -> None:
        """What irsendctl, its `run`, and a container's engine set is left alone."""
        for name in (
            *("IRSEND_URL", "IRSEND_PASSWORD", "IRSEND_SECRET", "IRSEND_UTC", "IRSEND_LIVE"),
            "IRSEND_CA_FILE",
            *("IRSEND_SMTP_HOST", "IRSEND_SMTP_PORT", "IRSEND_MAILHOST_SMTP_PORT"),
            *("IRSEND_MAILHOST_POP3_PORT", "IRSEND_SERVICE_HOST", "IRSEND_SERVICE_PORT_SMTP"),
            *("IRSEND_PORT", "IRSEND_PORT_2525_TCP_ADDR", "PATH", "MY_IRSEND_X"),
        ):
            self.assertEqual(self.read({name: "x"}), self.read({}), name)

    def test_unknown(self) -> None:
        """A variable that is none is refused with the nearest; all of them at once."""
        said = self.refused_environment(
            {"IRSEND_LISTEN_SMTP": "x", "IRSEND_LIMITS__ERROR": "1", "IRSEND_FOO": "1"}
        )
        self.assertEqual(
            said.split("\n"),
            [
                "IRSEND_FOO: there is no such variable; a variable is IRSEND_ and a key of the "
                "configuration, as in IRSEND_LISTEN__SMTP",
                "IRSEND_LIMITS__ERROR: there is no such variable; did you mean "
                "IRSEND_LIMITS__ERRORS?",
                "IRSEND_LISTEN_SMTP: there is no such variable; did you mean IRSEND_LISTEN__SMTP?",
            ],
        )

    def test_wrong_values(self) -> None:
        """A wrong value is refused with the variable, what was given and what is allowed."""
        for name, value, said in (
            ("IRSEND_LIMITS__ERRORS", "many", "'many' is not allowed; allowed: a whole number"),
            ("IRSEND_MODEL", "ir9999", "model: 'ir9999' is not allowed; allowed: "),
            ("IRSEND_TLS__HOSTNAMES", '["a"', "this is no TOML value (Unclosed array"),
            ("IRSEND_TLS__HOSTNAMES", "[" * 100_000, "this is no TOML value ("),
            ("IRSEND_MAILHOST__ACCOUNTS", "a=b", "this value is not allowed; allowed: a table"),
        ):
            self.begins(self.refused_environment({name: value}), f"{name}: {said}")

    def test_secrets(self) -> None:
        """A secret that is refused is not in the sentence that refuses it."""
        for name, value in (
            ("IRSEND_MAILHOST__ACCOUNTS", '{ "a@b" = marked-four'),
            ("IRSEND_PANEL__PASSWORD", "marked-four" * 50),
        ):
            self.assertNotIn("marked-four", self.refused_environment({name: value}))


def _restored(name: str, value: str) -> Callable[[], None]:
    """Set a variable of this process; return what takes it away."""
    os.environ[name] = value
    return lambda: os.environ.__delitem__(name)


class EffectiveTests(Case):
    """--print-config."""

    def printed(self, *options: str, **environment: str) -> str:
        """Return what is printed for a command line and an environment."""
        said = io.StringIO()
        for name, value in environment.items():
            self.addCleanup(_restored(name, value))
        with contextlib.redirect_stdout(said):
            end = self.assertRaises(
                SystemExit, Options().parseOptions, ["--print-config", *options]
            )
        self.assertEqual(end.code, 0)
        return said.getvalue()

    def test_sources(self) -> None:
        """Behind each value stands where it is from: each of the six sources."""
        state = Path(self.mktemp()).absolute()
        state.mkdir()
        (state / "settings.toml").write_text(
            "[email_ifax]\npop_interval = 5\nsmtp_server = 'of.machine'\nno_such = 1\n"
        )
        file = self.file(
            "[limits]\nerrors = 7\n[settings.email_ifax]\npop_interval = 4\npop = true\n"
            "[quirks]\nno_quit = true\n"
        )
        said = self.printed(
            *("--config", file, "--state", str(state), "--model", "iradvance"),
            *("--set", "settings.email_ifax.smtp_server=of.set"),
            IRSEND_LIMITS__IDLE="77",
        )
        for line in (
            'model = "iradvance"  # --model',
            f'state = "{state}"  # --state',
            f"errors = 7  # {file}",
            "idle = 77  # IRSEND_LIMITS__IDLE",
            "sessions = 100  # default",
            f"pop = true  # {file}",
            "pop_interval = 5  # machine",
            'smtp_server = "of.set"  # --set',
            f"no_quit = true  # {file}",
            "smtp_receive = false  # model",
        ):
            self.assertIn(f"\n{line}\n", said)

    def test_whole(self) -> None:
        """For every model it is TOML that can be read, and makes the same configuration again."""
        for name in model_names():
            given = read_configuration(
                model=name,
                sets=["limits.errors=3", "settings.email_ifax.default_subject=a # b"],
            )
            given = attrs.evolve(
                given, state=":memory:", mailhost=attrs.evolve(given.mailhost, accounts={})
            )
            again = read_configuration(self.file(effective(given)))
            settings = given.model.initial_settings().replace(given.overrides)
            self.assertEqual(
                again.model.initial_settings().replace(again.settings), settings, name
            )
            self.assertEqual(
                attrs.evolve(again, settings={}, overrides={}),
                attrs.evolve(given, settings={}, overrides={}),
            )

    def test_secrets(self) -> None:
        """No secret is printed: stars stand for it, and nothing for an empty one."""
        said = self.printed(
            *("--set", "panel.password=marked-one", "--state", ":memory:"),
            *("--set", "mailhost.accounts.x@y=marked-two"),
            IRSEND_SETTINGS__AUTHENT_ENCRYPTION__PASSWORD="marked-three",
        )
        self.assertNotIn("marked-", said)
        read = tomllib.loads(said)
        self.assertEqual(read["panel"]["password"], "********")
        self.assertEqual(read["mailhost"]["accounts"]["x@y"], "********")
        self.assertEqual(read["settings"]["authent_encryption"]["password"], "********")
        bare = tomllib.loads(self.printed("--bare", "--state", ":memory:"))
        self.assertEqual(bare["panel"]["password"], "")

    def test_check(self) -> None:
        """--check names the variables that count, and not their values."""
        self.addCleanup(_restored("IRSEND_LIMITS__IDLE", "77"))
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            self.assertRaises(SystemExit, Options().parseOptions, ["--check"])
        self.assertIn("\nenvironment: IRSEND_LIMITS__IDLE\n", said.getvalue())
