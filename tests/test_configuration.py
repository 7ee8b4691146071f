"""The configuration: etc/irsend.toml, --set, and the shipped file (interface.md)."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

import irsend.sample_configuration
from irsend.configuration import SECTIONS, Configuration, configuration, read_configuration
from irsend.configuration_limits import Limits
from irsend.configuration_sections import TLS, Listen, MailHost, Panel
from irsend.device.items import items_of
from irsend.device.model import model_names
from irsend.device.windows import DEFAULTS, ITEMS, PopAuthMethod, SSLPolicy
from irsend.errors import ConfigurationError
from irsend.sample_configuration import BENCH, sample

SHIPPED = Path(__file__).parent.parent / "etc" / "irsend.toml"


class Case(SynchronousTestCase):
    """Writes a configuration file and reads it."""

    def file(self, text: str) -> str:
        """Write a file and return its path."""
        path = Path(self.mktemp())
        path.write_text(text, "utf-8")
        return str(path)

    def refusal(self, read: Callable[[], object]) -> str:
        """Return the sentences that a reading is refused with."""
        return str(self.assertRaises(ConfigurationError, read))

    def refused(self, text: str, sets: list[str] | None = None) -> list[str]:
        """Return the sentences that a file is refused with, the file's name as FILE."""
        path = self.file(text)
        sentences = self.refusal(lambda: read_configuration(path, sets=sets))
        return sentences.replace(path, "FILE").split("\n")

    def begins(self, sentence: str, beginning: str) -> None:
        """Check how a sentence begins."""
        self.assertEqual(sentence[: len(beginning)], beginning)


class DefaultTests(Case):
    """What holds where nothing is said."""

    def test_defaults(self) -> None:
        """Without a file each key has the default of the contract."""
        read = read_configuration()
        self.assertEqual(read.model.name, "ir2270")
        self.assertEqual(read.state, "var/irsend")
        self.assertEqual(
            read.listen,
            Listen(smtp="tcp:2525:interface=127.0.0.1", panel="tcp:8631:interface=127.0.0.1"),
        )
        self.assertEqual(read.panel, Panel(password=""))
        self.assertEqual(
            read.tls,
            TLS(certificate="", key="", trust="", hostnames=("localhost", "127.0.0.1")),
        )
        self.assertEqual(
            read.mailhost,
            MailHost(
                enabled=False,
                smtp="tcp:2526:interface=127.0.0.1",
                pop3="tcp:2110:interface=127.0.0.1",
                accounts={"ir@bench.test": "bench"},
            ),
        )
        self.assertEqual((read.settings, read.overrides), ({}, {}))

    def test_limits(self) -> None:
        """The limits are those of the project's architecture."""
        limits = read_configuration().limits
        self.assertEqual(
            (limits.message_size, limits.memory, limits.recipients, limits.command_line),
            (100, 512, 100, 2048),
        )
        self.assertEqual((limits.errors, limits.idle, limits.message_idle), (10, 300, 600))
        self.assertEqual((limits.sessions, limits.sessions_per_peer), (100, 20))

    def test_accounts_are_not_shared(self) -> None:
        """Two configurations have an accounts table each."""
        self.assertIsNot(MailHost().accounts, MailHost().accounts)


class PrecedenceTests(Case):
    """Model, then file, then --set."""

    def test_file_over_default(self) -> None:
        """What the file says holds; what it does not say keeps its default."""
        read = read_configuration(self.file('state = "x"\n[limits]\nerrors = 3\n'))
        self.assertEqual((read.state, read.limits), ("x", Limits(errors=3)))

    def test_set_over_file(self) -> None:
        """--set wins over the file, key by key."""
        path = self.file('[listen]\nsmtp = "tcp:1"\npanel = "tcp:2"\n')
        read = read_configuration(path, sets=["listen.panel=tcp:3"])
        self.assertEqual(read.listen, Listen(smtp="tcp:1", panel="tcp:3"))

    def test_later_set(self) -> None:
        """Of two --set for the same key the last wins."""
        read = read_configuration(sets=["limits.errors=3", "limits.errors=4"])
        self.assertEqual(read.limits.errors, 4)

    def test_settings_are_kept_apart(self) -> None:
        """Settings of the file and of --set stay apart, for what was changed at the machine comes between."""
        path = self.file("[settings.email_ifax]\npop = true\npop_interval = 5\n")
        read = read_configuration(path, sets=["settings.email_ifax.pop_interval=7"])
        self.assertEqual(read.settings, {"email_ifax.pop": True, "email_ifax.pop_interval": 5})
        self.assertEqual(read.overrides, {"email_ifax.pop_interval": 7})

    def test_options_over_file(self) -> None:
        """--model and --state win over the file's model and state."""
        path = self.file('model = "ir2270"\nstate = "a"\n')
        read = read_configuration(path, model="ir2200", state="b")
        self.assertEqual((read.model.name, read.state), ("ir2200", "b"))

    def test_set_model_and_state(self) -> None:
        """The two keys that stand in no table can be set too."""
        read = read_configuration(sets=["model=iradvance", "state=elsewhere"])
        self.assertEqual((read.model.name, read.state), ("iradvance", "elsewhere"))

    def test_words(self) -> None:
        """--set takes numbers, on and off, choices and lists as words."""
        read = read_configuration(
            sets=[
                "settings.authent_encryption.allow_ssl_pop=on",
                "settings.authent_encryption.allow_ssl_smtp_receive=SSL",
                "settings.authent_encryption.pop_auth_method=apop",
                "settings.service_mode.disabled_mechanisms=plain,LOGIN",
                "tls.hostnames=printer.bench.test, 192.0.2.1",
                "mailhost.enabled=on",
            ]
        )
        self.assertEqual(
            read.overrides,
            {
                "authent_encryption.allow_ssl_pop": True,
                "authent_encryption.allow_ssl_smtp_receive": SSLPolicy.SSL,
                "authent_encryption.pop_auth_method": PopAuthMethod.APOP,
                "service_mode.disabled_mechanisms": ("PLAIN", "LOGIN"),
            },
        )
        self.assertEqual(read.tls.hostnames, ("printer.bench.test", "192.0.2.1"))
        self.assertTrue(read.mailhost.enabled)

    def test_value_with_equals(self) -> None:
        """A value may hold equals signs; only the first one ends the key."""
        read = read_configuration(sets=["listen.smtp=tcp:2525:interface=127.0.0.1"])
        self.assertEqual(read.listen.smtp, "tcp:2525:interface=127.0.0.1")

    def test_empty_value(self) -> None:
        """An empty value switches an address off."""
        self.assertEqual(read_configuration(sets=["listen.smtp="]).listen.smtp, "")


class TableTests(Case):
    """Keys of a table's own may hold dots."""

    def test_account_in_file(self) -> None:
        """The file's accounts take the place of the default's."""
        path = self.file('[mailhost]\naccounts = { "a.b@bench.test" = "x", "c@d.e" = "" }\n')
        self.assertEqual(
            read_configuration(path).mailhost.accounts, {"a.b@bench.test": "x", "c@d.e": ""}
        )

    def test_account_by_set(self) -> None:
        """--set mailhost.accounts.ADDRESS=PASSWORD names the address whole, dots and all."""
        read = read_configuration(sets=["mailhost.accounts.a.b@bench.test=x=y"])
        self.assertEqual(read.mailhost.accounts["a.b@bench.test"], "x=y")

    def test_one_account_by_set(self) -> None:
        """--set changes one key: the file's other accounts stay."""
        path = self.file('[mailhost.accounts]\n"a@b.c" = "1"\n"d@e.f" = "2"\n')
        read = read_configuration(path, sets=["mailhost.accounts.d@e.f=3"])
        self.assertEqual(read.mailhost.accounts, {"a@b.c": "1", "d@e.f": "3"})

    def test_wrong_accounts(self) -> None:
        """An account whose password is no text is refused without showing the table."""
        self.assertEqual(
            self.refused('[mailhost]\naccounts = { "a@b" = 5, "c@d" = "hunter2" }\n'),
            [
                "FILE: mailhost.accounts: this value is not allowed; "
                'allowed: a table of texts, such as { "name" = "text" }'
            ],
        )


class RefusalTests(Case):
    """What is wrong is named: file, whole key, what was given, what is allowed."""

    def test_wrong_value(self) -> None:
        """A value out of its range is refused with both."""
        self.assertEqual(
            self.refused("[limits]\nerrors = 0\n"),
            ["FILE: limits.errors: 0 is not allowed; allowed: a whole number from 1 to 1000"],
        )

    def test_wrong_type(self) -> None:
        """A value of another type is refused."""
        self.assertEqual(
            self.refused("[settings.email_ifax]\npop = 1\n"),
            [
                "FILE: settings.email_ifax.pop: 1 is not allowed; "
                "allowed: on or off (true or false)"
            ],
        )

    def test_endpoint_with_a_filter(self) -> None:
        """Where the machine listens it has its own filter, and no other."""
        for key in ("smtp", "panel"):
            given = "mac:permit=00-00-85-12-34-56:tcp:2525"
            (refusal,) = self.refused(f'[listen]\n{key} = "{given}"\n')
            self.assertIn("the machine has a filter of its own", refusal)

    def test_addresses_of_the_wire(self) -> None:
        """An address with a scope, or one that is there twice in two forms, is refused."""
        mac = "00:00:85:12:34:56"
        for names, why in (
            (("fe80::1%eth0",), "'fe80::1%eth0' has a scope"),
            (("::1", "0::1"), "::1 is there twice"),
            (("127.0.0.2", "::ffff:127.0.0.2"), "127.0.0.2 is there twice"),
        ):
            table = ", ".join(f'"{name}" = "{mac}"' for name in names)
            (refusal,) = self.refused(f"[link]\naddresses = {{ {table} }}\n")
            self.assertIn(why, refusal)

    def test_wrong_choice(self) -> None:
        """A word that is no choice is refused with the choices."""
        self.assertEqual(
            self.refused('[settings.authent_encryption]\nallow_ssl_smtp_receive = "yes"\n'),
            [
                "FILE: settings.authent_encryption.allow_ssl_smtp_receive: 'yes' is not allowed; "
                "allowed: off, on or ssl"
            ],
        )

    def test_wrong_key(self) -> None:
        """An unknown key is refused with the keys there are, in every place where one can stand."""
        cases = {
            "colour = 1\n": "FILE: colour: there is no such key; there are: model, state, settings, "
            "quirks, listen, panel, tls, sending, printing, link, limits, faults, mailhost",
            "[listen]\nimap = 1\n": "FILE: listen.imap: there is no such key; "
            "there are: smtp, panel",
            "[settings.service_mode]\nfont = 1\n": "FILE: settings.service_mode.font: there is no "
            "such setting in service_mode; there are: smtp_tx_port, smtp_rx_port, pop3_port, "
            "disabled_mechanisms",
            "[settings.fax]\nfont = 1\n": "FILE: settings.fax.font: there is no such setting; its "
            "first part is one of email_ifax, authent_encryption, receiving_mac_address, "
            "service_mode, quirks",
            "[quirks]\nfont = true\n": "FILE: quirks.font: there is no such setting in quirks; "
            "there are: "
            + ", ".join(key.partition(".")[2] for key in ITEMS if key[:7] == "quirks."),
        }
        for text, sentence in cases.items():
            self.assertEqual(self.refused(text), [sentence])

    def test_near_key(self) -> None:
        """An unknown key is refused with the nearest, also where its section or window is missing."""
        cases = {
            "stat = 1\n": "FILE: stat: there is no such key; did you mean state?",
            "[listen]\nsntp = 1\n": "FILE: listen.sntp: there is no such key; "
            "did you mean listen.smtp?",
            "[mail_host]\nenabled = true\n": "FILE: mail_host: there is no such key; "
            "did you mean mailhost?",
            "tray_days = 1\n": "FILE: tray_days: there is no such key; "
            "did you mean printing.tray_days?",
            "[settings.email_ifax]\npop_intervall = 1\n": "FILE: settings.email_ifax."
            "pop_intervall: there is no such setting; did you mean settings.email_ifax.pop_interval?",
            "[authent_encryption]\nallow_ssl_pop = true\n": "FILE: authent_encryption: there is "
            "no such key; did you mean settings.authent_encryption?",
            "allow_ssl_pop = true\n": "FILE: allow_ssl_pop: there is no such key; "
            "did you mean settings.authent_encryption.allow_ssl_pop?",
            "[quirks]\nno_quits = true\n": "FILE: quirks.no_quits: there is no such setting; "
            "did you mean quirks.no_quit?",
            "[settings]\nallow_ssl_pop = true\n": "FILE: settings.allow_ssl_pop: True is not "
            "allowed; allowed: tables named email_ifax, authent_encryption, receiving_mac_address, "
            "service_mode, quirks; did you mean settings.authent_encryption.allow_ssl_pop?",
            'model = "ir2207"\n': "FILE: model: 'ir2207' is not allowed; allowed: "
            f"{', '.join(model_names())}, or the path of a model file (ending in .toml); "
            "did you mean ir2200 or ir2270?",
        }
        for text, sentence in cases.items():
            (refusal,) = self.refused(text)
            # Of the sections and the top, all keys that there are come behind it.
            self.assertEqual(refusal.partition(" There are: ")[0], sentence)
        self.assertTrue(
            self.refused("[listen]\nsntp = 1\n")[0].endswith(" There are: smtp, panel")
        )

    def test_near_key_of_set(self) -> None:
        """The same holds for --set."""
        for key, meant in (
            (
                "settings.authent_encryption.alow_ssl_pop",
                "settings.authent_encryption.allow_ssl_pop",
            ),
            ("authent_encryption.allow_ssl_pop", "settings.authent_encryption"),
            ("listen.pannel", "listen.panel"),
        ):
            error = self.assertRaises(
                ConfigurationError, read_configuration, sets=[f"{key}=on"]
            )
            self.assertIn(f"; did you mean {meant}?", str(error))

    def test_value_for_table(self) -> None:
        """A single value where a table belongs is refused."""
        self.assertEqual(
            self.refused("limits = 5\n"),
            ["FILE: limits: 5 is not allowed; allowed: a table, [limits]"],
        )
        self.assertEqual(
            self.refused("quirks = 5\n"),
            ["FILE: quirks: 5 is not allowed; allowed: a table, [quirks]"],
        )
        self.assertEqual(
            self.refused("settings = 5\n"),
            ["FILE: settings: 5 is not allowed; allowed: a table for each window"],
        )
        self.assertEqual(
            self.refused("[settings]\nemail_ifax = 5\n"),
            [
                "FILE: settings.email_ifax: 5 is not allowed; allowed: tables named email_ifax, "
                "authent_encryption, receiving_mac_address, service_mode, quirks"
            ],
        )

    def test_key_with_dots_in_quotes(self) -> None:
        """A whole key in quotes is not taken for the window and its item."""
        (sentence,) = self.refused('[settings]\n"email_ifax.pop" = true\n')
        self.begins(sentence, "FILE: settings.email_ifax.pop: ")

    def test_several(self) -> None:
        """All that is wrong is named at once, a line each."""
        sentences = self.refused(
            'colour = 1\nstate = 5\n[limits]\nerrors = "x"\n[listen]\nsmtp = 1\npanel = 2\n'
            "[settings.email_ifax]\npop_interval = 100\nfull_mode_timeout = 0\n"
        )
        self.assertEqual(
            sorted(sentence.split(": ")[1] for sentence in sentences),
            [
                "colour",
                "limits.errors",
                "listen.panel",
                "listen.smtp",
                "settings.email_ifax.full_mode_timeout",
                "settings.email_ifax.pop_interval",
                "state",
            ],
        )

    def test_not_on_this_model(self) -> None:
        """A setting that the model does not have is refused by the model's name."""
        text = '[settings.authent_encryption]\nallow_ssl_smtp_receive = "on"\n'
        self.assertEqual(
            self.refused('model = "ir2200"\n' + text),
            [
                "FILE: settings.authent_encryption.allow_ssl_smtp_receive: the Canon imageRUNNER "
                "2200 (ir2200) does not have this setting"
            ],
        )

    def test_unknown_model(self) -> None:
        """A model that there is not is refused with those there are."""
        (sentence,) = self.refused('model = "ir9999"\n')
        self.assertEqual(
            sentence,
            f"FILE: model: 'ir9999' is not allowed; allowed: {', '.join(model_names())}, "
            "or the path of a model file (ending in .toml)",
        )
        (sentence,) = self.refused("model = 5\n")
        self.assertIn("model: 5 is not allowed", sentence)

    def test_not_toml(self) -> None:
        """A file that is not TOML is refused with the line."""
        (sentence,) = self.refused("[listen]\nsmtp = tcp:25\n")
        self.begins(sentence, "FILE: ")
        self.assertIn("line 2", sentence)

    def test_twice(self) -> None:
        """A key that is given twice is refused."""
        (sentence,) = self.refused('state = "a"\nstate = "b"\n')
        self.begins(sentence, "FILE: ")
        self.assertIn("line 2", sentence)

    def test_enormous_number(self) -> None:
        """A number of thousands of digits is refused in a sentence."""
        self.refused("[limits]\nerrors = " + "1" * 5000)

    def test_not_text(self) -> None:
        """A file that is not UTF-8 is refused."""
        path = Path(self.mktemp())
        path.write_bytes(b'state = "\xff"\n')
        self.assertIn(str(path), self.refusal(lambda: read_configuration(str(path))))

    def test_no_file(self) -> None:
        """A missing file is refused in words, its name said once."""
        path = self.mktemp()
        sentence = self.refusal(lambda: read_configuration(path))
        self.assertEqual(sentence, f"{path}: No such file or directory")

    def test_host_name_that_no_certificate_can_have(self) -> None:
        """A host name outside ASCII is refused here, not when the certificate is made."""
        (sentence,) = self.refused('[tls]\nhostnames = ["drücker.bench.test"]\n')
        self.begins(sentence, "FILE: tls.hostnames: ")

    def test_host_names(self) -> None:
        """What cannot be a host name is refused."""
        for name in ("", "a b", "a/b", "a@b", "a\tb", "x" * 256):
            (sentence,) = self.refused(f"[tls]\nhostnames = [{json.dumps(name)}]\n")
            self.assertIn("tls.hostnames: ", sentence)


class SetRefusalTests(Case):
    """The same for --set, which is named instead of a file."""

    def refused_set(self, *sets: str) -> str:
        """Return what these are refused with."""
        return self.refusal(lambda: read_configuration(sets=list(sets)))

    def test_wrong_value(self) -> None:
        """A wrong value is refused, and --set named."""
        self.assertEqual(
            self.refused_set("limits.errors=many"),
            "--set: limits.errors: 'many' is not allowed; allowed: a whole number from 1 to 1000",
        )

    def test_no_equals(self) -> None:
        """An assignment without key or equals sign is refused with the form it has."""
        self.assertEqual(
            self.refused_set("limits.errors"), "--set limits.errors: write it as KEY=VALUE"
        )
        self.assertEqual(self.refused_set("=5"), "--set =5: write it as KEY=VALUE")

    def test_below_a_value(self) -> None:
        """A key below a single value is refused."""
        self.assertIn("state", self.refused_set("state=x", "state.y=z"))
        self.assertIn("limits.errors", self.refused_set("limits.errors.x=1"))
        self.assertIn(
            "settings.email_ifax.pop", self.refused_set("settings.email_ifax.pop.x=1")
        )

    def test_strange_keys(self) -> None:
        """Keys with empty parts are refused like any other that there is not."""
        for key in (".", "..", "limits.", ".limits", "settings.", "settings..", "settings.a"):
            self.assertIn("--set", self.refused_set(f"{key}=1"), key)

    def test_file_first(self) -> None:
        """What is wrong in the file is said of the file though --set would override it."""
        (sentence,) = self.refused("[limits]\nerrors = 0\n", sets=["limits.errors=5"])
        self.begins(sentence, "FILE: limits.errors: 0")


class SecretTests(Case):
    """Secrets reach neither a message nor a log."""

    def test_not_in_messages(self) -> None:
        """A secret that is refused is not shown."""
        long = "hunter2" * 40
        for sets in (
            [f"settings.email_ifax.pop_password={long}"],
            [f"settings.authent_encryption.password={long}"],
            [f"panel.password={long}"],
            [f"mailhost.accounts={long}"],
        ):
            sentence = self.refusal(lambda sets=sets: read_configuration(sets=sets))
            self.assertNotIn("hunter2", sentence)
            self.assertIn("this value is not allowed", sentence)

    def test_not_in_repr(self) -> None:
        """The repr of a configuration holds no secret, wherever it was given."""
        path = self.file(
            '[settings.email_ifax]\npop_password = "hunter2"\n[panel]\npassword = "hunter2"\n'
        )
        read = read_configuration(
            path,
            sets=[
                "settings.authent_encryption.password=hunter2",
                "mailhost.accounts.a@b=hunter2",
            ],
        )
        self.assertEqual(read.settings["email_ifax.pop_password"], "hunter2")
        self.assertNotIn("hunter2", repr(read))


class WithoutFileTests(Case):
    """`configuration()`, which tests and irsend.testing use."""

    def test_values(self) -> None:
        """Values are given as the file would have them."""
        read = configuration(
            model="ir2200",
            state="x",
            limits={"errors": 3},
            settings={"email_ifax": {"pop": "on"}},
        )
        self.assertEqual(
            (read.model.name, read.state, read.limits.errors, read.settings),
            ("ir2200", "x", 3, {"email_ifax.pop": True}),
        )

    def test_refused(self) -> None:
        """They are refused like those of a file, without a file's name."""
        self.assertEqual(
            self.refusal(lambda: configuration(limits={"errors": 0})),
            "limits.errors: 0 is not allowed; allowed: a whole number from 1 to 1000",
        )


class QuirkTests(Case):
    """Quirks have a table of their own, and keys that were elsewhere are still read."""

    def test_tables(self) -> None:
        """[quirks] says what [settings.quirks] says, and has precedence; --set knows both."""
        path = self.file(
            "[settings.quirks]\nno_quit = true\ndate = 'iso'\n[quirks]\ndate = 'none'\nhelo_only = true\n"
        )
        read = read_configuration(
            path, sets=["quirks.no_quit=off", "settings.quirks.helo_name=bare"]
        )
        self.assertEqual(
            read.settings,
            {"quirks.no_quit": True, "quirks.date": "none", "quirks.helo_only": True},
        )
        self.assertEqual(read.overrides, {"quirks.no_quit": False, "quirks.helo_name": "bare"})

    def test_wrong_value(self) -> None:
        """A wrong value is named by the table in which it stands."""
        for table, name in (("quirks", "quirks"), ("settings.quirks", "settings.quirks")):
            self.assertEqual(
                self.refused(f"[{table}]\nfinal_dot = 'lost'\n"),
                [
                    f"FILE: {name}.final_dot: 'lost' is not allowed; allowed: standard, late, missing, "
                    "bare_lf"
                ],
            )

    def test_old_key(self) -> None:
        """[sending] helo is read as quirks.helo_name, with a warning that names it; the new key wins."""
        path = self.file("[sending]\nhelo = 'literal'\n")
        read = read_configuration(path, sets=["sending.helo=bare"])
        self.assertEqual(read.settings, {"quirks.helo_name": "literal"})
        self.assertEqual(read.overrides, {"quirks.helo_name": "bare"})
        new = "sending.helo is called quirks.helo_name now; write quirks.helo_name ="
        self.assertEqual(read.warnings, (f'{path}: {new} "literal"', f'--set: {new} "bare"'))
        path = self.file("[sending]\nhelo = 'literal'\n[quirks]\nhelo_name = 'empty'\n")
        self.assertEqual(read_configuration(path).settings, {"quirks.helo_name": "empty"})

    def test_old_key_at_its_default(self) -> None:
        """[sending] helo = "model" changes nothing, and is to be taken out."""
        path = self.file("[sending]\nhelo = 'model'\n")
        read = read_configuration(path)
        self.assertEqual(read.settings, {})
        self.assertEqual(
            read.warnings,
            (f"{path}: sending.helo is called quirks.helo_name now; take it out",),
        )

    def test_old_key_refused(self) -> None:
        """A wrong value of the old key is refused by the old key's name."""
        self.assertEqual(
            self.refused("[sending]\nhelo = 'full'\n"),
            [
                "FILE: sending.helo: 'full' is not allowed; "
                "allowed: model, name, bare, literal, ip, empty"
            ],
        )

    def test_no_warning(self) -> None:
        """Files that have no old key warn of nothing."""
        self.assertEqual(read_configuration(str(SHIPPED)).warnings, ())


COMMENTED = re.compile(r"^# ([a-z0-9_]+ = )", re.MULTILINE)


def keys_of_the_code() -> dict[str, Any]:
    """Every key there is, with its default as TOML writes it."""
    keys: dict[str, Any] = {"model": "ir2270"}
    for key, about, default in items_of(Configuration):
        keys[key] = about.kind.plain(default)
    for section, made_of in SECTIONS.items():
        for key, about, _ in items_of(made_of):
            keys[f"{section}.{key}"] = about.kind.plain(getattr(made_of(), key))
    for key, about in ITEMS.items():
        table = "" if key.startswith("quirks.") else "settings."
        keys[table + key] = about.kind.plain(DEFAULTS[key])
    return keys


_TABLES_OF_THEIR_OWN = ("mailhost.accounts", "link.addresses")


def keys_of(text: str) -> dict[str, Any]:
    """Every key of a file, whole."""
    found: dict[str, Any] = {}

    def walk(table: dict[str, Any], prefix: str) -> None:
        for key, value in table.items():
            if isinstance(value, dict) and prefix + key not in _TABLES_OF_THEIR_OWN:
                walk(value, f"{prefix}{key}.")
            else:
                found[prefix + key] = value

    walk(tomllib.loads(text), "")
    return found


class ShippedFileTests(Case):
    """etc/irsend.toml is made from the code, and says what the code does."""

    def setUp(self) -> None:
        self.text = SHIPPED.read_text("utf-8")
        self.uncommented = COMMENTED.sub(r"\1", self.text)

    def test_is_sample(self) -> None:
        """The shipped file is what `python -m irsend.sample_configuration` writes (else: write it anew)."""
        self.assertEqual(self.text, sample())

    def test_module_writes_it(self) -> None:
        """`python -m irsend.sample_configuration` writes the file to its output."""
        with redirect_stdout(StringIO()) as written:
            runpy.run_path(irsend.sample_configuration.__file__, run_name="__main__")
        self.assertEqual(written.getvalue(), self.text)

    def test_bench(self) -> None:
        """As shipped it sets the bench of `make run`, and nothing else."""
        expected = {
            "mailhost.enabled": True,
            "settings.email_ifax.smtp_receive": True,
            "settings.email_ifax.pop": True,
            "settings.email_ifax.email_address": "ir@bench.test",
            "settings.email_ifax.smtp_server": "127.0.0.1",
            "settings.email_ifax.pop_server": "127.0.0.1",
            "settings.email_ifax.pop_address": "ir@bench.test",
            "settings.email_ifax.pop_password": "bench",
            "settings.service_mode.smtp_tx_port": 2526,
            "settings.service_mode.pop3_port": 2110,
        }
        self.assertEqual(keys_of(self.text), expected)
        self.assertEqual(BENCH, expected)

    def test_bench_fits_the_mail_host(self) -> None:
        """The machine logs in where the mail host listens, as one of its accounts."""
        read = read_configuration(str(SHIPPED))
        self.assertEqual(
            read.mailhost.accounts[read.settings["email_ifax.pop_address"]],
            read.settings["email_ifax.pop_password"],
        )
        for port, endpoint in (
            ("smtp_tx_port", read.mailhost.smtp),
            ("pop3_port", read.mailhost.pop3),
        ):
            self.assertIn(f":{read.settings[f'service_mode.{port}']}:", endpoint)

    def test_every_key_once(self) -> None:
        """Each key of the code stands in the file once, in its table."""
        self.assertEqual(set(keys_of(self.uncommented)), set(keys_of_the_code()))
        lines = re.findall(r"^(?:# )?([a-z0-9_]+) = ", self.text, re.MULTILINE)
        self.assertEqual(len(lines), len(keys_of_the_code()))

    def test_defaults(self) -> None:
        """With the "#" taken away each key has the default of the code, or the bench's value."""
        self.assertEqual(keys_of(self.uncommented), {**keys_of_the_code(), **BENCH})

    def test_uncommented_is_read(self) -> None:
        """With every "#" taken away, the file reads as if it said nothing (on a model that has all)."""
        path = self.file(self.uncommented)
        usual = read_configuration(model="iradvance")
        read = read_configuration(path, model="iradvance")
        self.assertEqual(
            attrs.evolve(
                read, settings={}, mailhost=attrs.evolve(read.mailhost, enabled=False)
            ),
            usual,
        )
        bench = {
            key.removeprefix("settings."): value
            for key, value in BENCH.items()
            if key.startswith("settings.")
        }
        self.assertEqual(read.settings, {**DEFAULTS, **bench})

    def test_sections(self) -> None:
        """Every section has its heading, with its meaning below it, also where it has no key yet."""
        for section, made_of in SECTIONS.items():
            meaning = (made_of.__doc__ or "").split("\n")[0]
            self.assertIn(f"\n[{section}]\n# {meaning}", self.text)

    def test_told(self) -> None:
        """Above each key stands what is allowed, and for a setting what the panel calls it."""
        blocks = self.text.split("\n\n")
        for key, about in ITEMS.items():
            _, _, name = key.partition(".")
            told = [
                block
                for block in blocks
                if re.search(rf"^(# )?{name} = ", block, re.MULTILINE)
                and f"# {about.label}. " in block
            ]
            self.assertEqual(len(told), 1, key)
            self.assertIn("#   Allowed: ", told[0])
            said = " ".join(line.removeprefix("#").strip() for line in told[0].split("\n"))
            self.assertIn(about.meaning, said)

    def test_form(self) -> None:
        """No line is wider than 96 columns or ends in a blank; two empty lines stand only above a table."""
        for line in self.text.split("\n"):
            self.assertLessEqual(len(line), 96)
            self.assertEqual(line, line.rstrip())
        self.assertNotRegex(self.text, r"\n\n\n(?!\[)")
        self.assertNotIn("\n\n\n\n", self.text)
