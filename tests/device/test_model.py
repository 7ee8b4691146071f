"""The printers that irsend knows, and model files of one's own (docs/models)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

import irsend.device.models
from irsend.device.model import Model, load_model, model_names
from irsend.device.windows import DEFAULTS, ITEMS, SSLPolicy
from irsend.errors import ModelError, SettingsRefused

RECEIVE = "authent_encryption.allow_ssl_smtp_receive"
DESCRIBED = ("estudio190f", "ir2200", "ir2270", "iradvance")
"""The models of docs/fidelity."""
VERIFY = {
    "authent_encryption.verify_pop",
    "authent_encryption.verify_smtp_send",
    "authent_encryption.verify_cn",
}


class ShippedTests(SynchronousTestCase):
    """The models that irsend comes with."""

    def missing(self, name: str) -> set[str]:
        """The items that are on no window of a model."""
        return set(ITEMS) - set(load_model(name).items())

    def test_names(self) -> None:
        """Each file in `models/` is a model, and those that the sources describe are among them."""
        files = Path(irsend.device.models.__file__).parent.glob("*.toml")
        self.assertEqual(model_names(), sorted(file.stem for file in files))
        self.assertLessEqual(set(DESCRIBED), set(model_names()))

    def test_named_as_their_files(self) -> None:
        """Each file describes the model that it is called by, with title, maker and year."""
        for name in model_names():
            model = load_model(name)
            self.assertEqual(model.name, name)
            self.assertTrue(model.title.startswith(model.maker), name)
            self.assertGreater(model.year, 1999, name)

    def test_ehlo(self) -> None:
        """Those that the sources describe announce all that the session understands; none announces more."""
        understood = ("SIZE", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES", "DSN")
        for name in DESCRIBED:
            self.assertEqual(load_model(name).ehlo, understood)
        for name in model_names():
            self.assertLessEqual(set(load_model(name).ehlo), set(understood), name)

    def test_ir2270(self) -> None:
        """The seed's machine has all windows but the checks of certificates, and TLS 1.0."""
        model = load_model("ir2270")
        self.assertEqual(self.missing("ir2270"), VERIFY)
        assert model.tls is not None
        self.assertEqual((model.tls.oldest, model.tls.newest), ("TLS 1.0", "TLS 1.0"))
        self.assertEqual((model.tls.key_bits, model.tls.server_name), (1024, False))
        self.assertTrue(model.tls.ciphers.startswith("AES128-SHA:"))

    def test_ir2200(self) -> None:
        """Before the iR 2270 there is no encrypted SMTP reception, and nothing else is missing."""
        self.assertEqual(self.missing("ir2200"), VERIFY | {RECEIVE})
        self.assertIsNotNone(load_model("ir2200").tls)

    def test_estudio190f(self) -> None:
        """The Toshiba has no TLS, so none of its switches, and no filter of MAC addresses."""
        self.assertIsNone(load_model("estudio190f").tls)
        self.assertEqual(
            self.missing("estudio190f"),
            VERIFY
            | {RECEIVE}
            | {"authent_encryption.allow_ssl_pop", "authent_encryption.allow_ssl_smtp_send"}
            | {key for key in ITEMS if key.startswith("receiving_mac_address.")},
        )

    def test_iradvance(self) -> None:
        """The later machine has every item, TLS 1.2 and up, and says which server it looks for."""
        model = load_model("iradvance")
        self.assertEqual(model.items(), list(ITEMS))
        assert model.tls is not None
        self.assertEqual((model.tls.oldest, model.tls.newest), ("TLS 1.2", "TLS 1.3"))
        self.assertEqual((model.tls.key_bits, model.tls.server_name), (2048, True))

    def test_canon_order(self) -> None:
        """Canon's mechanisms come in the order of docs/mechanisms-canon."""
        for name in ("ir2200", "ir2270"):
            sasl = load_model(name).sasl
            self.assertEqual(sasl.secured, ("CRAM-MD5", "NTLM", "GSSAPI", "PLAIN", "LOGIN"))
            self.assertEqual(sasl.plain, ("CRAM-MD5", "NTLM", "GSSAPI", "LOGIN", "PLAIN"))

    def test_toshiba_order(self) -> None:
        """Toshiba takes CRAM-MD5 of all three, DIGEST-MD5 before LOGIN without it."""
        sasl = load_model("estudio190f").sasl
        self.assertEqual((sasl.secured, sasl.plain), ((), ("CRAM-MD5", "DIGEST-MD5", "LOGIN")))

    def test_fresh_from_the_box(self) -> None:
        """Each comes with the defaults of the windows, but for those that its file names."""
        for name in model_names():
            model = load_model(name)
            fresh, defaults = model.initial_settings(), {**DEFAULTS, **model.defaults}
            for key in ITEMS:
                self.assertEqual(fresh.value(key), defaults[key])
                self.assertEqual(model.default(key), defaults[key])
        for name in DESCRIBED:
            self.assertEqual(load_model(name).defaults, {})


class SettingsTests(SynchronousTestCase):
    """A model reads settings."""

    def refused(self, name: str, values: dict[str, object]) -> list[str]:
        """The sentences that these are refused with."""
        model = load_model(name)
        error = self.assertRaises(SettingsRefused, model.read_settings, values)
        return str(error).split("\n")

    def test_read(self) -> None:
        """What is allowed is read by whole key."""
        self.assertEqual(
            load_model("ir2270").read_settings({RECEIVE: "ssl", "email_ifax.pop": "on"}),
            {RECEIVE: SSLPolicy.SSL, "email_ifax.pop": True},
        )

    def test_absent(self) -> None:
        """An item that a model does not have is refused with the model's name, for any value."""
        for value in ("off", "ssl", 17):
            self.assertEqual(
                self.refused("ir2200", {RECEIVE: value}),
                [f"{RECEIVE}: the Canon imageRUNNER 2200 (ir2200) does not have this setting"],
            )
        self.assertEqual(
            self.refused("ir2270", {"authent_encryption.verify_pop": True}),
            [
                "authent_encryption.verify_pop: the Canon imageRUNNER 2270 (ir2270) "
                "does not have this setting"
            ],
        )

    def test_unknown(self) -> None:
        """An unknown key that is near none is refused with those of its window, else the windows."""
        self.assertEqual(
            self.refused("ir2270", {"service_mode.colour": 5}),
            [
                "service_mode.colour: there is no such setting in service_mode; there are: "
                "smtp_tx_port, smtp_rx_port, pop3_port, disabled_mechanisms"
            ],
        )
        for key in ("colour", "", ".", "window.colour", "smtp", "x" * 1_000_000):
            self.assertIn(
                "there is no such setting; its first part is one of email_ifax, ",
                self.refused("ir2270", {key: 5})[0],
            )

    def test_near(self) -> None:
        """An unknown key is refused with the nearest that the printer has, whatever window is named."""
        near = {
            "authent_encryption.alow_ssl_pop": "authent_encryption.allow_ssl_pop",
            "authent_encrypton.allow_ssl_pop": "authent_encryption.allow_ssl_pop",
            "email_ifax.allow_ssl_pop": "authent_encryption.allow_ssl_pop",
            "allow_ssl_pop": "authent_encryption.allow_ssl_pop",
            "authent_encryption_allow_ssl_pop": "authent_encryption.allow_ssl_pop",
            "pop_ssl": "authent_encryption.allow_ssl_pop",
            "smtp_auth": "authent_encryption.smtp_authentication",
            "Email-Ifax.POP-Interval": "email_ifax.pop_interval",
            "pop": "email_ifax.pop",
            "service_mode.port": "service_mode.smtp_tx_port, service_mode.smtp_rx_port "
            "or service_mode.pop3_port",
        }
        for key, meant in near.items():
            self.assertEqual(
                self.refused("ir2270", {key: "on"}),
                [f"{key}: there is no such setting; did you mean {meant}?"],
            )
        (sentence,) = self.refused("ir2200", {"authent_encryption.verify_pops": True})
        self.assertNotIn("verify_pop?", sentence)

    def test_near_words(self) -> None:
        """A word that is nearly an allowed one is refused with that; a secret is never repeated."""
        near = {
            ("authent_encryption.allow_ssl_smtp_receive", "onn"): "allowed: off, on or ssl; "
            "did you mean on?",
            ("email_ifax.pop", "of"): "allowed: on or off (true or false); did you mean off?",
            ("service_mode.disabled_mechanisms", "NTLM, CRAM"): "('CRAM' is not a mechanism; "
            "did you mean CRAM-MD5?)",
        }
        for (key, word), said in near.items():
            self.assertIn(said, self.refused("ir2270", {key: word})[0])
        (sentence,) = self.refused("ir2270", {"email_ifax.pop_password": "x" * 33})
        self.assertNotIn("xx", sentence)

    def test_many_wrong_keys(self) -> None:
        """For the first 20 wrong keys the nearest is searched, not for thousands of them."""
        sentences = self.refused("ir2270", {f"pop_interval{at}": 1 for at in range(1000)})
        self.assertEqual(sum("did you mean" in one for one in sentences), 20)

    def test_each_wrong_key(self) -> None:
        """Each wrong key is named; the right ones among them are not."""
        sentences = self.refused(
            "ir2200",
            {
                "email_ifax.pop": True,
                "email_ifax.pop_interval": 100,
                RECEIVE: "on",
                "x.y": 1,
            },
        )
        self.assertEqual(
            [one.partition(":")[0] for one in sentences],
            ["email_ifax.pop_interval", RECEIVE, "x.y"],
        )

    @settings(deadline=None, max_examples=50)
    @given(st.dictionaries(st.text() | st.sampled_from(list(ITEMS)), st.text() | st.integers()))
    def test_anything(self, values: dict[str, object]) -> None:
        """Whatever keys and values are given, they are read or refused key by key."""
        try:
            load_model("ir2270").read_settings(values)
        except SettingsRefused as error:
            self.assertLessEqual({one.key for one in error.refused}, set(values))


class OwnFileTests(SynchronousTestCase):
    """A model file of one's own, by its path."""

    def path(self, text: str) -> str:
        """Write a model file."""
        path = Path(self.mktemp() + ".toml")
        path.write_text(text, "utf-8")
        return str(path)

    def load(self, text: str) -> Model:
        """Load a model file."""
        return load_model(self.path(text))

    def refused(self, text: str) -> str:
        """Return what a model file is refused with, its name as FILE."""
        path = self.path(text)
        sentence = str(self.assertRaises(ModelError, load_model, path))
        self.assertTrue(sentence.startswith((path, f"model: {path}")), sentence)
        return sentence.replace(path, "FILE")

    def refused_at(self, text: str, line: int) -> str:
        """Return the same without the line, which must be this one in each sentence."""
        sentences = self.refused(text).splitlines()
        for sentence in sentences:
            self.assertTrue(sentence.startswith(f"FILE: line {line}: "), sentence)
        return "\n".join(one.replace(f"line {line}: ", "", 1) for one in sentences)

    def test_smallest(self) -> None:
        """A name is enough: no TLS, no mechanisms, every item but those of later models."""
        model = self.load('name = "mine"\n')
        self.assertEqual(model.name, "mine")
        self.assertIsNone(model.tls)
        self.assertEqual((model.sasl.secured, model.sasl.plain), ((), ()))
        self.assertEqual(set(ITEMS) - set(model.items()), VERIFY)

    def test_whole(self) -> None:
        """Everything that a model can have is read."""
        model = self.load(
            """
            name = "mine"
            title = "My printer"
            maker = "Me"
            year = 1999
            ehlo = ["8BITMIME"]
            lacks = ["email_ifax.pop"]
            has = ["authent_encryption.verify_pop"]
            [tls]
            oldest = "TLS 1.1"
            newest = "TLS 1.3"
            ciphers = "ALL"
            key_bits = 4096
            server_name = true
            [sasl]
            secured = ["PLAIN"]
            plain = ["LOGIN", "PLAIN"]
            [defaults.email_ifax]
            pop_interval = 15
            [defaults.authent_encryption]
            allow_ssl_smtp_receive = "on"
            """
        )
        assert model.tls is not None
        self.assertEqual(
            (model.tls.oldest, model.tls.newest, model.tls.ciphers, model.tls.key_bits),
            ("TLS 1.1", "TLS 1.3", "ALL", 4096),
        )
        self.assertEqual((model.title, model.maker, model.year), ("My printer", "Me", 1999))
        self.assertEqual(model.ehlo, ("8BITMIME",))
        self.assertFalse(model.has_item("email_ifax.pop"))
        self.assertTrue(model.has_item("authent_encryption.verify_pop"))
        self.assertEqual(
            (model.sasl.secured, model.sasl.plain), (("PLAIN",), ("LOGIN", "PLAIN"))
        )
        self.assertEqual(model.default("email_ifax.pop_interval"), 15)
        fresh = model.initial_settings()
        self.assertEqual(fresh.email_ifax.pop_interval, 15)
        self.assertIs(fresh.authent_encryption.allow_ssl_smtp_receive, SSLPolicy.ON)
        self.assertEqual(fresh.email_ifax.full_mode_timeout, 24)

    def test_path_without_slash(self) -> None:
        """What ends in .toml is a path, also without a slash."""
        sentence = str(self.assertRaises(ModelError, load_model, "there-is-no-such.toml"))
        self.assertEqual(sentence, "model: there-is-no-such.toml: No such file or directory")

    def test_unknown_name(self) -> None:
        """A name that there is not is refused with those there are, and how to name a file."""
        for name, near in (
            ("zebra", ""),
            ("", ""),
            ("IR2270", "; did you mean ir2270?"),
            ("hp-m277", "; did you mean hp-m276?"),
            ("__init__", ""),
        ):
            sentence = str(self.assertRaises(ModelError, load_model, name))
            self.assertEqual(
                sentence,
                f"model: {name!r} is not allowed; allowed: {', '.join(model_names())}, "
                f"or the path of a model file (ending in .toml){near}",
            )

    def test_not_a_file(self) -> None:
        """A directory, a missing file and a file that is not text are refused in words."""
        directory = Path(self.mktemp())
        directory.mkdir()
        for path, words in (
            (f"{directory}/", "Is a directory"),
            (f"{directory}/x.toml", "No such file or directory"),
        ):
            sentence = str(self.assertRaises(ModelError, load_model, path))
            self.assertEqual(sentence, f"model: {path}: {words}")
        path = Path(self.path(""))
        path.write_bytes(b"\xff\xfe")
        sentence = str(self.assertRaises(ModelError, load_model, str(path)))
        self.assertEqual(sentence, f"model: {path}: not a text file in UTF-8")

    def test_bad_toml(self) -> None:
        """A file that is not TOML is refused with the line."""
        self.assertIn("line 2", self.refused('name = "x"\nyear = \n'))
        self.refused('name = "x"\nyear = ' + "1" * 5000)

    def test_no_name(self) -> None:
        """A model file without a name is refused."""
        for text in ("", "year = 1999\n", 'name = ""\n'):
            said = self.refused(text).replace("line 1: ", "")
            self.assertEqual(said, "FILE: name: every model file has a name")

    def test_wrong_name(self) -> None:
        """A name is one word."""
        for name in ('"a b"', '"a/b"', '"' + "x" * 41 + '"', "5", "true", "[1]"):
            self.assertIn("FILE: line 1: name: ", self.refused(f"name = {name}\n"))

    def test_unknown_key(self) -> None:
        """An unknown key is refused with its line, the keys there are, and the one that was meant."""
        there_are = (
            "; there are: name, title, maker, year, special, ehlo, lacks, has, tls, sasl, "
            "sending, reception, header, quirks, defaults, sources, assumed"
        )
        self.assertEqual(
            self.refused('name = "x"\ncolour = true\n[headre]\n'),
            f"FILE: line 2: colour: there is no such key{there_are}\n"
            f"FILE: line 3: headre: there is no such key; did you mean header? T{there_are[3:]}",
        )
        self.assertEqual(
            self.refused('name = "x"\n# -- TLS\n[tls]\nciphres = 1\n'),
            "FILE: line 4: tls.ciphres: there is no such key; did you mean tls.ciphers? "
            "There are: oldest, newest, ciphers, suites, groups, signatures, "
            "extensions, implicit, implicit_always, key_bits, server_name",
        )

    def test_lines(self) -> None:
        """A line is found behind values of several lines, by quoted and dotted keys, and of a table."""
        for text, line in (
            ('name = "x"\nlacks = [\n  "email_ifax.pop",\n]\nyear = 1\n', 5),
            ('name = "x"\n\ntls.oldest = 1\n', 3),
            ('name = "x"\n[ "tls" ] # here\n"oldest" = 1\n', 3),
            ('name = "x"\n[tls]\n[sasl]\nplain = [\n 1 ]\n', 4),
            ('name = "x"\ntls = { oldest = "x" }\n', 2),
            ('name = "x"\ntitle = """\nyear = 2\n"""\nyear = 1\n', 5),
        ):
            self.assertIn(f"line {line}: ", self.refused(text), text)

    def test_each_wrong_thing(self) -> None:
        """Every wrong key of a file is named in one go."""
        sentences = self.refused(
            'name = "x"\nyear = 1\n[tls]\nkey_bits = 1\n[sasl]\nplain = ["x"]\n'
        ).splitlines()
        self.assertEqual(
            [one.partition(": ")[2].partition(": ")[0] for one in sentences],
            ["line 2", "line 4", "line 6"],
        )

    def test_quirks(self) -> None:
        """[quirks] is what the printer does fresh from its box, as [defaults.quirks] is."""
        for table in ("quirks", "defaults.quirks"):
            model = self.load(f'name = "x"\n[{table}]\nno_quit = true\ndate = "iso"\n')
            self.assertEqual(model.defaults, {"quirks.no_quit": True, "quirks.date": "iso"})
            self.assertIs(model.initial_settings().quirks.no_quit, True)
            self.assertEqual(model.default("quirks.date"), "iso")

    def test_wrong_quirk(self) -> None:
        """A quirk that there is not, or a value that it has not, is named."""
        self.assertRegex(
            self.refused('name = "x"\n[quirks]\nno_quits = true\n'),
            r"^FILE: line 3: quirks.no_quits: there is no such key; did you mean quirks.no_quit\? "
            "There are: helo_only, .*no_quit, ",
        )
        self.assertEqual(
            self.refused('name = "x"\n[quirks]\ndate = "soon"\n'),
            "FILE: line 3: quirks.date: 'soon' is not allowed; "
            "allowed: standard, none, asctime, iso, short_year",
        )

    def test_old_keys(self) -> None:
        """Keys that are quirks now are read still, with a warning that names the new key."""
        model = self.load(
            'name = "x"\n[sasl]\nuser_inline = true\nstrict_prompts = true\n'
            '[sending]\nhelo = "bare"\nquits = false\n'
            "[header]\ntrailing_dot = true\ndeclared_quoted_printable = true\n"
        )
        self.assertEqual(
            model.defaults,
            {
                "quirks.inline_login_name": True,
                "quirks.login_prompts": "strict",
                "quirks.helo_name": "bare",
                "quirks.no_quit": True,
                "quirks.message_id_trailing_dot": True,
                "quirks.multipart_quoted_printable": True,
            },
        )
        self.assertEqual(
            [one.partition(": ")[2] for one in model.warnings],
            [
                f"{old} is called {new} now; write {new} = {value}"
                for old, new, value in (
                    ("sasl.user_inline", "quirks.inline_login_name", "true"),
                    ("sasl.strict_prompts", "quirks.login_prompts", '"strict"'),
                    ("sending.helo", "quirks.helo_name", '"bare"'),
                    ("sending.quits", "quirks.no_quit", "true"),
                    ("header.trailing_dot", "quirks.message_id_trailing_dot", "true"),
                    (
                        "header.declared_quoted_printable",
                        "quirks.multipart_quoted_printable",
                        "true",
                    ),
                )
            ],
        )

    def test_old_keys_refused(self) -> None:
        """A wrong value of an old key is refused by its name; where both stand the new one counts."""
        self.assertEqual(
            self.refused('name = "x"\n[sending]\nhelo = "full"\nquits = 5\n'),
            "FILE: line 3: sending.helo: 'full' is not allowed; "
            "allowed: name, bare, literal, ip, empty\n"
            "FILE: line 4: sending.quits: 5 is not allowed; allowed: on or off (true or false)",
        )
        model = self.load('name = "x"\n[sending]\nquits = false\n[quirks]\nno_quit = false\n')
        self.assertEqual(model.defaults, {"quirks.no_quit": False})

    def test_shipped_models_have_no_old_keys(self) -> None:
        """No model that irsend comes with is warned of."""
        self.assertEqual(
            [load_model(name).warnings for name in model_names()], [()] * len(model_names())
        )

    def test_single_value_for_table(self) -> None:
        """A single value where a table belongs is refused."""
        for table in ("tls", "sasl", "defaults"):
            for value in ("true", "false", '""', "[]"):
                self.assertEqual(
                    self.refused_at(f'name = "x"\n{table} = {value}\n', 2),
                    f"FILE: {table}: this is a table, not a single value",
                )
        self.assertIn(
            "defaults.email_ifax", self.refused('name = "x"\n[defaults]\nemail_ifax = 5\n')
        )

    def test_versions(self) -> None:
        """The oldest version is not newer than the newest, and both are versions."""
        self.assertEqual(
            self.refused_at('name = "x"\n[tls]\noldest = "TLS 1.2"\nnewest = "TLS 1.1"\n', 3),
            "FILE: tls.oldest: TLS 1.2 is newer than tls.newest",
        )
        self.assertEqual(
            self.refused_at('name = "x"\n[tls]\noldest = "SSL 2.0"\n', 3),
            "FILE: tls.oldest: 'SSL 2.0' is not allowed; "
            "allowed: SSL 3.0, TLS 1.0, TLS 1.1, TLS 1.2, TLS 1.3; did you mean SSL 3.0?",
        )

    def test_wrong_values(self) -> None:
        """Words, items, mechanisms and numbers that there are not are refused where they stand."""
        for text, key in (
            ('ehlo = ["CHUNKING"]', "ehlo"),
            ('lacks = ["email_ifax.fax"]', "lacks"),
            ("has = [5]", "has"),
            ("year = 1066", "year"),
            ('[sasl]\nplain = ["NONE"]', "sasl.plain"),
            ("[tls]\nkey_bits = 512", "tls.key_bits"),
            ('[tls]\nserver_name = "perhaps"', "tls.server_name"),
        ):
            sentence = self.refused_at(f'name = "x"\n{text}\n', 2 + text.count("\n"))
            self.assertIn(f"FILE: {key}: ", sentence)
            self.assertIn("; allowed: ", sentence)

    def test_wrong_defaults(self) -> None:
        """A default must be allowed by its item like any setting; the error says that it is a default."""
        cases: list[tuple[str, str]] = [
            (
                "[defaults.email_ifax]\npop_interval = 100",
                "defaults.email_ifax.pop_interval: 100",
            ),
            ("[defaults.email_ifax]\nfax = 1", "defaults.email_ifax.fax: there is no such"),
            (
                "[defaults.authent_encryption]\nverify_pop = true",
                "defaults.authent_encryption.verify_pop: the  (x) does not have",
            ),
        ]
        for text, said in cases:
            self.assertIn(
                said.replace("the  (x)", "the x"), self.refused(f'name = "x"\n{text}\n')
            )

    def test_has_and_lacks(self) -> None:
        """What a model lacks it does not have, even if it says both."""
        item = "authent_encryption.verify_pop"
        model: Any = self.load(f'name = "x"\nhas = ["{item}"]\nlacks = ["{item}"]\n')
        self.assertFalse(model.has_item(item))
