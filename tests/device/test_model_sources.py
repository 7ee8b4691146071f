"""Where the statements of model files come from, and how far each can be trusted (docs/models)."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from irsend.device.model import Model, load_model, model_names, read_model
from irsend.device.model_description import describe_model, tls_range
from irsend.device.model_file import located
from irsend.device.model_sources import ABOUT_THE_FILE, STANDINGS
from irsend.errors import ModelError

SOURCE = """
[[sources]]
address = "https://bench.example/thread"
date = "2026-11"
says = "It was seen."
keys = {keys}
"""
MODEL = """name = "x"
year = 2001
{assumed}
[tls]
oldest = "TLS 1.0"
newest = "TLS 1.2"
[sasl]
plain = ["LOGIN"]
"""


class ShippedTests(SynchronousTestCase):
    """The sources of the models that irsend comes with."""

    def test_each_statement(self) -> None:
        """Each key of each file has a standing, and at least one source is public and dated or read."""
        for name in model_names():
            provenance = load_model(name).provenance
            self.assertTrue(provenance.sources, name)
            for key in provenance.stated:
                if key not in ABOUT_THE_FILE:
                    self.assertIn(provenance.standing_of(key), STANDINGS, f"{name}: {key}")
            self.assertEqual(list(provenance.problems()), [], name)
            for source in provenance.sources:
                self.assertRegex(source.address, "^https?://")
                self.assertRegex(source.date or source.read, "^[12][0-9]{3}")

    def test_at_least_twelve_differ(self) -> None:
        """At least twelve models differ in what a server can see of them: TLS, logins, quirks."""
        seen = {
            (
                model.tls and (model.tls.oldest, model.tls.newest, model.tls.ciphers),
                model.sasl,
                tuple(sorted(model.defaults.items())),
            )
            for model in map(load_model, model_names())
        }
        self.assertGreaterEqual(len(seen), 12)

    def test_one_thread(self) -> None:
        """What rests on one thread only says so: Ricoh, Xerox, Konica Minolta, HP, Kyocera."""
        for name, key in (
            ("ricoh-mp", "sasl.success_words"),
            ("xerox-workcentre", "quirks.login_prompts"),
            ("bizhub", "quirks.inline_login_name"),
            ("hp-m276", "tls.newest"),
            ("hp-477dw", "tls.ciphers"),
            ("kyocera-taskalfa", "sasl.secured"),
        ):
            provenance = load_model(name).provenance
            self.assertEqual(provenance.standing_of(key), "single report", name)

    def test_makers(self) -> None:
        """The makers that mail administrators write about are there, and both of the extracts."""
        makers = {load_model(name).maker for name in model_names()}
        self.assertLessEqual(
            {
                "Canon",
                "Toshiba",
                "Ricoh",
                "Xerox",
                "Konica Minolta",
                "HP",
                "Kyocera",
                "Brother",
                "Sharp",
            },
            makers,
        )


class StandingTests(SynchronousTestCase):
    """How the standing of a key is found."""

    def model(self, assumed: str, *sources: str) -> Model:
        """Read a model with these sources."""
        return read_model("FILE", MODEL.format(assumed=assumed) + "".join(sources))

    def refused(self, assumed: str, *sources: str) -> str:
        """Return what such a model is refused with."""
        return str(self.assertRaises(ModelError, self.model, assumed, *sources))

    def problems(self, assumed: str, *sources: str) -> str:
        """Return what is wrong with the account of such a model, which is read all the same."""
        found = self.model(assumed, *sources).provenance.problems()
        text = MODEL.format(assumed=assumed) + "".join(sources)
        return located("FILE", text, found)

    def test_found(self) -> None:
        """The key itself has precedence over its table, in sources and in assumed."""
        model = self.model(
            'assumed = ["year", "tls", "sasl.plain"]',
            SOURCE.format(keys='["tls.newest", "sasl"]'),
        )
        found = model.provenance
        self.assertEqual(found.standing_of("tls.newest"), "single report")
        self.assertEqual(found.standing_of("tls.oldest"), "assumed")
        self.assertEqual(found.standing_of("sasl.plain"), "assumed")
        self.assertEqual(found.sources_of("sasl.plain"), [])
        self.assertEqual(found.sources_of("tls.newest"), [1])
        self.assertEqual(found.standing_of("header.order"), "")

    def test_two_reports(self) -> None:
        """Two single reports of the same are reported; a document is worth more than any number of them."""
        one = SOURCE.format(keys='["tls"]')
        document = one.replace("says =", 'standing = "documented"\nsays =')
        assumed = 'assumed = ["year", "sasl"]'
        for sources, standing in (
            ((one,), "single report"),
            ((one, one), "reported"),
            ((one, one, document), "documented"),
        ):
            found = self.model(assumed, *sources).provenance
            self.assertEqual(found.standing_of("tls.oldest"), standing)
            self.assertEqual(found.sources_of("tls.oldest"), list(range(1, len(sources) + 1)))

    def test_none(self) -> None:
        """A file without sources is read, and says nothing of what it sets."""
        found = self.model("").provenance
        self.assertEqual((found.sources, found.assumed), ((), ()))
        self.assertEqual(found.standing_of("tls.oldest"), "")

    def test_unaccounted(self) -> None:
        """A file that names a source or assumes a key accounts for all it sets; the error has the line."""
        self.assertEqual(
            self.problems('assumed = ["year", "tls"]'),
            "FILE: line 8: sasl.plain: it rests on no source: "
            "name it in the keys of a source, or in assumed",
        )

    def test_not_set(self) -> None:
        """A key that the file does not set cannot rest on a source; tls may, for a printer without."""
        self.assertIn(
            "FILE: line 3: assumed: 'header' is not allowed; allowed: keys that the file sets",
            self.problems('assumed = ["year", "tls", "sasl", "header"]'),
        )
        self.assertIn(
            "FILE: line 14: sources[1].keys: 'ehlo' is not allowed",
            self.problems('assumed = ["year", "tls", "sasl"]', SOURCE.format(keys='["ehlo"]')),
        )
        model = read_model("FILE", 'name = "x"\nassumed = ["tls"]\n')
        self.assertEqual(
            describe_model(model)["statements"],
            [{"key": "tls", "value": None, "standing": "assumed", "sources": []}],
        )

    def test_in_two_places(self) -> None:
        """A key that rests on a source is not assumed too."""
        self.assertIn(
            "assumed: 'tls' rests on a source too",
            self.problems('assumed = ["year", "tls", "sasl"]', SOURCE.format(keys='["tls"]')),
        )

    def test_wrong_sources(self) -> None:
        """A source that lacks a key, or has a wrong one, is refused with its line."""
        assumed = 'assumed = ["year", "tls", "sasl"]'
        for source, said in (
            ("[[sources]]\n", "line 9: sources[1].address: every source has this key"),
            (
                "[[sources]]\n",
                "line 9: sources[1].date: a source has a date, or says when it was",
            ),
            ('[[sources]]\naddress = "bench"\n', "line 10: sources[1].address: 'bench' is not"),
            ('[[sources]]\ndate = "May"\n', "line 10: sources[1].date: 'May' is not allowed; "),
            (
                '[[sources]]\nstanding = "sure"\n',
                "allowed: documented, reported, single report",
            ),
            (
                "[[sources]]\nadress = 1\n",
                "there is no such key; did you mean sources[1].address?",
            ),
            ("[sources]\n", "line 9: sources: this is an array of tables"),
            (
                SOURCE.format(keys='["sasl"]') + "[[sources]]\n",
                "line 15: sources[2].says: every source has this key",
            ),
        ):
            self.assertIn(said, self.refused(assumed, source), source)

    def test_dates(self) -> None:
        """A date may be TOML's own, and only a year or a month where the page says no more."""
        for written, read in (("2026-11-28", "2026-11-28"), ('"2026"', "2026")):
            source = SOURCE.format(keys='["tls"]').replace('"2026-11"', written)
            model = self.model('assumed = ["year", "sasl"]', source)
            self.assertEqual(model.provenance.sources[0].date, read)
            self.assertEqual(model.provenance.sources[0].dated, read)


class DescriptionTests(SynchronousTestCase):
    """A model as data."""

    def test_statements(self) -> None:
        """Each statement has its value as the file has it, its standing and its sources."""
        described = describe_model(load_model("hp-477dw"))
        statements = {one["key"]: one for one in described["statements"]}
        self.assertEqual(
            statements["tls.implicit"],
            {"key": "tls.implicit", "value": True, "standing": "single report", "sources": [1]},
        )
        self.assertEqual(statements["sasl.plain"]["value"], ["LOGIN", "PLAIN"])
        self.assertEqual(described["sources"][0]["number"], 1)
        self.assertEqual(described["tls"]["newest"], "TLS 1.2")
        self.assertIsNone(describe_model(load_model("apeosport4"))["tls"])

    def test_defaults(self) -> None:
        """A factory setting that a file changes is a statement with its value."""
        model = read_model("FILE", 'name = "x"\n[defaults.email_ifax]\npop_interval = 5\n')
        self.assertEqual(
            describe_model(model)["statements"][0],
            {
                "key": "defaults.email_ifax.pop_interval",
                "value": 5,
                "standing": "",
                "sources": [],
            },
        )

    def test_versions(self) -> None:
        """The versions of TLS are named in words."""
        for name, said in (
            ("apeosport4", "none"),
            ("hp-m276", "SSL 3.0 only"),
            ("iradvance", "TLS 1.2 to TLS 1.3"),
        ):
            self.assertEqual(tls_range(load_model(name).tls), said)

    def test_files_are_named_after_models(self) -> None:
        """A file outside is described like one of irsend's own."""
        path = Path(self.mktemp() + ".toml")
        path.write_text('name = "mine"\n', "utf-8")
        self.assertEqual(describe_model(load_model(str(path)))["name"], "mine")
